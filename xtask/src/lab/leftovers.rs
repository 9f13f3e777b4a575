//! Removal of labs, by name alone, so that one whose process was killed goes
//! the same way as one that is dropped.

use std::{
    collections::BTreeSet,
    env, fmt, fs, io,
    path::{Path, PathBuf},
    process,
    str::FromStr,
};

use anyhow::{Context as _, Result};

use super::{BPFFS, KEPT, namespace, process::kill};

/// Which lab: the `number`th of process `pid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) pid: u32,
    pub(super) number: u32,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "veer-{}-{}", self.pid, self.number)
    }
}

impl FromStr for Id {
    type Err = ();

    /// The lab that something of this name belongs to.
    fn from_str(name: &str) -> Result<Self, ()> {
        let mut words = name.split('-');
        let (Some("veer"), Some(pid), Some(number)) = (words.next(), words.next(), words.next())
        else {
            return Err(());
        };
        Ok(Self {
            pid: pid.parse().map_err(drop)?,
            number: number.parse().map_err(drop)?,
        })
    }
}

impl Id {
    fn dir(self) -> PathBuf {
        env::temp_dir().join(self.to_string())
    }

    fn is_kept(self) -> bool {
        self.dir().join(KEPT).exists()
    }

    fn is_running(self) -> bool {
        !self.is_kept() && Path::new("/proc").join(self.pid.to_string()).exists()
    }
}

/// Removes the labs of processes that are gone, except those left up on
/// purpose. Returns how many.
pub fn sweep() -> Result<usize> {
    remove_all(|id| !id.is_running() && !id.is_kept())
}

/// Removes every lab of no running process, those left up on purpose too.
/// Returns how many.
pub fn clean() -> Result<usize> {
    remove_all(|id| !id.is_running())
}

fn remove_all(wanted: impl Fn(Id) -> bool) -> Result<usize> {
    let mut labs = BTreeSet::new();
    for dir in [env::temp_dir(), BPFFS.into(), namespace::DIRECTORY.into()] {
        labs.extend(ids_in(&dir)?.into_iter().filter(|id| wanted(*id)));
    }
    for id in &labs {
        remove(*id)?;
    }
    Ok(labs.len())
}

/// Ends what runs in the lab and removes what it made; no matter how much of it
/// there is. An error is the first one; the rest is removed all the same.
pub(super) fn remove(id: Id) -> Result<()> {
    let mut result = Ok(());
    let mut first = |outcome: Result<()>| {
        if result.is_ok() {
            result = outcome;
        }
    };
    let namespaces = names_in(Path::new(namespace::DIRECTORY))?;
    let own = |name: &String| name.parse() == Ok(id);
    for name in namespaces.into_iter().filter(own) {
        match namespace::pids(&name) {
            Ok(pids) => pids
                .into_iter()
                .filter(|pid| *pid != process::id())
                .for_each(|pid| first(kill(pid, libc::SIGKILL))),
            Err(error) => first(Err(error)),
        }
        first(namespace::delete(&name));
    }
    first(remove_dir(&Path::new(BPFFS).join(id.to_string())));
    first(remove_dir(&id.dir()));
    result
}

fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

fn ids_in(dir: &Path) -> Result<Vec<Id>> {
    let names = names_in(dir)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

fn names_in(dir: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("list {}", dir.display()))?,
    };
    Ok(entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_lab_makes_names_it() {
        let id = Id { pid: 17, number: 3 };
        assert_eq!("veer-17-3".parse(), Ok(id));
        assert_eq!("veer-17-3-clients-b".parse(), Ok(id));
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn nothing_else_is_taken_for_a_lab() {
        for name in [
            "veer",
            "veer-17",
            "veer-a-3",
            "veer-17-x",
            "other-17-3",
            "veer-xtask-17",
        ] {
            assert_eq!(name.parse::<Id>(), Err(()), "{name}");
        }
    }
}
