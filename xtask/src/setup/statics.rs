//! What static programs are built with: the C library musl, and the standard library for it.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::packages;
use crate::progress;

/// The target whose programs need no library.
pub const STATIC_TARGET: &str = "x86_64-unknown-linux-musl";

/// Makes sure that programs can be built for [`STATIC_TARGET`]; installs what is missing.
pub fn static_target() -> Result<()> {
    packages::install(
        &["musl-tools"],
        "static programs are built with musl-gcc, which is missing",
    )?;
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", STATIC_TARGET]);
    progress::run(
        &format!("Installing the standard library for {STATIC_TARGET}"),
        rustup,
    )
    .context("no standard library for static programs")
}
