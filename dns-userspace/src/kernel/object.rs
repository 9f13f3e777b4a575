//! The compiled programs, loaded: with the tables in an arena where the kernel has
//! arenas, else in arrays.

use std::{fmt, io, os::fd::AsFd as _};

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::{MapError, ProgramArray},
    programs::{ProgramError, ProgramInfo, Xdp},
};
use dns_common::{host::Constants, tables::layout};
use tracing::warn;

use super::{KernelError, data_of, load_error, map_error};
use crate::tables::{Capacity, Tables};

static IN_ARENA: &[u8] = aya::include_bytes_aligned!(env!("VEER_EBPF_OBJECT_PATH"));
static IN_ARRAYS: &[u8] = aya::include_bytes_aligned!(env!("VEER_EBPF_ARRAYS_OBJECT_PATH"));

/// Names of the programs in each: the one to attach, and the one that it leaves to what
/// it does not take.
pub(super) const PROGRAMS: [&str; 2] = ["veer", "veer_other"];

/// Name of the map where the first finds the others.
const OTHERS: &str = "OTHERS";

/// Name of the [`Constants`], as `[u64; Constants::WORDS]`.
const CONSTANTS: &str = "CONSTANTS";

/// Name of the [`layout::Layout`], as words.
const LAYOUT: &str = "LAYOUT";

/// Name of the arena.
const ARENA: &str = "TABLES";

/// What the tables of a program lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TablesIn {
    /// One arena (kernel 6.10), which the program reads like memory of its own.
    Arena,
    /// Array maps, where it looks everything up.
    Arrays,
}

impl fmt::Display for TablesIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Arena => "an arena",
            Self::Arrays => "arrays",
        })
    }
}

/// The programs with their tables in whichever the kernel has, the faster first.
pub(super) fn load(
    capacity: Capacity,
    constants: &Constants,
) -> Result<(Ebpf, Tables, TablesIn), KernelError> {
    // More than an arena holds is slower, but not refused.
    if capacity.layout().1 <= layout::ARENA {
        match load_in_arena(capacity, constants) {
            Err(Refusal::NoArena) => {}
            // Kernel 6.9 has arenas without all that the program does with them.
            Err(Refusal::Other(error @ KernelError::Load(_))) => {
                warn!("the tables are not in an arena: {error}");
            }
            Err(Refusal::Other(error)) => return Err(error),
            Ok((ebpf, tables)) => return Ok((ebpf, tables, TablesIn::Arena)),
        }
    }
    let (ebpf, tables) = load_in_arrays(capacity, constants)?;
    Ok((ebpf, tables, TablesIn::Arrays))
}

/// The programs with their tables in one of them.
pub(super) fn load_in(
    tables_in: TablesIn,
    capacity: Capacity,
    constants: &Constants,
) -> Result<(Ebpf, Tables), KernelError> {
    match tables_in {
        TablesIn::Arrays => load_in_arrays(capacity, constants),
        TablesIn::Arena => load_in_arena(capacity, constants).map_err(|refusal| match refusal {
            Refusal::NoArena => KernelError::Load("this kernel has no arenas".to_owned()),
            Refusal::Other(error) => error,
        }),
    }
}

/// Why there are no tables in an arena.
enum Refusal {
    /// The kernel has none.
    NoArena,
    Other(KernelError),
}

impl From<KernelError> for Refusal {
    fn from(error: KernelError) -> Self {
        Self::Other(error)
    }
}

fn load_in_arena(capacity: Capacity, constants: &Constants) -> Result<(Ebpf, Tables), Refusal> {
    let constants = constants.words();
    let layout = capacity.layout().0.words();
    let mut loader = EbpfLoader::new();
    loader.allow_unsupported_maps(); // an arena is one to aya
    loader.override_global(CONSTANTS, &constants[..], true);
    loader.override_global(LAYOUT, &layout[..], true);
    loader.map_max_entries(ARENA, (layout::ARENA / layout::PAGE) as u32);
    for (map, entries) in capacity.counters() {
        loader.map_max_entries(map, entries);
    }
    let mut ebpf = loader.load(IN_ARENA).map_err(|error| {
        if is_without_arenas(&error) {
            Refusal::NoArena
        } else {
            load_error(&error).into()
        }
    })?;
    // Where an arena is mapped is part of the programs that read from it.
    let map = ebpf.map(ARENA).and_then(data_of);
    let tables = map
        .ok_or_else(|| no_map(ARENA))
        .and_then(|map| Tables::of_arena(capacity, map.fd().as_fd()))
        .map_err(KernelError::call("mapping", "the tables"))?;
    load_programs(&mut ebpf)?;
    Ok((ebpf, tables))
}

fn load_in_arrays(
    capacity: Capacity,
    constants: &Constants,
) -> Result<(Ebpf, Tables), KernelError> {
    let constants = constants.words();
    let mut loader = EbpfLoader::new();
    loader.override_global(CONSTANTS, &constants[..], true);
    for (map, entries) in capacity
        .map_entries()
        .into_iter()
        .chain(capacity.counters())
    {
        loader.map_max_entries(map, entries);
    }
    let mut ebpf = loader.load(IN_ARRAYS).map_err(|error| load_error(&error))?;
    load_programs(&mut ebpf)?;
    let tables = Tables::of_maps(capacity, |name| {
        let map = ebpf.map(name).ok_or_else(|| no_map(name))?;
        let data = data_of(map).ok_or_else(|| no_map(name))?;
        let entries = data.info().map_err(io::Error::other)?.max_entries();
        Ok((data.fd().as_fd(), entries))
    })
    .map_err(KernelError::call("mapping", "the tables"))?;
    Ok((ebpf, tables))
}

/// Whether the kernel does not know arenas (before 6.9), or has none on this
/// architecture.
fn is_without_arenas(error: &EbpfError) -> bool {
    /// The kernel's own number (include/linux/errno.h), which libc has no name for.
    const ENOTSUPP: i32 = 524;
    matches!(
        error,
        EbpfError::MapError(MapError::CreateError { name, io_error })
            if name == ARENA
                && matches!(
                    io_error.raw_os_error(),
                    Some(libc::EINVAL | libc::EOPNOTSUPP | ENOTSUPP)
                )
    )
}

/// Loads the programs, and tells the first where the others are.
fn load_programs(ebpf: &mut Ebpf) -> Result<(), KernelError> {
    let mut fds = Vec::new();
    for name in PROGRAMS {
        let program = program(ebpf, name)?;
        program.load().map_err(|error| load_error(&error))?;
        let fd = program.fd().map_err(|error| load_error(&error))?;
        fds.push(
            fd.try_clone()
                .map_err(KernelError::call("dup", format!("program {name}")))?,
        );
    }
    let map = ebpf.map_mut(OTHERS).ok_or_else(|| no_map(OTHERS));
    let map = map.map_err(KernelError::call("opening", OTHERS))?;
    let mut map = ProgramArray::try_from(map).map_err(map_error("opening", OTHERS))?;
    for (index, fd) in (0..).zip(&fds[1..]) {
        map.set(index, fd, 0)
            .map_err(map_error("writing", OTHERS))?;
    }
    Ok(())
}

pub(super) fn program<'e>(ebpf: &'e mut Ebpf, name: &str) -> Result<&'e mut Xdp, KernelError> {
    let program = ebpf.program_mut(name).ok_or_else(|| no_program(name))?;
    program
        .try_into()
        .map_err(|error: ProgramError| KernelError::Load(error.to_string()))
}

fn no_map(name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("the object has no map {name}"),
    )
}

/// What the kernel says of each of [`PROGRAMS`].
pub(super) fn infos(ebpf: &Ebpf) -> Result<Vec<(&'static str, ProgramInfo)>, KernelError> {
    let infos = PROGRAMS.into_iter().map(|name| {
        let program = ebpf.program(name).ok_or_else(|| no_program(name))?;
        let info = program.info().map_err(io::Error::other);
        let info = info.map_err(KernelError::call("info", format!("program {name}")))?;
        Ok((name, info))
    });
    infos.collect()
}

fn no_program(name: &str) -> KernelError {
    KernelError::Load(format!("the object has no program {name}"))
}
