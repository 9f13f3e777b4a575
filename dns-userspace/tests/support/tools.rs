//! What people ask with; its output parsed.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    net::IpAddr,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use xtask::{lab::Namespace, setup::Tool};

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

/// Asks one after the other, as [`Asker::Dig`] does, and as fast as one process
/// can; each of `queries` is a name, a type and dig's options.
#[track_caller]
pub(crate) fn dig_all<Q: AsRef<[S]>, S: AsRef<OsStr>>(
    namespace: &Namespace,
    (source, server): (IpAddr, IpAddr),
    queries: &[Q],
) -> Vec<Reply> {
    const HEADER: &str = ";; ->>HEADER<<-";
    let mut command = namespace.enter(Tool::Dig.command());
    command.args(["-r", "-b", &source.to_string(), &format!("@{server}")]);
    for query in queries {
        command.args(query.as_ref());
    }
    let text = run(command);
    let replies: Vec<_> = text
        .split(HEADER)
        .skip(1)
        .map(|reply| Reply::parse(&format!("{HEADER}{reply}")))
        .collect();
    assert_eq!(replies.len(), queries.len(), "{text}");
    replies
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

/// Copies a program into `directory`: `AppArmor` lets the packaged one see nothing
/// but its own files.
#[track_caller]
pub(crate) fn copy(tool: Tool, directory: &Path) -> PathBuf {
    let packaged = tool.command();
    let packaged = packaged.get_program();
    let copy = directory.join("program");
    // What is open for writing cannot be run. It never is in this process, so no
    // child has it open that another test's thread starts meanwhile.
    let copied = Command::new("cp").arg(packaged).arg(&copy).output();
    let copied = copied.expect("cp runs");
    assert!(
        copied.status.success(),
        "{}; `cargo xtask test` installs what is missing",
        String::from_utf8_lossy(&copied.stderr).trim()
    );
    copy
}

/// A response as it was printed; records as `OWNER TYPE DATA`, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) rcode: String,
    pub(crate) flags: BTreeSet<String>,
    pub(crate) answer: Vec<String>,
    pub(crate) authority: Vec<String>,
    pub(crate) additional: Vec<String>,
    /// The CLIENT-SUBNET option: `PREFIX/LENGTH/SCOPE`, as dig has it.
    pub(crate) subnet: Option<String>,
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
            } else if let Some(subnet) = lower.strip_prefix("; client-subnet: ") {
                reply.subnet = Some(subnet.to_owned());
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
