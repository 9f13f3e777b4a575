//! What groups ask for, where that is configured.

use std::collections::{BTreeMap, HashSet};

use crate::{
    config::{
        diagnostic::Diagnostics,
        section::{Document, Entry},
        values::Place,
    },
    model::{DEFAULT_GROUP, Groups, Quantity},
};

const VALID: &str = "a number above 0, queries a second";

/// By group number.
#[derive(Default)]
pub(super) struct Demands {
    said: BTreeMap<u16, (Quantity, Place)>,
    /// Groups of which nothing else was said there.
    unplaced: BTreeMap<u16, Place>,
}

impl Demands {
    /// Takes in the `demand` of `group`, in a table on the line `unplaced` where that does
    /// not say who is in it.
    pub(super) fn read(
        &mut self,
        group: Option<u16>,
        entry: &Entry,
        unplaced: Option<usize>,
        document: &mut Document,
    ) {
        let place = |line| Place {
            file: document.file.to_owned(),
            line,
        };
        let (at, unplaced) = (place(entry.line), unplaced.map(place));
        if let Some((group, place)) = group.zip(unplaced) {
            self.unplaced.insert(group, place);
        }
        let Some(demand) = entry.quantity(document) else {
            return;
        };
        if demand <= Quantity::default() {
            let _: Option<()> = entry.reject(format!("is 0; valid: {VALID}"), document);
            return;
        }
        let Some(group) = group else { return };
        if let Some((_, Place { file, line })) = self.said.get(&group) {
            let message = format!(
                "is said of this group already, by {}:{line}; valid: once",
                file.display()
            );
            document.report(entry.line, &entry.path, message);
            return;
        }
        self.said.insert(group, (demand, at));
    }

    /// All of them; each of `groups` has to have prefixes, or be one of those that a
    /// database is asked for.
    pub(super) fn of(
        self,
        groups: &Groups,
        asked_for: impl Iterator<Item = u16>,
        found: &mut Diagnostics,
    ) -> BTreeMap<u16, Quantity> {
        let prefixes = groups.prefixes.iter().map(|(_, group)| *group);
        let placed: HashSet<u16> = prefixes.chain(asked_for).collect();
        for (group, Place { file, line }) in &self.unplaced {
            let name = &groups.names[usize::from(*group)];
            if !placed.contains(group) && name != DEFAULT_GROUP {
                let message = format!(
                    "`{name}` has no prefixes; valid: a group of groups.file, or one with `as` or \
                     `country`"
                );
                found.push(file, *line, "group", message);
            }
        }
        let said = self.said.into_iter();
        said.map(|(group, (demand, _))| (group, demand)).collect()
    }
}
