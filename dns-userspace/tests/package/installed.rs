//! A system that the package is installed on.

use std::{path::Path, process::Output, sync::OnceLock};

use serde_json::Value;
use xtask::{
    lab::Machine,
    package::{self, Effort, Parts},
    pages,
};

use crate::support::{eventually, world::World};

/// A system, and packages that it can install.
pub(crate) struct Installed {
    machine: Machine,
    /// The package, as the system sees it.
    pub(crate) old: String,
    /// One of a higher version.
    pub(crate) new: String,
}

impl Installed {
    /// A system that was just started.
    #[track_caller]
    pub(crate) fn new(world: &World) -> Self {
        static MADE: OnceLock<[String; 2]> = OnceLock::new();
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        let [old, new] = MADE.get_or_init(|| make(&shared)).clone();
        match Machine::boot(&world.lab, &world.dns, &shared) {
            Ok(machine) => Self { machine, old, new },
            Err(error) => panic!("{error:#}"),
        }
    }

    /// What `script` prints, which must succeed.
    #[track_caller]
    pub(crate) fn machine(&self, script: &str) -> String {
        let (succeeded, said) = self.shell(script);
        assert!(succeeded, "{script}: {said}");
        said
    }

    /// Whether `script` succeeds, and what it prints.
    #[track_caller]
    pub(crate) fn shell(&self, script: &str) -> (bool, String) {
        let output = self.machine.try_run("sh", &["-c", script]);
        let output = output.expect("sh runs");
        (output.status.success(), said(&output))
    }

    /// `dpkg`, which must succeed; what it and the package's scripts said.
    #[track_caller]
    pub(crate) fn dpkg(&self, args: &[&str]) -> String {
        let output = self.machine.try_run("dpkg", args).expect("dpkg runs");
        let said = said(&output);
        assert!(output.status.success(), "dpkg {args:?}: {said}");
        said
    }

    /// `systemctl`, which must succeed; what the unit said where it did not.
    #[track_caller]
    pub(crate) fn systemctl(&self, args: &[&str]) {
        let output = self.try_systemctl(args);
        if !output.status.success() {
            let (_, journal) = self.shell("journalctl --no-pager --lines 60");
            panic!("systemctl {args:?}: {}\n{journal}", said(&output));
        }
    }

    /// `systemctl`, however it ends.
    #[track_caller]
    pub(crate) fn try_systemctl(&self, args: &[&str]) -> Output {
        self.machine.try_run("systemctl", args).expect("it runs")
    }

    /// A property of the unit.
    #[track_caller]
    pub(crate) fn show(&self, property: &str) -> String {
        let script = format!("systemctl show --value --property {property} veer");
        self.machine(&script).trim().to_owned()
    }

    /// Waits until the daemon answers.
    #[track_caller]
    pub(crate) fn is_active(&self) {
        eventually("veer.service is active", || {
            (self.show("ActiveState") == "active").then_some(())
        });
    }

    /// Waits until another process than `before` answers.
    #[track_caller]
    pub(crate) fn comes_back_after(&self, before: &str) {
        eventually("veerd is started again", || {
            // In one answer: between two a daemon may have died.
            let shown = self.machine("systemctl show --property ActiveState,MainPID veer");
            let has = |line: &str| shown.lines().any(|shown| shown == line);
            let is_old = has("MainPID=0") || has(&format!("MainPID={before}"));
            (has("ActiveState=active") && !is_old).then_some(())
        });
    }

    /// `veerctl --json`, as root.
    #[track_caller]
    pub(crate) fn veerctl(&self, args: &[&str]) -> Value {
        let script = format!("veerctl --json {}", args.join(" "));
        let said = self.machine(&script);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{script}: {error}: {said}"))
    }

    /// Writes a file of the configuration.
    #[track_caller]
    pub(crate) fn write(&self, file: &str, text: &str) {
        self.machine(&format!("cat > /etc/veer/{file} <<'EOF'\n{text}EOF\n"));
    }

    /// Has the daemon, once started anew, be taken for dead when it is silent for so long.
    #[track_caller]
    pub(crate) fn watch(&self, seconds: u32) {
        self.machine(&format!(
            "mkdir -p /run/systemd/system/veer.service.d && cd /run/systemd/system/veer.service.d \
             && printf '[Service]\\nWatchdogSec={seconds}\\n' > watchdog.conf \
             && systemctl daemon-reload"
        ));
    }

    /// Removes a file of the configuration.
    #[track_caller]
    pub(crate) fn remove(&self, file: &str) {
        self.machine(&format!("rm /etc/veer/{file}"));
    }
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

/// Packages of two versions in `directory`; their paths, as the system sees them.
fn make(directory: &Path) -> [String; 2] {
    let veerd = Path::new(env!("CARGO_BIN_EXE_veerd"));
    let pages = pages::make(&["--check"]).expect("pages are made");
    ["1.0", "1.1"].map(|version| {
        let parts = Parts {
            binaries: veerd.parent().expect("veerd is in a directory"),
            pages: &pages,
            version,
        };
        let package = package::debian(parts, directory, Effort::Quickest).expect("a package");
        let name = package.file_name().expect("a package is a file");
        format!("/shared/{}", name.display())
    })
}
