//! The bpf-linker for one LLVM, built into a directory of the user's cache.
//!
//! One from PATH is not used: it does not say which LLVM it is for, and bitcode
//! of a newer LLVM than its own fails in ways that name no version.

use std::{
    fs,
    fs::File,
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use super::{cache, compiler::Compiler, packages};
use crate::{cargo, progress};

const VERSION: &str = "0.13.0";
/// The LLVM versions that this bpf-linker can be built for.
const LLVM: RangeInclusive<u32> = 21..=23;

/// The linker for LLVM `llvm`, if it is installed and runs: it stops to when
/// the system's LLVM library is taken away.
pub(super) fn find(llvm: u32) -> Result<Option<PathBuf>> {
    let linker = install_dir(llvm)?.join("bin/bpf-linker");
    let runs = Command::new(&linker)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    Ok(runs.then_some(linker))
}

/// Whether a linker for this compiler's LLVM is to be had here.
pub(super) fn can_be_built(compiler: &Compiler) -> bool {
    LLVM.contains(&compiler.llvm)
        && (llvm_prefix(compiler.llvm).is_some()
            || packages::are_known(&packages_for(compiler.llvm)))
}

/// Builds the linker for a compiler's LLVM, and what it links against is installed first.
pub(super) fn install(compiler: &Compiler) -> Result<PathBuf> {
    let llvm = compiler.llvm;
    if !LLVM.contains(&llvm) {
        bail!(
            "bpf-linker {VERSION} is for LLVM {} to {}, and {} has LLVM {llvm}",
            LLVM.start(),
            LLVM.end(),
            compiler.rustc().display()
        );
    }
    let dir = install_dir(llvm)?;
    let parent = dir.parent().context("the cache directory has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    let lock = parent.join("lock");
    let lock = File::create(&lock).with_context(|| format!("create {}", lock.display()))?;
    lock.lock().context("wait for another setup")?;
    if let Some(linker) = find(llvm)? {
        return Ok(linker);
    }

    let packages = packages_for(llvm);
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    if llvm_prefix(llvm).is_none() || packages::are_known(&packages) {
        let why = format!("bpf-linker is built against LLVM {llvm}");
        packages::install(&packages, &why)?;
    }
    let prefix = llvm_prefix(llvm)
        .with_context(|| format!("no llvm-config for LLVM {llvm} after its installation"))?;

    // Cargo may be stopped half way: what has the final name is whole.
    let new = parent.join("new");
    remove(&new)?;
    let mut command = cargo::foreign(&compiler.cargo(), &compiler.rustc());
    command
        .current_dir(parent)
        .args(["install", "bpf-linker", "--version", VERSION, "--locked"])
        .args(["--no-default-features", "--features"])
        .arg(format!("llvm-{llvm}"))
        .arg("--root")
        .arg(&new)
        .env("LLVM_PREFIX", prefix);
    progress::run(
        &format!("Building bpf-linker {VERSION} for LLVM {llvm}"),
        command,
    )?;
    remove(&dir)?;
    fs::rename(&new, &dir)
        .with_context(|| format!("rename {} to {}", new.display(), dir.display()))?;
    find(llvm)?.with_context(|| format!("{}: does not run", dir.display()))
}

/// What the linker's build needs on Debian: LLVM, the libraries LLVM names, and C++'s.
fn packages_for(llvm: u32) -> [String; 5] {
    [
        format!("llvm-{llvm}-dev"),
        format!("libpolly-{llvm}-dev"),
        "zlib1g-dev".into(),
        "libzstd-dev".into(),
        "g++".into(),
    ]
}

/// Where LLVM `llvm`'s development files are installed.
fn llvm_prefix(llvm: u32) -> Option<PathBuf> {
    [
        format!("/usr/lib/llvm-{llvm}/bin/llvm-config"),
        format!("llvm-config-{llvm}"),
        "llvm-config".into(),
    ]
    .iter()
    .find_map(|config| {
        let ask = |what| {
            let output = Command::new(config).arg(what).output().ok()?;
            Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
        };
        let major = ask("--version")?.split('.').next()?.parse::<u32>().ok()?;
        let prefix = PathBuf::from(ask("--prefix")?);
        (major == llvm && prefix.is_dir()).then_some(prefix)
    })
}

fn install_dir(llvm: u32) -> Result<PathBuf> {
    Ok(cache()?.join(format!("bpf-linker-{VERSION}-llvm-{llvm}")))
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}
