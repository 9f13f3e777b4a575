//! A daemon's configuration, and `veerctl` on it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use xtask::lab::{ConfigDir, Lab, daemon::Control};

use super::{
    number,
    world::{DNS, INTERFACE},
};

/// A configuration, with what its daemon leaves outside its process.
pub(crate) struct Config {
    pub(crate) dir: ConfigDir,
    pub(crate) control: Control,
    pins: PathBuf,
    socket: PathBuf,
}

impl Config {
    /// An empty one, for the `veerd` in the directory `binaries`.
    pub(crate) fn new(lab: &Lab, binaries: &Path, name: &str) -> Self {
        let dir = ConfigDir::new(lab, name).expect("a configuration");
        Self {
            control: Control::new(binaries, &dir),
            pins: lab.pins().join(name),
            socket: lab.dir().join(format!("{name}.sock")),
            dir,
        }
    }

    /// Writes a file of it.
    pub(crate) fn write(&self, file: &str, text: &str) {
        self.dir.write(file, text).expect("a file");
    }

    /// Sets tunables beside the ones that every test has; later ones win.
    pub(crate) fn settings(&self, more: &[&str]) {
        let [v4, v6] = DNS;
        let text = format!(
            "server.addresses = {v4} {v6}\nxdp.interface = {INTERFACE}\ntables.groups = 64\n{}\n",
            more.join("\n")
        );
        self.write("veer.conf", &text);
    }

    /// No resolver is limited in rate: a load's queries are no flood.
    pub(crate) fn exempt_all(&self) {
        self.write("veer.d/exempt.conf", "rrl.exempt = 10.9.0.0/16 fd09::/48\n");
    }

    /// `veerctl --json`, which must succeed.
    #[track_caller]
    pub(crate) fn veerctl(&self, args: &[&str]) -> Value {
        match self.control.ask(args) {
            Ok(value) => value,
            Err(error) => panic!("{error:#}"),
        }
    }

    /// `veerctl`, which must fail; what it complained of.
    #[track_caller]
    pub(crate) fn veerctl_fails(&self, args: &[&str]) -> String {
        let output = self.control.command().args(args).output();
        let output = output.expect("veerctl runs");
        assert!(!output.status.success(), "veerctl {args:?} succeeded");
        String::from_utf8(output.stderr).expect("text")
    }

    /// `veerctl stats`.
    #[track_caller]
    pub(crate) fn stats(&self) -> Stats {
        Stats(self.veerctl(&["stats"]))
    }

    /// Whether the link is pinned.
    pub(crate) fn has_link(&self) -> bool {
        let entries = fs::read_dir(&self.pins).into_iter().flatten().flatten();
        let mut names = entries.map(|entry| entry.file_name());
        names.any(|name| name.to_string_lossy().starts_with("link-"))
    }

    /// Fails if anything is pinned, or the control socket still there.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        assert!(!self.pins.exists(), "{} is left", self.pins.display());
        assert!(!self.socket.exists(), "{} is left", self.socket.display());
    }

    /// The control socket's path.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The pin path.
    pub(crate) fn pins(&self) -> &Path {
        &self.pins
    }

    /// A file's path, as messages have it.
    pub(crate) fn path(&self, file: &str) -> String {
        self.dir.path().join(file).display().to_string()
    }

    /// Removes a file of it.
    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.dir.path().join(file)).expect("the file is there");
    }
}

/// What `veerctl stats` printed.
pub(crate) struct Stats(Value);

impl Stats {
    /// Answered in the kernel.
    #[track_caller]
    pub(crate) fn answered(&self) -> u64 {
        number(&self.0, "kernel/answered")
    }

    /// Whether there is a program to count.
    pub(crate) fn has_kernel(&self) -> bool {
        self.0["kernel"].is_object()
    }

    /// Received by userspace, over UDP and TCP.
    #[track_caller]
    pub(crate) fn userspace(&self) -> u64 {
        number(&self.0, "userspace/udp_queries") + number(&self.0, "userspace/tcp_queries")
    }

    /// Words stored for changed decisions.
    #[track_caller]
    pub(crate) fn stores(&self) -> u64 {
        number(&self.0, "publisher/stores")
    }
}
