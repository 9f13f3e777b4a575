//! `top`: a screen of rates.

use std::{fmt::Write as _, iter};

use super::{
    human::{age, age_ms, measured, percent, rate},
    log::time,
    paint::{Paint, Tone, word},
    table::{Align, Cell, Table},
};
use crate::{
    control::{explained::Plane, status::XdpState},
    top::{Daemon, OutcomeRate, Rate, Server, Shown},
};

/// How much fits on the screen, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control) struct Size {
    /// In a line.
    pub(in crate::control) columns: usize,
    /// One below the other.
    pub(in crate::control) lines: usize,
}

/// Lines above the tables.
const HEAD: usize = 4;

/// Tables below each other, each with its titles and a blank line.
const BANDS: usize = 3;

/// Rows that a table has at least, however low the screen is.
const ROWS_MIN: usize = 2;

/// Between two tables beside each other.
const GAP: usize = 3;

/// Heights of a bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The screen: who answers, how much, and the tables beside and below each other.
pub(in crate::control) fn top(shown: &Shown, size: Size, paint: Paint) -> String {
    let bands = size.lines.saturating_sub(HEAD + 2 * BANDS);
    let rows = (bands / BANDS).max(ROWS_MIN);
    let mut lines = head(shown, size.columns, paint);
    if shown.lost.is_none() {
        let services = named("SERVICE", "ANSWERS/s", &shown.services, rows);
        let groups = sampled("GROUP", shown.groups.as_deref(), rows);
        let resolvers = sampled("RESOLVER", shown.resolvers.as_deref(), rows);
        let outcomes = outcomes(&shown.outcomes, rows);
        lines.push(String::new());
        lines.extend(beside(&services, &outcomes, size.columns, paint));
        lines.push(String::new());
        lines.extend(beside(&groups, &resolvers, size.columns, paint));
        lines.push(String::new());
        let servers = servers(&shown.servers, rows).lines(paint);
        lines.extend(servers.into_iter().map(|(line, _)| line));
    }
    lines.truncate(size.lines);
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn head(shown: &Shown, columns: usize, paint: Paint) -> Vec<String> {
    let mut who = Table::of_fields();
    match (&shown.daemon, &shown.lost) {
        (Some(daemon), _) => who.row([known(daemon).into(), xdp(daemon)]),
        (None, reason) => {
            let reason = reason.as_deref().unwrap_or("nothing is known yet");
            who.row([Cell::toned(reason, Tone::Bad)]);
        }
    }
    let mut lines = vec![time(shown.at_unix_ms)];
    lines.extend(who.lines(paint).into_iter().map(|(line, _)| line));
    lines.push(rates(shown));
    lines.push(bars(&shown.history, columns));
    if let Some(reason) = shown
        .daemon
        .as_ref()
        .and_then(|daemon| daemon.suspicion.as_ref())
    {
        let suspicion = format!("nothing goes down: {reason}");
        lines.push(Cell::toned(suspicion, Tone::Caution).painted(paint));
    }
    lines
}

fn known(daemon: &Daemon) -> String {
    format!(
        "veer {}, generation {}, up {}",
        daemon.version,
        daemon.generation,
        age_ms(daemon.uptime_ms)
    )
}

fn xdp(daemon: &Daemon) -> Cell {
    let (state, tone) = match daemon.xdp {
        XdpState::Attached => ("attached", Tone::Good),
        XdpState::Adopted => ("adopted", Tone::Good),
        XdpState::Off => ("off: userspace answers all", Tone::Caution),
        XdpState::Unavailable => ("unavailable: userspace answers all", Tone::Bad),
        XdpState::Detached => ("detached: userspace answers all", Tone::Caution),
    };
    let place = match &daemon.interface {
        None => "XDP".to_owned(),
        Some((interface, None)) => interface.clone(),
        Some((interface, Some(mode))) => format!("{interface} {mode}"),
    };
    Cell::toned(format!("{place}, {state}"), tone)
}

fn rates(shown: &Shown) -> String {
    let Some(userspace) = shown.userspace_per_s else {
        return "rates come with the next look".to_owned();
    };
    let mut text = String::new();
    if let Some(kernel) = shown.kernel_per_s {
        let share = shown.kernel_share.map(percent);
        let share = share.map_or_else(String::new, |share| format!(" ({share})"));
        text = format!("{} answers/s in the kernel{share}, ", rate(kernel));
    }
    let _ = write!(text, "{} queries/s in userspace", rate(userspace));
    if let Some(dropped) = shown.dropped_per_s {
        let _ = write!(text, ", {} dropped/s", rate(dropped));
    }
    text
}

/// The newest rates, as bars of a chart with 0 at its foot, and what the highest is.
fn bars(history: &[f64], columns: usize) -> String {
    // The text behind them is at most so wide.
    const LEGEND: usize = 28;
    let room = columns.saturating_sub(LEGEND).max(1);
    let newest = &history[history.len().saturating_sub(room)..];
    let highest = newest.iter().copied().fold(0.0, f64::max);
    if highest <= 0.0 {
        return String::new();
    }
    let chart: String = newest.iter().map(|value| bar(value / highest)).collect();
    format!("{chart}  up to {}/s", rate(highest))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of 0 to 1 makes 0 to 8, and others are bounded"
)]
fn bar(share: f64) -> char {
    let height = (share * BARS.len() as f64).ceil() as usize;
    BARS[height.clamp(1, BARS.len()) - 1]
}

/// The first rows of `rates`, and how many more there are.
fn named(title: &str, unit: &str, rates: &[Rate], rows: usize) -> Table {
    let mut table = Table::new(&[(title, Align::Left), (unit, Align::Right)]);
    for Rate { name, per_s } in first(rates, rows) {
        table.row([name.as_str().into(), rate(*per_s).into()]);
    }
    more(&mut table, rates.len(), rows);
    table
}

/// What is left out of so many, in the last of the rows.
fn more(table: &mut Table, all: usize, rows: usize) {
    if all > rows {
        table.row([format!("and {} more", all - (rows - 1)).into()]);
    }
}

/// As many as leave room to say how many more there are.
fn first<T>(all: &[T], rows: usize) -> &[T] {
    if all.len() > rows {
        &all[..rows - 1]
    } else {
        all
    }
}

fn sampled(title: &str, rates: Option<&[Rate]>, rows: usize) -> Table {
    let Some(rates) = rates else {
        let mut table = Table::new(&[(title, Align::Left)]);
        table.row(["log.queries_sample is 0".into()]);
        return table;
    };
    named(title, "QUERIES/s", rates, rows)
}

fn outcomes(outcomes: &[OutcomeRate], rows: usize) -> Table {
    let mut table = Table::new(&[
        ("OUTCOME", Align::Left),
        ("BY", Align::Left),
        ("PACKETS/s", Align::Right),
    ]);
    for outcome in first(outcomes, rows) {
        let (by, tone) = match outcome.plane {
            Plane::Kernel => ("kernel", Tone::Plain),
            Plane::Userspace => ("userspace", Tone::Caution),
        };
        let per_s = rate(outcome.per_s).into();
        table.row([
            outcome.outcome.as_str().into(),
            Cell::toned(by, tone),
            per_s,
        ]);
    }
    more(&mut table, outcomes.len(), rows);
    table
}

fn servers(servers: &[Server], rows: usize) -> Table {
    let columns = ["SERVER", "STATE", "FOR", "MEASURED", "AT"];
    let mut table = Table::new(&columns.map(|title| (title, Align::Left)));
    for server in first(servers, rows) {
        let (state, tone) = word(server.state);
        let since = server.since_ms.map_or_else(|| "-".to_owned(), age);
        table.row([
            server.names.join(", ").into(),
            Cell::toned(state, tone),
            since.into(),
            measured(&server.measured).into(),
            server.target.as_str().into(),
        ]);
    }
    more(&mut table, servers.len(), rows);
    table
}

/// Two tables beside each other where that fits, else one below the other.
fn beside(left: &Table, right: &Table, columns: usize, paint: Paint) -> Vec<String> {
    let (left, right) = (left.lines(paint), right.lines(paint));
    let widest = |lines: &[(String, usize)]| lines.iter().map(|(_, width)| *width).max();
    let (width, other) = (widest(&left).unwrap_or(0), widest(&right).unwrap_or(0));
    let start = (columns / 2).max(width + GAP);
    if start + other > columns {
        let blank = iter::once((String::new(), 0));
        let lines = left.into_iter().chain(blank).chain(right);
        return lines.map(|(line, _)| line).collect();
    }
    let nothing = (String::new(), 0);
    let lines = (0..left.len().max(right.len())).map(|row| {
        let (line, width) = left.get(row).unwrap_or(&nothing);
        match right.get(row) {
            Some((other, _)) => format!("{line}{:gap$}{other}", "", gap = start - width),
            None => line.clone(),
        }
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
