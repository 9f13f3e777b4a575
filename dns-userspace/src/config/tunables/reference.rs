//! The table of tunables for people: in README.md, in veer.conf(5) and in completions.

use super::{Applies, TUNABLES, Tunable};
use crate::config::kind::Kind;

/// What stands before the table in README.md.
pub const BEGIN: &str = "<!-- tunables: made by `cargo xtask pages` -->";

/// What stands behind it.
pub const END: &str = "<!-- end of tunables -->";

impl Applies {
    /// When that is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::AtReload => "at a reload",
            Self::AtRestart => "at restart",
        }
    }
}

impl Tunable {
    /// What it may be, with the unit.
    pub fn valid(&self) -> String {
        let valid = self.kind.valid();
        match (self.kind, self.unit()) {
            (Kind::Integer { .. }, Some(unit)) => format!("{valid} {unit}"),
            _ => valid,
        }
    }

    /// What it is where no file says so.
    pub fn default_words(&self) -> &'static str {
        match self.default {
            None => "must be set",
            Some("") => "nothing",
            Some(default) => default,
        }
    }
}

/// Every tunable, by key.
pub fn sorted() -> Vec<&'static Tunable> {
    let mut tunables: Vec<_> = TUNABLES.iter().collect();
    tunables.sort_unstable_by_key(|tunable| tunable.key);
    tunables
}

/// The table in README.md, [`BEGIN`] and [`END`] included.
pub fn markdown() -> String {
    let rows: String = sorted().into_iter().map(row).collect();
    format!(
        "{BEGIN}\n| key | may be | by default | changes | what it is |\n|---|---|---|---|---|\n{rows}{END}"
    )
}

fn row(tunable: &Tunable) -> String {
    let default = match tunable.default {
        None | Some("") => tunable.default_words().to_owned(),
        Some(default) => format!("`{default}`"),
    };
    format!(
        "| `{}` | {} | {default} | {} | {} |\n",
        tunable.key,
        escaped(&tunable.valid()),
        tunable.applies.words(),
        escaped(tunable.sentence)
    )
}

/// `text` in a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*")
}

/// `readme` with the table as it is now in the place of the one it has; `None` where it
/// has none.
pub fn renewed(readme: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{}{after}", markdown()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tunables::find;

    #[test]
    fn the_table_in_the_readme_is_this_one() {
        let readme = include_str!("../../../../README.md");
        let renewed = renewed(readme).expect("README.md has the table of tunables");
        let lines = readme.lines().zip(renewed.lines());
        let other: Vec<_> = lines.filter(|(is, should)| is != should).collect();
        assert_eq!(other.first(), None, "`cargo xtask pages` makes it anew");
        assert_eq!(readme, renewed, "`cargo xtask pages` makes it anew");
    }

    #[test]
    fn units_are_those_that_keys_name() {
        for (key, unit) in [
            ("tcp.idle_ms", Some("milliseconds")),
            ("edns.payload_bytes", Some("octets")),
            ("log.decisions_mib", Some("MiB")),
            ("load.max_moved_percent", Some("percent")),
            ("up.queries_per_second_max", Some("a second")),
            ("probe.address_per_s_max", Some("a second")),
            ("stale.keep_max_s", Some("seconds")),
            ("rrl.ipv4_prefix_bits", Some("bits")),
            ("tcp.connections_max", None),
            ("server.port", None),
        ] {
            assert_eq!(find(key).and_then(Tunable::unit), unit, "{key}");
        }
    }
}
