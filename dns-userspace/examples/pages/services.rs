//! veer.services(5), from what the modules that read services say of themselves.

use clap_mangen::roff::{Roff, roman};

/// The modules, in the order in which one reads of them.
const MODULES: &[(&str, &str)] = &[
    ("SERVICES", include_str!("../../src/config/services.rs")),
    (
        "SERVERS",
        include_str!("../../src/config/services/server.rs"),
    ),
    (
        "HAND-OVERS",
        include_str!("../../src/config/services/hand_over.rs"),
    ),
    (
        "POLICY",
        include_str!("../../src/config/services/policy.rs"),
    ),
    (
        "AGREED LEVELS",
        include_str!("../../src/config/services/policy/level.rs"),
    ),
    ("PROBES", include_str!("../../src/config/services/probe.rs")),
    (
        "CAPACITIES",
        include_str!("../../src/config/services/capacity.rs"),
    ),
    (
        "HEALTH",
        include_str!("../../src/config/services/health.rs"),
    ),
    ("TTLS", include_str!("../../src/config/services/ttl.rs")),
    (
        "SEVERAL ANSWERS",
        include_str!("../../src/config/services/answers.rs"),
    ),
];

/// What stands before them.
const DESCRIPTION: &str = "Each [[service]] is a name that veerd(8) steers, with its servers, \
    how they are probed and how they are ranked. Unknown keys are mistakes; a file with one is \
    not taken, and all that is wrong is said at once, with file and line. veerctl check FILE \
    says so before a file is put in its place, veerctl reload takes what was changed.";

/// The page.
pub(crate) fn page() -> String {
    let mut page = super::head("veer.services", "names that veerd steers");
    page.control("SH", ["SYNOPSIS"]);
    page.text([roman("/etc/veer/services.d/*.toml")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(DESCRIPTION)]);
    for (title, source) in MODULES {
        page.control("SH", [*title]);
        let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
        let mut is_example = false;
        for line in lines {
            let line = line.strip_prefix(' ').unwrap_or(line);
            is_example = (is_example || line == "```toml") && line != "```";
            tell(&mut page, line, is_example);
        }
    }
    super::see_also(&mut page, "veerd(8), veerctl(8), veer.conf(5)");
    page.to_roff()
}

/// Adds a line of a module's words about itself.
fn tell(page: &mut Roff, line: &str, is_example: bool) {
    match line {
        "" if is_example => page.control("sp", []),
        "" => page.control("PP", []),
        "```toml" => page.control("EX", []),
        "```" => page.control("EE", []),
        line => page.text([roman(
            line.replace("see the module ", "see ").replace('`', ""),
        )]),
    };
}
