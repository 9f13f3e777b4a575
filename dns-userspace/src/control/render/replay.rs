//! `replay`: what would have differed.

use std::fmt::Write as _;

use super::{
    human::{age, counted, latency},
    log::time,
    paint::{Paint, Tone},
    table::{Align, Cell, Table},
};
use crate::replay::{Compared, Fed, Figures, Replayed};

/// Services that are shown before the others are counted.
const ROWS_MAX: usize = 50;

/// All, then each service, then who took how much.
pub(in crate::control) fn replay(replayed: &Replayed, paint: Paint) -> String {
    let mut text = about(replayed);
    let mut services = Table::new(&[
        ("SERVICE", Align::Left),
        ("ELSEWHERE %", Align::Right),
        ("FLIPS/H", Align::Right),
        ("HANDED OVER %", Align::Right),
        ("NOBODY %", Align::Right),
        ("LATENCY", Align::Right),
        ("UNKNOWN %", Align::Right),
        ("LOAD %", Align::Right),
        ("UNKNOWN %", Align::Right),
    ]);
    services.row(row("all", &replayed.all));
    let mut candidates = Table::new(&[
        ("SERVICE", Align::Left),
        ("CANDIDATE", Align::Left),
        ("SHARE %", Align::Right),
        ("LATENCY", Align::Right),
        ("LOAD %", Align::Right),
    ]);
    for of in replayed.services.iter().take(ROWS_MAX) {
        services.row(row(&of.service, &of.compared));
        for one in &of.candidates {
            candidates.row([
                of.service.as_str().into(),
                one.candidate.as_str().into(),
                both([one.before_percent, one.then_percent].map(percent)),
                both([one.latency_before_ms, one.latency_then_ms].map(known_latency)),
                both([one.load_before_percent, one.load_then_percent].map(known)),
            ]);
        }
    }
    let _ = write!(
        text,
        "\n{}\n{}",
        services.render(paint),
        candidates.render(paint)
    );
    let more = replayed.services.len().saturating_sub(ROWS_MAX);
    if more > 0 {
        let more = counted(more, "more service", "more services");
        let _ = writeln!(text, "and {more}; --json has all");
    }
    text
}

/// What was replayed, what is missing, and what it comes to.
fn about(replayed: &Replayed) -> String {
    let mut text = format!(
        "{} to {}: {} measurements, {} count\n",
        time(replayed.from_unix_ms),
        time(replayed.to_unix_ms),
        replayed.samples,
        age(replayed.counted_s * 1e3),
    );
    if replayed.gaps > 0 {
        let gaps = format!("{} gaps", replayed.gaps);
        let took = age(replayed.gaps_s * 1e3);
        let _ = writeln!(
            text,
            "left out: {gaps}, {took}, in which nothing was measured"
        );
    }
    if replayed.lost > 0 {
        let _ = writeln!(text, "{} measurements were lost", replayed.lost);
    }
    if let Some(first) = &replayed.first_unreadable {
        let lines = replayed.unreadable;
        let _ = writeln!(text, "{lines} lines could not be read, the first: {first}");
    }
    for (whose, fed) in [
        ("before", &replayed.probes_before),
        ("then", &replayed.probes_then),
    ] {
        text.push_str(&without_samples(whose, fed));
    }
    for (what, names) in [
        ("steered only then", &replayed.added),
        ("steered only before", &replayed.removed),
    ] {
        if !names.is_empty() {
            let _ = writeln!(text, "{what}, counted nowhere: {}", names.join(", "));
        }
    }
    let _ = writeln!(
        text,
        "{:.1} % of the demand would have gone elsewhere",
        replayed.all.elsewhere_percent
    );
    let _ = writeln!(text, "{}", replayed.supposes);
    text
}

fn without_samples(whose: &str, fed: &Fed) -> String {
    if fed.without_samples == 0 {
        return String::new();
    }
    let mut named = fed.named.join(", ");
    let more = fed.without_samples - fed.named.len();
    if more > 0 {
        let _ = write!(named, " and {more}");
    }
    format!(
        "{whose}: of {} of {} targets nothing is recorded, they count as not measured: {named}\n",
        fed.without_samples, fed.targets
    )
}

fn row(name: &str, compared: &Compared) -> [Cell; 9] {
    let figures = [&compared.before, &compared.then];
    let each = |of: fn(&Figures) -> String| both(figures.map(of));
    let tone = if compared.elsewhere_percent > 0.0 {
        Tone::Caution
    } else {
        Tone::Plain
    };
    [
        name.into(),
        Cell::toned(percent(compared.elsewhere_percent), tone),
        each(|it| percent(it.flips_per_hour)),
        each(|it| percent(it.handed_over_percent)),
        each(|it| percent(it.nobody_percent)),
        each(|it| known_latency(it.latency_ms)),
        each(|it| percent(it.latency_unknown_percent)),
        each(|it| known(it.load_percent)),
        each(|it| percent(it.load_unknown_percent)),
    ]
}

/// Before and then, once where they are the same.
fn both([before, then]: [String; 2]) -> Cell {
    if before == then {
        before.into()
    } else {
        format!("{before} → {then}").into()
    }
}

fn percent(value: f64) -> String {
    format!("{value:.1}")
}

fn known(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), percent)
}

fn known_latency(ms: Option<f64>) -> String {
    ms.map_or_else(|| "-".to_owned(), latency)
}
