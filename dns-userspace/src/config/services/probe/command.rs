//! Probes by a program: which, and what its number is.

use std::path::PathBuf;

use crate::{
    config::section::{Document, Section},
    measurement::metric::Metric,
    model::{Command, ProbeKind},
};

/// Arguments of a command.
const ARGUMENTS_MAX: usize = 64;

const VALID_PROGRAM: &str = "the absolute path of a program";

pub(super) fn read(section: &mut Section, document: &mut Document) -> Option<ProbeKind> {
    let program = section
        .required("program", VALID_PROGRAM, document)
        .and_then(|entry| {
            let path = PathBuf::from(entry.string(VALID_PROGRAM, document)?);
            if path.is_absolute() && path.is_file() {
                return Some(path);
            }
            let message = format!("{} is not there; valid: {VALID_PROGRAM}", path.display());
            entry.reject(message, document)
        });
    let valid = format!("an array of up to {ARGUMENTS_MAX} texts");
    let arguments = section
        .optional("arguments", document)
        .map_or(Some(Vec::new()), |entry| {
            let elements = entry.array(&valid, document)?;
            if elements.len() > ARGUMENTS_MAX {
                return entry.reject(format!("has too many; valid: {valid}"), document);
            }
            let texts = elements.iter();
            texts
                .map(|element| element.string(&valid, document).map(str::to_owned))
                .collect()
        });
    let metric = section
        .optional("metric", document)
        .map(|entry| entry.choice(&Metric::MEASURED, document));
    Some(ProbeKind::Command(Command {
        program: program?,
        arguments: arguments?,
        metric: metric.flatten(),
    }))
}
