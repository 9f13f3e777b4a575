//! Servers of one fleet: ours, and three by others that serve the same zone.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};

use domain::base::{Message, Rtype, iana::OptRcode};
use xtask::{
    lab::{Daemon, Process, dns::Client},
    setup::Tool,
};

use crate::support::{
    config::Config,
    cookies::{self, Cookie},
    eventually, lines, tools,
    world::{Family, INTERFACE, Resolver, World},
    zone,
};

/// Who asks.
pub(crate) const RESOLVER: Resolver = Resolver::A;

/// Whose server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Ours.
    Veer,
    /// BIND's, told to require cookies.
    Named,
    /// Knot's, told to require cookies.
    Knotd,
    /// `NLnet` Labs', which cannot require them.
    Nsd,
}

impl Server {
    pub(crate) const ALL: [Self; 4] = [Self::Veer, Self::Named, Self::Knotd, Self::Nsd];

    /// Where it answers.
    pub(crate) fn address(self, family: Family) -> IpAddr {
        let number = 0x60 + self as u8;
        match (self, family) {
            (Self::Veer, _) => family.dns(),
            (_, Family::V4) => Ipv4Addr::new(10, 9, 0, number).into(),
            (_, Family::V6) => Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, number.into()).into(),
        }
    }

    /// A cookie that it does not take gets BADCOOKIE.
    fn requires(self) -> bool {
        matches!(self, Self::Named | Self::Knotd)
    }

    /// Its configuration; the first of `secrets` makes cookies. NSD and Knot are
    /// given that one alone.
    fn config(self, directory: &Path, zone: &Path, secrets: &[&str]) -> String {
        let [v4, v6] = Family::ALL.map(|family| self.address(family));
        let (directory, zone) = (directory.display(), zone.display());
        let first = secrets[0];
        match self {
            Self::Veer => unreachable!("ours has a directory"),
            Self::Named => {
                let secrets = lines(secrets, |secret| format!("  cookie-secret \"{secret}\";\n"));
                format!(
                    "\
options {{
  directory \"{directory}\";
  pid-file none;
  lock-file none;
  session-keyfile none;
  recursion no;
  listen-on {{ {v4}; }};
  listen-on-v6 {{ {v6}; }};
  answer-cookie yes;
  require-server-cookie yes;
{secrets}}};
controls {{ }};
zone \"example\" {{ type primary; file \"{zone}\"; }};
"
                )
            }
            Self::Knotd => format!(
                "\
server:
  rundir: {directory}
  listen: [{v4}@53, {v6}@53]
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: warning
database:
  storage: {directory}
mod-cookies:
  - id: fleet
    secret: 0x{first}
    badcookie-slip: 1
template:
  - id: default
    global-module: mod-cookies/fleet
zone:
  - domain: example.
    file: {zone}
    zonefile-sync: -1
    journal-content: none
"
            ),
            Self::Nsd => format!(
                "\
server:
  ip-address: {v4}
  ip-address: {v6}
  server-count: 1
  username: \"\"
  chroot: \"\"
  database: \"\"
  pidfile: \"\"
  zonesdir: \"{directory}\"
  zonelistfile: \"{directory}/zone.list\"
  xfrdfile: \"{directory}/xfrd.state\"
  xfrdir: \"{directory}\"
  answer-cookie: yes
  cookie-secret: \"{first}\"
  cookie-secret-file: \"{directory}/none\"
remote-control:
  control-enable: no
zone:
  name: example.
  zonefile: \"{zone}\"
"
            ),
        }
    }

    /// Starts one by others, without waiting.
    fn start(self, world: &World, secrets: &[&str]) -> Process {
        for (family, prefix) in Family::ALL.into_iter().zip([16, 48]) {
            let added = world
                .dns
                .add_address(INTERFACE, self.address(family), prefix);
            added.expect("an address");
        }
        let directory = world.lab.dir().join(format!("{self:?}"));
        fs::create_dir(&directory).expect("a directory");
        let file = |name: &str, text: &str| -> PathBuf {
            let path = directory.join(name);
            fs::write(&path, text).expect("a file");
            path
        };
        let zone = file("example.zone", zone::ZONE);
        let config = file("server.conf", &self.config(&directory, &zone, secrets));
        let (tool, args): (_, &[&str]) = match self {
            Self::Veer => unreachable!("ours is a daemon of the world"),
            Self::Named => (Tool::Named, &["-n", "1", "-g", "-c"]),
            Self::Knotd => (Tool::Knotd, &["-c"]),
            Self::Nsd => (Tool::Nsd, &["-d", "-c"]),
        };
        let mut command = world.dns.enter(Command::new(tools::copy(tool, &directory)));
        command.args(args).arg(config);
        world.lab.spawn(command).expect("it starts")
    }
}

/// All of them, answering.
pub(crate) struct Fleet<'w> {
    world: &'w World,
    pub(crate) config: Config,
    _daemon: Daemon,
    _processes: Vec<Process>,
}

impl<'w> Fleet<'w> {
    /// Starts veer with `settings` and `secrets`, of which the first makes
    /// cookies, and `others` with the same.
    #[track_caller]
    pub(crate) fn start(
        world: &'w World,
        others: &[Server],
        secrets: &[&str],
        settings: &[&str],
    ) -> Self {
        let mut processes: Vec<_> = others
            .iter()
            .map(|server| (*server, server.start(world, secrets)))
            .collect();
        let config = world.config("veer", &[]);
        cookies::write_secrets(&config, &secrets.join("\n"), 0o600);
        config.settings(&[&[cookies::SETTING], settings].concat());
        let daemon = world.start(&config);
        for (server, process) in &mut processes {
            for family in Family::ALL {
                eventually(&format!("{server:?} answers"), || {
                    let ended = process.ended().expect("it is our child");
                    let said = || process.stdout() + &process.stderr();
                    assert!(ended.is_none(), "{server:?} ended: {}", said());
                    let mut client = client(world, *server, family);
                    client.ask("example.", Rtype::SOA).ok()
                });
            }
        }
        Self {
            world,
            config,
            _daemon: daemon,
            _processes: processes.into_iter().map(|(_, process)| process).collect(),
        }
    }

    /// What `server` says to one who has its cookie `known`, if any.
    #[track_caller]
    pub(crate) fn reply(&self, server: Server, family: Family, known: &[u8]) -> Vec<u8> {
        let client = client(self.world, server, family);
        let reply = client.exchange(&cookies::asked_with(known));
        reply.expect("a reply")
    }

    /// The server cookie in such a reply.
    #[track_caller]
    pub(crate) fn cookie(&self, server: Server, family: Family, known: &[u8]) -> Cookie {
        cookies::server_cookie(&self.reply(server, family, known))
    }

    /// Whether `server` takes a cookie younger than half an hour: by giving no
    /// BADCOOKIE where it would, else by returning it as it came.
    #[track_caller]
    pub(crate) fn takes(&self, server: Server, family: Family, cookie: Cookie) -> bool {
        let reply = self.reply(server, family, &cookie);
        if server.requires() {
            let message = Message::from_octets(reply).expect("a header");
            match message.opt_rcode() {
                OptRcode::BADCOOKIE => false,
                OptRcode::NXDOMAIN => true,
                other => panic!("{server:?}: {other}"),
            }
        } else {
            cookies::server_cookie(&reply) == cookie
        }
    }
}

fn client(world: &World, server: Server, family: Family) -> Client {
    let (source, server) = (RESOLVER.address(family), server.address(family));
    let client = Client::new(&world.clients, source, SocketAddr::new(server, 53));
    client.expect("a client's socket")
}
