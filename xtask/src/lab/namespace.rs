//! A network namespace with a name, entered by setns(2).
//!
//! `ip netns exec` would also remount `/sys`, and so hide the BPF file system.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    net::IpAddr,
    os::{fd::AsRawFd as _, unix::process::CommandExt as _},
    panic,
    path::Path,
    process::Command,
    sync::Arc,
    thread,
};

use anyhow::{Context as _, Result, bail};

use crate::setup::Tool;

/// Where `ip netns` keeps namespaces by name.
pub(super) const DIRECTORY: &str = "/run/netns";

/// A namespace of a lab. Clones are the same namespace; it goes with its lab.
#[derive(Clone, Debug)]
pub struct Namespace {
    name: String,
    file: Arc<File>,
}

impl Namespace {
    pub(super) fn add(name: String) -> Result<Self> {
        output(Tool::Ip.command().args(["netns", "add", &name]))?;
        let path = Path::new(DIRECTORY).join(&name);
        let file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
        let namespace = Self {
            name,
            file: Arc::new(file),
        };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Its name, as `ip -n NAME` and `ip netns exec NAME` take it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` with `args` in the namespace; returns what it printed.
    pub fn ip(&self, args: &[&str]) -> Result<String> {
        output(Tool::Ip.command().args(["-n", &self.name]).args(args))
    }

    /// Gives `interface` an address that is used at once. More of them may be
    /// in one subnet.
    pub fn add_address(&self, interface: &str, address: IpAddr, prefix: u8) -> Result<()> {
        let address = format!("{address}/{prefix}");
        let mut args = vec!["address", "add", &address, "dev", interface];
        if address.contains(':') {
            // No wait for a duplicate to answer.
            args.push("nodad");
        }
        self.ip(&args).map(drop)
    }

    /// A command that runs `program` in the namespace.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.enter(Command::new(program))
    }

    /// `command`, to be run in the namespace.
    pub fn enter(&self, mut command: Command) -> Command {
        let file = Arc::clone(&self.file);
        // SAFETY: between fork and exec the closure makes one system call, and
        // allocates nothing.
        unsafe { command.pre_exec(move || setns(&file)) };
        command
    }

    /// Runs `work` in a thread inside the namespace: sockets it makes stay there.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&self.file).with_context(|| format!("setns {}", self.name))?;
                Ok(work())
            });
            thread
                .join()
                .unwrap_or_else(|payload| panic::resume_unwind(payload))
        })
    }
}

/// The processes in the namespace `name`.
pub(super) fn pids(name: &str) -> Result<Vec<u32>> {
    let pids = output(Tool::Ip.command().args(["netns", "pids", name]))?;
    pids.split_whitespace()
        .map(|pid| pid.parse().with_context(|| format!("ip netns pids: {pid}")))
        .collect()
}

/// Takes the name away; the namespace goes with the last process in it.
pub(super) fn delete(name: &str) -> Result<()> {
    match output(Tool::Ip.command().args(["netns", "delete", name])) {
        // Somebody else was sweeping, and quicker.
        Err(_) if !Path::new(DIRECTORY).join(name).exists() => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Moves the calling thread.
fn setns(namespace: &File) -> io::Result<()> {
    // SAFETY: the call takes a descriptor, which is open, and a number.
    match unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What `command` printed; fails with its errors.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("run {}", command.get_program().display()))?;
    if !output.status.success() {
        let line: Vec<_> = [command.get_program()]
            .into_iter()
            .chain(command.get_args())
            .map(OsStr::to_string_lossy)
            .collect();
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}: {}", line.join(" "), output.status, errors.trim());
    }
    String::from_utf8(output.stdout).context("output is not UTF-8")
}
