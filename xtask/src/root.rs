//! Namespaces, XDP and packages need root.

use std::{
    env,
    io::{self, IsTerminal as _},
    os::unix::process::CommandExt as _,
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::cargo;

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
    if !io::stdin().is_terminal() {
        bail!("{what} needs root: it uses network namespaces and loads BPF programs");
    }
    eprintln!("{what} needs root: asking sudo");
    let mut environment = vec![
        ("PATH", env::var_os("PATH").unwrap_or_default()),
        ("CARGO_TARGET_DIR", cargo::target_dir()?.join("root").into()),
    ];
    // The user's compilers, which cargo's stand-ins in PATH look for in HOME.
    if let Some(home) =
        env::var_os("RUSTUP_HOME").or_else(|| Some(cargo::user_home()?.join(".rustup").into()))
    {
        environment.push(("RUSTUP_HOME", home));
    }
    for name in ["RUSTUP_TOOLCHAIN", "CI", "TERM"] {
        environment.extend(env::var_os(name).map(|value| (name, value)));
    }
    let mut command = Command::new("sudo");
    command.args(["--set-home", "--", "env"]);
    for (name, value) in environment {
        let mut assignment = std::ffi::OsString::from(name);
        assignment.push("=");
        assignment.push(value);
        command.arg(assignment);
    }
    command.arg(env::current_exe().context("find our own program")?);
    command.args(env::args_os().skip(1));
    let error = command.exec();
    Err(error).context("run sudo")
}
