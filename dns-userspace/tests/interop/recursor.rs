//! The recursors, as their distribution has them but for what a case needs.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
    process::Command,
};

use domain::base::Rtype;
use xtask::{
    lab::{Namespace, Process, dns::Client},
    setup::Tool,
};

use crate::{
    root::Root,
    scene::Scene,
    support::{
        eventually,
        tools::{self, Reply, Transport},
        world::{Family, Resolver, World},
    },
};

/// Whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// `NLnet` Labs'.
    Unbound,
    /// BIND's.
    Named,
    /// Knot's.
    Kresd,
}

/// How a recursor asks servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Habits {
    /// Where it is, and so its group.
    pub(crate) resolver: Resolver,
    pub(crate) family: Family,
    pub(crate) transport: Transport,
    /// It tells a server no more of a name than that needs (RFC 9156).
    pub(crate) minimises: bool,
    /// It writes names in letters of random case (0x20), and wants them back so.
    pub(crate) mixes_case: bool,
    /// It sends cookies (RFC 7873).
    pub(crate) sends_cookies: bool,
}

impl Program {
    /// What it does by default, over UDP and IPv4.
    pub(crate) fn habits(self) -> Habits {
        Habits {
            resolver: Resolver::A,
            family: Family::V4,
            transport: Transport::Udp,
            minimises: true,
            mixes_case: self == Self::Kresd,
            sends_cookies: self == Self::Named,
        }
    }

    /// What else it can be told to do.
    pub(crate) fn other_habits(self) -> Vec<Habits> {
        let habits = self.habits();
        let minimises = Habits {
            minimises: false,
            ..habits
        };
        let mixes_case = Habits {
            mixes_case: !habits.mixes_case,
            ..habits
        };
        let sends_cookies = Habits {
            sends_cookies: !habits.sends_cookies,
            ..habits
        };
        match self {
            Self::Unbound | Self::Kresd => vec![minimises, mixes_case],
            Self::Named => vec![minimises, sends_cookies],
        }
    }

    fn tool(self) -> Tool {
        match self {
            Self::Unbound => Tool::Unbound,
            Self::Named => Tool::Named,
            Self::Kresd => Tool::Kresd,
        }
    }

    /// Its configuration; `hints` is a file of the root's servers.
    fn config(self, habits: Habits, directory: &Path, hints: &Path) -> String {
        let (directory, hints) = (directory.display(), hints.display());
        let address = habits.resolver.address(habits.family);
        let (is_v4, is_tcp) = (
            habits.family == Family::V4,
            habits.transport == Transport::Tcp,
        );
        let minimises = habits.minimises;
        match self {
            Self::Unbound => {
                let [v4, v6, tcp, minimises, mixes_case] =
                    [is_v4, !is_v4, is_tcp, minimises, habits.mixes_case]
                        .map(|holds| if holds { "yes" } else { "no" });
                format!(
                    "\
server:
  directory: \"{directory}\"
  chroot: \"\"
  username: \"\"
  pidfile: \"\"
  use-syslog: no
  root-hints: \"{hints}\"
  module-config: \"iterator\"
  interface: {address}
  outgoing-interface: {address}
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  do-ip4: {v4}
  do-ip6: {v6}
  tcp-upstream: {tcp}
  qname-minimisation: {minimises}
  use-caps-for-id: {mixes_case}
remote-control:
  control-enable: no
"
                )
            }
            Self::Named => {
                let minimises = if minimises { "relaxed" } else { "off" };
                let [tcp, cookies] =
                    [is_tcp, habits.sends_cookies].map(|holds| if holds { "yes" } else { "no" });
                let (v6, any) = if is_v4 {
                    ("", "0.0.0.0/0")
                } else {
                    ("-v6", "::/0")
                };
                format!(
                    "\
options {{
  directory \"{directory}\";
  pid-file none;
  lock-file none;
  session-keyfile none;
  dnssec-validation no;
  listen-on{v6} {{ {address}; }};
  query-source{v6} address {address};
  allow-query {{ any; }};
  allow-recursion {{ any; }};
  qname-minimization {minimises};
  send-cookie {cookies};
}};
controls {{ }};
server {any} {{ tcp-only {tcp}; }};
zone \".\" {{ type hint; file \"{hints}\"; }};
"
                )
            }
            Self::Kresd => {
                let v6 = if is_v4 { "v4" } else { "v6" };
                format!(
                    "\
log_target('stderr')
net.ipv4 = {is_v4}
net.ipv6 = {}
net.listen('{address}', 53, {{ kind = 'dns' }})
net.outgoing_{v6}('{address}')
cache.size = 10 * MB
trust_anchors.remove('.')
modules.load('hints > iterate')
hints.root_file('{hints}')
option('NO_MINIMIZE', {})
option('NO_0X20', {})
option('TCP', {is_tcp})
",
                    !is_v4, !minimises, !habits.mixes_case
                )
            }
        }
    }
}

/// One that has learnt nothing yet.
pub(crate) struct Recursor {
    namespace: Namespace,
    address: IpAddr,
    process: Process,
}

impl Recursor {
    /// Starts it, and waits until it answers.
    #[track_caller]
    pub(crate) fn start(scene: &Scene, program: Program, habits: Habits) -> Self {
        Self::start_in(
            &scene.world,
            &scene.root,
            &scene.directory(),
            program,
            habits,
        )
    }

    /// As [`Recursor::start`], among the clients of `world`, with its files in `directory`.
    #[track_caller]
    pub(crate) fn start_in(
        world: &World,
        root: &Root,
        directory: &Path,
        program: Program,
        habits: Habits,
    ) -> Self {
        let program_file = tools::copy(program.tool(), directory);
        let file = directory.join("recursor.conf");
        let config = program.config(habits, directory, &root.hints);
        fs::write(&file, config).expect("a file");
        let mut command = world.clients.enter(Command::new(program_file));
        match program {
            Program::Unbound => command.args(["-d", "-c"]).arg(&file),
            Program::Named => {
                let family = if habits.family == Family::V4 {
                    "-4"
                } else {
                    "-6"
                };
                command.args([family, "-n", "1", "-g", "-c"]).arg(&file)
            }
            Program::Kresd => command.args(["-n", "-c"]).arg(&file).arg(directory),
        };
        let mut recursor = Self {
            namespace: world.clients.clone(),
            address: habits.resolver.address(habits.family),
            process: world.lab.spawn(command).expect("it starts"),
        };
        recursor.wait();
        recursor
    }

    /// Without RD it asks nobody, and so learns nothing.
    #[track_caller]
    fn wait(&mut self) {
        let server = SocketAddr::new(self.address, 53);
        let client = Client::new(&self.namespace, self.address, server);
        let mut client = client.expect("a client's socket");
        eventually("the recursor answers", || {
            let ended = self.process.ended().expect("it is our child");
            assert!(ended.is_none(), "it ended: {}", self.said());
            client.ask(".", Rtype::NS).ok()
        });
    }

    /// What a client of it gets for `questions`, names and types.
    #[track_caller]
    pub(crate) fn ask(&self, questions: &[[&str; 2]]) -> Vec<Reply> {
        tools::dig_all(&self.namespace, (self.address, self.address), questions)
    }

    /// What it has printed.
    pub(crate) fn said(&self) -> String {
        self.process.stdout() + &self.process.stderr()
    }
}
