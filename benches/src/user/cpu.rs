//! Processor time of a process and of what it has started: some servers answer in
//! children.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};

/// Time that the threads of `pid` and of all its descendants have run so far.
/// Threads that have ended are not in it; a server's last as long as it does.
pub(super) fn of_tree(pid: u32) -> Result<Duration> {
    let members = tree(pid, &parents()?);
    members.into_iter().map(of_process).sum()
}

/// Every process's parent.
fn parents() -> Result<BTreeMap<u32, u32>> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("list /proc")? {
        let entry = entry.context("list /proc")?;
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        // One that has ended since is nobody's.
        let stat = fs::read_to_string(entry.path().join("stat"));
        if let (Some(pid), Ok(stat)) = (pid, stat) {
            parents.insert(pid, parent(&stat).with_context(|| stat.clone())?);
        }
    }
    Ok(parents)
}

/// The parent that a `/proc/PID/stat` names: the second field after the program,
/// which is in parentheses and may hold some itself.
fn parent(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// `root` and its descendants.
fn tree(root: u32, parents: &BTreeMap<u32, u32>) -> Vec<u32> {
    let mut members = vec![root];
    let mut next = 0;
    while let Some(member) = members.get(next).copied() {
        let children = parents.iter().filter(|(_, parent)| **parent == member);
        members.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    members
}

fn of_process(pid: u32) -> Result<Duration> {
    let threads = format!("/proc/{pid}/task");
    let entries = fs::read_dir(&threads).with_context(|| format!("list {threads}"))?;
    let times = entries.map(|entry| {
        let entry = entry.with_context(|| format!("list {threads}"))?;
        of_thread(&entry.path().join("schedstat"))
    });
    times.sum()
}

fn of_thread(file: &Path) -> Result<Duration> {
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let nanoseconds = text.split_whitespace().next().map(str::parse);
    let nanoseconds = nanoseconds.and_then(Result::ok);
    nanoseconds
        .map(Duration::from_nanos)
        .with_context(|| format!("{}: {text}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_may_look_like_fields() {
        assert_eq!(parent("12 (nsd: server 1) S 7 12 12 0"), Some(7));
        assert_eq!(parent("12 (a) S 3 (b) R 8 1"), Some(8));
        assert_eq!(parent("12"), None);
    }

    #[test]
    fn descendants_of_any_depth_are_members_and_others_are_not() {
        let parents = BTreeMap::from([(2, 1), (3, 2), (4, 3), (5, 2), (6, 1), (1, 0)]);
        let mut members = tree(2, &parents);
        members.sort_unstable();
        assert_eq!(members, [2, 3, 4, 5]);
    }

    #[test]
    fn our_own_time_passes() {
        // Of this thread alone: others of this process may end meanwhile, with their time.
        let own = || of_thread(Path::new("/proc/thread-self/schedstat")).expect("we run");
        let before = own();
        let mut sum = 0_u64;
        for number in 0..10_000_000 {
            sum = std::hint::black_box(sum + number);
        }
        assert!(own() > before);
        let whole = of_tree(std::process::id()).expect("we run");
        assert!(whole > Duration::ZERO);
    }
}
