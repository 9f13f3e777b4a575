//! A child that does not outlive its owner, and what it printed.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// How often an end is looked for.
const POLL: Duration = Duration::from_millis(5);

/// A running program. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    program: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    kept: bool,
}

impl Process {
    /// Starts `command` with no input; its output goes to the files `log.stdout`
    /// and `log.stderr`, which need no reader and may outlive us.
    pub(super) fn spawn(mut command: Command, log: &Path) -> Result<Self> {
        let program = command.get_program().display().to_string();
        let [stdout, stderr] = ["stdout", "stderr"].map(|stream| log.with_extension(stream));
        let create =
            |path: &Path| File::create(path).with_context(|| format!("create {}", path.display()));
        let child = command
            .stdin(Stdio::null())
            .stdout(create(&stdout)?)
            .stderr(create(&stderr)?)
            // Ctrl-C is for us, who then end it.
            .process_group(0)
            .spawn()
            .with_context(|| format!("run {program}"))?;
        Ok(Self {
            program,
            child,
            stdout,
            stderr,
            kept: false,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// What it has complained of so far.
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Sends it `signal`, unless it has ended.
    pub fn signal(&mut self, signal: libc::c_int) -> Result<()> {
        match self.ended()? {
            Some(_) => Ok(()),
            None => kill(self.pid(), signal),
        }
    }

    /// Kills it and waits until it is gone, its sockets closed.
    pub fn sigkill(&mut self) -> Result<()> {
        self.child
            .kill()
            .and_then(|()| self.child.wait())
            .with_context(|| format!("kill {}", self.program))?;
        Ok(())
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("wait for {}", self.program))
    }

    /// Waits for its end, up to `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!(
                    "{} has not ended after {limit:?}: {}",
                    self.program,
                    self.stderr().trim()
                );
            }
            thread::sleep(POLL);
        }
    }

    /// Lets it live on without us.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.kept {
            // It may have ended; then there is nobody to kill.
            let _ = self.sigkill();
        }
    }
}

fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends a signal; to a process that is gone, nothing.
pub(super) fn kill(pid: u32, signal: libc::c_int) -> Result<()> {
    // Of 0 and below, kill(2) thinks as groups.
    let Some(pid) = i32::try_from(pid).ok().filter(|pid| *pid > 0) else {
        bail!("kill {pid}: no such process id");
    };
    // SAFETY: the call takes two numbers.
    if unsafe { libc::kill(pid, signal) } == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        error => Err(error).with_context(|| format!("kill {pid}")),
    }
}
