//! The Debian package: the tree, and what dpkg is told of it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Parts, emptied, epoch, output, run_command, tree};
use crate::{cargo, setup::Tool};

/// Scripts that dpkg runs, in `dns-userspace/dist/debian`.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Debian's name of what this is built for.
const ARCHITECTURE: &str = "amd64";

/// How hard to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// As small as it gets.
    Smallest,
    /// As quick as it gets, for a package that is thrown away.
    Quickest,
}

/// Makes the package of `parts` in `directory`; returns its path.
pub fn debian(parts: Parts, directory: &Path, effort: Effort) -> Result<PathBuf> {
    let version = parts.version;
    let name = format!("veer_{version}_{ARCHITECTURE}");
    let root = directory.join(&name);
    tree::make(parts, &root)?;
    let sums = sums(&root)?;
    let about = root.join("DEBIAN");
    emptied(&about)?;
    let text = control(&root, version)?;
    fs::set_permissions(&about, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("chmod {}", about.display()))?;
    let paths = tree::configuration().map(|path| format!("/{path}"));
    let conffiles = paths.collect::<Vec<_>>().join("\n") + "\n";
    for (file, text) in [
        ("control", text),
        ("md5sums", sums),
        ("conffiles", conffiles),
    ] {
        write(&about.join(file), &text, 0o644)?;
    }
    let scripts = cargo::root().join("dns-userspace/dist/debian");
    for script in SCRIPTS {
        let from = scripts.join(script);
        let text = fs::read_to_string(&from).with_context(|| format!("read {}", from.display()))?;
        write(&about.join(script), &text, 0o755)?;
    }
    let package = directory.join(format!("{name}.deb"));
    let mut command = Command::new("dpkg-deb");
    command.env("SOURCE_DATE_EPOCH", epoch().to_string());
    command.args(["--root-owner-group", "--build"]);
    command.args(match effort {
        Effort::Smallest => ["-Zxz", "-z6"],
        Effort::Quickest => ["-Znone", "-z0"],
    });
    run_command(command.arg(&root).arg(&package))?;
    Ok(package)
}

fn control(root: &Path, version: &str) -> Result<String> {
    let depends = libraries(root)?;
    let size = output(
        Command::new("du")
            .args(["-sk", "--apparent-size"])
            .arg(root),
    )?;
    let size = size.split_whitespace().next().unwrap_or("0");
    // Older ones do not know all that the unit says.
    Ok(format!(
        "Package: veer\n\
         Version: {version}\n\
         Architecture: {ARCHITECTURE}\n\
         Maintainer: The veer developers <veer@localhost>\n\
         Installed-Size: {size}\n\
         Depends: {depends}, systemd (>= 247)\n\
         Section: net\n\
         Priority: optional\n\
         Description: DNS responder in the kernel, and traffic director\n \
         An XDP program answers hot DNS queries straight from BPF maps of precomputed,\n \
         per-resolver decisions. The daemon veerd probes the servers behind each name,\n \
         decides where each group of resolvers should go, rewrites those maps, and\n \
         answers everything else itself, as a complete authoritative server.\n"
    ))
}

/// The packages of the libraries that the programs were linked with, as dpkg-shlibdeps
/// finds them.
fn libraries(root: &Path) -> Result<String> {
    // It asks for a source package around it.
    let source = root.with_extension("source");
    emptied(&source.join("debian"))?;
    write(&source.join("debian/control"), "Source: veer\n", 0o644)?;
    let mut command = Tool::Shlibdeps.command();
    command.current_dir(&source).arg("-O");
    for program in ["usr/sbin/veerd", "usr/bin/veerctl"] {
        command.arg(format!("-e{}", root.join(program).display()));
    }
    let found = output(&mut command)?;
    fs::remove_dir_all(&source).with_context(|| format!("remove {}", source.display()))?;
    let depends = found
        .lines()
        .find_map(|line| line.strip_prefix("shlibs:Depends="));
    depends
        .map(str::to_owned)
        .with_context(|| format!("dpkg-shlibdeps printed {found:?}"))
}

/// Of every file but the configuration, which is an operator's.
fn sums(root: &Path) -> Result<String> {
    let mut find = Command::new("find");
    find.current_dir(root)
        .args(["usr", "-type", "f", "-exec", "md5sum", "{}", "+"]);
    let mut lines: Vec<_> = output(&mut find)?.lines().map(str::to_owned).collect();
    lines.sort_by(|one, other| one[32..].cmp(&other[32..]));
    Ok(lines.join("\n") + "\n")
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .with_context(|| format!("write {}", path.display()))
}
