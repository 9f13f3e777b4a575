//! The level of a threshold: the operator's own word, or versions of an agreement.
//!
//! ```toml
//! level = 250                  # in force at once
//!
//! [[service.policy.level]]     # in its place: what customer and provider agree on
//! version = 1                  # 1 to 1000000, ascending
//! value = 250
//! proposed = { by = "customer", on = 2026-09-01 }
//! accepted = { customer = 2026-09-02, provider = 2026-09-03 }  # of no effect before both have
//! effective = 2026-10-01T00:00:00Z
//! ```

use crate::{
    config::section::{Document, Entry, Section},
    model::{Level, Party, Version},
};

const VALID: &str = "a number in the metric's unit, or [[service.policy.level]] tables";
const VALID_PROPOSED: &str = "{ by = \"customer\" or \"provider\", on = a day or time }";
const VALID_ACCEPTED: &str = "{ customer = a day or time, provider = a day or time }";
const NUMBER_MAX: u32 = 1_000_000;

pub(super) fn read(section: &mut Section, document: &mut Document) -> Option<Level> {
    let entry = section.required("level", VALID, document)?;
    if !entry.is_tables() {
        return entry.quantity(document).map(Level::Set);
    }
    let (line, path) = (entry.line, entry.path.clone());
    let entries = entry.tables(VALID, document)?;
    if entries.is_empty() {
        document.report(line, &path, format!("is empty; valid: {VALID}"));
        return None;
    }
    let mut versions: Vec<Version> = Vec::new();
    let mut before = 0;
    for (position, mut entry) in entries.into_iter().enumerate() {
        entry.path = format!("{path}.#{}", position + 1);
        let version = version(entry, &mut before, document);
        versions.extend(version);
    }
    Some(Level::Agreed(versions))
}

/// One version; `before` is the number of the one before it, and becomes its own.
fn version(entry: Entry, before: &mut u32, document: &mut Document) -> Option<Version> {
    let mut section = entry.section(VALID, document)?;
    let number = section.required("version", "the number after the one before", document);
    let number = number.and_then(|entry| {
        let number = entry.integer(1..=NUMBER_MAX, document)?;
        if number <= *before {
            let valid = *before + 1;
            let message = format!(
                "{number} does not come after version {before}, which stands before it; \
                 valid: {valid} or more"
            );
            return entry.reject(message, document);
        }
        *before = number;
        Some(number)
    });
    let value = section.required("value", "a number in the metric's unit", document);
    let value = value.and_then(|entry| entry.quantity(document));
    let proposed = section.required("proposed", VALID_PROPOSED, document);
    let proposed = proposed.and_then(|entry| proposed_by(entry, document));
    let accepted = section.optional("accepted", document);
    let accepted = accepted.map_or(Some([None; 2]), |entry| {
        accepted_by(entry, proposed.map(|(_, time)| time), document)
    });
    let effective = section.required("effective", "a day or time", document);
    let effective = effective.and_then(|entry| {
        let time = entry.time(document)?;
        let [customer, provider] = accepted?;
        if Some(time) < customer.max(provider) {
            let message = "is before it was accepted; valid: the day or time of the last \
                           acceptance, or later";
            return entry.reject(message, document);
        }
        Some(time)
    });
    section.close("a version of a level", document);
    let (proposed_by, proposed) = proposed?;
    Some(Version {
        number: number?,
        value: value?,
        proposed_by,
        proposed,
        accepted: accepted?,
        effective: effective?,
    })
}

fn proposed_by(entry: Entry, document: &mut Document) -> Option<(Party, u64)> {
    let mut section = entry.section(VALID_PROPOSED, document)?;
    let by = section.required("by", "customer, provider", document);
    let by = by.and_then(|entry| entry.choice(&Party::ALL, document));
    let on = section.required("on", "a day or time", document);
    let on = on.and_then(|entry| entry.time(document));
    section.close("a proposal", document);
    Some((by?, on?))
}

/// When each party accepted what was `proposed` then.
fn accepted_by(
    entry: Entry,
    proposed: Option<u64>,
    document: &mut Document,
) -> Option<[Option<u64>; 2]> {
    let mut section = entry.section(VALID_ACCEPTED, document)?;
    let mut is_right = true;
    let accepted = Party::ALL.map(|(name, _)| {
        let entry = section.optional(name, document)?;
        let time = entry.time(document).filter(|time| {
            let is_later = proposed.is_none_or(|proposed| *time >= proposed);
            if !is_later {
                let message = "is before it was proposed; valid: the day or time of the \
                               proposal, or later";
                document.report(entry.line, &entry.path, message);
            }
            is_later
        });
        is_right &= time.is_some();
        time
    });
    section.close("an acceptance", document);
    is_right.then_some(accepted)
}
