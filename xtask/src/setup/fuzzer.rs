//! cargo-fuzz, built into a directory of the user's cache.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use super::{cache, packages};
use crate::{cargo, progress};

const VERSION: &str = "0.13.2";

/// The cargo-fuzz of this machine, and the C++ compiler that libFuzzer needs; each
/// installed first where it is missing.
pub fn fuzzer() -> Result<PathBuf> {
    if !runs(Command::new("c++")) {
        packages::install(&["g++"], "libFuzzer is compiled from C++")?;
    }
    let dir = cache()?.join(format!("cargo-fuzz-{VERSION}"));
    let fuzzer = dir.join("bin/cargo-fuzz");
    if !runs(Command::new(&fuzzer)) {
        let mut command = cargo::workspace();
        command
            .args(["install", "cargo-fuzz", "--version", VERSION, "--locked"])
            .arg("--root")
            .arg(&dir);
        progress::run(&format!("Building cargo-fuzz {VERSION}"), command)
            .context("no cargo-fuzz")?;
    }
    Ok(fuzzer)
}

/// Whether the program is there and runs.
fn runs(mut program: Command) -> bool {
    program
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
