//! What `health` shows.

use serde::{Deserialize, Serialize};

/// Whether this host is fit to be announced, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether all checks passed.
    pub healthy: bool,
    /// Every check.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was.
    pub check: Subject,
    /// Whether it is as it should be.
    pub passed: bool,
    /// What was found, in one line.
    pub reason: String,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The userspace servers, by a query to each of the daemon's addresses.
    Userspace,
    /// The program in the kernel, by a query that it is run on.
    Kernel,
    /// The generation of tables, which both planes must have in use.
    Generation,
    /// The thread that publishes.
    Publisher,
    /// The task that decides.
    Decisions,
    /// How many targets were measured of late.
    Probes,
}

impl Subject {
    /// Every subject, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::Userspace,
        Self::Kernel,
        Self::Generation,
        Self::Publisher,
        Self::Decisions,
        Self::Probes,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Userspace => "userspace",
            Self::Kernel => "kernel",
            Self::Generation => "generation",
            Self::Publisher => "publisher",
            Self::Decisions => "decisions",
            Self::Probes => "probes",
        }
    }

    /// This one, with what was found.
    pub fn check(self, found: Result<String, String>) -> Check {
        let (passed, Ok(reason) | Err(reason)) = (found.is_ok(), found);
        Check {
            check: self,
            passed,
            reason,
        }
    }
}

impl From<Vec<Check>> for Health {
    fn from(checks: Vec<Check>) -> Self {
        Self {
            healthy: checks.iter().all(|check| check.passed),
            checks,
        }
    }
}
