//! Packages: one for Debian, and a tarball of static programs for all others.
//!
//! Both are made of the same [`tree`] of files, which is what `/` gets. What Debian wants to
//! know beside it is in [`debian`].

mod debian;
mod tarball;
mod tree;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

pub use self::debian::{Effort, debian};
use crate::{
    cargo, ebpf, pages,
    setup::{self, Tool},
};

/// What packages are made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The directory of `veerd` and `veerctl`.
    pub binaries: &'a Path,
    /// What `cargo xtask pages` made.
    pub pages: &'a Path,
    /// Their version.
    pub version: &'a str,
}

/// Builds everything that packages need, with optimizations or to try it, and both of them, into
/// `package` in the target directory; returns where they are.
pub fn run(is_release: bool) -> Result<Vec<PathBuf>> {
    setup::tools(&[Tool::Shlibdeps])?;
    setup::static_target()?;
    ebpf::build()?;
    let target_dir = cargo::target_dir()?;
    let pages = pages::make(&["--check"])?;
    let directory = target_dir.join("package");
    let version = env!("CARGO_PKG_VERSION");
    let pages = pages.as_path();
    let of = |binaries| Parts {
        binaries,
        pages,
        version,
    };
    let (profile, option) = if is_release {
        ("release", Some("--release"))
    } else {
        ("debug", None)
    };
    build(option.as_slice())?;
    let binaries = target_dir.join(profile);
    let package = debian(of(&binaries), &directory, Effort::Smallest)?;
    let target = ["--target", setup::STATIC_TARGET];
    build(&[&target, option.as_slice()].concat())?;
    let static_binaries = target_dir.join(setup::STATIC_TARGET).join(profile);
    let tarball = tarball::tarball(of(&static_binaries), &directory)?;
    Ok(vec![package, tarball])
}

fn build(options: &[&str]) -> Result<()> {
    let mut command = cargo::workspace();
    command.current_dir(cargo::root());
    command.args(["build", "--locked", "--package", "dns-userspace", "--bins"]);
    run_command(command.args(options))
}

/// An empty directory at `path`, whatever was there.
fn emptied(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("remove {}", path.display()))?;
    }
    fs::create_dir_all(path).with_context(|| format!("mkdir {}", path.display()))
}

/// When the tree that is packed was committed, in seconds since 1970: two packages of one
/// commit are the same. 0 where there is no repository.
fn epoch() -> u64 {
    let output = Command::new("git")
        .current_dir(cargo::root())
        .args(["log", "-1", "--format=%ct"])
        .stderr(Stdio::null())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

fn run_command(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("run {program}"))?;
    if !status.success() {
        let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        bail!("{program} {}: {status}", arguments.join(" "));
    }
    Ok(())
}

/// What `command` prints.
fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().display().to_string();
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("run {program}"))?;
    if !output.status.success() {
        bail!("{program}: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} prints no text"))
}
