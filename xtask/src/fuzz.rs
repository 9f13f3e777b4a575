//! Fuzzing of what reads octets from the network: the targets of
//! `dns-common/fuzz`, run by cargo-fuzz.

use std::{env, fs, process::Command};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::{cargo, setup};

/// Longest input, octets: a little more than the fast path reads.
const INPUT_MAX: usize = 2100;

/// A fuzz target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// A whole query
    Ask,
    /// The options of an OPT record
    Edns,
    /// From a query to its reply, over a zone with one of everything
    Respond,
    /// Server cookies
    Cookie,
}

impl Target {
    /// The name of its program, and of the directories of its inputs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Edns => "edns",
            Self::Respond => "respond",
            Self::Cookie => "cookie",
        }
    }
}

/// The command that runs `target` for `seconds`; cargo-fuzz is installed first
/// where it is missing. It fails with the first input that does, and says which
/// file has it.
///
/// It starts from the inputs that are kept as tests, and from what it found itself
/// in earlier runs.
pub fn command(target: Target, seconds: u64) -> Result<Command> {
    let fuzzer = setup::fuzzer()?;
    let name = target.name();
    let package = cargo::root().join("dns-common");
    let corpus = package.join("fuzz/corpus").join(name);
    fs::create_dir_all(&corpus).with_context(|| format!("create {}", corpus.display()))?;
    // Cargo looks for its subcommands in PATH.
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs = fuzzer.parent().map(Into::into);
    let path = env::join_paths(dirs.into_iter().chain(env::split_paths(&path)))
        .context("add cargo-fuzz to PATH")?;
    let mut command = cargo::workspace();
    command
        .current_dir(&package)
        .env("PATH", path)
        // A stable compiler takes the sanitizers' flags all the same.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", cargo::target_dir()?.join("fuzz"))
        .args(["fuzz", "run", name])
        .arg(corpus)
        .arg(package.join("tests/fuzz_regressions").join(name))
        .arg("--")
        .arg(format!("-max_len={INPUT_MAX}"))
        .arg(format!("-max_total_time={seconds}"));
    Ok(command)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_target_has_its_program_and_the_inputs_it_starts_from() {
        let names = |dir: &str| -> BTreeSet<String> {
            let entries = fs::read_dir(cargo::root().join(dir)).expect("a directory");
            let name = |entry: fs::DirEntry| entry.path().file_stem().map(Into::into);
            entries
                .filter_map(|entry| name(entry.expect("an entry")))
                .map(|name: std::ffi::OsString| name.into_string().expect("ASCII"))
                .collect()
        };
        let targets: BTreeSet<String> = Target::value_variants()
            .iter()
            .map(|target| target.name().into())
            .collect();
        assert_eq!(names("dns-common/fuzz/fuzz_targets"), targets);
        assert_eq!(names("dns-common/tests/fuzz_regressions"), targets);
    }
}
