//! Manual pages and completions, which are made from the commands themselves.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::cargo;

/// Makes them in `pages` in the target directory, which is returned, and the table of tunables
/// in README.md, with `options` for who makes them. The XDP programs must be built.
pub fn make(options: &[&str]) -> Result<PathBuf> {
    let directory = cargo::target_dir()?.join("pages");
    if directory.exists() {
        // Of commands that are gone.
        fs::remove_dir_all(&directory)
            .with_context(|| format!("remove {}", directory.display()))?;
    }
    let mut command = cargo::workspace();
    command.current_dir(cargo::root());
    command.args(["run", "--quiet", "--package", "dns-userspace"]);
    command.args(["--example", "pages", "--"]);
    command.arg(&directory).arg("README.md").args(options);
    let status = command.status().context("run cargo")?;
    if !status.success() {
        bail!("making pages: {status}");
    }
    Ok(directory)
}
