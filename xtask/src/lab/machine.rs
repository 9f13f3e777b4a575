//! A system of its own, with systemd as its first process: Debian in a container that has a
//! lab's namespace for its network.
//!
//! What it writes is in memory and goes with it; the files that it starts from are made once,
//! from the mirror that this host's apt uses, and kept in the target directory.

mod groups;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{Lab, Namespace, Process, namespace::output, process::kill};
use crate::{cargo, progress, setup::Tool};

/// How long a system may take to start.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(50);

/// Beyond what `minbase` has. Their versions are the host's, for which programs are built.
const PACKAGES: &str = "systemd,systemd-sysv,dbus";

/// Where nspawn keeps what it shares with a machine; it leaves the directory behind.
const SHARED: &str = "/run/systemd/nspawn/propagate";

/// Mounts what systemd mounts on a host, where only root may look at it, and in a container does
/// not.
const BPF_UNIT: &str = "bpf-mount.service";
const BPF_MOUNT: &str = "\
[Unit]
DefaultDependencies=no
Before=local-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=mount -t bpf -o mode=0700 bpf /sys/fs/bpf
";

/// How long processes of a machine may take to go with it.
const END: Duration = Duration::from_secs(10);

/// A running system. Dropped, it is gone.
#[derive(Debug)]
pub struct Machine {
    name: String,
    process: Process,
    leader: u32,
    /// Control groups of its own, in which nspawn makes others and leaves them behind.
    groups: Vec<PathBuf>,
    /// One at a time is enough for a machine of any size.
    _alone: File,
}

impl Machine {
    /// Boots one in `namespace`, which sees the files of `shared` at `/shared`; waits until
    /// another one is gone.
    pub fn boot(lab: &Lab, namespace: &Namespace, shared: &Path) -> Result<Self> {
        let directory = cargo::target_dir()?.join("machines");
        let alone = lock(&directory)?;
        let base = base(&directory)?;
        let name = namespace.name().to_owned();
        let mut command = Tool::Nspawn.command();
        command.arg("--directory").arg(base);
        command.args(["--volatile=overlay", "--boot", "--settings=no"]);
        command.args(["--register=no", "--keep-unit", "--link-journal=no"]);
        command.args(["--resolv-conf=off", "--timezone=off"]);
        command.args([
            "--capability=all",
            "--system-call-filter=bpf perf_event_open",
        ]);
        command.arg(format!("--machine={name}"));
        command.arg(format!("--network-namespace-path=/run/netns/{name}"));
        command.arg(format!("--bind-ro={}:/shared", shared.display()));
        let groups = groups::make(&name)?;
        groups::enter(&mut command, &groups)?;
        let mut machine = Self {
            process: lab.spawn(command)?,
            groups,
            name,
            leader: 0,
            _alone: alone,
        };
        let deadline = Instant::now() + PATIENCE;
        while !machine.is_up()? {
            if Instant::now() >= deadline {
                bail!("no system after {PATIENCE:?}: {}", machine.console());
            }
            thread::sleep(POLL);
        }
        Ok(machine)
    }

    /// Runs `program` with `args` in it, which must succeed; what it printed.
    pub fn run(&self, program: &str, args: &[&str]) -> Result<String> {
        output(self.command(program).args(args))
    }

    /// As [`Self::run`], however it ends.
    pub fn try_run(&self, program: &str, args: &[&str]) -> Result<Output> {
        let output = self.command(program).args(args).output();
        output.with_context(|| format!("run {program} in {}", self.name))
    }

    /// A command that runs `program` in it, as root.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.leader.to_string()]);
        command.args(["--mount", "--uts", "--ipc", "--net", "--pid"]);
        command.args(["--", "env", "--ignore-environment", "--chdir=/"]);
        command.args(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]);
        command.args(["DEBIAN_FRONTEND=noninteractive", program]);
        command
    }

    /// What it has printed on its console.
    pub fn console(&self) -> String {
        format!("{}{}", self.process.stdout(), self.process.stderr())
    }

    /// Whether all that starts has started; fails where it has ended instead.
    fn is_up(&mut self) -> Result<bool> {
        if let Some(status) = self.process.ended()? {
            bail!("systemd-nspawn: {status}: {}", self.console());
        }
        let Some(leader) = leader(self.process.pid())? else {
            return Ok(false);
        };
        self.leader = leader;
        let state = self.try_run("systemctl", &["is-system-running"])?;
        // Degraded is a system in which something failed that is none of ours.
        let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
        Ok(["running", "degraded"].contains(&state.as_str()))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // All its processes die with the first one, which outlives the one that watches over it.
        let killed = match self.leader {
            0 => Ok(()),
            leader => kill(leader, libc::SIGKILL),
        };
        if let Err(error) = killed.and_then(|()| self.process.sigkill()) {
            eprintln!("ending the machine {}: {error:#}", self.name);
        }
        // It has it no more, or never had.
        let _ = fs::remove_dir(Path::new(SHARED).join(&self.name));
        let deadline = Instant::now() + END;
        for group in &self.groups {
            while !groups::remove(group) && Instant::now() < deadline {
                thread::sleep(POLL);
            }
        }
    }
}

/// The child of `watcher` that is the first process in a namespace of processes of its own.
fn leader(watcher: u32) -> Result<Option<u32>> {
    for entry in fs::read_dir("/proc").context("list /proc")?.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // One that has ended since is not meant.
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let words = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            line.map_or_else(Vec::new, |line| line.split_whitespace().collect())
        };
        let is_first = matches!(words("NSpid:").as_slice(), [_, "1"]);
        if is_first && words("PPid:") == [watcher.to_string()] {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}

/// Holds back others who want to start a machine.
fn lock(directory: &Path) -> Result<File> {
    fs::create_dir_all(directory).with_context(|| format!("mkdir {}", directory.display()))?;
    let path = directory.join("lock");
    let file = File::create(&path).and_then(|file| file.lock().map(|()| file));
    file.with_context(|| format!("lock {}", path.display()))
}

/// The files that systems start from, in `directory`; made where they are missing.
fn base(directory: &Path) -> Result<PathBuf> {
    let codename = codename()?;
    let base = directory.join(&codename);
    if base.exists() {
        return Ok(base);
    }
    let new = directory.join(format!("{codename}.new"));
    if new.exists() {
        // Somebody was killed amid this.
        fs::remove_dir_all(&new).with_context(|| format!("remove {}", new.display()))?;
    }
    let mut command = Tool::Debootstrap.command();
    command.args([
        "--variant=minbase",
        &format!("--include={PACKAGES}"),
        &codename,
    ]);
    command.arg(&new).arg(mirror(&codename)?);
    progress::run(&format!("Making a base system of {codename}"), command)?;
    let units = new.join("etc/systemd/system");
    let unit = units.join(BPF_UNIT);
    let wants = units.join("local-fs.target.wants");
    fs::write(&unit, BPF_MOUNT)
        .and_then(|()| fs::create_dir_all(&wants))
        .and_then(|()| std::os::unix::fs::symlink(&unit, wants.join(BPF_UNIT)))
        .with_context(|| format!("write {}", unit.display()))?;
    fs::rename(&new, &base).with_context(|| format!("rename {}", new.display()))?;
    Ok(base)
}

/// What this host's release is called.
fn codename() -> Result<String> {
    let text = fs::read_to_string("/etc/os-release").context("read /etc/os-release")?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let name = name.context("/etc/os-release has no VERSION_CODENAME")?;
    Ok(name.trim_matches('"').to_owned())
}

/// Where this host's apt gets the release `codename`.
fn mirror(codename: &str) -> Result<String> {
    let mut command = Command::new("apt-get");
    command.args([
        "indextargets",
        "--format",
        "$(REPO_URI) $(CODENAME) $(COMPONENT)",
    ]);
    let targets = output(command.arg("Created-By: Packages"))?;
    let mut targets = targets
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let main = targets.find_map(|target| match target.as_slice() {
        [mirror, name, "main"] if *name == codename => Some((*mirror).to_owned()),
        _ => None,
    });
    main.with_context(|| format!("apt has no source of {codename} main"))
}
