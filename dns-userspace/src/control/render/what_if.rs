//! `what-if`: what resolvers get, and would get.

use std::fmt::Write as _;

use super::{
    paint::{Paint, Tone},
    states::known,
    table::{Align, Cell, Table},
};
use crate::measurement::director::{
    explain::Outcome,
    history::Move,
    what_if::{Part, Supposed},
};

/// Groups that are named before the others are counted.
const NAMED: usize = 3;

/// A line for each service and those groups that have the same before and after.
pub(in crate::control) fn what_if(supposed: &[Supposed], paint: Paint) -> String {
    let mut table = Table::new(&[
        ("SERVICE", Align::Left),
        ("GROUPS", Align::Left),
        ("DEMAND %", Align::Right),
        ("A NOW", Align::Left),
        ("A THEN", Align::Left),
        ("AAAA NOW", Align::Left),
        ("AAAA THEN", Align::Left),
    ]);
    for service in supposed {
        for part in &service.moves {
            let Part {
                one,
                demand_percent,
            } = part;
            let Some(from) = &one.from else { continue };
            let then = |from: &Outcome, to: &Outcome| {
                let tone = if from == to {
                    Tone::Plain
                } else {
                    Tone::Caution
                };
                Cell::toned(to.to_string(), tone)
            };
            table.row([
                service.service.as_str().into(),
                groups(one, service).into(),
                known(*demand_percent, |percent| format!("{percent:.1}")),
                from.a.to_string().into(),
                then(&from.a, &one.to.a),
                from.aaaa.to_string().into(),
                then(&from.aaaa, &one.to.aaaa),
            ]);
        }
    }
    let mut text = table.render(paint);
    for service in supposed.iter().filter(|service| service.is_frozen) {
        let name = &service.service;
        let _ = writeln!(text, "{name} is frozen: no measurement changes anything");
    }
    text
}

fn groups(one: &Move, service: &Supposed) -> String {
    let named = one.groups.iter().take(NAMED).cloned();
    let mut named: Vec<String> = named.collect();
    if one.groups.len() > NAMED {
        named.push(format!("{} more", one.groups.len() - NAMED));
    }
    if one.others {
        let is_alone = service.moves.len() == 1;
        named.push(if is_alone { "all" } else { "all others" }.to_owned());
    }
    named.join(", ")
}
