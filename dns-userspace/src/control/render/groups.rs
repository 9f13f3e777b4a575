//! `groups`.

use std::fmt::Write as _;

use super::{
    paint::Paint,
    table::{Align, Table},
};
use crate::{
    control::groups::Groups,
    measurement::{demand::Basis, director::demand::GroupDemand},
};

/// A line for each group, those that ask for most first.
pub(in crate::control) fn groups(groups: &Groups, paint: Paint) -> String {
    let mut table = Table::new(&[
        ("GROUP", Align::Left),
        ("PREFIXES", Align::Right),
        ("DEMAND %", Align::Right),
        ("FROM", Align::Left),
    ]);
    let mut rows: Vec<_> = groups.groups.iter().collect();
    rows.sort_by(|one, other| other.demand.percent.total_cmp(&one.demand.percent));
    for of in rows {
        table.row([
            of.group.as_str().into(),
            of.prefixes.to_string().into(),
            format!("{:.1}", of.demand.percent).into(),
            basis(&of.demand).into(),
        ]);
    }
    let mut text = table.render(paint);
    match (groups.counted_one_in, groups.queries_per_s) {
        (0, _) => text.push_str("answers are not counted by group: count.group_sample is 0\n"),
        (_, None) => text.push_str("no answer of a steered name was counted so far\n"),
        (_, Some(rate)) => {
            let _ = writeln!(text, "{rate:.1} queries of steered names a second of late");
        }
    }
    text
}

/// Where a group's demand is from.
pub(super) fn basis(demand: &GroupDemand) -> &'static str {
    match demand.basis {
        Basis::Configured => "configured",
        Basis::Counted => "counted",
        Basis::Even => "nothing is known: even",
    }
}
