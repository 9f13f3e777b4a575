//! An agreed level, and who is used on which side of it.

use std::time::Duration;

use super::{Context, followed, level, named, order, steps};
use crate::{
    config::section::{Document, Section},
    model::Threshold,
};

/// A resolver keeps an answer for its TTL: in twice that time all have seen it.
const HOLD_TTLS: u64 = 2;
/// Resolvers that change sides in one step, percent.
const STEP_PERCENT: u32 = 25;
/// The longest hold, seconds.
const HOLD_S_MAX: u64 = 86_400;

pub(super) fn read(
    section: &mut Section,
    context: &Context,
    document: &mut Document,
) -> Option<Threshold> {
    let metric = section
        .required("metric", &context.measured(), document)
        .and_then(|entry| named(&entry, context, document));
    let level = level::read(section, document);
    let return_band = section
        .optional("return_band", document)
        .and_then(|entry| entry.quantity(document))
        .unwrap_or_default();
    let hold_s = section
        .optional("hold_s", document)
        .and_then(|entry| entry.integer(0..=HOLD_S_MAX, document))
        .unwrap_or(HOLD_TTLS * u64::from(context.ttl_s));
    let steps = steps::read(section, context, STEP_PERCENT, document);
    let valid = "an array of candidates that have to be better than the level";
    let origins = section
        .required("origins", valid, document)
        .and_then(|entry| order(&entry, context.candidates, document));
    let over_entry = section.optional("over", document);
    let (line, path) = over_entry.as_ref().map_or_else(
        || (section.line, format!("{}.over", section.path)),
        |entry| (entry.line, entry.path.clone()),
    );
    let over = over_entry.map_or(Some(Vec::new()), |entry| {
        order(&entry, context.candidates, document)
    });
    let (origins, over) = (origins?, over?);
    let name = |number: u8| context.candidates[usize::from(number)];
    for both in over.iter().filter(|number| origins.contains(number)) {
        let message = format!("{} is among `origins` too; valid: others", name(*both));
        document.report(line, &path, message);
    }
    let others = (0..context.candidates.len() as u8).filter(|number| !origins.contains(number));
    let over = followed(over, &others.collect::<Vec<_>>());
    if over.is_empty() {
        let message = "would be nobody, since all candidates are among `origins`; \
                       valid: one at least to be used instead";
        document.report(line, &path, message);
        return None;
    }
    Some(Threshold {
        metric: metric?,
        level: level?,
        return_band,
        hold: Duration::from_secs(hold_s),
        steps,
        origins,
        over,
    })
}
