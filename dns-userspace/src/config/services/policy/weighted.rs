//! Parts of the hash space that are configured.

use crate::{
    config::{
        diagnostic::nearest,
        section::{Document, Section},
    },
    model::Policy,
};

/// The highest weight: a thousandth is about one slot.
const WEIGHT_MAX: u32 = 1000;

pub(super) fn read(
    section: &mut Section,
    candidates: &[&str],
    document: &mut Document,
) -> Option<Policy> {
    let valid = format!(
        "a table of candidates out of {} with weights from 0 to {WEIGHT_MAX}, one at least above 0",
        candidates.join(", ")
    );
    let is_sticky = section
        .optional("sticky", document)
        .and_then(|entry| entry.boolean(document))
        .unwrap_or(true);
    let entry = section.required("weights", &valid, document)?;
    let (line, path) = (entry.line, entry.path.clone());
    let entries = entry.section(&valid, document)?.entries(document);
    let mut weights = vec![None; candidates.len()];
    let mut is_wrong = false;
    for (name, entry) in entries {
        let mut known = candidates.iter();
        let number = known.position(|known| !name.is_empty() && known.eq_ignore_ascii_case(name));
        let weight = entry.integer(0..=WEIGHT_MAX, document);
        is_wrong |= weight.is_none();
        let Some(number) = number else {
            let message = format!(
                "is not a candidate of this service; nearest: {}; valid: {valid}",
                nearest(name, candidates.iter().copied())
            );
            document.report(entry.line, &entry.path, message);
            is_wrong = true;
            continue;
        };
        if weights[number].is_some() {
            let message = "is there in another case too; valid: each candidate once";
            document.report(entry.line, &entry.path, message);
        }
        weights[number] = weight;
    }
    let weights: Vec<u32> = weights.into_iter().map(Option::unwrap_or_default).collect();
    if weights.iter().all(|weight| *weight == 0) {
        if !is_wrong {
            document.report(line, &path, format!("are all 0; valid: {valid}"));
        }
        return None;
    }
    Some(Policy::Weighted { weights, is_sticky })
}
