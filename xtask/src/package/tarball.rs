//! The tarball: the same tree with programs that need no library, for systems without dpkg.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Parts, epoch, run_command, tree};

/// How it is installed, and how it goes.
const INSTALL: &str = "\
To install, as root, in this directory:

    cp -rn etc usr /                    # -n: what stands in /etc/veer stays
    systemd-sysusers veer.conf          # the user veer, the groups veer and veer-admin
    systemctl daemon-reload

Then say in /etc/veer/veer.conf which addresses are answered at, ask `veerctl check`, and
`systemctl enable --now veer`. To upgrade, `cp -r usr /`, `systemctl daemon-reload`,
`systemctl restart veer`: no answer of the kernel's is lost. To remove, `systemctl disable --now
veer`, `veerctl detach`, and the files that are listed in FILES.

The programs are static: any Linux of this architecture runs them. Without systemd, start
/usr/sbin/veerd as root, or as a user with the capabilities that veer.service names, which may
write to a directory of its own below /sys/fs/bpf.
";

/// Makes the tarball of `parts` in `directory`; returns its path.
pub(super) fn tarball(parts: Parts, directory: &Path) -> Result<PathBuf> {
    let name = format!("veer-{}-x86_64-linux-static", parts.version);
    let root = directory.join(&name);
    tree::make(parts, &root)?;
    let files = super::output(
        Command::new("find")
            .current_dir(&root)
            .args(["etc", "usr", "-type", "f", "-printf", "/%p\\n"]),
    )?;
    let mut files: Vec<_> = files.lines().collect();
    files.sort_unstable();
    for (name, text) in [("INSTALL", INSTALL), ("FILES", &(files.join("\n") + "\n"))] {
        let path = root.join(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    let tarball = directory.join(format!("{name}.tar.gz"));
    let mut command = Command::new("tar");
    command.args(["--create", "--gzip", "--sort=name", "--numeric-owner"]);
    command.args(["--owner=0", "--group=0", "--format=gnu"]);
    command.arg(format!("--mtime=@{}", epoch()));
    command.arg("--file").arg(&tarball);
    command.arg("--directory").arg(directory).arg(&name);
    run_command(&mut command)?;
    Ok(tarball)
}
