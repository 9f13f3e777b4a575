//! veer.conf(5), from the table of tunables.

use clap_mangen::roff::{bold, italic, roman};
use veer::config::tunables::{Applies, Tunable, reference};

/// What stands before the tunables, paragraph by paragraph.
const DESCRIPTION: &[&str] = &[
    "Tunables of veerd(8), one key = value a line, as in sysctl.d(5). Lines that begin with # \
     or ; are comments, and a comment has a line of its own. Slashes may stand for the dots of \
     a key. A value is all that stands behind the =, without the blanks around it.",
    "The files of veer.d are read by name, then veer.conf; of several assignments to a key the \
     last wins, and of one that a file has twice veerd warns. With a - before the key a failure \
     to set it is ignored. A key with *, ? or [ is a glob, and sets every tunable that it \
     means between dots and no other line names; -KEY alone names one only for that.",
    "veerd starts from files and reloads files without any mistake in them, or not at all; \
     veerctl -p and --system set what they can. What veerctl -w sets is gone at a restart, and \
     at a reload the files' values hold.",
];

/// The page.
pub(crate) fn page() -> String {
    let mut page = super::head("veer.conf", "tunables of veerd");
    page.control("SH", ["SYNOPSIS"]);
    page.text([roman("/etc/veer/veer.d/*.conf")]);
    page.control("br", []);
    page.text([roman("/etc/veer/veer.conf")]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        page.control("PP", []);
        page.text([roman(*paragraph)]);
    }
    page.control("SH", ["TUNABLES"]);
    for tunable in reference::sorted() {
        page.control("TP", []);
        page.text([bold(tunable.key), roman(" = "), italic(default(tunable))]);
        page.text([roman(tunable.sentence)]);
        page.control("br", []);
        page.text([roman(format!(
            "Valid: {}. {}",
            tunable.valid(),
            changes(tunable.applies)
        ))]);
    }
    super::see_also(
        &mut page,
        "veerd(8), veerctl(8), veer.services(5), sysctl(8), sysctl.d(5)",
    );
    page.to_roff()
}

fn default(tunable: &Tunable) -> &'static str {
    match tunable.default {
        Some("") => "",
        _ => tunable.default_words(),
    }
}

fn changes(applies: Applies) -> &'static str {
    match applies {
        Applies::AtOnce => "Changes at once, by veerctl -w too.",
        Applies::AtReload => "Changes at a reload.",
        Applies::AtRestart => "Changes at a restart of veerd.",
    }
}
