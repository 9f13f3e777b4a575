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

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_carries_the_end_of_both_outputs() {
        let error = run("Trying", shell("seq 100; echo why >&2; exit 3"))
            .expect_err("it exits with 3")
            .to_string();
        assert!(error.starts_with("Trying: exit status: 3\n"), "{error}");
        assert!(error.ends_with("\n100\nwhy"), "{error}");
        assert_eq!(error.lines().count(), 1 + TAIL_LINES);
    }

    #[test]
    fn a_command_has_no_input_to_wait_for() {
        run("Reading", shell("! read -r line")).expect("there is nothing to read");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run("Trying", Command::new("/nonexistent/program")).expect_err("no program");
        assert!(format!("{error:#}").contains("/nonexistent/program"));
    }

    #[test]
    fn of_a_line_redrawn_in_place_the_last_state_counts() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        writer
            .write_all(b"10%\r50%\r100%\r\n\nnext")
            .expect("write");
        drop(writer);
        let (sender, lines) = mpsc::channel();
        forward_lines(reader, &sender);
        drop(sender);
        assert_eq!(lines.iter().collect::<Vec<_>>(), ["100%", "next"]);
    }
}
