//! Resolver groups: their prefixes, one `PREFIX GROUP` a line with `#` comments, and the
//! autonomous systems and countries whose prefixes a database knows; and what they ask for.

mod database;
mod demands;
mod layers;
mod origins;

use std::{
    collections::{HashMap, hash_map},
    path::Path,
};

use foldhash::fast::RandomState;
use ipnet::IpNet;

use super::{address, diagnostic::Diagnostics, files::Missing, settings::Settings, source::Source};
use crate::model::{DEFAULT_GROUP, Groups};
use origins::Origins;

/// What a group's name must be, for messages.
const VALID_NAME: &str = "1 to 63 of a-z, 0-9 and `-`, not starting with `-`";

/// Reads the groups that `settings` name the files of in `source`, at most `tables.groups` of them,
/// [`crate::model::DEFAULT_GROUP`] included; `missing` says what it means that the file
/// of a tunable is. What is wrong goes to `found`.
pub(super) fn read(
    source: &Source,
    settings: &Settings,
    missing: impl Fn(&'static str) -> Missing,
    found: &mut Diagnostics,
) -> Groups {
    let mut reading = Reading::new(settings.tables.groups as usize);
    let file = &settings.groups_file;
    if let Some(text) = source.text(file, &missing("groups.file"), found) {
        reading.lines(file, &text, found);
    }
    let directory = missing("groups.directory");
    let mut origins = Origins::default();
    for file in source.list(&settings.groups_directory, "toml", &directory, found) {
        if let Some(text) = source.text(&file, &Missing::Empty, found) {
            origins.read(&file, &text, &mut reading, found);
        }
    }
    let mut groups = reading.groups;
    let [of_as, of_country] = origins.prefixes(settings, missing, found);
    groups.prefixes = layers::joined(groups.prefixes, &of_as, &of_country);
    groups.demand = origins.demands(&groups, found);
    groups
}

/// Groups read so far.
struct Reading {
    groups: Groups,
    numbers: HashMap<String, u16, RandomState>,
    /// Group and line of each prefix.
    seen: HashMap<IpNet, (u16, usize), RandomState>,
    groups_max: usize,
    /// A group found no room, which is said once.
    full: bool,
}

/// What is wrong, and with what.
type Fault<'t> = (&'t str, String);

impl Reading {
    fn new(groups_max: usize) -> Self {
        Self {
            groups: Groups::default(),
            numbers: HashMap::from_iter([(DEFAULT_GROUP.to_owned(), 0)]),
            seen: HashMap::default(),
            groups_max,
            full: false,
        }
    }

    /// Takes in a file of lines.
    fn lines(&mut self, file: &Path, text: &str, found: &mut Diagnostics) {
        for (number, line) in (1..).zip(text.lines()) {
            for (key, fault) in self.line(number, line) {
                found.push(file, number, key, fault);
            }
        }
    }

    /// Takes in one line; returns all that is wrong with it.
    fn line<'t>(&mut self, number: usize, line: &'t str) -> Vec<Fault<'t>> {
        let meant = line.split('#').next().unwrap_or_default().trim();
        let mut words = meant.split_whitespace();
        let (prefix_text, name) = match (words.next(), words.next(), words.next()) {
            (None, ..) => return Vec::new(),
            (Some(prefix), Some(name), None) => (prefix, name),
            _ => {
                let fault =
                    "is not a prefix and a group; valid: PREFIX GROUP, as in 192.0.2.0/24 isp-a";
                return vec![(meant, fault.to_owned())];
            }
        };
        let entry = (address::prefix(prefix_text), self.group(name));
        match entry {
            (Ok(prefix), Ok(Some(group))) => {
                let fault = self.insert(prefix, group, number);
                fault
                    .map(|fault| (prefix_text, fault))
                    .into_iter()
                    .collect()
            }
            (prefix, group) => {
                let prefix_fault = prefix.err().map(|fault| (prefix_text, fault));
                let name_fault = group.err().map(|fault| (name, fault));
                prefix_fault.into_iter().chain(name_fault).collect()
            }
        }
    }

    /// The number of the group, which is new if it has none; `None` when there
    /// is no room for it, and that has been said.
    fn group(&mut self, name: &str) -> Result<Option<u16>, String> {
        if let Some(group) = self.numbers.get(name) {
            return Ok(Some(*group));
        }
        if !is_group_name(name) {
            return Err(format!("is not a group's name; valid: {VALID_NAME}"));
        }
        if self.groups.names.len() < self.groups_max {
            let group = self.groups.names.len() as u16;
            self.groups.names.push(name.to_owned());
            self.numbers.insert(name.to_owned(), group);
            return Ok(Some(group));
        }
        if self.full {
            return Ok(None);
        }
        self.full = true;
        Err(format!(
            "is one group more than there is room for; valid: at most {}, `{DEFAULT_GROUP}` \
             included, or raise tables.groups",
            self.groups_max
        ))
    }

    /// Adds a prefix; says so if another group has it.
    fn insert(&mut self, prefix: IpNet, group: u16, number: usize) -> Option<String> {
        match self.seen.entry(prefix) {
            hash_map::Entry::Vacant(entry) => {
                entry.insert((group, number));
                self.groups.prefixes.push((prefix, group));
                None
            }
            hash_map::Entry::Occupied(entry) => {
                let (first, first_line) = *entry.get();
                (first != group).then(|| {
                    let name = &self.groups.names[usize::from(first)];
                    format!(
                        "is in group {name} on line {first_line}; valid: one group for a prefix"
                    )
                })
            }
        }
    }
}

fn is_group_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests;
