//! What `status` shows, and what `reload` and `detach` report.

use std::{net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::measurement::overrides::Override;

/// What the daemon is and has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// How long it has run, milliseconds.
    pub uptime_ms: u64,
    /// Where its configuration was read.
    pub config_dir: PathBuf,
    /// Number of the generation of tables in use, from 1; 0 before the first.
    pub generation: u64,
    /// The generation whose configuration was gone back to, while that is in use: not
    /// what the files say.
    pub reverted_to: Option<u64>,
    /// How much of everything there is.
    #[serde(flatten)]
    pub inventory: Inventory,
    /// The addresses that queries are answered at.
    pub addresses: Vec<IpAddr>,
    /// Their UDP and TCP port.
    pub port: u16,
    /// Userspace server threads.
    pub workers: usize,
    /// The program in the kernel.
    pub xdp: Xdp,
    /// Why nothing goes down at present; `None` without suspicion.
    pub suspicion: Option<String>,
    /// What keeps measurements from changing decisions.
    pub freezes: Vec<Override>,
    /// How many overrides hold, freezes included.
    pub overrides: usize,
    /// The last reload; `None` when there was none since the start.
    pub last_reload: Option<LastReload>,
}

/// How much of everything a configuration holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Zones served.
    pub zones: usize,
    /// Names in the kernel's table, empty non-terminals and the like included.
    pub names: usize,
    /// Steered names.
    pub services: usize,
    /// Distinct pools of candidates.
    pub pools: usize,
    /// Resolver groups, the default one included.
    pub groups: usize,
    /// Resolver prefixes.
    pub prefixes: usize,
}

/// The program in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Xdp {
    /// Whether it answers.
    pub state: XdpState,
    /// The interface, if one is named.
    pub interface: Option<String>,
    /// `native`, `generic` or `off`; `None` when it was taken off.
    pub mode: Option<String>,
    /// Where tables and link are pinned.
    pub pin_path: PathBuf,
    /// Why the state is what it is, in one sentence.
    pub reason: String,
}

/// Whether the program in the kernel answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum XdpState {
    /// Yes, by a link this daemon made.
    Attached,
    /// Yes, by a link an earlier daemon left.
    Adopted,
    /// No: it is not wanted.
    Off,
    /// No: it could not be loaded or attached.
    Unavailable,
    /// No: it was taken off.
    Detached,
}

/// How the last reload went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReload {
    /// How long ago it ended, milliseconds.
    pub age_ms: u64,
    /// What was wrong, one line each; empty when it was taken.
    pub errors: Vec<String>,
}

/// A reload that was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Number of the generation of tables it made.
    pub generation: u64,
    /// From the request to the moment the tables were in use, milliseconds.
    pub took_ms: f64,
    /// How much of everything there is now.
    #[serde(flatten)]
    pub inventory: Inventory,
    /// Keys of changed tunables that wait for a restart.
    pub needs_restart: Vec<String>,
    /// The generation whose configuration it is, if it was gone back to.
    pub reverted_to: Option<u64>,
}

/// What detaching found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detached {
    /// Whether a program was attached.
    pub was_attached: bool,
    /// The pin path it was looked for at.
    pub pin_path: PathBuf,
}
