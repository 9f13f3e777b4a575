//! What the tools of the firewall list.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

/// What `program` listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// It is not installed.
    Absent,
    /// It refused, with these words.
    Refused(String),
    Text(String),
}

/// What there is of rules, each as its tool lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listings {
    /// `nft --json list ruleset`
    pub(crate) nft: Listed,
    /// `iptables-save`, where it is not a face of nftables, which lists the same rules.
    pub(crate) iptables: Listed,
    /// `ip6tables-save`, likewise.
    pub(crate) ip6tables: Listed,
}

impl Listings {
    pub(crate) fn look() -> Self {
        let nft = run("nft", &["--json", "list", "ruleset"]);
        let nft_tells = matches!(nft, Listed::Text(_));
        let [iptables, ip6tables] = ["iptables-save", "ip6tables-save"].map(|program| {
            let is_nft = || match run(program, &["--version"]) {
                Listed::Text(version) => version.contains("nf_tables"),
                _ => false,
            };
            if nft_tells && is_nft() {
                Listed::Absent
            } else {
                run(program, &[])
            }
        });
        Self {
            nft,
            iptables,
            ip6tables,
        }
    }
}

fn run(program: &str, args: &[&str]) -> Listed {
    // A user's PATH leaves out what is for root.
    let places = ["/usr/sbin", "/sbin", "/usr/bin"].map(|place| Path::new(place).join(program));
    let found = places.iter().find(|path| path.exists());
    let mut command = Command::new(found.map_or(Path::new(program), |path| path.as_path()));
    match command.args(args).stdin(Stdio::null()).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Listed::Absent,
        Err(error) => Listed::Refused(error.to_string()),
        Ok(output) if output.status.success() => {
            Listed::Text(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let line = said.lines().find(|line| !line.trim().is_empty());
            Listed::Refused(line.unwrap_or("it failed").trim().to_owned())
        }
    }
}
