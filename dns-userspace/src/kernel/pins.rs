//! Where tables are pinned, and how new ones take the place of others.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aya::Ebpf;
use dns_common::tables::ABI_VERSION;

use super::{KernelError, bpffs, counters, data_of};

/// What names of directories of ours start with, whatever their ABI version.
const PREFIX: &str = "abi-";

/// Where the pins of this ABI version are, below the pin path.
pub(super) fn directory(pin_path: &Path) -> PathBuf {
    pin_path.join(format!("{PREFIX}{ABI_VERSION}"))
}

/// Where tables are pinned until they are complete; bpffs allows no dots in names.
pub(super) fn new_directory(pin_path: &Path) -> PathBuf {
    pin_path.join(format!("{PREFIX}{ABI_VERSION}-new"))
}

/// The directories of tables below the pin path, of any ABI version; whatever
/// else is there is not ours.
pub(super) fn directories(pin_path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(pin_path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
}

/// Makes room for new tables. Those that a daemon left incomplete may be the attached
/// program's, and go only when another has taken its place.
pub(super) fn set_aside(pin_path: &Path) -> Result<(), KernelError> {
    let new = new_directory(pin_path);
    if !new.exists() {
        return Ok(());
    }
    let mut names = (1..).map(|number| format!("{PREFIX}{ABI_VERSION}-left-{number}"));
    let left = names.find(|name| !pin_path.join(name).exists());
    let left = pin_path.join(left.expect("numbers do not end"));
    fs::rename(&new, left).map_err(KernelError::call("rename", new.display()))
}

/// Pins the maps of `ebpf` as new tables, complete but for the names of services.
pub(super) fn pin_maps(ebpf: &Ebpf, pin_path: &Path) -> Result<(), KernelError> {
    let new = new_directory(pin_path);
    fs::create_dir(&new).map_err(KernelError::call("mkdir", new.display()))?;
    for (name, map) in ebpf.maps() {
        // The constants lie with the program, and bpffs allows no dots in names.
        let Some(map) = data_of(map).filter(|_| !name.starts_with('.')) else {
            continue;
        };
        map.pin(new.join(name))
            .map_err(|error| io::Error::other(error.to_string()))
            .map_err(KernelError::call("pinning", format!("map {name}")))?;
    }
    Ok(())
}

/// Takes new tables away again, over which no program runs.
pub(super) fn abandon(pin_path: &Path) {
    // What stays is set aside by the next start.
    let _ = bpffs::remove(&new_directory(pin_path));
    bpffs::abandon(pin_path);
}

/// Puts new tables, if they are complete, in place of all others; a daemon
/// killed amid this leaves it to the next one.
pub(super) fn finish_switch(pin_path: &Path) -> Result<(), KernelError> {
    let new = new_directory(pin_path);
    if counters::Pinned::open(&new).is_none() {
        return Ok(());
    }
    for old in directories(pin_path).filter(|path| *path != new) {
        bpffs::remove(&old)?;
    }
    fs::rename(&new, directory(pin_path)).map_err(KernelError::call("rename", new.display()))
}
