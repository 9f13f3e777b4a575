//! What a process takes, as the kernel says.

use std::{collections::HashMap, fs};

use anyhow::{Context as _, Result};

/// Octets of all BPF maps that the process `pid` has open.
pub(crate) fn maps(pid: u32) -> Result<u64> {
    let directory = format!("/proc/{pid}/fdinfo");
    let entries = fs::read_dir(&directory).with_context(|| format!("read {directory}"))?;
    let mut maps = HashMap::new();
    for entry in entries {
        let path = entry.with_context(|| format!("read {directory}"))?.path();
        // A descriptor may be closed by now.
        let text = fs::read_to_string(&path).unwrap_or_default();
        if let (Some(id), Some(octets)) = (field(&text, "map_id:"), field(&text, "memlock:")) {
            maps.insert(id, octets);
        }
    }
    Ok(maps.values().sum())
}

/// Octets of its own memory that the process `pid` has now: neither files nor
/// mapped tables.
pub(crate) fn anonymous(pid: u32) -> Result<u64> {
    let file = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&file).with_context(|| format!("read {file}"))?;
    let kib = field(&text, "RssAnon:").with_context(|| format!("{file} has no RssAnon"))?;
    Ok(kib << 10)
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
    fn a_process_has_memory_of_its_own() {
        assert!(anonymous(std::process::id()).expect("our status") > 0);
    }
}
