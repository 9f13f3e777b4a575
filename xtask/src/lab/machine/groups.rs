//! Control groups of a machine's own.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

/// The file of a control group that lists its processes.
const PROCESSES: &str = "cgroup.procs";

/// Makes control groups called `name` below those of this process that systemd keeps its units
/// in: systems that shared one would end each other's units.
pub(super) fn make(name: &str) -> Result<Vec<PathBuf>> {
    let text = fs::read_to_string("/proc/self/cgroup").context("read /proc/self/cgroup")?;
    let own = text.lines().filter_map(|line| {
        let mut words = line.splitn(3, ':').skip(1);
        let mounts: &[&str] = match words.next()? {
            "" => &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"],
            "name=systemd" => &["/sys/fs/cgroup/systemd"],
            _ => return None,
        };
        let path = words.next()?.trim_start_matches('/');
        let groups = mounts.iter().map(move |mount| Path::new(mount).join(path));
        Some(groups.filter(|group| group.join(PROCESSES).exists()))
    });
    let groups: Vec<_> = own.flatten().map(|group| group.join(name)).collect();
    for group in &groups {
        fs::create_dir_all(group).with_context(|| format!("mkdir {}", group.display()))?;
    }
    Ok(groups)
}

/// Has `command` run in `groups`.
pub(super) fn enter(command: &mut Command, groups: &[PathBuf]) -> Result<()> {
    let files = groups.iter().map(|group| {
        let path = group.join(PROCESSES);
        let file = File::options().write(true).open(&path);
        file.with_context(|| format!("open {}", path.display()))
    });
    let files = files.collect::<Result<Vec<_>>>()?;
    // SAFETY: between fork and exec the closure makes a system call for each file, and
    // allocates nothing.
    unsafe {
        // 0 is whoever writes it.
        command.pre_exec(move || files.iter().try_for_each(|mut file| file.write_all(b"0")));
    }
    Ok(())
}

/// Removes a control group and those below it; whether it is gone.
pub(super) fn remove(group: &Path) -> bool {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    // Its files go with it; it stays as long as a process is in it.
    let _ = fs::remove_dir(group);
    !group.exists()
}
