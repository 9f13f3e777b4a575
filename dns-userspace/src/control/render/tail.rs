//! Queries as they come: a line each, its columns as wide as most need.

use std::fmt::Write as _;

use super::{
    log::time,
    paint::{Paint, Tone},
    table::Cell,
};
use crate::{control::explained::Plane, queries::Query};

/// Records of an answer that are shown before the others are counted.
const SHOWN: usize = 3;

/// Columns before the last, and the least width of each.
const COLUMNS: [(&str, usize); 8] = [
    ("TIME", 24),
    ("RESOLVER", 15),
    ("NAME", 24),
    ("TYPE", 5),
    ("BY", 9),
    ("OUTCOME", 17),
    ("RCODE", 8),
    ("GROUP", 10),
];

/// What stands above them, where one in so many is told.
pub(in crate::control) fn query_titles(one_in: u32) -> String {
    let mut text = match one_in {
        1 => String::new(),
        one_in => format!("one in {one_in} queries (log.queries_sample)\n"),
    };
    for (title, width) in COLUMNS {
        let _ = write!(text, "{title:width$}  ");
    }
    text.push_str("ANSWER\n");
    text
}

/// One query.
pub(in crate::control) fn query(query: &Query, paint: Paint) -> String {
    let Query {
        at_unix_ms,
        resolver,
        transport: _,
        name,
        rtype,
        plane,
        outcome,
        rcode,
        answer,
        service: _,
        group,
    } = query;
    let (by, by_tone) = match plane {
        Plane::Kernel => ("kernel", Tone::Plain),
        Plane::Userspace => ("userspace", Tone::Caution),
    };
    let (rcode, tone) = match rcode.as_deref() {
        None => ("-", Tone::Bad),
        Some("NOERROR") => ("NOERROR", Tone::Good),
        Some("NXDOMAIN") => ("NXDOMAIN", Tone::Caution),
        Some(other) => (other, Tone::Bad),
    };
    let cells = [
        Cell::from(time(*at_unix_ms)),
        resolver.to_string().into(),
        name.as_str().into(),
        rtype.as_str().into(),
        Cell::toned(by, by_tone),
        outcome.as_str().into(),
        Cell::toned(rcode, tone),
        group.as_deref().unwrap_or("-").into(),
    ];
    let mut text = String::new();
    for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
        let gap = width.saturating_sub(cell.width()) + 2;
        let _ = write!(text, "{}{:gap$}", cell.painted(paint), "");
    }
    let answer = Cell::from(in_short(answer));
    text.push_str(&answer.painted(paint));
    text.push('\n');
    text
}

/// The first records, and how many more are told.
fn in_short(answer: &[String]) -> String {
    if answer.is_empty() {
        return "-".to_owned();
    }
    let mut text = answer[..answer.len().min(SHOWN)].join(", ");
    if answer.len() > SHOWN {
        let _ = write!(text, ", …");
    }
    text
}
