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
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::Transport;

    fn told() -> Query {
        Query {
            at_unix_ms: 1_700_000_000_123,
            resolver: [192, 0, 2, 7].into(),
            transport: Transport::Udp,
            name: "www.example.".to_owned(),
            rtype: "A".to_owned(),
            plane: Plane::Kernel,
            outcome: "answered".to_owned(),
            rcode: Some("NOERROR".to_owned()),
            answer: vec!["A 198.51.100.1".to_owned()],
            service: Some("www.example.".to_owned()),
            group: Some("isp-a".to_owned()),
        }
    }

    #[test]
    fn a_query_stands_below_its_titles() {
        let titles = query_titles(10);
        let (note, titles) = titles.split_once('\n').expect("two lines");
        assert_eq!(note, "one in 10 queries (log.queries_sample)");
        let line = query(&told(), Paint(false));
        for (title, value) in [
            ("TIME", "2023-11-14T22:13:20.123Z"),
            ("RESOLVER", "192.0.2.7"),
            ("NAME", "www.example."),
            ("BY", "kernel"),
            ("RCODE", "NOERROR"),
            ("GROUP", "isp-a"),
            ("ANSWER", "A 198.51.100.1"),
        ] {
            assert_eq!(titles.find(title), line.find(value), "{titles}{line}");
        }
        assert_eq!(query_titles(1), titles);
    }

    #[test]
    fn what_got_no_reply_or_went_to_userspace_is_coloured() {
        let dropped = Query {
            plane: Plane::Userspace,
            rcode: None,
            answer: Vec::new(),
            group: None,
            ..told()
        };
        let line = query(&dropped, Paint(true));
        assert!(line.contains("\x1b[33muserspace\x1b[0m  "), "{line}");
        assert!(line.contains("\x1b[31m-\x1b[0m"), "{line}");
        assert!(!query(&dropped, Paint(false)).contains('\x1b'));
    }

    #[test]
    fn of_many_records_the_first_are_shown() {
        let records = |count| Query {
            answer: (0..count).map(|number| format!("A {number}")).collect(),
            ..told()
        };
        let shown = |count| {
            let line = query(&records(count), Paint(false));
            line.split_once("isp-a")
                .expect("a group")
                .1
                .trim()
                .to_owned()
        };
        assert_eq!(shown(0), "-");
        assert_eq!(shown(3), "A 0, A 1, A 2");
        assert_eq!(shown(4), "A 0, A 1, A 2, …");
    }
}
