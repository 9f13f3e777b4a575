//! The XDP program in the kernel: loading, attaching, adopting, counting.
//!
//! A start always loads a program with tables of its own, fills them, and then
//! puts both in place of what is attached with one link update. Tables that a
//! killed daemon left half-written are never trusted, and no packet meets an
//! empty table.

mod bpffs;
mod counters;
mod holders;
mod link;
mod object;
mod observer;
mod pins;
mod sys;
mod told;

use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use aya::{
    Ebpf,
    maps::{Map, MapData, MapError},
    programs::{ProgramError, ProgramInfo, Xdp},
};
use dns_common::host::Constants;
use thiserror::Error;

use crate::tables::{Capacity, Tables, wait_for_kernel_readers};
pub use bpffs::STANDARD as BPFFS;
pub use counters::Counts;
use counters::{CounterMaps, Names};
pub use holders::{Held, are_programs_compiled, held, is_on_bpffs};
pub use link::{Attachment, Detached, detach, lost};
pub use object::TablesIn;
pub use observer::{Observer, Verdict};
pub use told::{Buffer, Event};

/// What the kernel, or the way to it, refused.
#[derive(Debug, Error)]
pub enum KernelError {
    /// Not allowed to load programs.
    #[error(
        "loading the XDP program: {0}; veerd needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN \
         (or root), or xdp.mode = off to answer from userspace alone"
    )]
    Privilege(io::Error),
    /// There is no memory for a table, or none can be so large.
    #[error("creating map {map}: {error}; give the host more memory, or lower {setting}")]
    NoMemory {
        /// The table.
        map: String,
        /// The tunables that size it.
        setting: &'static str,
        /// What the kernel said.
        error: io::Error,
    },
    /// The object cannot be loaded.
    #[error("loading the XDP program: {0}")]
    Load(String),
    /// There is no such interface.
    #[error("xdp.interface: there is no interface {0} here")]
    NoInterface(String),
    /// Something else holds the interface's XDP hook.
    #[error(
        "attaching to {0}: another XDP program is attached there; \
         remove it first (`ip link show dev {0}` names it), or set xdp.mode = off"
    )]
    Occupied(String),
    /// The driver cannot run XDP programs.
    #[error("attaching to {interface} in {mode} mode: {error}")]
    Unsupported {
        /// The interface.
        interface: String,
        /// `native` or `generic`.
        mode: &'static str,
        /// What the kernel said.
        error: String,
    },
    /// The kernel has no XDP links (before 5.9), which adopting needs.
    #[error("attaching to {0}: this kernel has no XDP links; veer needs Linux 5.10 or newer")]
    NoLink(String),
    /// Nobody can wait until the program has left a table.
    #[error(
        "waiting for the XDP program's readers: {0}; kernels with CPUs in nohz_full= refuse it: \
         boot without, or set xdp.mode = off to answer from userspace alone"
    )]
    NoWaiting(io::Error),
    /// The pin path is not on a BPF file system.
    #[error(
        "xdp.pin_path {0} is not on a BPF file system; \
         choose one below /sys/fs/bpf, or mount one there: mount -t bpf bpf DIRECTORY"
    )]
    NotBpffs(PathBuf),
    /// A call that failed.
    #[error("{call} {object}: {error}")]
    Call {
        /// The call.
        call: &'static str,
        /// What it was made on.
        object: String,
        /// What the system said.
        error: io::Error,
    },
}

impl KernelError {
    fn call(call: &'static str, object: impl std::fmt::Display) -> impl FnOnce(io::Error) -> Self {
        let object = object.to_string();
        move |error| Self::Call {
            call,
            object,
            error,
        }
    }
}

/// The loaded program with its maps.
pub struct Kernel {
    ebpf: Ebpf,
    tables_in: TablesIn,
    names: Arc<ArcSwap<Names>>,
    /// Where the tables are pinned, once they are.
    pinned: Option<PathBuf>,
}

impl Kernel {
    /// Loads the program, with `constants` frozen in it and empty tables of
    /// `capacity`, attached to nothing.
    pub fn load(capacity: Capacity, constants: &Constants) -> Result<(Self, Tables), KernelError> {
        let (ebpf, tables, tables_in) = object::load(capacity, constants)?;
        Ok((Self::new(ebpf, tables_in), tables))
    }

    /// As [`Kernel::load`], with the tables in a certain memory.
    pub fn load_in(
        tables_in: TablesIn,
        capacity: Capacity,
        constants: &Constants,
    ) -> Result<(Self, Tables), KernelError> {
        let (ebpf, tables) = object::load_in(tables_in, capacity, constants)?;
        Ok((Self::new(ebpf, tables_in), tables))
    }

    fn new(ebpf: Ebpf, tables_in: TablesIn) -> Self {
        Self {
            ebpf,
            tables_in,
            names: Arc::default(),
            pinned: None,
        }
    }

    /// What the tables lie in.
    pub fn tables_in(&self) -> TablesIn {
        self.tables_in
    }

    /// Puts the program on `interface`: in place of the program that the pinned
    /// link there runs, else by a new link. The tables must be filled by now.
    pub fn attach(
        &mut self,
        interface: &str,
        generic: bool,
        pin_path: &Path,
    ) -> Result<Attachment, KernelError> {
        // Later it would be too late to find that the kernel refuses it.
        wait_for_kernel_readers().map_err(KernelError::NoWaiting)?;
        bpffs::prepare(pin_path)?;
        pins::finish_switch(pin_path)?;
        let old = counters::Pinned::open(&pins::directory(pin_path));
        pins::set_aside(pin_path)?;
        // The kernel empties the array of programs when the last descriptor and pin of
        // it go, so the attached program would lose the others with a daemon that has
        // not pinned it.
        let attached = pins::pin_maps(&self.ebpf, pin_path)
            .and_then(|()| link::attach(self.program()?, interface, generic, pin_path));
        let (attachment, left) = attached.inspect_err(|_| pins::abandon(pin_path))?;
        let finished = self.finish(&left, old.as_ref(), pin_path);
        if let (Err(_), Attachment::New { .. }) = (&finished, &attachment) {
            // Nothing stays half attached; what was adopted goes on answering.
            detach(pin_path)?;
        }
        finished?;
        Ok(attachment)
    }

    /// Releases the links that were `left`, carries the counters of the replaced program
    /// over, and puts the pinned tables in place of its own.
    fn finish(
        &mut self,
        left: &[link::Pinned],
        old: Option<&counters::Pinned>,
        pin_path: &Path,
    ) -> Result<(), KernelError> {
        link::release(left)?;
        if let Some(old) = old {
            // The old program counts no more once nobody runs it.
            wait_for_kernel_readers().map_err(KernelError::NoWaiting)?;
            counters::carry_over(&mut self.ebpf, &self.names.load(), old)?;
        }
        // With the names the tables are complete.
        counters::pin_names(&pins::new_directory(pin_path), &self.names.load())?;
        pins::finish_switch(pin_path)?;
        self.pinned = Some(pins::directory(pin_path));
        Ok(())
    }

    /// Forgets the pins, which [`detach`] has removed.
    pub fn forget_pins(&mut self) {
        self.pinned = None;
    }

    /// The loaded program.
    pub fn program(&mut self) -> Result<&mut Xdp, KernelError> {
        object::program(&mut self.ebpf, object::PROGRAMS[0])
    }

    /// What the kernel made of each program, by name.
    pub fn infos(&self) -> Result<Vec<(&'static str, ProgramInfo)>, KernelError> {
        object::infos(&self.ebpf)
    }

    /// What has been counted, by this program and the ones it replaced.
    pub fn counts(&self) -> Result<Counts, KernelError> {
        CounterMaps::of(&self.ebpf)?.counts(&self.names.load().services)
    }

    /// The program and its counters, for others than whoever owns this.
    pub fn observer(&mut self) -> Result<Observer, KernelError> {
        Observer::of(&mut self.ebpf, &self.names)
    }

    /// As many answers as this program counted for each group of these numbers
    /// (`count.group_sample`).
    pub fn group_counts(&self, numbers: Range<usize>) -> Result<Vec<u64>, KernelError> {
        counters::groups(&self.ebpf, numbers)
    }

    /// Names the services and groups whose counters are the names' positions.
    pub fn name_counters(
        &mut self,
        services: Vec<String>,
        groups: Vec<String>,
    ) -> Result<(), KernelError> {
        self.names.store(Arc::new(Names { services, groups }));
        match &self.pinned {
            Some(directory) => counters::pin_names(directory, &self.names.load()),
            None => Ok(()),
        }
    }
}

/// As many answers as the program pinned at `pin_path`, and those that it replaced, counted
/// for each group; none where there is no such program.
pub fn group_counts_before(pin_path: &Path) -> Result<Vec<(String, u64)>, KernelError> {
    let pinned = counters::Pinned::open(&pins::directory(pin_path));
    pinned.map_or_else(|| Ok(Vec::new()), |pinned| pinned.groups())
}

fn data_of(map: &Map) -> Option<&MapData> {
    match map {
        Map::Array(data)
        | Map::PerCpuArray(data)
        | Map::ProgramArray(data)
        | Map::Unsupported(data) => Some(data),
        _ => None,
    }
}

/// Tells a missing privilege from everything else, wherever in the chain of
/// causes the system's word stands. Both have the same code where the verifier
/// speaks: it refuses sound programs to those who may not watch the kernel.
fn load_error(error: &(dyn std::error::Error + 'static)) -> KernelError {
    let mut text = error.to_string();
    let mut rejected = false;
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(error) = no_memory(cause) {
            return error;
        }
        if let Some(ProgramError::LoadError { verifier_log, .. }) = cause.downcast_ref() {
            rejected = !verifier_log.to_string().trim().is_empty() && has_perfmon();
        }
        if let Some(code) = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::raw_os_error)
            && matches!(code, libc::EPERM | libc::EACCES)
            && !rejected
        {
            return KernelError::Privilege(io::Error::from_raw_os_error(code));
        }
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    KernelError::Load(text)
}

/// The error of a table that does not fit the host, if `cause` is one.
fn no_memory(cause: &(dyn std::error::Error + 'static)) -> Option<KernelError> {
    let MapError::CreateError { name, io_error } = cause.downcast_ref()? else {
        return None;
    };
    let code = io_error.raw_os_error()?;
    matches!(code, libc::ENOMEM | libc::E2BIG).then(|| KernelError::NoMemory {
        map: name.clone(),
        setting: Capacity::setting_of(name),
        error: io::Error::from_raw_os_error(code),
    })
}

/// Whether we have `CAP_PERFMON`, or `CAP_SYS_ADMIN` that includes it.
fn has_perfmon() -> bool {
    /// The bits 38 and 21 of a set (capability.h).
    const EITHER: u64 = 1 << 38 | 1 << 21;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| {
        let digits = line.strip_prefix("CapEff:")?.trim();
        u64::from_str_radix(digits, 16).ok()
    });
    effective.is_none_or(|set| set & EITHER != 0)
}

fn map_error(call: &'static str, name: &str) -> impl FnOnce(MapError) -> KernelError {
    let make = KernelError::call(call, format!("map {name}"));
    move |error| make(io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_memory_names_its_setting() {
        let refused = |map: &str, code| MapError::CreateError {
            name: map.to_owned(),
            io_error: io::Error::from_raw_os_error(code),
        };
        for (map, code, setting) in [
            (
                "RANKINGS",
                libc::ENOMEM,
                "lower tables.groups or tables.pools",
            ),
            ("ANSWERS", libc::E2BIG, "lower tables.answer_cells"),
        ] {
            let said = load_error(&refused(map, code)).to_string();
            assert!(said.contains(map) && said.contains(setting), "{said}");
        }
        let said = load_error(&refused("NAMES", libc::EPERM)).to_string();
        assert!(said.contains("CAP_BPF"), "{said}");
    }
}
