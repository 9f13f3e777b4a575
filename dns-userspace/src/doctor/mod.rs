//! `veerctl doctor`: whether this host can do what is asked of it, and what mends it.
//!
//! [`facts`] are gathered without changing or attaching anything; what they mean is judged
//! by pure functions ([`judge`]), a file for each group of checks.

mod facts;
mod judge;

use std::path::Path;

use serde::Serialize;

use facts::Facts;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Good to know, or not to be known here.
    Note,
    /// It works, but worse than it could, or not for all.
    Warn,
    /// `veerd` does not start, or the kernel answers nothing.
    Error,
}

impl Severity {
    /// The exit status of a command whose worst finding this is.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Ok | Self::Note => 0,
            Self::Warn => 1,
            Self::Error => 2,
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub found: String,
    /// What that means; empty where all is as it should be.
    pub means: String,
    /// What mends it, for a shell; `None` where no command can, or nothing has to be.
    pub command: Option<String>,
}

/// What all checks found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// The interface that was looked at.
    pub interface: Option<String>,
    /// The worst of them.
    pub severity: Severity,
    /// In the order of the checks.
    pub findings: Vec<Finding>,
}

/// Looks at this host for `interface`, else the one that the configuration in `directory`
/// names.
pub fn examine(directory: &Path, interface: Option<&str>) -> Examined {
    let facts = Facts::gather(directory, interface);
    let findings = judge::judge(&facts);
    let worst = findings.iter().map(|finding| finding.severity).max();
    Examined {
        interface: interface.map(str::to_owned).or(facts.wanted.interface),
        severity: worst.unwrap_or(Severity::Ok),
        findings,
    }
}
