//! A Rust compiler that can build `core` for a new target: one with its library's source.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use super::packages;
use crate::cargo;

/// Debian's newest rustc, its library's source and its cargo.
const PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "cargo-web"];

/// A compiler, its cargo and its library's source, all below one sysroot.
#[derive(Clone, Debug)]
pub(super) struct Compiler {
    sysroot: PathBuf,
    /// Such as `1.96.0`.
    pub(super) release: String,
    /// Major version of the LLVM whose bitcode it writes.
    pub(super) llvm: u32,
}

impl Compiler {
    pub(super) fn rustc(&self) -> PathBuf {
        self.sysroot.join("bin/rustc")
    }

    pub(super) fn cargo(&self) -> PathBuf {
        self.sysroot.join("bin/cargo")
    }

    pub(super) fn source(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust")
    }

    /// The compiler below `sysroot`, if it is whole and new enough.
    fn at(sysroot: PathBuf) -> Option<Self> {
        let mut compiler = Self {
            sysroot,
            release: String::new(),
            llvm: 0,
        };
        if !compiler.source().join("library/core/src/lib.rs").is_file()
            || !compiler.cargo().is_file()
        {
            return None;
        }
        let output = Command::new(compiler.rustc()).arg("-vV").output().ok()?;
        let (release, llvm) = parse_version(&String::from_utf8_lossy(&output.stdout))?;
        compiler.release = release;
        compiler.llvm = llvm;
        is_new_enough(&compiler.release).then_some(compiler)
    }
}

/// The usable compilers of this machine: rustup's, then the system's.
pub(super) fn find() -> Vec<Compiler> {
    let mut sysroots: Vec<PathBuf> = cargo::rustup_home()
        .and_then(|home| fs::read_dir(home.join("toolchains")).ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    // The directory's own order is not an order.
    sysroots.sort_unstable();
    sysroots.extend(["/usr/local".into(), "/usr".into()]);
    sysroots.into_iter().filter_map(Compiler::at).collect()
}

/// Installs the distribution's compiler, or the newer one that it has since.
pub(super) fn install() -> Result<Compiler> {
    const WHY: &str = "the eBPF build needs a Rust compiler with the standard library's source \
                       (with rustup, `rustup component add rust-src` brings it)";
    packages::install(&PACKAGES, WHY)?;
    let installed = || Compiler::at("/usr".into());
    if installed().is_none() {
        // Lists of last year know it too, and name one of last year.
        packages::upgrade(&PACKAGES, WHY)?;
    }
    installed().with_context(|| {
        format!(
            "/usr/bin/rustc: not a Rust ≥ {} with library source, although {} are installed",
            env!("CARGO_PKG_RUST_VERSION"),
            PACKAGES.join(", ")
        )
    })
}

/// Release and LLVM major version from what `rustc -vV` prints.
fn parse_version(text: &str) -> Option<(String, u32)> {
    let value = |key| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
    };
    let llvm = value("LLVM version")?.split('.').next()?.parse().ok()?;
    Some((value("release")?.to_owned(), llvm))
}

/// Whether a release such as `1.97.0-nightly` builds this workspace.
fn is_new_enough(release: &str) -> bool {
    let minor = |version: &str| -> Option<(u32, u32)> {
        let mut numbers = version.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    minor(release) >= minor(env!("CARGO_PKG_RUST_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_and_llvm_come_from_rustc() {
        let text = "rustc 1.96.0 (ac68faa20 2026-05-25)\nhost: x86_64-unknown-linux-gnu\n\
                    release: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(parse_version(text), Some(("1.96.0".into(), 22)));
    }

    #[test]
    fn a_compiler_without_llvm_is_none() {
        assert_eq!(parse_version("release: 1.96.0\n"), None);
    }

    #[test]
    fn old_compilers_are_not_new_enough() {
        assert!(!is_new_enough("1.63.0"));
        assert!(!is_new_enough("unknown"));
        assert!(is_new_enough(env!("CARGO_PKG_RUST_VERSION")));
        assert!(is_new_enough("1.100.0-nightly"));
        assert!(is_new_enough("2.0.0"));
    }
}
