//! `explain`: a question's way to its answer, as a short story.

use std::fmt::Write as _;

use dns_common::decision::SLOTS;

use super::{
    groups::basis,
    human::{age, measured},
    overrides,
    paint::{Paint, Tone, word},
    states::{known, suspicion},
    table::{Align, Cell, Table},
};
use crate::{
    clock,
    control::explained::{Explained, Origin, Plane, Steering},
    flattening::Resolved,
    measurement::{
        director::{
            explain::{Candidate, DemandStatus, Outcome, TtlStatus},
            history::LastChange,
            level::LevelStatus,
            nearest::Nearest,
        },
        metric::Metric,
    },
};

/// Who asks, what stands at the name, the candidates, the decision, the answer; seen
/// at `now_unix_ms`.
pub(in crate::control) fn explain(explained: &Explained, now_unix_ms: u64, paint: Paint) -> String {
    let mut text = format!(
        "{} {} from {}\n\n",
        explained.name, explained.rtype, explained.from
    );
    text.push_str(&premises(explained, now_unix_ms).render(paint));
    text.push('\n');
    if let Origin::Steered(steering) = &explained.origin {
        text.push_str(&candidates(&steering.explanation.candidates).render(paint));
        text.push('\n');
    }
    text.push_str(&conclusion(explained).render(paint));
    for record in &explained.answer {
        let _ = writeln!(text, "  {record}");
    }
    if let Origin::Steered(steering) = &explained.origin {
        text.push('\n');
        text.push_str(&changes(steering).render(paint));
    }
    text
}

fn premises(explained: &Explained, now_unix_ms: u64) -> Table {
    let mut table = Table::of_fields();
    let group = &explained.group;
    let mut line = match &explained.prefix {
        Some(prefix) => format!("{group}, by prefix {prefix}"),
        None => format!("{group}: no prefix names this address"),
    };
    let demand = &explained.demand;
    let _ = write!(
        line,
        "; {:.1} % of the demand ({})",
        demand.percent,
        basis(demand)
    );
    table.field("group", line);
    match &explained.origin {
        Origin::Steered(steering) => steered(steering, now_unix_ms, &mut table),
        Origin::Static { zone } => {
            table.field("name", format!("not steered: as zone {zone} has it"));
        }
        Origin::NotOurs => table.field("name", "in none of the zones served here"),
    }
    table
}

fn steered(steering: &Steering, now_unix_ms: u64, table: &mut Table) {
    let Steering {
        service,
        customer,
        pool,
        explanation,
        ..
    } = steering;
    table.field("service", format!("{service} of customer {customer}"));
    table.field("pool", pool.to_string());
    table.field("policy", explanation.policy.as_str());
    explanation
        .level
        .iter()
        .for_each(|status| level(status, table));
    if let Some(TtlStatus {
        ttl_s,
        until_change_ms,
    }) = explanation.ttl
    {
        let until = match until_change_ms {
            Some(ms) => format!("no change within {}", age(ms)),
            None => "nothing known changes the answer".to_owned(),
        };
        table.field("TTL", format!("{ttl_s} s: {until}"));
    }
    if !explanation.own.is_empty() {
        let own: Vec<_> = explanation.own.iter().map(Metric::to_string).collect();
        let line = format!("{} for {} alone", own.join(", "), explanation.group);
        table.field("measured", line);
    }
    if let Some(DemandStatus { total, held_ms }) = explanation.demand {
        let held = held_ms.map(|ms| format!(", held for another {}", age(ms)));
        table.field("demand", format!("{total}{}", held.unwrap_or_default()));
    }
    if let Some(slot) = explanation.slot {
        table.field("slot", format!("{slot} of {SLOTS}"));
    }
    if let Some(status) = &explanation.suspicion {
        table.field("suspicion", Cell::toned(suspicion(status), Tone::Caution));
    }
    let candidates = explanation.candidates.iter();
    let states = candidates.filter_map(|candidate| candidate.admin.as_ref());
    for entry in explanation
        .freeze
        .iter()
        .chain(&explanation.pin)
        .chain(states)
    {
        let line = overrides::line(entry, now_unix_ms);
        table.field("override", Cell::toned(line, Tone::Caution));
    }
}

/// What is agreed, in force and to come.
fn level(status: &LevelStatus, table: &mut Table) {
    let metric = status.metric;
    if let Some(of) = status.in_force() {
        let parties = [
            ("customer", of.customer_accepted_unix_ms),
            ("provider", of.provider_accepted_unix_ms),
        ];
        let accepted = parties.map(|(name, at)| {
            let at = at.map_or_else(String::new, |at| format!(" at {}", clock::utc(at)));
            format!("the {name}{at}")
        });
        let line = format!(
            "{}, version {}, in force since {}: proposed by the {} at {}, accepted by {}",
            metric.quantity(of.value),
            of.version,
            clock::utc(of.since_unix_ms()),
            of.proposed_by.name(),
            clock::utc(of.proposed_unix_ms),
            accepted.join(" and "),
        );
        table.field("level", line);
    } else {
        table.field("level", Cell::toned("none is in force", Tone::Caution));
    }
    if let Some(next) = status.next() {
        table.field("next level", next.to_come(metric));
    }
    for of in status.without_effect() {
        let value = metric.quantity(of.value);
        let line = format!("version {}, {value}, is {}", of.version, of.effect);
        table.field("without effect", Cell::toned(line, Tone::Caution));
    }
}

/// The column of shares, where there are any.
const SHARE: usize = 4;

fn candidates(candidates: &[Candidate]) -> Table {
    let mut columns = vec![
        ("#", Align::Right),
        ("SERVER", Align::Left),
        ("STATE", Align::Left),
        ("MEASURED", Align::Left),
        ("USABLE FOR", Align::Left),
        ("WHY", Align::Left),
    ];
    let is_divided = candidates.iter().any(|of| of.share_percent.is_some());
    if is_divided {
        columns.insert(SHARE, ("SHARE", Align::Right));
    }
    let mut table = Table::new(&columns);
    for candidate in candidates {
        let usable = match (candidate.eligible_v4, candidate.eligible_v6) {
            (true, true) => "A, AAAA",
            (true, false) => "A",
            (false, true) => "AAAA",
            (false, false) => "nothing",
        };
        let mut cells = vec![
            candidate.position.to_string().into(),
            server(candidate).into(),
            state(candidate),
            measured(&candidate.measured).into(),
            usable.into(),
            candidate.why.as_str().into(),
        ];
        if is_divided {
            let share = known(candidate.share_percent, |percent| format!("{percent:.1} %"));
            cells.insert(SHARE, share);
        }
        table.row(cells);
    }
    table
}

/// A candidate's name, and what hands over with it.
fn server(candidate: &Candidate) -> String {
    match &candidate.hand_over {
        Some(way) => format!("{} ({way})", candidate.server),
        None => candidate.server.clone(),
    }
}

/// The state of a candidate's addresses, where they agree.
fn state(candidate: &Candidate) -> Cell {
    let mut states = candidate.addresses.iter().map(|address| address.state);
    let Some(first) = states.next() else {
        if candidate.hand_over.is_some() {
            return Cell::toned("not measured", Tone::Plain);
        }
        return Cell::toned("unknown", Tone::Caution);
    };
    let (text, tone) = if states.all(|state| state == first) {
        word(first)
    } else {
        ("mixed", Tone::Caution)
    };
    Cell::toned(text, tone)
}

fn conclusion(explained: &Explained) -> Table {
    let mut table = Table::of_fields();
    if let Origin::Steered(steering) = &explained.origin {
        let tone = match &steering.decision {
            Outcome::Server(_) | Outcome::Servers(_) | Outcome::Drawn(_) | Outcome::HandOver(_) => {
                Tone::Good
            }
            Outcome::All => Tone::Caution,
            Outcome::Servfail => Tone::Bad,
            Outcome::NoData => Tone::Plain,
        };
        table.field("decision", Cell::toned(steering.decision.to_string(), tone));
        for resolved in &steering.resolved {
            table.field("resolved", self::resolved(resolved));
        }
    }
    let plane = match explained.plane {
        Plane::Kernel => "in the kernel",
        Plane::Userspace => "in userspace",
    };
    let rcode = &explained.rcode;
    let empty = if explained.answer.is_empty() {
        ", without records"
    } else {
        ""
    };
    table.field("answer", format!("{rcode}, made {plane}{empty}"));
    table
}

/// What another DNS said last, and how asking it went.
fn resolved(resolved: &Resolved) -> Cell {
    let Resolved {
        candidate,
        network,
        addresses,
        left_ms,
        error,
        error_ago_ms,
    } = resolved;
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let told = match (addresses.join(", "), left_ms) {
        (_, None) => "nothing".to_owned(),
        (none, _) if none.is_empty() => "no address".to_owned(),
        (some, _) => some,
    };
    let network = network.as_deref().unwrap_or("no network");
    #[expect(clippy::cast_precision_loss, reason = "times of some days")]
    let in_time = |ms: i64| age(ms as f64);
    let until = match *left_ms {
        Some(left @ 0..) => format!(", for another {}", in_time(left)),
        Some(past) => format!(", ran out {} ago", in_time(-past)),
        None => String::new(),
    };
    let line = format!("{candidate}: {told} for {network}{until}");
    let Some(error) = error else {
        return line.into();
    };
    let ago = error_ago_ms.map(|ms| format!(" {} ago", in_time(ms.cast_signed())));
    let ago = ago.unwrap_or_default();
    Cell::toned(format!("{line}; not resolved{ago}: {error}"), Tone::Caution)
}

/// What the decision comes from, and what would have to change for it to be another.
fn changes(steering: &Steering) -> Table {
    let mut table = Table::of_fields();
    let explanation = &steering.explanation;
    let last = match &explanation.last_change {
        Some(LastChange {
            ago_ms,
            cause,
            from,
        }) => {
            let ago = age(*ago_ms);
            let is_of_a = steering.decision == explanation.a;
            let from = from.as_ref();
            let from = from.map(|from| if is_of_a { &from.a } else { &from.aaaa });
            match from.filter(|from| **from != steering.decision) {
                Some(from) => format!("{ago} ago, from {from}: {cause}"),
                None => format!("{ago} ago: {cause}"),
            }
        }
        None => "none since the first decision".to_owned(),
    };
    table.field("last change", last);
    let line = match &steering.nearest {
        Some(Nearest {
            alteration, then, ..
        }) => format!("{alteration}; then {then}"),
        None => "none: no single change alters the decision".to_owned(),
    };
    table.field("nearest change", line);
    table
}
