//! What a reload would change.

use std::fmt::Write as _;

use super::{
    human::counted,
    paint::Paint,
    table::{Align, Table},
};
use crate::measurement::director::difference::{Difference, LevelChange, Move, Moved};

/// Rows that a person reads; all are in the JSON.
const ROWS_MAX: usize = 40;
/// Groups that are named in a row.
const GROUPS_MAX: usize = 3;

/// What changes, the larger parts of the demand first.
pub(in crate::control) fn difference(difference: &Difference, paint: Paint) -> String {
    let Difference {
        moved_percent,
        services,
        added,
        removed,
        levels,
    } = difference;
    let mut text = format!("{moved_percent:.1} % of the demand would be answered otherwise\n");
    for (what, names) in [("steered only then", added), ("steered no more", removed)] {
        if !names.is_empty() {
            let _ = writeln!(text, "{what}: {}", names.join(", "));
        }
    }
    text.push_str(&level_changes(levels));
    if services.is_empty() {
        return text;
    }
    let mut table = Table::new(&[
        ("SERVICE", Align::Left),
        ("CUSTOMER", Align::Left),
        ("DEMAND %", Align::Right),
        ("MOVED %", Align::Right),
        ("PREFIXES", Align::Right),
        ("FROM", Align::Left),
        ("TO", Align::Left),
        ("GROUPS", Align::Left),
    ]);
    let rows = || {
        services
            .iter()
            .flat_map(|of| of.moves.iter().map(move |it| (of, it)))
    };
    for (
        of,
        Move {
            from,
            to,
            percent,
            groups,
        },
    ) in rows().take(ROWS_MAX)
    {
        let Moved {
            service,
            customer,
            demand_percent,
            prefixes,
            ..
        } = of;
        let mut named = groups
            .iter()
            .take(GROUPS_MAX)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if groups.len() > GROUPS_MAX {
            let _ = write!(named, " and {}", groups.len() - GROUPS_MAX);
        }
        table.row([
            service.as_str().into(),
            customer.as_str().into(),
            format!("{demand_percent:.1}").into(),
            format!("{percent:.1}").into(),
            prefixes.to_string().into(),
            from.as_str().into(),
            to.as_str().into(),
            named.into(),
        ]);
    }
    text.push_str(&table.render(paint));
    let more = rows().count().saturating_sub(ROWS_MAX);
    if more > 0 {
        let _ = writeln!(
            text,
            "and {}; --json has all",
            counted(more, "more", "more")
        );
    }
    text
}

/// Whose levels are others, and what is to come.
fn level_changes(levels: &[LevelChange]) -> String {
    let mut text = String::new();
    for LevelChange {
        service,
        customer,
        from,
        to,
        next,
    } in levels.iter().take(ROWS_MAX)
    {
        let from = from.as_deref().unwrap_or("nothing");
        let _ = write!(
            text,
            "level of {service} of customer {customer}: {from} → {to}"
        );
        let next = next
            .as_deref()
            .map_or(String::new(), |it| format!("; {it}"));
        let _ = writeln!(text, "{next}");
    }
    let more = levels.len().saturating_sub(ROWS_MAX);
    if more > 0 {
        let more = counted(more, "more level", "more levels");
        let _ = writeln!(text, "and {more}; --json has all");
    }
    text
}
