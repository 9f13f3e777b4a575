//! What a person sees while it happens: on a terminal a block that is redrawn
//! below what has happened so far, elsewhere a line a second.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use super::{
    record::server_name,
    stage::{GROUPS, SERVICE, SITES},
};

const REDRAW: Duration = Duration::from_millis(200);
const LINE: Duration = Duration::from_secs(1);

/// How things are.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    /// Answers per second of each group; empty while nobody asks fast.
    pub(super) rates: Vec<Option<f64>>,
    /// Share of the kernel in the answers, 0 to 1, if that is known.
    pub(super) kernel_share: Option<f64>,
    /// The server each group is sent to.
    pub(super) servers: [Option<usize>; GROUPS.len()],
    /// Each server's health; `None` when there is nobody to tell.
    pub(super) health: Option<[&'static str; SITES.len()]>,
}

impl Live {
    /// Forgets what only veerd can tell.
    pub(super) fn forget(&mut self) {
        self.kernel_share = None;
        self.health = None;
    }

    fn rate(&self, group: usize) -> Option<f64> {
        self.rates.get(group).copied().flatten()
    }

    fn total(&self) -> Option<f64> {
        let known: Vec<f64> = self.rates.iter().flatten().copied().collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }
}

/// Where it is shown.
pub(super) struct Screen {
    terminal: bool,
    drawn: Option<Instant>,
    /// Lines of the block that is on the terminal.
    lines: usize,
}

impl Screen {
    /// Standard output.
    pub(super) fn new() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
            drawn: None,
            lines: 0,
        }
    }

    /// Says what has just happened.
    pub(super) fn event(&mut self, at: f64, text: &str) {
        self.close();
        print(&format!("{at:5.1} s  {text}\n"));
        // The block comes back at once.
        if self.terminal {
            self.drawn = None;
        }
    }

    /// Shows how things are, and on a terminal what `top` gives, if it is time.
    pub(super) fn draw(&mut self, at: f64, live: &Live, top: impl FnOnce() -> String) {
        let every = if self.terminal { REDRAW } else { LINE };
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < every) {
            return;
        }
        self.drawn = Some(Instant::now());
        if self.terminal {
            let block = block(at, live, &top());
            print(&format!("{}\x1b[?7l{block}\x1b[?7h", self.erase()));
            self.lines = block.lines().count();
        } else {
            print(&line(at, live));
        }
    }

    /// Takes the block off the terminal.
    pub(super) fn close(&mut self) {
        print(&self.erase());
        self.lines = 0;
    }

    /// What moves to the block's first line and clears from there.
    fn erase(&self) -> String {
        match self.lines {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\r\x1b[J"),
        }
    }
}

/// A terminal that is gone ends nothing: the report is written all the same.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// The screen of `veerctl top`, and below it what the resolvers see.
fn block(at: f64, live: &Live, top: &str) -> String {
    let mut text = format!("\n{top}\n{BOLD}{SERVICE}{PLAIN}  {DIM}{at:.1} s{PLAIN}");
    if live.health.is_none() {
        let _ = write!(text, "  {RED}no veerd{PLAIN}: the kernel answers alone");
    }
    text.push('\n');
    for (number, group) in GROUPS.iter().enumerate() {
        let _ = writeln!(
            text,
            "  {:<8} {:>9}/s  →  {BOLD}{}{PLAIN}",
            group.name,
            count(live.rate(number)),
            server_name(live.servers[number])
        );
    }
    text
}

fn line(at: f64, live: &Live) -> String {
    let mut text = format!("{at:5.1} s  {}/s", count(live.total()));
    if let Some(share) = live.kernel_share {
        let _ = write!(text, ", {} in the kernel", percent(share));
    }
    for (group, server) in GROUPS.iter().zip(live.servers) {
        let _ = write!(text, "  {}→{}", group.name, server_name(server));
    }
    match &live.health {
        Some(health) => {
            for (site, state) in SITES.iter().zip(health) {
                let _ = write!(text, "  {} {state}", site.name);
            }
        }
        None => text.push_str("  no veerd"),
    }
    text.push('\n');
    text
}

/// A count with its thousands apart, `–` for none.
pub(super) fn count(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "–".to_owned();
    };
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position != 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A share, cut rather than rounded: 100 % is all.
fn percent(share: f64) -> String {
    format!("{:.2} %", (share * 1e4).floor() / 1e2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let counts = [0.0, 999.4, 1000.0, 1_234_567.0].map(|value| count(Some(value)));
        assert_eq!(counts, ["0", "999", "1 000", "1 234 567"]);
        assert_eq!(count(None), "–");
    }

    #[test]
    fn only_all_is_a_hundred_percent() {
        assert_eq!(percent(1.0), "100.00 %");
        assert_eq!(percent(0.999_99), "99.99 %");
    }

    #[test]
    fn a_plain_line_says_what_is_known() {
        let live = Live {
            rates: vec![Some(60_000.0), Some(61_000.0)],
            kernel_share: None,
            servers: [Some(0), Some(1)],
            health: None,
        };
        let expected = " 12.3 s  121 000/s  isp-a→s1  isp-b→s2  no veerd\n";
        assert_eq!(line(12.34, &live), expected);
    }
}
