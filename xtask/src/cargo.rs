//! Where the workspace is, and how to call its cargo from inside cargo.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// The workspace's root directory.
///
/// # Panics
/// Never: this crate is a directory below the root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace's root")
}

/// The workspace's target directory, as cargo's configuration and environment have it.
pub fn target_dir() -> Result<PathBuf> {
    let output = workspace()
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .arg("--manifest-path")
        .arg(root().join("Cargo.toml"))
        .output()
        .context("run cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("parse cargo metadata")?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .context("cargo metadata has no target_directory")
}

/// The cargo that runs us, with the environment it would have in a shell.
///
/// What `cargo run` and `cargo test` add to their children would otherwise
/// count as a change to build scripts that watch it, and rebuild them.
pub fn workspace() -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    remove_env(&mut command, |name| {
        name == "CARGO"
            || name == "LD_LIBRARY_PATH"
            || name == "OUT_DIR"
            || [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    });
    command
}

/// A cargo of another toolchain: it sees where crates come from, and nothing
/// of how this workspace is being built.
pub(crate) fn foreign(cargo: &Path, rustc: &Path) -> Command {
    let mut command = Command::new(cargo);
    remove_env(&mut command, |name| {
        let ours = name.starts_with("CARGO")
            || name.starts_with("RUST")
            || name == "LD_LIBRARY_PATH"
            || name.starts_with("__CARGO");
        let kept = [
            "CARGO_HOME",
            "CARGO_HTTP_",
            "CARGO_NET_",
            "CARGO_REGISTR",
            "CARGO_SOURCE_",
            "CARGO_TERM_",
            "CARGO_BUILD_JOBS",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix));
        ours && !kept
    });
    command.env("RUSTC", rustc);
    command
}

/// Cargo's own directory: registry sources are below it.
pub(crate) fn home() -> Result<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(user_home()?.join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set")
}

/// Where rustup keeps its toolchains, if this user has rustup.
pub(crate) fn rustup_home() -> Option<PathBuf> {
    env::var_os("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(user_home()?.join(".rustup")))
        .filter(|home| home.is_dir())
}

/// The user's home directory.
pub(crate) fn user_home() -> Option<PathBuf> {
    env::var_os("HOME").map(PathBuf::from)
}

fn remove_env(command: &mut Command, remove: impl Fn(&str) -> bool) {
    let names = env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name: &OsString| name.to_str().is_some_and(&remove)) {
        command.env_remove::<&OsStr>(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removes(command: &Command, name: &str) -> bool {
        command
            .get_envs()
            .any(|(key, value)| key == name && value.is_none())
    }

    #[test]
    fn the_target_directory_is_where_this_test_runs() {
        let test = env::current_exe().expect("a test has a path");
        assert!(test.starts_with(target_dir().expect("cargo answers")));
    }

    #[test]
    fn what_cargo_test_sets_does_not_reach_a_cargo() {
        // Cargo has set it for this test, so it is there to be removed.
        assert!(env::var_os("CARGO_PKG_NAME").is_some());
        let foreign = foreign(Path::new("cargo"), Path::new("/usr/bin/rustc"));
        for command in [workspace(), foreign] {
            assert!(removes(&command, "CARGO_PKG_NAME"));
            assert!(removes(&command, "CARGO_MANIFEST_DIR"));
        }
    }

    #[test]
    fn where_crates_come_from_reaches_a_foreign_cargo() {
        let foreign = foreign(Path::new("cargo"), Path::new("/usr/bin/rustc"));
        for kept in [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_BUILD_JOBS",
            "PATH",
        ] {
            assert!(!removes(&foreign, kept));
        }
    }
}
