//! Command probe: a program of the operator's says whether a server is fit, and maybe a
//! number.

use std::{net::IpAddr, process::Stdio};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command as Process},
};

use super::errors::Failure;
use crate::{
    measurement::sample::{Readings, Reason},
    model::Command,
};

/// Where the program finds the address to look at.
const ADDRESS: &str = "VEER_ADDRESS";

/// How much of what it prints is read: a number is shorter, and so is a reason.
const OUTPUT_MAX: u64 = 4096;

/// Octets of what it prints on stderr that are told.
const REASON_MAX: usize = 200;

/// Runs the program once. Whoever drops this ends it, and what it has started.
pub(super) async fn probe(command: &Command, address: IpAddr) -> Result<Readings, Failure> {
    let local = |error| Failure::Local(format!("{}: {error}", command.program.display()));
    let child = Process::new(&command.program)
        .args(&command.arguments)
        .env(ADDRESS, address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(local)?;
    let Running(child) = &mut Running(child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (status, printed, said) = tokio::join!(child.wait(), output(stdout), output(stderr));
    let status = status.map_err(local)?;
    if !status.success() {
        return Err(Failure::Target(Reason::Command {
            status: status.to_string(),
            said: first_line(&said),
        }));
    }
    let Some(metric) = command.metric else {
        return Ok(Readings::default());
    };
    match number(&printed) {
        Some(value) => Ok(Readings::of(metric, value)),
        None => Err(Failure::Target(Reason::NoNumber {
            printed: first_line(&printed),
        })),
    }
}

/// A program that leads a process group of its own.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // None once it has ended and was waited for.
        if let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok()) {
            // SAFETY: a system call without pointers. The program was not waited for, so
            // its number is still its own, and that of its group.
            unsafe {
                libc::killpg(id, libc::SIGKILL);
            }
        }
    }
}

/// The beginning of what comes from `pipe`; the rest is read and forgotten, so that
/// whoever writes it does not wait.
async fn output(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut printed = Vec::new();
    if let Some(mut pipe) = pipe {
        // What cannot be read is not there: the exit status says the rest.
        let _ = (&mut pipe).take(OUTPUT_MAX).read_to_end(&mut printed).await;
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    printed
}

/// The first word, where that is a number.
fn number(printed: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(printed).ok()?;
    let number: f64 = text.split_whitespace().next()?.parse().ok()?;
    number.is_finite().then_some(number)
}

fn first_line(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(&printed[..printed.len().min(REASON_MAX)]);
    text.lines().next().unwrap_or_default().trim().to_owned()
}
