//! `health`.

use super::{
    paint::{Paint, Tone},
    table::{Align, Cell, Table},
};
use crate::control::health::Health;

/// The word, then a line for each check, those that failed first.
pub(in crate::control) fn health(health: &Health, paint: Paint) -> String {
    let (word, tone) = if health.healthy {
        ("healthy", Tone::Good)
    } else {
        ("unhealthy", Tone::Bad)
    };
    let mut table = Table::new(&[
        ("CHECK", Align::Left),
        ("FOUND", Align::Left),
        ("", Align::Left),
    ]);
    let mut checks: Vec<_> = health.checks.iter().collect();
    checks.sort_by_key(|check| check.passed);
    for check in checks {
        let found = if check.passed {
            Cell::toned("good", Tone::Good)
        } else {
            Cell::toned("bad", Tone::Bad)
        };
        table.row([
            check.check.name().into(),
            found,
            check.reason.as_str().into(),
        ]);
    }
    let word = Cell::toned(word, tone);
    format!("{}\n{}", word.painted(paint), table.render(paint))
}
