//! The running program, for whoever looks at it beside the daemon's task: what it counts,
//! and what it makes of a frame.

use std::{
    os::fd::{AsFd as _, OwnedFd},
    sync::Arc,
};

use arc_swap::ArcSwap;
use aya::{
    Ebpf,
    maps::{Map, MapData},
};

use super::{
    Counts, KernelError,
    counters::{self, CounterMaps, Names},
    data_of, map_error, object, sys,
};

/// Room for any frame that can come out.
const FRAME_MAX: usize = 4096;

/// Where a frame went, as in <linux/bpf.h>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `XDP_DROP`
    Drop,
    /// `XDP_PASS`
    Pass,
    /// `XDP_TX`
    Reply,
    /// Nothing that the program says.
    Other(u32),
}

impl From<u32> for Verdict {
    fn from(number: u32) -> Self {
        match number {
            1 => Self::Drop,
            2 => Self::Pass,
            3 => Self::Reply,
            other => Self::Other(other),
        }
    }
}

/// Descriptors of the program and of what it counts in.
pub struct Observer {
    program: OwnedFd,
    outcomes: Map,
    services: Map,
    names: Arc<ArcSwap<Names>>,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

impl Observer {
    /// Of the programs in `ebpf`, whose counters are of `names`.
    pub(super) fn of(ebpf: &mut Ebpf, names: &Arc<ArcSwap<Names>>) -> Result<Self, KernelError> {
        let name = object::PROGRAMS[0];
        let program = object::program(ebpf, name)?.fd();
        let program = program.map_err(|error| KernelError::Load(error.to_string()))?;
        let program = program.as_fd().try_clone_to_owned();
        Ok(Self {
            program: program.map_err(KernelError::call("dup", format!("program {name}")))?,
            outcomes: copy(ebpf, counters::OUTCOMES)?,
            services: copy(ebpf, counters::SERVICES)?,
            names: Arc::clone(names),
        })
    }

    /// As [`super::Kernel::counts`].
    pub fn counts(&self) -> Result<Counts, KernelError> {
        CounterMaps::new(&self.outcomes, &self.services)?.counts(&self.names.load().services)
    }

    /// Where the program sends `frame`, and as what; it is counted like any other.
    pub fn run(&self, frame: &[u8]) -> Result<(Verdict, Vec<u8>), KernelError> {
        let mut out = vec![0; FRAME_MAX];
        let ran = sys::test_run(self.program.as_fd(), frame, &mut out);
        let (verdict, octets) = ran.map_err(KernelError::call("running", "the XDP program"))?;
        out.truncate(octets);
        Ok((verdict.into(), out))
    }
}

/// Another descriptor of the map `name`.
fn copy(ebpf: &Ebpf, name: &'static str) -> Result<Map, KernelError> {
    let data = ebpf.map(name).and_then(data_of);
    let data = data.ok_or_else(|| counters::missing(name))?;
    let fd = data.fd().as_fd().try_clone_to_owned();
    let fd = fd.map_err(KernelError::call("dup", format!("map {name}")))?;
    let data = MapData::from_fd(fd).map_err(map_error("opening", name))?;
    Map::from_map_data(data).map_err(map_error("opening", name))
}
