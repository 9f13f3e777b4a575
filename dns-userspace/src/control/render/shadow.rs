//! `shadow`: what another server answers otherwise.

use std::fmt::Write as _;

use super::{
    human::counted,
    paint::{Paint, Tone},
    table::{Align, Cell, Table},
};
use crate::shadow::{Counted, Kind, Summary};

/// What it comes to, a row for each kind in each zone, then the first of each.
pub(in crate::control) fn shadow(summary: &Summary, paint: Paint) -> String {
    let mut text = about(summary);
    if summary.differences.is_empty() {
        return text;
    }
    let mut table = Table::new(&[
        ("ZONE", Align::Left),
        ("KIND", Align::Left),
        ("QUESTIONS", Align::Right),
        ("SEEN", Align::Right),
        ("THE FIRST", Align::Left),
    ]);
    for of in &summary.differences {
        let first = &of.first;
        table.row([
            of.zone.as_str().into(),
            Cell::toned(of.kind.name(), tone(of.kind)),
            of.questions.to_string().into(),
            of.seen.to_string().into(),
            format!("{} {} for {}", first.name, first.rtype, first.from).into(),
        ]);
    }
    let _ = write!(text, "\n{}", table.render(paint));
    for of in &summary.differences {
        text.push_str(&example(of, paint));
    }
    text
}

/// What was asked, and what was not.
fn about(summary: &Summary) -> String {
    let count = |count: u64| counted(count as usize, "question", "questions");
    let mut text = format!(
        "{} compared with {}, {} answered otherwise\n",
        count(summary.compared),
        summary.upstream,
        summary.differing,
    );
    for (number, what) in [
        (summary.no_answer, "without a reply that can be read"),
        (
            summary.left_out.outside,
            "for names in no zone of veer's, not asked",
        ),
        (
            summary.left_out.other_zones,
            "for names in other zones, not asked",
        ),
        (
            summary.left_out.meta,
            "for ANY, transfers and the like, not asked",
        ),
        (
            summary.left_out.skipped,
            "more than the rate allows, not asked",
        ),
        (
            summary.left_out.unreadable,
            "that cannot be read, not asked",
        ),
    ] {
        if number > 0 {
            let _ = writeln!(text, "{} {what}", count(number));
        }
    }
    if summary.unanswered > 0 {
        let tries = counted(summary.unanswered as usize, "try", "tries");
        let _ = writeln!(text, "{tries} over UDP without a reply");
    }
    text
}

fn tone(kind: Kind) -> Tone {
    if kind.is_expected() {
        Tone::Plain
    } else {
        Tone::Caution
    }
}

fn example(of: &Counted, paint: Paint) -> String {
    let first = &of.first;
    let name = paint.paint(of.kind.name(), tone(of.kind));
    let cell = |text: &str| Cell::from(text).painted(paint);
    format!(
        "\n{name}: {} {} for {}\n  veer      {}\n  upstream  {}\n",
        cell(&first.name),
        cell(&first.rtype),
        first.from,
        cell(&first.veer),
        cell(&first.upstream),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::{Found, LeftOut};

    fn summary(differences: Vec<Counted>) -> Summary {
        Summary {
            upstream: ([192, 0, 2, 53], 53).into(),
            compared: 12,
            differing: differences.len() as u64,
            no_answer: 0,
            unanswered: 0,
            left_out: LeftOut {
                outside: 1,
                skipped: 3,
                ..LeftOut::default()
            },
            differences,
        }
    }

    fn counted(kind: Kind, questions: u64) -> Counted {
        Counted {
            zone: "example.".to_owned(),
            kind,
            questions,
            seen: 2 * questions,
            first: Found {
                kind,
                zone: "example.".to_owned(),
                name: "www.example.".to_owned(),
                rtype: "A".to_owned(),
                from: [192, 0, 2, 7].into(),
                veer: "www.example. A 192.0.2.1".to_owned(),
                upstream: "www\x1b.example. A 192.0.2.2".to_owned(),
            },
        }
    }

    #[test]
    fn each_kind_has_a_row_and_its_first_example() {
        let summary = summary(vec![counted(Kind::Data, 2), counted(Kind::Steered, 11)]);
        let expected = "\
12 questions compared with 192.0.2.53:53, 2 answered otherwise
1 question for names in no zone of veer's, not asked
3 questions more than the rate allows, not asked

ZONE      KIND     QUESTIONS  SEEN  THE FIRST
example.  data             2     4  www.example. A for 192.0.2.7
example.  steered         11    22  www.example. A for 192.0.2.7

data: www.example. A for 192.0.2.7
  veer      www.example. A 192.0.2.1
  upstream  www\u{fffd}.example. A 192.0.2.2

steered: www.example. A for 192.0.2.7
  veer      www.example. A 192.0.2.1
  upstream  www\u{fffd}.example. A 192.0.2.2
";
        assert_eq!(shadow(&summary, Paint(false)), expected);
        let painted = shadow(&summary, Paint(true));
        assert!(painted.contains("\x1b[33mdata\x1b[0m"), "{painted:?}");
        assert!(!painted.contains("msteered"), "{painted:?}");
    }

    #[test]
    fn where_nothing_differs_there_is_no_table() {
        let text = shadow(&summary(Vec::new()), Paint(false));
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("0 answered otherwise"), "{text}");
    }
}
