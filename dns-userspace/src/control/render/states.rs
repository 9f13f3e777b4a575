//! `states`.

use std::fmt::Write as _;

use super::{
    human::{age, measured},
    paint::{Paint, Tone, word},
    table::{Align, Cell, Table},
};
use crate::measurement::{
    director::states::{States, SuspicionStatus, TargetStatus, UsedBy},
    health::State,
};

/// Every target, a line each.
pub(in crate::control) fn states(states: &States, paint: Paint) -> String {
    if states.targets.is_empty() && states.unmeasured.is_empty() {
        return "no servers are configured\n".to_owned();
    }
    let mut table = Table::new(&[
        ("STATE", Align::Left),
        ("SINCE", Align::Right),
        ("ADDRESS", Align::Left),
        ("PROBE", Align::Left),
        ("MEASURED", Align::Left),
        ("SEEN", Align::Right),
        ("USED BY", Align::Left),
        ("REMARK", Align::Left),
    ]);
    for target in &states.targets {
        table.row(row(target));
    }
    let mut text = table.render(paint);
    if !states.unmeasured.is_empty() {
        let names: Vec<_> = states.unmeasured.iter().map(user).collect();
        let _ = writeln!(text, "\nnot measured, counts as fit: {}", names.join(", "));
    }
    if let Some(status) = &states.suspicion {
        let line = paint.paint(&suspicion(status), Tone::Caution);
        let _ = writeln!(text, "\nsuspicion: {line}");
    }
    text
}

fn row(target: &TargetStatus) -> [Cell; 8] {
    let status = &target.address;
    let (word, tone) = word(status.state);
    let used_by = target.used_by.iter();
    let used_by: Vec<_> = used_by.map(user).collect();
    [
        Cell::toned(word, tone),
        known(status.since_ms, age),
        status.address.to_string().into(),
        status.probe.as_str().into(),
        measured(&status.measured).into(),
        known(status.age_ms, age),
        used_by.join(", ").into(),
        remark(target).into(),
    ]
}

/// A candidate of a pool.
fn user(user: &UsedBy) -> String {
    let UsedBy {
        pool,
        server,
        hand_over,
    } = user;
    match hand_over {
        Some(way) => format!("pool {pool} {server} ({way})"),
        None => format!("pool {pool} {server}"),
    }
}

/// A number that may not be known yet.
pub(super) fn known(value: Option<f64>, show: impl Fn(f64) -> String) -> Cell {
    value.map_or_else(|| "-".to_owned(), show).into()
}

/// What is wrong or about to change.
fn remark(target: &TargetStatus) -> String {
    let status = &target.address;
    let reason = status.last_reason.as_deref().unwrap_or("failing");
    let mut remarks = Vec::new();
    match (status.state, status.failing) {
        (State::Down, true) => remarks.push(reason.to_owned()),
        (State::Down, false) => remarks.push(format!("passes {} in a row", status.streak)),
        (State::Up | State::Unknown, true) => {
            remarks.push(format!("failures {} in a row: {reason}", status.streak));
        }
        (State::Up | State::Unknown, false) => {}
    }
    if let Some(error) = &status.last_local_failure {
        remarks.push(format!(
            "not probed {} times, last: {error}",
            status.local_failures
        ));
    }
    remarks.join("; ")
}

/// A suspicion in one line.
pub(super) fn suspicion(status: &SuspicionStatus) -> String {
    format!("{}, for {}", status.reason, age(status.since_ms))
}
