//! What the configuration wants of this host, as far as it can be read.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use crate::config::{
    diagnostic::Diagnostics,
    settings::Settings,
    source::Source,
    tunables::{XdpMode, XdpReply},
    values::{DROP_INS, LAST_FILE, Values},
};

/// Whether there is a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Configuration {
    Missing,
    Valid,
    /// With so many mistakes.
    Faulty(usize),
}

/// The tunables that have to do with the host; defaults where nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) directory: PathBuf,
    pub(crate) configuration: Configuration,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) port: u16,
    pub(crate) interface: Option<String>,
    pub(crate) mode: XdpMode,
    pub(crate) reply: XdpReply,
    pub(crate) pin_path: PathBuf,
}

impl Wanted {
    /// By the files in `directory`.
    pub(crate) fn read(directory: &Path) -> Self {
        let mut found = Diagnostics::default();
        let settings = Settings::new(&Values::read(&Source::on_disk(directory), &mut found));
        let is_there = [LAST_FILE, DROP_INS].map(|file| directory.join(file).exists());
        Self {
            directory: directory.to_owned(),
            configuration: match found.0.len() {
                _ if is_there == [false, false] => Configuration::Missing,
                0 => Configuration::Valid,
                mistakes => Configuration::Faulty(mistakes),
            },
            addresses: settings.addresses,
            port: settings.port,
            interface: settings.xdp_interface,
            mode: settings.xdp_mode,
            reply: settings.xdp_reply,
            pin_path: settings.xdp_pin_path,
        }
    }
}
