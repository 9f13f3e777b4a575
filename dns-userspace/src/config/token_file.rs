//! A file of tokens: the agent's, or those that a probe shows one. What stands in it is told nobody: findings
//! name its lines, never their content.

use std::path::Path;

use super::{
    diagnostic::Diagnostics,
    files::{self, Missing},
    section::{Document, Entry},
    values::Place,
};
use crate::agent::token;

const KEY: &str = "token_file";

pub(super) const VALID: &str =
    "a file of one or two lines, each a token of 32 to 256 visible ASCII characters, # comments";

/// The tokens of the file that `entry` names, which starts at `dir` where it is
/// relative: one or two, but none where something is wrong with them.
pub(super) fn read(entry: &Entry, dir: &Path, document: &mut Document) -> Option<Vec<String>> {
    let path = dir.join(entry.string(VALID, document)?);
    let place = Place {
        file: document.file.to_owned(),
        line: entry.line,
    };
    let mut found = Diagnostics::default();
    files::check_owner_only(&path, KEY, &mut found);
    let text = files::text(&path, &Missing::Mistake { key: KEY, place }, &mut found);
    let tokens = text.map(|text| {
        let mut tokens = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if !token::is_token(line) {
                found.push(&path, number, KEY, format!("is no token; valid: {VALID}"));
            } else if tokens.len() == 2 {
                found.push(
                    &path,
                    number,
                    KEY,
                    format!("is a third token; valid: {VALID}"),
                );
            }
            tokens.push(line.to_owned());
        }
        if tokens.is_empty() {
            found.push(&path, 0, KEY, format!("holds no token; valid: {VALID}"));
        }
        tokens
    });
    document.append(found);
    tokens
}
