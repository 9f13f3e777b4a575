//! The decision log: what changed, and what was decided at one time.

use std::fmt::Write as _;

use super::{
    human::{age_ms, counted},
    paint::{Paint, Tone},
    table::{Align, Cell, Table},
};
use crate::{
    clock,
    decision_log::{
        What,
        query::{Change, ExplainedAt, Logged, Missing},
    },
    measurement::director::{
        history::{Decided, Move, Outcomes},
        states::Share,
    },
};

/// Services and groups that are named before the others are counted.
const NAMED: usize = 3;

/// A line for each change, the oldest first.
pub(in crate::control) fn log(logged: &Logged, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("TIME", Align::Left),
        ("SERVICES", Align::Left),
        ("GROUPS", Align::Left),
        ("DECISION", Align::Left),
        ("CAUSE", Align::Left),
    ]);
    for entry in &logged.entries {
        let at = time(entry.at_unix_ms);
        match &entry.what {
            What::Lost(count) => {
                let lost = counted(*count as usize, "decision", "decisions");
                let lost = Cell::toned(format!("{lost} lost"), Tone::Bad);
                table.row([at.into(), "-".into(), "-".into(), lost, "-".into()]);
            }
            What::Decided(decided) => {
                let services = named(&decided.services, decided.more_services);
                let cause = decided.cause.to_string();
                let mut row = |groups: String, decision: String| {
                    let (at, services) = (at.as_str().into(), services.as_str().into());
                    let cause = cause.as_str().into();
                    table.row([at, services, groups.into(), decision.into(), cause]);
                };
                if !decided.shares.is_empty() {
                    row("all".to_owned(), shares(&decided.shares));
                }
                for one in &decided.moves {
                    row(groups(one, decided), moved(one));
                }
            }
        }
    }
    let mut text = table.render(paint);
    if logged.has_more {
        text.push_str("there are older ones; --max shows more\n");
    }
    if logged.unreadable > 0 {
        let lines = counted(logged.unreadable, "line", "lines");
        let _ = writeln!(text, "{lines} of the log cannot be read");
    }
    match logged.begins_unix_ms {
        Some(begins) => {
            let _ = writeln!(text, "the log begins at {}", time(begins));
        }
        None => text.push_str("the log is empty\n"),
    }
    text
}

/// What was decided at one time, seen at `now_unix_ms`.
pub(in crate::control) fn explain_at(
    explained: &ExplainedAt,
    now_unix_ms: u64,
    paint: Paint,
) -> String {
    let ExplainedAt {
        name,
        rtype,
        from,
        at_unix_ms,
        group,
        prefix,
        service,
        then,
    } = explained;
    let mut text = format!("{name} {rtype} from {from} at {}\n\n", time(*at_unix_ms));
    let mut table = Table::of_fields();
    let by = match prefix {
        Some(prefix) => format!("{group}, by prefix {prefix}"),
        None => format!("{group}: no prefix names this address"),
    };
    table.field("group", by);
    if then.is_configured_anew {
        let line = "the configuration was read anew since: it may have been another then";
        table.field("", Cell::toned(line, Tone::Caution));
    }
    table.field("service", service.as_str());
    let decision = match &then.decision {
        Some(decision) => decision.to_string(),
        None if !then.shares.is_empty() => format!("by slot: {}", shares(&then.shares)),
        None => "not known".to_owned(),
    };
    table.field("decision", decision);
    if let Some(Change {
        at_unix_ms,
        cause,
        from,
    }) = &then.change
    {
        let ago = age_ms(now_unix_ms.saturating_sub(*at_unix_ms));
        let from = from.as_ref();
        let from = from.map_or_else(String::new, |from| format!(", from {from}"));
        let since = format!("{}, {ago} ago{from}: {cause}", time(*at_unix_ms));
        table.field("since", since);
    }
    let missing = then.missing.map(|missing| match missing {
        Missing::Older => "the decision log does not reach back to it",
        Missing::Lost => "decisions are missing in the decision log",
        Missing::Unnamed => "it concerned more services or groups than are named",
        Missing::Absent => "the decision log knows of no decision for this service then",
    });
    if let Some(missing) = missing {
        let title = if then.decision.is_some() { "since" } else { "" };
        table.field(title, Cell::toned(missing, Tone::Caution));
    }
    text.push_str(&table.render(paint));
    text
}

/// A time in UTC.
pub(super) fn time(unix_ms: u64) -> String {
    humantime::format_rfc3339_millis(clock::time_of(unix_ms)).to_string()
}

/// Who gets what instead of what, for the families for which it changes.
fn moved(one: &Move) -> String {
    let Outcomes { a, aaaa } = &one.to;
    let Some(from) = &one.from else {
        return if a == aaaa {
            a.to_string()
        } else {
            format!("A {a}; AAAA {aaaa}")
        };
    };
    let text = |from, to| format!("{from} → {to}");
    match (from.a != *a, from.aaaa != *aaaa) {
        (true, true) if from.a == from.aaaa && a == aaaa => text(&from.a, a),
        (true, true) => format!("A {}; AAAA {}", text(&from.a, a), text(&from.aaaa, aaaa)),
        (false, _) => format!("AAAA {}", text(&from.aaaa, aaaa)),
        (true, false) => format!("A {}", text(&from.a, a)),
    }
}

fn groups(one: &Move, decided: &Decided) -> String {
    if !one.others {
        return named(&one.groups, 0);
    }
    let is_alone =
        decided.moves.len() == 1 && decided.except.is_empty() && decided.more_groups == 0;
    if is_alone {
        return "all".to_owned();
    }
    let mut text = named(&one.groups, 0);
    if !text.is_empty() {
        text.push_str(", ");
    }
    text + "all others"
}

fn named(names: &[String], more: usize) -> String {
    let mut text = names.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let more = names.len().saturating_sub(NAMED) + more;
    if more > 0 {
        text.push(format!("{more} more"));
    }
    text.join(", ")
}

fn shares(shares: &[Share]) -> String {
    let each = shares.iter();
    let each = each.map(|share| format!("{} {:.1} %", share.server, share.percent));
    each.collect::<Vec<_>>().join(", ")
}
