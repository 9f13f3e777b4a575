//! Who keeps a program of somebody else's on an interface: its pins and processes.

use std::{
    collections::BTreeSet,
    fs,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
};

use aya::programs::loaded_programs;
use procfs::process::{FDTarget, Process, all_processes};

use super::{bpffs, sys};

/// Pins that are looked at; more would take longer than anybody waits.
const PINS_MAX: usize = 10_000;
/// Directories below each other that are looked into.
const DEPTH_MAX: usize = 16;

/// A program that is on an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Its number.
    pub id: u32,
    /// Its name, as far as we may know it.
    pub name: Option<String>,
    /// The link by which it is on the interface; none where it is there without one, or
    /// nobody is seen to hold it.
    pub link: Option<u32>,
    /// Where it, or that link, is pinned.
    pub pins: Vec<PathBuf>,
    /// The processes that have it, or that link, open.
    pub processes: Vec<(u32, String)>,
}

/// Whether directories made at `pin_path` would be on a BPF file system.
pub fn is_on_bpffs(pin_path: &Path) -> bool {
    bpffs::would_hold(pin_path)
}

/// Whether the compiler for BPF programs is seen at work; `None` where no program is to be
/// seen.
pub fn are_programs_compiled() -> Option<bool> {
    let programs = loaded_programs().flatten();
    programs
        .map(|program| program.size_jitted() > 0)
        .reduce(|any, compiled| any | compiled)
}

/// The program `id` on the interface `index`, with its pins in these directories and below.
pub fn held(id: u32, index: u32, directories: &[&Path]) -> Held {
    let named = loaded_programs().flatten().find(|info| info.id() == id);
    let name = named.and_then(|info| info.name_as_str().map(str::to_owned));
    let mut held = Held {
        id,
        name,
        ..Held::default()
    };
    let pins: BTreeSet<_> = directories.iter().flat_map(|path| pins(path)).collect();
    for pin in pins {
        let told = sys::object_get(&pin).ok().and_then(|object| {
            fs::read_to_string(format!("/proc/self/fdinfo/{}", object.as_raw_fd())).ok()
        });
        if let Some(handle) = told.and_then(|told| Handle::of(&told, id, index)) {
            held.link = held.link.or(handle.link());
            held.pins.push(pin);
        }
    }
    for process in all_processes().into_iter().flatten().flatten() {
        if let Some(handle) = opened(&process, id, index) {
            held.link = held.link.or(handle.link());
            let name = process
                .stat()
                .map_or_else(|_| String::new(), |stat| stat.comm);
            held.processes.push((process.pid().unsigned_abs(), name));
        }
    }
    held
}

/// Everything in `directory` and below that is no directory, if that is a BPF file system.
fn pins(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![(directory.to_owned(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        if depth == DEPTH_MAX || !bpffs::is_bpffs(&directory) {
            continue;
        }
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push((entry.path(), depth + 1));
            } else if found.len() < PINS_MAX {
                found.push(entry.path());
            }
        }
    }
    found
}

/// What `process` has open of the program `id` on the interface `index`.
fn opened(process: &Process, id: u32, index: u32) -> Option<Handle> {
    let descriptors = process.fd().ok()?.flatten();
    let handles = descriptors.filter_map(|descriptor| {
        let FDTarget::AnonInode(kind) = &descriptor.target else {
            return None;
        };
        if !kind.starts_with("bpf") {
            return None;
        }
        let path = format!("/proc/{}/fdinfo/{}", process.pid(), descriptor.fd);
        Handle::of(&fs::read_to_string(path).ok()?, id, index)
    });
    handles.max()
}

/// What keeps a program on an interface; the link tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Handle {
    /// The program itself.
    Program,
    /// Its link to the interface, with the link's number.
    Link(u32),
}

impl Handle {
    /// By what the kernel `told` (fdinfo) of a descriptor; `None` where that has nothing to do
    /// with the program `id` on the interface `index`.
    fn of(told: &str, id: u32, index: u32) -> Option<Self> {
        let number = |key: &str| -> Option<u32> {
            let mut lines = told.lines();
            lines.find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
        };
        if number("prog_id:") != Some(id) {
            return None;
        }
        match number("link_id:") {
            None => Some(Self::Program),
            Some(link) => (number("ifindex:") == Some(index)).then_some(Self::Link(link)),
        }
    }

    fn link(self) -> Option<u32> {
        match self {
            Self::Program => None,
            Self::Link(link) => Some(link),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Handle;

    #[test]
    fn descriptors_of_a_program_and_of_its_links() {
        let program = "pos:\t0\nprog_type:\t6\nprog_id:\t17\nrun_cnt:\t0\n";
        assert_eq!(Handle::of(program, 17, 3), Some(Handle::Program));
        assert_eq!(Handle::of(program, 18, 3), None);
        let link =
            "pos:\t0\nlink_type:\txdp\nlink_id:\t5\nprog_tag:\tab\nprog_id:\t17\n\nifindex:\t3\n";
        assert_eq!(Handle::of(link, 17, 3), Some(Handle::Link(5)));
        assert!(Handle::Link(5) > Handle::Program);
        assert_eq!(Handle::of(link, 17, 4), None, "it is another interface's");
        assert_eq!(Handle::of("map_id:\t17\n", 17, 3), None);
    }
}
