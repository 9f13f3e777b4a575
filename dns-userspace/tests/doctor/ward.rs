//! A sound world, the doctor in it, and a fault that comes and goes.

use std::{
    env,
    path::Path,
    process::{Command, Output},
    thread,
};

use serde_json::Value;
use xtask::setup::Tool;

use crate::support::{
    config::Config,
    eventually, text,
    world::{INTERFACE, World},
};

/// How bad a finding is, in order.
const SEVERITIES: [&str; 4] = ["ok", "note", "warn", "error"];
const NOTE: usize = 1;

/// A world that the doctor finds nothing in, and a configuration for it.
pub(crate) struct Ward {
    pub(crate) world: World,
    pub(crate) config: Config,
}

/// What the doctor found.
#[derive(Clone, Debug)]
pub(crate) struct Found(Value);

impl Ward {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let config = world.config("veer", &[]);
        let ward = Self { world, config };
        ward.tune(INTERFACE);
        ward
    }

    /// Has an interface of the world as the doctor would have it.
    pub(crate) fn tune(&self, interface: &str) {
        let cpus = thread::available_parallelism().expect("there are CPUs");
        // A veth has as many queues as it can from the start where that is one.
        if cpus.get() > 1 {
            self.ethtool(&["-L", interface, "rx", &cpus.to_string()]);
        }
        self.ethtool(&["-K", interface, "rxvlan", "off"]);
    }

    pub(crate) fn ethtool(&self, args: &[&str]) {
        let mut command = self.world.dns.enter(Tool::Ethtool.command());
        succeeds(command.args(args));
    }

    pub(crate) fn ip(&self, args: &[&str]) {
        self.world.dns.ip(args).expect("ip does it");
    }

    /// `veerctl --json doctor`, as `starter` runs it.
    pub(crate) fn examine_by(&self, starter: &[&str]) -> Found {
        let veerctl = self.config.control.command();
        self.examine(veerctl.get_program().as_ref(), starter)
    }

    /// The same by the `veerctl` at `program`.
    pub(crate) fn examine(&self, program: &Path, starter: &[&str]) -> Found {
        let program = program.to_str().expect("UTF-8");
        let mut words = starter.iter().copied().chain([program]);
        let mut command = self.world.dns.command(words.next().expect("one at least"));
        command
            .args(words)
            .arg("--config")
            .arg(self.config.dir.path());
        let output = command.args(["--json", "doctor"]).output();
        let Output {
            status,
            stdout,
            stderr,
        } = output.expect("veerctl runs");
        let found = serde_json::from_slice(&stdout);
        let found = found.unwrap_or_else(|error| {
            panic!("{error}: {status}: {}", String::from_utf8_lossy(&stderr))
        });
        let found = Found(found);
        let expected = found.worst().saturating_sub(NOTE);
        assert_eq!(status.code(), i32::try_from(expected).ok(), "{found:#?}");
        found
    }

    /// Runs what the doctor said, as an operator does.
    pub(crate) fn mend(&self, command: &str, starter: &[&str]) {
        let shell = ["sh", "-ec", command];
        let mut words = starter.iter().copied().chain(shell);
        let mut mending = self.world.dns.command(words.next().expect("one at least"));
        let binaries = Path::new(env!("CARGO_BIN_EXE_veerctl")).parent();
        let path = env::var("PATH").unwrap_or_default();
        let path = format!(
            "{}:/usr/sbin:/sbin:{path}",
            binaries.expect("a directory").display()
        );
        succeeds(mending.args(words).env("PATH", path));
    }

    /// That `fault`, planted in this sound world, is found by `check` alone, and found no
    /// more once what that said was run. What it said is found, and the command.
    #[track_caller]
    pub(crate) fn finds(&self, check: &str, severity: &str, fault: impl FnOnce()) -> [String; 2] {
        self.finds_by(&[], check, severity, fault)
    }

    /// The same with all commands run by `starter`.
    #[track_caller]
    pub(crate) fn finds_by(
        &self,
        starter: &[&str],
        check: &str,
        severity: &str,
        fault: impl FnOnce(),
    ) -> [String; 2] {
        let before = self.examine_by(starter);
        assert_eq!(before.above_notes(), [""; 0], "{before:#?}");
        assert_eq!(before.severity_of(check), "ok", "{before:#?}");
        fault();
        let found = eventually(&format!("{check} is found"), || {
            let found = self.examine_by(starter);
            (found.severity_of(check) == severity).then_some(found)
        });
        let above = if severity == "note" {
            vec![]
        } else {
            vec![check]
        };
        assert_eq!(found.above_notes(), above, "{found:#?}");
        let [said, command] = ["found", "command"].map(|key| found.of(check, key));
        assert!(!command.is_empty(), "{found:#?}");
        self.mend(&command, starter);
        eventually(&format!("{command} mends {check}"), || {
            let after = self.examine_by(starter);
            (after.above_notes().is_empty() && after.severity_of(check) == "ok").then_some(())
        });
        [said, command]
    }
}

impl Found {
    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.0["findings"].as_array().into_iter().flatten()
    }

    fn worst(&self) -> usize {
        rank(text(&self.0, "severity"))
    }

    /// The checks that found anything above a note.
    pub(crate) fn above_notes(&self) -> Vec<&str> {
        let above = self
            .findings()
            .filter(|finding| rank(text(finding, "severity")) > NOTE);
        above.map(|finding| text(finding, "check")).collect()
    }

    /// The worst that `check` found; empty where it is not there.
    pub(crate) fn severity_of(&self, check: &str) -> &str {
        let of = self.findings().filter(|it| text(it, "check") == check);
        let severities = of.map(|finding| text(finding, "severity"));
        severities
            .max_by_key(|severity| rank(severity))
            .unwrap_or_default()
    }

    /// What the worst finding of `check` says at `key`.
    pub(crate) fn of(&self, check: &str, key: &str) -> String {
        let of = self.findings().filter(|it| text(it, "check") == check);
        let worst = of.max_by_key(|finding| rank(text(finding, "severity")));
        worst.map_or("", |finding| text(finding, key)).to_owned()
    }
}

#[track_caller]
fn rank(severity: &str) -> usize {
    let rank = SEVERITIES.iter().position(|known| *known == severity);
    rank.unwrap_or_else(|| panic!("severity {severity}"))
}

#[track_caller]
pub(crate) fn succeeds(command: &mut Command) {
    let output = command.output().expect("it runs");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
