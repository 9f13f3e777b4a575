//! Runs long commands so that one sees them move: on a terminal a line with
//! the time and the command's last word, elsewhere a line when it starts and
//! one when it ends.

use std::{
    io::{self, BufRead as _, BufReader, IsTerminal as _, PipeReader, Write as _},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// How much of a failed command's output is worth showing.
const TAIL_LINES: usize = 40;
const FRAME: Duration = Duration::from_millis(120);
const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// Runs `command` to its end without input, its output hidden; `what` says
/// what it does for the reader. An error carries the end of the output.
pub fn run(what: &str, mut command: Command) -> Result<()> {
    let terminal = io::stderr().is_terminal();
    let started = Instant::now();
    if !terminal {
        eprintln!("{what} …");
    }

    let (reader, writer) = io::pipe().context("make a pipe")?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("copy a pipe's end")?)
        .stderr(writer);
    let mut child = command
        .spawn()
        .with_context(|| format!("{what}: run {}", command.get_program().display()))?;
    // It holds our copies of the pipe's writing end, which would keep it open.
    drop(command);

    let (sender, lines) = mpsc::channel();
    let forwarder = thread::spawn(move || forward_lines(reader, &sender));
    let mut output: Vec<String> = Vec::new();
    for frame in FRAMES.iter().cycle() {
        match lines.recv_timeout(FRAME) {
            Ok(line) => output.push(line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        output.extend(lines.try_iter());
        if terminal {
            let last = output.last().map_or("", String::as_str);
            draw(&format!(
                "{frame} {what} {:>3} s  {last}",
                started.elapsed().as_secs()
            ));
        }
    }
    let _ = forwarder.join();
    let status = child.wait().with_context(|| format!("{what}: wait"))?;
    if terminal {
        draw("");
    }
    if !status.success() {
        let tail = &output[output.len().saturating_sub(TAIL_LINES)..];
        bail!("{what}: {status}\n{}", tail.join("\n"));
    }
    eprintln!("{what}: done in {} s", started.elapsed().as_secs());
    Ok(())
}

fn forward_lines(reader: PipeReader, sender: &Sender<String>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        // Of a line that was redrawn in place, the last state counts.
        let text = String::from_utf8_lossy(line.trim_ascii());
        let state = text.rsplit('\r').next().unwrap_or_default();
        if !state.is_empty() && sender.send(state.to_owned()).is_err() {
            return;
        }
        line.clear();
    }
}

/// Replaces the terminal's current line; what is too long for it is cut by the terminal.
fn draw(line: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[K\x1b[?7l{line}\x1b[?7h");
    let _ = stderr.flush();
}
