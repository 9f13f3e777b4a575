//! `veerd` in a namespace, with a configuration and pins of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{Lab, Namespace, Process, ServiceManager, namespace::output};

/// How long a daemon may take until it answers, or to end when told to.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// A configuration directory.
#[derive(Clone, Debug)]
pub struct ConfigDir(PathBuf);

impl ConfigDir {
    /// One in `lab` with the control socket, the pins and the state in it too, set in
    /// `veer.d/00-lab.conf`; `name` is for its daemon alone.
    pub fn new(lab: &Lab, name: &str) -> Result<Self> {
        let dir = Self(lab.dir().join(name));
        let socket = lab.dir().join(format!("{name}.sock"));
        let pins = lab.pins().join(name);
        let text = format!(
            "control.socket = {}\nxdp.pin_path = {}\nstate.directory = {}\n",
            socket.display(),
            pins.display(),
            dir.0.join("state").display()
        );
        dir.write("veer.d/00-lab.conf", &text)?;
        Ok(dir)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file of it, in place of an older one, e.g. `services.d/www.toml`.
    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.0.join(file);
        let parent = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("write {}", path.display()))
    }
}

/// A running `veerd`. Dropped, it is killed; its XDP program stays until the
/// lab goes.
#[derive(Debug)]
pub struct Daemon {
    process: Process,
    control: Control,
}

/// How to reach a daemon of some configuration, running or not.
#[derive(Clone, Debug)]
pub struct Control {
    veerctl: PathBuf,
    config: ConfigDir,
}

impl Daemon {
    /// Starts the `veerd` in the directory `binaries` and waits until it
    /// answers on its control socket. If it ends instead, the error has what
    /// it said.
    pub fn start(
        lab: &Lab,
        namespace: &Namespace,
        binaries: &Path,
        config: &ConfigDir,
    ) -> Result<Self> {
        let mut daemon = Self::launch(lab, namespace, binaries, config)?;
        daemon.wait_until_ready()?;
        Ok(daemon)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready()? {
            if Instant::now() >= deadline {
                let refusal = self.control.ask(&["status"]).err();
                bail!(
                    "veerd does not answer after {PATIENCE:?}: {refusal:?}; it said: {}",
                    self.log().trim()
                );
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Starts it without waiting.
    pub fn launch(
        lab: &Lab,
        namespace: &Namespace,
        binaries: &Path,
        config: &ConfigDir,
    ) -> Result<Self> {
        let command = namespace.command(binaries.join("veerd"));
        Self::spawn(lab, command, binaries, config)
    }

    /// As [`Daemon::start`], but by a service manager.
    pub fn start_by(
        manager: &ServiceManager,
        lab: &Lab,
        namespace: &Namespace,
        binaries: &Path,
        config: &ConfigDir,
    ) -> Result<Self> {
        let command = manager.command(namespace, &binaries.join("veerd"))?;
        let mut daemon = Self::spawn(lab, command, binaries, config)?;
        daemon.wait_until_ready()?;
        Ok(daemon)
    }

    fn spawn(lab: &Lab, mut veerd: Command, binaries: &Path, config: &ConfigDir) -> Result<Self> {
        veerd.arg("--config").arg(config.path());
        Ok(Self {
            process: lab.spawn(veerd)?,
            control: Control::new(binaries, config),
        })
    }

    /// Whether it answers on its control socket; fails if it has ended instead.
    pub fn is_ready(&mut self) -> Result<bool> {
        if self.control.ask(&["status"]).is_ok() {
            return Ok(true);
        }
        match self.process.ended()? {
            Some(status) => bail!("veerd: {status}: {}", self.log().trim()),
            None => Ok(false),
        }
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// How to reach it, also when it is gone.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// `veerctl --json` with `args`; see [`Control::ask`].
    pub fn veerctl(&self, args: &[&str]) -> Result<Value> {
        self.control.ask(args)
    }

    /// Has it read its configuration again; returns before it has.
    pub fn reload(&mut self) -> Result<()> {
        self.process.signal(libc::SIGHUP)
    }

    /// Has it do nothing, as if it hung, until [`Daemon::goes_on`].
    pub fn hangs(&mut self) -> Result<()> {
        self.process.signal(libc::SIGSTOP)
    }

    /// Ends what [`Daemon::hangs`] began.
    pub fn goes_on(&mut self) -> Result<()> {
        self.process.signal(libc::SIGCONT)
    }

    /// Kills it; its data plane must not notice.
    pub fn sigkill(mut self) -> Result<()> {
        self.process.sigkill()
    }

    /// Stops it as an operator does, and waits for its end.
    pub fn sigterm(mut self) -> Result<()> {
        self.process.signal(libc::SIGTERM)?;
        let status = self.process.wait(PATIENCE)?;
        if !status.success() {
            bail!(
                "veerd, told to stop: {status}: {}",
                self.process.stderr().trim()
            );
        }
        Ok(())
    }

    /// Lets it live on without us.
    pub fn keep(self) {
        self.process.keep();
    }
}

impl Control {
    /// For the `veerctl` in the directory `binaries`.
    pub fn new(binaries: &Path, config: &ConfigDir) -> Self {
        Self {
            veerctl: binaries.join("veerctl"),
            config: config.clone(),
        }
    }

    /// `veerctl --config DIR`, to be completed.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.veerctl);
        command.arg("--config").arg(self.config.path());
        command
    }

    /// Runs `veerctl --json` with `args`; returns what it printed. Fails with
    /// its errors if it did.
    pub fn ask(&self, args: &[&str]) -> Result<Value> {
        let text = output(self.command().arg("--json").args(args))?;
        serde_json::from_str(&text).with_context(|| format!("veerctl {}: {text}", args.join(" ")))
    }
}
