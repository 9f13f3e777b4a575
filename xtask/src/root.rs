//! Namespaces, XDP and packages need root.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, IsTerminal as _},
    os::unix::process::CommandExt as _,
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{cargo, ebpf};

/// Whether this process runs as root.
pub fn is_root() -> bool {
    // SAFETY: it takes nothing, cannot fail and touches no memory.
    unsafe { libc::geteuid() == 0 }
}

/// Returns if this process is root; else runs this same command line through
/// sudo in its place. `what` says for the reader what needs it.
///
/// Root builds in a directory of its own below the target directory, so that
/// it leaves no file behind that the user's next build could not replace.
pub fn require(what: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    eprintln!("{what} needs root, for network namespaces and BPF: asking sudo");
    let mut command = Command::new("sudo");
    command.arg("--set-home");
    if !io::stdin().is_terminal() {
        command.arg("--non-interactive");
    }
    command.args(["--", "env"]);
    for (name, value) in environment()? {
        command.arg(
            [OsStr::new(name), OsStr::new("="), &value]
                .into_iter()
                .collect::<OsString>(),
        );
    }
    command.arg(env::current_exe().context("find our own program")?);
    command.args(env::args_os().skip(1));
    Err(command.exec()).context("run sudo; without it, run this as root")
}

/// What the same build needs under another user.
fn environment() -> Result<Vec<(&'static str, OsString)>> {
    let target_dir = cargo::target_dir()?.join("root");
    let mut variables = vec![("CARGO_TARGET_DIR", target_dir.into())];
    // Cargo's stand-ins in PATH look for compilers here, and else in root's home.
    if let Some(home) = cargo::rustup_home() {
        variables.push(("RUSTUP_HOME", home.into()));
    }
    for name in [
        "PATH",
        "CARGO",
        "RUSTUP_TOOLCHAIN",
        ebpf::OBJECTS_VARIABLE,
        "CI",
        "TERM",
    ] {
        variables.extend(env::var_os(name).map(|value| (name, value)));
    }
    Ok(variables)
}
