//! What a daemon takes, as the kernel says.

use std::{
    collections::BTreeMap,
    fs,
    os::fd::{AsFd as _, AsRawFd as _},
    path::Path,
};

use anyhow::{Context as _, Result, anyhow};
use aya::maps::MapData;
use dns_common::tables::layout;

/// Octets of each BPF map pinned in `directory` or a directory below it, by name.
pub(crate) fn maps(directory: &Path) -> Result<BTreeMap<String, u64>> {
    let mut maps = BTreeMap::new();
    let entries = fs::read_dir(directory);
    for entry in entries.with_context(|| format!("read {}", directory.display()))? {
        let path = entry
            .with_context(|| format!("read {}", directory.display()))?
            .path();
        if path.is_dir() {
            maps.extend(self::maps(&path)?);
        } else if let Ok(map) = MapData::from_pin(&path) {
            let fd = map.fd().as_fd().as_raw_fd();
            let file = format!("/proc/self/fdinfo/{fd}");
            let text = fs::read_to_string(&file).with_context(|| format!("read {file}"))?;
            // The link to the interface is pinned there too.
            let Some(octets) = field(&text, "memlock:") else {
                continue;
            };
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            maps.insert(name.ok_or_else(|| anyhow!("a map without a name"))?, octets);
        }
    }
    Ok(maps)
}

/// Octets of its own memory that the process `pid` has now, neither files nor
/// mapped tables; 0 once it has ended.
pub(crate) fn anonymous(pid: u32) -> Result<u64> {
    let file = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&file).with_context(|| format!("read {file}"))?;
    Ok(field(&text, "RssAnon:").unwrap_or(0) << 10)
}

/// Octets of the arena that the process `pid` has mapped, of which a map itself says
/// nothing; 0 without one.
pub(crate) fn arena(pid: u32) -> Result<u64> {
    let file = format!("/proc/{pid}/smaps");
    let text = fs::read_to_string(&file).with_context(|| format!("read {file}"))?;
    Ok(mapped(&text, layout::ARENA))
}

/// Octets that are present of the BPF map which is mapped with `size` octets.
fn mapped(smaps: &str, size: u64) -> u64 {
    let from = smaps.split_inclusive("VmFlags:").find(|mapping| {
        mapping.contains("anon_inode:bpf-map") && field(mapping, "Size:") == Some(size >> 10)
    });
    from.and_then(|mapping| field(mapping, "Rss:")).unwrap_or(0) << 10
}

/// The number behind `name` at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_name() {
        let text = "pos:\t0\nmap_type:\t2\nmemlock:\t4096\nmap_id:\t7\nRssAnon:\t   12 kB\n";
        assert_eq!(field(text, "memlock:"), Some(4096));
        assert_eq!(field(text, "map_id:"), Some(7));
        assert_eq!(field(text, "RssAnon:"), Some(12));
        assert_eq!(field(text, "frozen:"), None);
    }

    #[test]
    fn an_arena_is_told_from_other_mappings_by_its_size() {
        let smaps = "1000-2000 rw-s 00000000 00:0e 9 anon_inode:bpf-map\n\
                     Size:                  4 kB\nRss:                   4 kB\nVmFlags: rd wr\n\
                     10000000-110000000 rw-s 00000000 00:0e 9 anon_inode:bpf-map\n\
                     Size:            4194304 kB\nRss:                 120 kB\nVmFlags: rd wr\n";
        assert_eq!(mapped(smaps, 1 << 32), 120 << 10);
        assert_eq!(mapped(smaps, 1 << 12), 4 << 10);
        assert_eq!(mapped(smaps, 1 << 13), 0);
    }

    #[test]
    fn a_process_has_memory_of_its_own() {
        assert!(anonymous(std::process::id()).expect("our status") > 0);
    }
}
