//! What people ask with, and a recursor; their output parsed.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::{Command, Output},
};

use xtask::{
    lab::{Namespace, Process},
    setup::Tool,
};

use super::{
    eventually,
    world::{Family, Resolver, World},
};

/// A program that asks one question and prints the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// BIND's, as it comes: with EDNS and a cookie.
    Dig,
    /// BIND's, without EDNS.
    DigPlain,
    /// Knot's, without EDNS.
    Kdig,
    /// `NLnet` Labs', without EDNS.
    Drill,
}

/// Over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

impl Asker {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Dig, Self::DigPlain, Self::Kdig, Self::Drill];

    /// Whether its queries over UDP can be answered in the kernel.
    pub(crate) fn is_plain(self) -> bool {
        self != Self::Dig
    }

    /// Asks `server` from `source`.
    #[track_caller]
    pub(crate) fn ask(
        self,
        namespace: &Namespace,
        (source, server): (IpAddr, IpAddr),
        transport: Transport,
        name: &str,
        rtype: &str,
    ) -> Reply {
        let tool = match self {
            Self::Dig | Self::DigPlain => Tool::Dig,
            Self::Kdig => Tool::Kdig,
            Self::Drill => Tool::Drill,
        };
        let mut command = namespace.enter(tool.command());
        let (source, server) = (source.to_string(), format!("@{server}"));
        match self {
            Self::Dig => command.arg("-r"),
            Self::DigPlain => command.args(["-r", "+noedns"]),
            Self::Kdig | Self::Drill => &mut command,
        };
        match self {
            Self::Drill => command.args(["-I", &source]),
            _ => command.args(["-b", &source]),
        };
        match (self, transport) {
            (_, Transport::Udp) => &mut command,
            (Self::Drill, Transport::Tcp) => command.arg("-t"),
            (_, Transport::Tcp) => command.arg("+tcp"),
        };
        command.args([name, rtype, &server]);
        Reply::parse(&run(command))
    }
}

/// Runs a program, which must succeed; what it printed.
#[track_caller]
fn run(mut command: Command) -> String {
    let program = command.get_program().display().to_string();
    let Output {
        status,
        stdout,
        stderr,
    } = match command.output() {
        Ok(output) => output,
        Err(error) => {
            panic!("{program}: {error}; `cargo xtask test` installs what is missing")
        }
    };
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(status.success(), "{command:?}: {status}\n{stdout}{stderr}");
    stdout.into_owned()
}

/// A response as it was printed; records as `OWNER TYPE DATA`, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) rcode: String,
    pub(crate) flags: BTreeSet<String>,
    pub(crate) answer: Vec<String>,
    pub(crate) authority: Vec<String>,
    pub(crate) additional: Vec<String>,
}

impl Reply {
    /// Parses what dig, kdig or drill printed: records in presentation form,
    /// all else in lines that start with a semicolon.
    #[track_caller]
    fn parse(text: &str) -> Self {
        let mut reply = Self::default();
        let mut ignored = Vec::new();
        let mut section = &mut ignored;
        for line in text.lines() {
            let lower = line.to_ascii_lowercase();
            if let Some(header) = lower.strip_prefix(";; ->>header<<-") {
                let words: Vec<_> = header.split([' ', ',', ';']).collect();
                let rcode = words
                    .iter()
                    .skip_while(|word| !matches!(**word, "status:" | "rcode:"));
                reply.rcode = rcode.skip(1).find(|word| !word.is_empty()).map_or_else(
                    || panic!("no RCODE in {text}"),
                    |rcode| rcode.to_ascii_uppercase(),
                );
            } else if let Some(flags) = lower.strip_prefix(";; flags:") {
                let flags = flags.split(';').next().unwrap_or_default();
                reply.flags = flags.split_whitespace().map(str::to_owned).collect();
            } else if lower.starts_with(";; answer section") {
                section = &mut reply.answer;
            } else if lower.starts_with(";; authority section") {
                section = &mut reply.authority;
            } else if lower.starts_with(";; additional section") {
                section = &mut reply.additional;
            } else if lower.starts_with(";; ") {
                section = &mut ignored;
            } else if !line.starts_with(';') && !line.trim().is_empty() {
                section.push(record(line));
            }
        }
        assert!(!reply.rcode.is_empty(), "no response in: {text}");
        reply.answer.sort();
        reply.authority.sort();
        reply.additional.sort();
        reply
    }

    /// Whether the flag is set, e.g. `aa`.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.contains(flag)
    }
}

/// `OWNER TTL CLASS TYPE DATA` without TTL and class.
#[track_caller]
fn record(line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let [owner, _ttl, "IN", rtype, data @ ..] = words.as_slice() else {
        panic!("not a record: {line}");
    };
    format!("{owner} {rtype} {}", data.join(" "))
}

/// A recursor beside the clients, at its loopback address, that has to ask our server for
/// `example.` over one family and one transport.
pub(crate) struct Unbound {
    namespace: Namespace,
    localhost: IpAddr,
    process: Process,
}

impl Unbound {
    /// Starts one that asks as a resolver of isp-a, and waits until it answers.
    #[track_caller]
    pub(crate) fn start(world: &World, family: Family, transport: Transport) -> Self {
        let directory = world
            .lab
            .dir()
            .join(format!("unbound-{family:?}-{transport:?}"));
        std::fs::create_dir(&directory).expect("a directory");
        let localhost: IpAddr = match family {
            Family::V4 => Ipv4Addr::LOCALHOST.into(),
            Family::V6 => Ipv6Addr::LOCALHOST.into(),
        };
        let yes = |condition: bool| if condition { "yes" } else { "no" };
        let mut text = String::from("server:\n");
        for (key, value) in [
            ("directory", format!("\"{}\"", directory.display())),
            ("chroot", "\"\"".into()),
            ("username", "\"\"".into()),
            ("pidfile", "\"\"".into()),
            ("use-syslog", "no".into()),
            ("num-threads", "1".into()),
            ("interface", localhost.to_string()),
            (
                "outgoing-interface",
                Resolver::A.address(family).to_string(),
            ),
            ("do-ip4", yes(family == Family::V4).into()),
            ("do-ip6", yes(family == Family::V6).into()),
            ("tcp-upstream", yes(transport == Transport::Tcp).into()),
            ("qname-minimisation", "yes".into()),
            ("module-config", "\"iterator\"".into()),
        ] {
            writeln!(text, "  {key}: {value}").expect("a string takes everything");
        }
        let server = family.dns();
        writeln!(
            text,
            "stub-zone:\n  name: \"example.\"\n  stub-addr: {server}\nremote-control:\n  control-enable: no"
        )
        .expect("a string takes everything");
        let file = directory.join("unbound.conf");
        std::fs::write(&file, text).expect("a file");
        let mut command = world.clients.enter(Tool::Unbound.command());
        command.arg("-d").arg("-c").arg(&file);
        let process = match world.lab.spawn(command) {
            Ok(process) => process,
            Err(error) => panic!("{error:#}; `cargo xtask test` installs what is missing"),
        };
        let mut unbound = Self {
            namespace: world.clients.clone(),
            localhost,
            process,
        };
        unbound.wait();
        unbound
    }

    #[track_caller]
    fn wait(&mut self) {
        eventually("unbound listens", || {
            let ended = self.process.ended().expect("it is our child");
            assert!(ended.is_none(), "unbound: {}", self.process.stderr());
            let mut ss = self.namespace.command("ss");
            let listening = ss.args(["-Hltn", "sport", "=", ":53"]).output();
            let listening = listening.expect("ss, of iproute2, runs").stdout;
            (!listening.is_empty()).then_some(())
        });
    }

    /// What a client of it gets.
    #[track_caller]
    pub(crate) fn ask(&self, name: &str, rtype: &str) -> Reply {
        Asker::DigPlain.ask(
            &self.namespace,
            (self.localhost, self.localhost),
            Transport::Udp,
            name,
            rtype,
        )
    }
}
