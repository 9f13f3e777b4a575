//! The kernel, its switches, and what whoever asks may do.

use std::{fs, path::Path, thread};

use procfs::process::{LimitValue, Process};

use super::file_capabilities;
use crate::kernel;

/// The kernel of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// As uname(1) has it.
    pub(crate) release: String,
    /// CPUs that are online.
    pub(crate) cpus: u32,
    pub(crate) has_btf: bool,
    /// `net.core.bpf_jit_enable`, which only the first network namespace shows.
    pub(crate) jit: Option<u32>,
    /// Whether programs that are loaded were compiled.
    pub(crate) is_compiled: Option<bool>,
    /// `net.core.bpf_jit_harden`
    pub(crate) jit_harden: Option<u32>,
    /// `kernel.bpf_stats_enabled`
    pub(crate) stats: Option<u32>,
    /// Whether the kernel tells when all who read in it are done.
    pub(crate) has_membarrier: bool,
}

/// What a `veerd` that the same user starts may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Privileges {
    /// The capabilities of this process, a bit each; `None` where they cannot be read.
    pub(crate) process: Option<u64>,
    /// Those that the file of `veerd` gives to whoever runs it.
    pub(crate) file: u64,
    /// That file, beside this one.
    pub(crate) veerd: Option<String>,
    /// Octets of memory that may be locked; `None` for any.
    pub(crate) memlock: Option<u64>,
    pub(crate) pins_on_bpffs: bool,
}

impl Host {
    pub(crate) fn look() -> Self {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let here = thread::available_parallelism().map_or(1, usize::from);
        Self {
            release: release.trim().to_owned(),
            cpus: aya::util::online_cpus().map_or(here, |cpus| cpus.len()) as u32,
            has_btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
            jit: sysctl("net/core/bpf_jit_enable"),
            is_compiled: kernel::are_programs_compiled(),
            jit_harden: sysctl("net/core/bpf_jit_harden"),
            stats: sysctl("kernel/bpf_stats_enabled"),
            has_membarrier: has_membarrier(),
        }
    }
}

impl Privileges {
    pub(crate) fn look(pin_path: &Path) -> Self {
        let process = Process::myself().ok();
        let status = process.as_ref().and_then(|process| process.status().ok());
        let limits = process.and_then(|process| process.limits().ok());
        let veerd = std::env::current_exe().ok();
        let veerd = veerd.map(|program| program.with_file_name("veerd"));
        Self {
            process: status.map(|status| status.capeff),
            file: veerd.as_deref().map_or(0, file_capabilities::permitted),
            veerd: veerd
                .filter(|path| path.exists())
                .map(|path| path.display().to_string()),
            memlock: match limits.map(|limits| limits.max_locked_memory.soft_limit) {
                Some(LimitValue::Value(octets)) => Some(octets),
                Some(LimitValue::Unlimited) | None => None,
            },
            pins_on_bpffs: kernel::is_on_bpffs(pin_path),
        }
    }
}

/// The number at `path` in `/proc/sys`, as far as it is shown to us.
pub(crate) fn sysctl(path: &str) -> Option<u32> {
    let text = fs::read_to_string(Path::new("/proc/sys").join(path)).ok()?;
    text.trim().parse().ok()
}

/// Whether the command that waits for the kernel's readers is offered (membarrier(2)).
fn has_membarrier() -> bool {
    const NO_FLAGS: libc::c_int = 0;
    // SAFETY: the call takes two integers and touches no memory of ours.
    let offered =
        unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_QUERY, NO_FLAGS) };
    offered > 0 && offered & libc::c_long::from(libc::MEMBARRIER_CMD_GLOBAL) != 0
}
