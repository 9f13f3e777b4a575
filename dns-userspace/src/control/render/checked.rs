//! What came of a check.

use super::{difference::difference, human::counted, paint::Paint};
use crate::control::checked::{Checked, Holds};

/// That a configuration is valid, what it holds, and what it would change.
pub(in crate::control) fn checked(checked: &Checked, paint: Paint) -> String {
    let Checked {
        file,
        holds:
            Holds {
                zones,
                services,
                pools,
                groups,
                prefixes,
            },
        difference: changes,
    } = checked;
    let holds = [
        counted(*zones, "zone", "zones"),
        counted(*services, "service", "services"),
        counted(*pools, "pool", "pools"),
        counted(*groups, "group", "groups"),
        counted(*prefixes, "prefix", "prefixes"),
    ];
    let what = match file {
        Some(file) => format!("{}: valid; with it the configuration", file.display()),
        None => "valid: the configuration".to_owned(),
    };
    let changes = match changes {
        Some(changes) => difference(changes, paint),
        None => "no veerd runs, so what it would change is not known\n".to_owned(),
    };
    format!("{what} holds {}\n{changes}", holds.join(", "))
}
