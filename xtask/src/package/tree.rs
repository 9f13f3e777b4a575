//! The files that a package brings, where they will be.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Parts, emptied, run_command};
use crate::cargo;

const PROGRAM: u32 = 0o755;
const FILE: u32 = 0o644;

/// Files of `dns-userspace/dist`.
const DIST: &[(&str, &str, u32)] = &[
    ("veer.service", "usr/lib/systemd/system/veer.service", FILE),
    (
        "veer-pins.service",
        "usr/lib/systemd/system/veer-pins.service",
        FILE,
    ),
    ("veer.sysusers", "usr/lib/sysusers.d/veer.conf", FILE),
    ("detach-on-stop", "usr/lib/veer/detach-on-stop", PROGRAM),
    ("veer.conf", "etc/veer/veer.conf", FILE),
    ("10-package.conf", "etc/veer/veer.d/10-package.conf", FILE),
    (
        "grafana-dashboard.json",
        "usr/share/veer/grafana-dashboard.json",
        FILE,
    ),
    ("alerts.yml", "usr/share/veer/alerts.yml", FILE),
    ("announce.sh", "usr/share/veer/announce.sh", PROGRAM),
    ("bird.conf", "usr/share/veer/bird.conf", FILE),
    ("exabgp.conf", "usr/share/veer/exabgp.conf", FILE),
];

/// What an operator puts files into.
const DIRECTORIES: &[&str] = &[
    "etc/veer/zones.d",
    "etc/veer/services.d",
    "etc/veer/groups.d",
];

/// What shells complete: what it is called as made, and where it belongs.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash/veerd.bash", "bash-completion/completions/veerd"),
    ("bash/veerctl.bash", "bash-completion/completions/veerctl"),
    ("zsh/_veerd", "zsh/vendor-completions/_veerd"),
    ("zsh/_veerctl", "zsh/vendor-completions/_veerctl"),
    ("fish/veerd.fish", "fish/vendor_completions.d/veerd.fish"),
    (
        "fish/veerctl.fish",
        "fish/vendor_completions.d/veerctl.fish",
    ),
];

/// Configuration that is an operator's from the moment that it is there.
pub(super) fn configuration() -> impl Iterator<Item = &'static str> {
    let files = DIST.iter().map(|(_, path, _)| *path);
    files.filter(|path| path.starts_with("etc/"))
}

/// Makes the tree at `root`, of `parts`.
pub(super) fn make(parts: Parts, root: &Path) -> Result<()> {
    emptied(root)?;
    for (name, path) in [("veerd", "usr/sbin/veerd"), ("veerctl", "usr/bin/veerctl")] {
        let program = install(&parts.binaries.join(name), root, path, PROGRAM)?;
        // The names of functions stay, for whoever looks at it at work.
        run_command(Command::new("strip").arg("--strip-debug").arg(program))?;
    }
    let dist = cargo::root().join("dns-userspace/dist");
    for (name, path, mode) in DIST {
        install(&dist.join(name), root, path, *mode)?;
    }
    for directory in DIRECTORIES {
        make_directory(&root.join(directory))?;
    }
    let completions = parts.pages.join("completions");
    for (name, path) in COMPLETIONS {
        let path = format!("usr/share/{path}");
        install(&completions.join(name), root, &path, FILE)?;
    }
    pages(&parts.pages.join("man"), root)?;
    install(
        &cargo::root().join("LICENSE"),
        root,
        "usr/share/doc/veer/copyright",
        FILE,
    )?;
    let readme = cargo::root().join("README.md");
    compress(&install(
        &readme,
        root,
        "usr/share/doc/veer/README.md",
        FILE,
    )?)
}

/// Manual pages, by section.
fn pages(from: &Path, root: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let page = entry?.path();
        let (Some(name), Some(section)) = (page.file_name(), page.extension()) else {
            continue;
        };
        let (name, section) = (name.display(), section.display());
        let path = format!("usr/share/man/man{section}/{name}");
        compress(&install(&page, root, &path, FILE)?)?;
    }
    Ok(())
}

/// Copies a file to `path` below `root`; returns where that is.
fn install(from: &Path, root: &Path, path: &str, mode: u32) -> Result<PathBuf> {
    let to = root.join(path);
    make_directory(to.parent().unwrap_or(root))?;
    fs::copy(from, &to)
        .and_then(|_| fs::set_permissions(&to, fs::Permissions::from_mode(mode)))
        .with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    Ok(to)
}

/// Directories as they are on any system, whatever the umask.
fn make_directory(path: &Path) -> Result<()> {
    run_command(Command::new("install").args(["-d", "-m", "0755"]).arg(path))
}

/// Compresses a file without its name and time, which would differ from build to build.
fn compress(file: &Path) -> Result<()> {
    run_command(Command::new("gzip").args(["-9", "-n", "-f"]).arg(file))
}
