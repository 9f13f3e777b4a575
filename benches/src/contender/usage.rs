//! What a server's processes take: processor time and memory.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::{load::ratio_of, rig};

/// Memory that would be free without the server, MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Memory {
    /// Of its processes, shared pages by their part (PSS), without maps of BPF.
    processes: f64,
    /// Of the maps of BPF that they hold.
    bpf_maps: f64,
}

impl Memory {
    /// All of it, MiB.
    pub(crate) fn all(&self) -> f64 {
        self.processes + self.bpf_maps
    }
}

/// The processes of the group that `leader` leads: a server and its children.
pub(crate) fn processes(leader: u32) -> Result<Vec<u32>> {
    let pids = numbers_in(Path::new("/proc"))?;
    let pids: Vec<u32> = pids
        .into_iter()
        .filter(|pid| {
            // One that has ended since has none.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            group_of(&stat) == Some(leader)
        })
        .collect();
    if pids.is_empty() {
        bail!("process group {leader} has no process");
    }
    Ok(pids)
}

/// The process group in a `/proc/PID/stat`.
fn group_of(stat: &str) -> Option<u32> {
    // The name may have spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(2)?.parse().ok()
}

/// Processor time that the group's threads have taken so far.
pub(crate) fn cpu(leader: u32) -> Result<Duration> {
    let mut sum = Duration::ZERO;
    for pid in processes(leader)? {
        for task in numbers_in(&PathBuf::from(format!("/proc/{pid}/task")))? {
            sum += rig::thread_cpu(task)?;
        }
    }
    Ok(sum)
}

/// The memory that the group holds.
pub(crate) fn memory(leader: u32) -> Result<Memory> {
    let mut pss_kib = 0;
    // Processes may hold the same map.
    let mut maps = BTreeMap::new();
    for pid in processes(leader)? {
        let directory = PathBuf::from(format!("/proc/{pid}"));
        let file = directory.join("smaps");
        let smaps = match fs::read_to_string(&file) {
            // One that has ended since holds nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            smaps => smaps.with_context(|| format!("read {}", file.display()))?,
        };
        pss_kib += own_pss_kib(&smaps);
        let descriptors = directory.join("fdinfo");
        for descriptor in numbers_in(&descriptors)? {
            let file = descriptors.join(descriptor.to_string());
            // One that was closed since is not held.
            maps.extend(map_octets(&fs::read_to_string(file).unwrap_or_default()));
        }
    }
    let mib = |octets: u64| ratio_of(octets) / f64::from(1 << 20);
    Ok(Memory {
        processes: mib(pss_kib << 10),
        bpf_maps: mib(maps.values().sum()),
    })
}

/// The sum of the `Pss` of all mappings but those of BPF maps, KiB.
fn own_pss_kib(smaps: &str) -> u64 {
    let mut is_map = false;
    let mut sum = 0;
    for line in smaps.lines() {
        if let Some(size) = line.strip_prefix("Pss:") {
            let size = size.trim().trim_end_matches(" kB").parse::<u64>();
            sum += if is_map { 0 } else { size.unwrap_or(0) };
        } else if !line.split_whitespace().next().unwrap_or("").ends_with(':') {
            is_map = line.contains("bpf-map");
        }
    }
    sum
}

/// The map behind a descriptor and its size, octets, of a `/proc/PID/fdinfo/FD`;
/// `None` if it is something else.
fn map_octets(fdinfo: &str) -> Option<(u32, u64)> {
    let value = |key| {
        let mut lines = fdinfo.lines();
        lines.find_map(|line| line.strip_prefix(key)).map(str::trim)
    };
    let id = value("map_id:")?.parse().ok()?;
    Some((id, value("memlock:")?.parse().ok()?))
}

/// The entries of a directory whose names are numbers.
fn numbers_in(directory: &Path) -> Result<Vec<u32>> {
    let list = || {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(directory)? {
            let name = entry?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        Ok::<_, io::Error>(numbers)
    };
    list().with_context(|| format!("list {}", directory.display()))
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_hide_the_group() {
        let stat = "77 (a) (b) S 1 42 77 0 -1 4194304";
        assert_eq!(group_of(stat), Some(42));
        assert_eq!(group_of(""), None);
    }

    #[test]
    fn mapped_bpf_maps_are_left_to_their_own_count() {
        let smaps = "\
55d0-55e0 r--p 00000000 fe:00 77    /usr/bin/a
Size:                 64 kB
Pss:                  40 kB
Pss_Dirty:            10 kB
VmFlags: rd mr
7f00-7f10 rw-s 00000000 00:0e 1     anon_inode:bpf-map
Pss:                 500 kB
7fff-8000 rw-p 00000000 00:00 0     [stack]
Pss:                   2 kB
";
        assert_eq!(own_pss_kib(smaps), 42);
    }

    #[test]
    fn maps_are_told_from_other_files() {
        let map = "pos:\t0\nmap_type:\t2\nmemlock:\t4096\nmap_id:\t17\n";
        assert_eq!(map_octets(map), Some((17, 4096)));
        let program = "pos:\t0\nprog_type:\t6\nmemlock:\t4096\nprog_id:\t3\n";
        assert_eq!(map_octets(program), None);
    }

    #[test]
    fn this_process_takes_time_and_memory() {
        // SAFETY: takes a number and cannot fail for this process.
        let group = unsafe { libc::getpgid(0) }.cast_unsigned();
        let pids = processes(group).expect("we are in it");
        assert!(pids.contains(&process::id()), "{pids:?}");
        assert!(cpu(group).expect("it is counted") > Duration::ZERO);
        assert!(memory(group).expect("it is counted").all() > 0.1);
    }
}
