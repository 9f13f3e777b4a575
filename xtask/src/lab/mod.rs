//! A network of its own for a test, a benchmark or the demo: namespaces joined
//! by veth pairs, with daemons, servers and clients in them.
//!
//! Everything a lab makes carries its name, `veer-PID-NUMBER`: namespaces
//! (`veer-PID-NUMBER-ROLE`), the directory of its files, and its pins on the
//! BPF file system. All of it goes when the [`Lab`] is dropped, also in a panic;
//! what a killed process left is found by that name, and goes by [`sweep`].
//!
//! A [`namespace`] runs commands and closures inside, [`veth`] joins two,
//! [`process`] holds a child, [`daemon`] is `veerd` with a configuration, [`manager`] starts
//! it as systemd does,
//! [`http`] serves as an origin, [`dns`] asks as a resolver does, and
//! [`dnsperf`] tells what many queries came to; [`geo`] makes a database of networks;
//! [`machine`] is a system with systemd.

pub mod daemon;
pub mod dns;
pub mod dnsperf;
pub mod geo;
pub mod http;
pub mod machine;
pub mod manager;
pub mod namespace;
pub mod process;
pub mod veth;

mod leftovers;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self as this_process, Command},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context as _, Result};

pub use self::{
    daemon::{ConfigDir, Daemon},
    http::HttpServer,
    leftovers::{clean, sweep},
    machine::Machine,
    manager::ServiceManager,
    namespace::Namespace,
    process::Process,
};
use self::{leftovers::Id, veth::Pass};

/// Where labs, and the daemons in them, pin what must outlive a process.
const BPFFS: &str = "/sys/fs/bpf";

/// Tells a lab that stays up from one that a killed process left.
const KEPT: &str = "kept";

/// A network of its own. Needs root; fails where namespaces cannot be made.
#[derive(Debug)]
pub struct Lab {
    id: Id,
    dir: PathBuf,
    logs: AtomicU32,
    passes: Mutex<Vec<Pass>>,
    kept: bool,
}

impl Lab {
    /// An empty lab.
    pub fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = Id {
            pid: this_process::id(),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
        };
        // A process of the same number may have been killed once.
        leftovers::remove(id)?;
        let dir = env::temp_dir().join(id.to_string());
        fs::create_dir(&dir).with_context(|| format!("mkdir {}", dir.display()))?;
        Ok(Self {
            id,
            dir,
            logs: AtomicU32::new(0),
            passes: Mutex::default(),
            kept: false,
        })
    }

    /// The directory for the lab's files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory on the BPF file system for the lab's pins; whoever pins
    /// first makes it.
    pub fn pins(&self) -> PathBuf {
        Path::new(BPFFS).join(self.id.to_string())
    }

    /// A new namespace with its loopback up; `role` completes its name.
    pub fn namespace(&self, role: &str) -> Result<Namespace> {
        Namespace::add(format!("{}-{role}", self.id))
    }

    /// Starts `command`; what it prints is kept in the lab's directory.
    pub fn spawn(&self, command: Command) -> Result<Process> {
        let number = self.logs.fetch_add(1, Ordering::Relaxed);
        Process::spawn(command, &self.dir.join(format!("process-{number}")))
    }

    /// Attaches the rig's `pass` to an interface for the life of the lab: a veth
    /// end delivers what its peer sends by `XDP_TX` only if it has a program too.
    pub fn attach_pass(&self, namespace: &Namespace, interface: &str) -> Result<()> {
        let pass = Pass::attach(namespace, interface)?;
        self.passes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(pass);
        Ok(())
    }

    /// Leaves everything up, beyond the end of this process, until [`clean`].
    /// Processes stay that are told to by [`Process::keep`].
    pub fn keep(mut self) -> Result<()> {
        let kept = self.dir.join(KEPT);
        fs::write(&kept, "").with_context(|| format!("write {}", kept.display()))?;
        let passes = self
            .passes
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for (number, pass) in passes.drain(..).enumerate() {
            let pins = Path::new(BPFFS).join(self.id.to_string());
            pass.pin(&pins, &format!("pass-{number}"))?;
        }
        self.kept = true;
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = leftovers::remove(self.id) {
            eprintln!("removing the lab {}: {error:#}", self.id);
        }
    }
}
