//! Probes by FTP: of which file the size is asked for.

use crate::{
    config::section::{Document, Section},
    model::{FtpFile, ProbeKind},
};

/// Port where none is set.
const PORT: u16 = 21;
/// Who asks where nobody is set (RFC 1635).
const USER: &str = "anonymous";
const PASSWORD: &str = "probe@";

const VALID: &str = "a text without line breaks";

pub(super) fn read(section: &mut Section, document: &mut Document) -> Option<ProbeKind> {
    let port = section
        .optional("port", document)
        .map_or(Some(PORT), |entry| entry.integer(1..=u16::MAX, document));
    let mut text = |key, default: Option<&str>| {
        let Some(entry) = section.optional(key, document) else {
            return Some(default.map(str::to_owned));
        };
        let text = entry.string(VALID, document)?;
        // A line break would begin a command of its own.
        if text.is_empty() || text.contains(char::is_control) {
            let shown = text.escape_debug();
            return entry.reject(format!("`{shown}` is not; valid: {VALID}"), document);
        }
        Some(Some(text.to_owned()))
    };
    let path = text("path", None);
    let user = text("user", Some(USER));
    let password = text("password", Some(PASSWORD));
    let (user, password) = (user??, password??);
    let file = path?.map(|path| FtpFile {
        path,
        user,
        password,
    });
    Some(ProbeKind::Ftp { port: port?, file })
}
