//! Overrides, and what is said of an order that was followed.

use std::fmt::Write as _;

use super::{
    human::{age_ms, counted},
    paint::{Paint, Tone},
    table::Cell,
};
use crate::{control::overridden::Overridden, measurement::overrides::Override};

/// An order that was followed, at `now_unix_ms`.
pub(in crate::control) fn overridden(done: &Overridden, now_unix_ms: u64) -> String {
    let mut text = String::new();
    if let Some(Override {
        what,
        until_unix_ms,
        ..
    }) = &done.made
    {
        let services = counted(done.services, "service", "services");
        let time = until_unix_ms.map_or_else(
            || "until it is ended".to_owned(),
            |until| format!("for {}", age_ms(until.saturating_sub(now_unix_ms))),
        );
        let _ = writeln!(text, "{what}: {services}, {time}");
    }
    for ended in &done.ended {
        let _ = writeln!(text, "ended: {}", line(ended, now_unix_ms));
    }
    if done.made.is_none() && done.ended.is_empty() {
        text.push_str("nothing to end\n");
    }
    if let Some(generation) = done.generation {
        let _ = writeln!(
            text,
            "generation {generation} tells apart services that shared their decisions"
        );
    }
    if let Some(reason) = &done.not_kept {
        let _ = writeln!(
            text,
            "holds, but a restart of veerd will not know: {reason}"
        );
    }
    text
}

/// What operators say, a line each; nothing where they say nothing.
pub(super) fn list(overrides: &[Override], now_unix_ms: u64, paint: Paint) -> String {
    let mut text = String::new();
    for entry in overrides {
        let line = Cell::toned(line(entry, now_unix_ms), Tone::Caution);
        let _ = writeln!(text, "override: {}", line.painted(paint));
    }
    text
}

/// An override in one line.
pub(super) fn line(entry: &Override, now_unix_ms: u64) -> String {
    let Override {
        what,
        reason,
        user,
        since_unix_ms,
        until_unix_ms,
    } = entry;
    let since = age_ms(now_unix_ms.saturating_sub(*since_unix_ms));
    let mut line = format!("{what}, by {user} {since} ago");
    if let Some(until) = until_unix_ms {
        let left = age_ms(until.saturating_sub(now_unix_ms));
        let _ = write!(line, ", {left} left");
    }
    if let Some(reason) = reason {
        let _ = write!(line, ": {reason}");
    }
    line
}
