//! `states`.

use std::fmt::Write as _;

use super::{
    human::{age, measured},
    overrides,
    paint::{Paint, Tone, word},
    table::{Align, Cell, Table},
};
use crate::measurement::{
    director::states::{AddressStatus, PoolShares, States, SuspicionStatus, TargetStatus, UsedBy},
    health::State,
};

/// Every target, and what operators say, a line each, seen at `now_unix_ms`.
pub(in crate::control) fn states(states: &States, now_unix_ms: u64, paint: Paint) -> String {
    let mut text = if states.targets.is_empty() && states.unmeasured.is_empty() {
        "no servers are configured\n".to_owned()
    } else {
        targets(states, paint)
    };
    if !states.overrides.is_empty() {
        text.push('\n');
        text.push_str(&overrides::list(&states.overrides, now_unix_ms, paint));
    }
    text
}

fn targets(states: &States, paint: Paint) -> String {
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
    for PoolShares { pool, candidates } in &states.shares {
        let parts = candidates.iter();
        let parts: Vec<_> = parts
            .map(|share| format!("{} {:.1} %", share.server, share.percent))
            .collect();
        let _ = writeln!(text, "\npool {pool} is divided: {}", parts.join(", "));
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
        probe(status).into(),
        measured(&status.measured).into(),
        known(status.age_ms, age),
        used_by.join(", ").into(),
        remark(target).into(),
    ]
}

/// How an address is probed, and for whom if not for all.
fn probe(status: &AddressStatus) -> String {
    match status.groups.as_slice() {
        [] => status.probe.clone(),
        groups => format!("{} for {}", status.probe, groups.join(", ")),
    }
}

/// A candidate of a pool.
fn user(user: &UsedBy) -> String {
    let UsedBy {
        pool,
        server,
        hand_over,
        admin,
    } = user;
    let admin = admin.map(|state| state.word().to_owned());
    let said = hand_over.iter().cloned().chain(admin);
    match said.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => format!("pool {pool} {server}"),
        said => format!("pool {pool} {server} ({said})"),
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
