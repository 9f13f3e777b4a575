//! What the end-to-end tests stand on: a network in namespaces, `veerd` in one
//! of them, origins beside it, and resolvers of two groups in another.

#![allow(
    dead_code,
    reason = "it is compiled into each test file, and each uses a part of it"
)]

pub(crate) mod blocks;
pub(crate) mod cases;
pub(crate) mod config;
pub(crate) mod cookies;
pub(crate) mod load;
pub(crate) mod origin;
pub(crate) mod query;
pub(crate) mod tools;
pub(crate) mod world;
pub(crate) mod zone;

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything may take that is waited for: far more than it needs, as
/// the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Waits until `attempt` returns something.
///
/// # Panics
/// After half a minute, naming `what`.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        thread::sleep(POLL);
    }
}

/// A text of one line, or some, for each of `items`.
pub(crate) fn lines<T>(
    items: impl IntoIterator<Item = T>,
    line: impl FnMut(T) -> String,
) -> String {
    let lines: Vec<_> = items.into_iter().map(line).collect();
    lines.concat()
}

/// The number at `path` (object keys joined by `/`) of what `veerctl` printed.
#[track_caller]
pub(crate) fn number(value: &Value, path: &str) -> u64 {
    let found = value.pointer(&format!("/{path}"));
    let number = found.and_then(Value::as_u64);
    number.unwrap_or_else(|| panic!("no number {path} in {value:#}"))
}

/// The text at `path`, as [`number`]; empty where there is none.
pub(crate) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    let found = value.pointer(&format!("/{path}"));
    found.and_then(Value::as_str).unwrap_or_default()
}
