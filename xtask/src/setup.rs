//! Finds what the eBPF build needs, and installs what is missing: a Rust
//! compiler with the standard library's source, and a bpf-linker made for that
//! compiler's LLVM.

mod compiler;
mod fuzzer;
mod linker;
mod packages;
mod statics;
mod tools;

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use self::compiler::Compiler;
pub use self::{
    fuzzer::fuzzer,
    statics::{STATIC_TARGET, static_target},
    tools::{Tool, tools},
};
use crate::cargo;

/// A compiler and its linker for eBPF, both usable.
#[derive(Debug)]
pub struct Toolchain {
    compiler: Compiler,
    linker: PathBuf,
}

impl Toolchain {
    /// The compiler.
    pub fn rustc(&self) -> PathBuf {
        self.compiler.rustc()
    }

    /// The cargo of the same release.
    pub fn cargo(&self) -> PathBuf {
        self.compiler.cargo()
    }

    /// The directory of the standard library's source, as rustc is told of it.
    pub fn source(&self) -> PathBuf {
        self.compiler.source()
    }

    /// The bpf-linker.
    pub fn linker(&self) -> &Path {
        &self.linker
    }

    /// One line that says what the toolchain is made of.
    pub fn description(&self) -> String {
        format!(
            "{} (rustc {}, LLVM {}), {}",
            self.rustc().display(),
            self.compiler.release,
            self.compiler.llvm,
            self.linker.display()
        )
    }
}

/// The eBPF toolchain of this machine; installed first where it is missing.
pub fn toolchain() -> Result<Toolchain> {
    let compilers = compiler::find();
    for compiler in &compilers {
        if let Some(linker) = linker::find(compiler.llvm)? {
            let compiler = compiler.clone();
            return Ok(Toolchain { compiler, linker });
        }
    }

    let compiler = match compilers.into_iter().find(linker::can_be_built) {
        Some(compiler) => compiler,
        None => compiler::install()?,
    };
    let linker = linker::install(&compiler)
        .with_context(|| format!("no bpf-linker for {}", compiler.rustc().display()))?;
    Ok(Toolchain { compiler, linker })
}

/// Where what is built here for later is kept.
fn cache() -> Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(cargo::user_home()?.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(cache.join("veer"))
}
