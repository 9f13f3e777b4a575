//! The configurations that can be gone back to.

use std::{fmt::Write as _, iter, path::PathBuf};

use super::{
    human::{age_ms, counted},
    paint::{Paint, Tone},
    table::{Align, Cell, Table},
};
use crate::control::generations::{By, Damaged, FilesDiffer, Generation, Generations, Made};

/// Files that are named in a row; all are in the JSON.
const FILES_MAX: usize = 3;
/// Later generations that are named in a row.
const LATER_MAX: usize = 4;

/// A row for each, seen at `now_unix_ms`.
pub(in crate::control) fn generations(
    shown: &Generations,
    now_unix_ms: u64,
    paint: Paint,
) -> String {
    let mut text = String::new();
    if shown.generations.is_empty() {
        text.push_str("none is kept\n");
    } else {
        let mut table = Table::new(&[
            ("GENERATION", Align::Right),
            ("AGO", Align::Right),
            ("BY", Align::Left),
            ("ZONES", Align::Right),
            ("NAMES", Align::Right),
            ("SERVICES", Align::Right),
            ("FILES THAT DIFFER", Align::Left),
            ("THE SAME", Align::Left),
        ]);
        for generation in &shown.generations {
            table.row(row(generation, now_unix_ms));
        }
        text.push_str(&table.render(paint));
    }
    for generation in &shown.generations {
        for file in &generation.not_kept {
            let number = generation.made.generation;
            let line = format!(
                "{} was too large to be kept: without it as it was nothing goes back to {number}",
                file.display()
            );
            let line = Cell::toned(line, Tone::Caution);
            let _ = writeln!(text, "{}", line.painted(paint));
        }
    }
    for Damaged { generation, fault } in &shown.damaged {
        let line = Cell::toned(format!("{generation} is damaged: {fault}"), Tone::Bad);
        let _ = writeln!(text, "{}", line.painted(paint));
    }
    text
}

fn row(generation: &Generation, now_unix_ms: u64) -> [Cell; 8] {
    let Made {
        generation: number,
        unix_ms,
        by,
    } = generation.made;
    let inventory = &generation.inventory;
    [
        number.to_string().into(),
        age_ms(now_unix_ms.saturating_sub(unix_ms)).into(),
        named(by).into(),
        inventory.zones.to_string().into(),
        inventory.names.to_string().into(),
        inventory.services.to_string().into(),
        match &generation.differs {
            None => counted(generation.files, "file", "files"),
            Some(differs) => files(differs),
        }
        .into(),
        later(generation).into(),
    ]
}

fn named(by: By) -> String {
    match by {
        By::Start => "start".to_owned(),
        By::Reload => "reload".to_owned(),
        By::Revert { to } => format!("revert to {to}"),
        By::Override => "override".to_owned(),
    }
}

/// The first few files, each with `+` where it came, `-` where it went.
fn files(differs: &FilesDiffer) -> String {
    let signed = |sign: &'static str, files: &[PathBuf]| {
        let signed = files.iter().map(|file| format!("{sign}{}", file.display()));
        signed.collect::<Vec<_>>()
    };
    let mut all = signed("", &differs.changed);
    all.extend(signed("+", &differs.added));
    all.extend(signed("-", &differs.removed));
    if all.is_empty() {
        return "none".to_owned();
    }
    let more = all.len().saturating_sub(FILES_MAX);
    all.truncate(FILES_MAX);
    let mut text = all.join(" ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

/// The last few generations that were made of the same configuration.
fn later(generation: &Generation) -> String {
    let later = &generation.later;
    let skipped = later.len().saturating_sub(LATER_MAX);
    let shown = later.iter().skip(skipped);
    let shown = shown.map(|made| format!("{} {}", made.generation, named(made.by)));
    let dots = iter::repeat_n("…".to_owned(), usize::from(skipped > 0));
    dots.chain(shown).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
