//! Where and from what a figure was measured.

use std::{fs, process::Command, thread};

use anyhow::{Context as _, Result};
use serde::Serialize;
use xtask::cargo;

/// The machine and the tree, as reports name them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Facts {
    /// The machine's processors.
    machine: Machine,
    /// The kernel's release.
    kernel: String,
    /// The tree's commit, with `-dirty` if files differ from it; `None` outside git.
    commit: Option<String>,
}

/// The processors.
#[derive(Clone, Debug, Serialize)]
struct Machine {
    /// The model of the first.
    cpu: String,
    /// How many this process may run on.
    cpus: usize,
}

impl Facts {
    /// Of this machine and this workspace.
    pub(crate) fn collect() -> Result<Self> {
        let cpuinfo = read("/proc/cpuinfo")?;
        let cpus = thread::available_parallelism().context("count the processors")?;
        Ok(Self {
            machine: Machine {
                cpu: cpu_model(&cpuinfo).unwrap_or("unknown").to_owned(),
                cpus: cpus.get(),
            },
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            commit: commit(),
        })
    }

    /// One line for a reader.
    pub(crate) fn line(&self) -> String {
        let commit = self.commit.as_deref().unwrap_or("no git");
        let Machine { cpu, cpus } = &self.machine;
        format!("{cpu}, {cpus} CPUs, Linux {}, {commit}", self.kernel)
    }
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {path}"))
}

/// The first processor's name; architectures differ in what they call it.
fn cpu_model(cpuinfo: &str) -> Option<&str> {
    ["model name", "Processor", "CPU part"]
        .iter()
        .find_map(|key| {
            let line = cpuinfo.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.trim())
        })
}

fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(cargo::root());
    git.args([
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
        "--exclude=*",
    ]);
    let output = git.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_processor_is_named() {
        let cpuinfo =
            "processor\t: 0\nmodel name\t: Fast One\n\nprocessor\t: 1\nmodel name\t: Two\n";
        assert_eq!(cpu_model(cpuinfo), Some("Fast One"));
        assert_eq!(cpu_model("processor : 0\n"), None);
    }
}
