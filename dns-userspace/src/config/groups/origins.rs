//! Groups by autonomous system and country, and what groups ask for.
//!
//! ```toml
//! [[group]]
//! name = "isp-a"
//! as = [64500, 64501]      # as groups.as_database knows them
//! country = ["CZ"]         # as groups.country_database knows them
//! demand = 2500            # queries a second; by default what is counted
//! ```

use std::{
    collections::BTreeMap,
    hash::Hash,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use maxminddb::MaxMindDbError;

use super::{
    Reading,
    database::{self, Country, Record},
    demands::Demands,
};
use crate::config::{
    diagnostic::Diagnostics,
    files::Missing,
    section::{Document, Entry, Section},
    settings::Settings,
    values::Place,
};
use crate::model::{Groups, Quantity};

const VALID: &str = "[[group]] tables";
const VALID_AS: &str = "an array of numbers of autonomous systems, 1 to 4294967295";
const VALID_COUNTRY: &str = "an array of country codes of two capital letters, as in [\"CZ\"]";

/// Whom networks belong to that groups are made of.
#[derive(Default)]
pub(super) struct Origins {
    of_as: Claims<u32>,
    of_country: Claims<Country>,
    demands: Demands,
}

/// Who is of which group, and where that is said.
type Claims<K> = BTreeMap<K, (u16, Place)>;

impl Origins {
    /// Takes in a file of tables.
    pub(super) fn read(
        &mut self,
        file: &Path,
        text: &str,
        reading: &mut Reading,
        found: &mut Diagnostics,
    ) {
        let mut document = Document::new(file, text, found);
        let Some(table) = document.parse() else {
            return;
        };
        let mut root = Section::root(&table);
        let entries = root
            .optional("group", &document)
            .and_then(|entry| entry.array(VALID, &mut document))
            .unwrap_or_default();
        root.close("a file of groups", &mut document);
        for (number, mut entry) in (1..).zip(entries) {
            entry.path = format!("group.#{number}");
            self.group(entry, reading, &mut document);
        }
    }

    fn group(&mut self, entry: Entry, reading: &mut Reading, document: &mut Document) {
        let Some(mut section) = entry.section("a [[group]] table", document) else {
            return;
        };
        let name = section.required("name", super::VALID_NAME, document);
        let text = name
            .as_ref()
            .and_then(|entry| entry.string(super::VALID_NAME, document));
        let of_as = section.optional("as", document);
        let of_country = section.optional("country", document);
        let demand = section.optional("demand", document);
        let is_placed = of_as.is_some() || of_country.is_some();
        if !is_placed && demand.is_none() {
            let message = "has neither `as`, `country` nor `demand`; valid: one at least";
            document.report(section.line, &section.path, message);
        }
        let line = section.line;
        section.close("a group", document);
        let group = name.zip(text).and_then(|(entry, text)| {
            let number = reading.group(text);
            number.unwrap_or_else(|fault| {
                entry.reject(format!("`{}` {fault}", text.escape_debug()), document)
            })
        });
        if let Some(entry) = demand {
            let unplaced = (!is_placed).then_some(line);
            self.demands.read(group, &entry, unplaced, document);
        }
        for element in elements(of_as, VALID_AS, document) {
            let number = element.integer(1..=u32::MAX, document);
            claim(&mut self.of_as, number, group, &element, document);
        }
        for element in elements(of_country, VALID_COUNTRY, document) {
            let code = country(&element, document);
            claim(&mut self.of_country, code, group, &element, document);
        }
    }

    /// What is configured of the demand of `groups`, each of which has to have prefixes.
    pub(super) fn demands(
        self,
        groups: &Groups,
        found: &mut Diagnostics,
    ) -> BTreeMap<u16, Quantity> {
        let claims = self.of_as.values().chain(self.of_country.values());
        let claims = claims.map(|(group, _)| *group);
        self.demands.of(groups, claims, found)
    }

    /// The prefixes that databases have of all that was read, with their groups: by
    /// autonomous system, by country.
    pub(super) fn prefixes(
        &self,
        settings: &Settings,
        missing: impl Fn(&'static str) -> Missing,
        found: &mut Diagnostics,
    ) -> [Vec<(IpNet, u16)>; 2] {
        let by_as = Source {
            key: "groups.as_database",
            file: settings.groups_as_database.as_ref(),
            of: "as",
            whose: database::as_number,
            name: |number: &u32| format!("AS {number}"),
        };
        let by_country = Source {
            key: "groups.country_database",
            file: settings.groups_country_database.as_ref(),
            of: "country",
            whose: database::country,
            name: |code: &Country| String::from_utf8_lossy(code).into_owned(),
        };
        [
            by_as.prefixes(&self.of_as, &missing, found),
            by_country.prefixes(&self.of_country, &missing, found),
        ]
    }
}

/// What an array has, if there is one.
fn elements<'t>(entry: Option<Entry<'t>>, valid: &str, document: &mut Document) -> Vec<Entry<'t>> {
    let Some(entry) = entry else {
        return Vec::new();
    };
    let elements = entry.array(valid, document);
    if elements.as_ref().is_some_and(Vec::is_empty) {
        document.report(entry.line, &entry.path, format!("is empty; valid: {valid}"));
    }
    elements.unwrap_or_default()
}

fn country(entry: &Entry, document: &mut Document) -> Option<Country> {
    let text = entry.string(VALID_COUNTRY, document)?;
    let code = Country::try_from(text.as_bytes()).ok();
    let code = code.filter(|code| code.iter().all(u8::is_ascii_uppercase));
    code.or_else(|| {
        let shown = text.escape_debug();
        entry.reject(
            format!("`{shown}` is not the code of a country; valid: {VALID_COUNTRY}"),
            document,
        )
    })
}

/// Adds `key` to `claims`, if it and its group are known.
fn claim<K: Ord>(
    claims: &mut Claims<K>,
    key: Option<K>,
    group: Option<u16>,
    entry: &Entry,
    document: &mut Document,
) {
    let (Some(key), Some(group)) = (key, group) else {
        return;
    };
    if let Some((_, Place { file, line })) = claims.get(&key) {
        let message = format!(
            "is in a group already, by {}:{line}; valid: one group for each",
            file.display()
        );
        document.report(entry.line, &entry.path, message);
        return;
    }
    let file = document.file.to_owned();
    claims.insert(
        key,
        (
            group,
            Place {
                file,
                line: entry.line,
            },
        ),
    );
}

/// A database, and what is read of it.
struct Source<'s, K> {
    /// The tunable that names it.
    key: &'static str,
    file: Option<&'s PathBuf>,
    /// The key of groups that it is for.
    of: &'static str,
    whose: fn(&Record<'_>) -> Result<Option<K>, MaxMindDbError>,
    name: fn(&K) -> String,
}

impl<K: Copy + Ord + Hash> Source<'_, K> {
    fn prefixes(
        &self,
        claims: &Claims<K>,
        missing: impl Fn(&'static str) -> Missing,
        found: &mut Diagnostics,
    ) -> Vec<(IpNet, u16)> {
        let Self { key, of, .. } = self;
        let Some((_, first)) = claims.values().next() else {
            return Vec::new();
        };
        let Some(file) = self.file else {
            let message = format!("needs a database; valid: {key} set to one in MaxMind's format");
            found.push(&first.file, first.line, *of, message);
            return Vec::new();
        };
        let networks = database::networks(file, claims.keys().copied(), self.whose);
        let mut networks = match networks {
            Ok(networks) => networks,
            Err(error) => {
                let message = format!(
                    "{}: {error}; valid: a database in MaxMind's format",
                    file.display()
                );
                match missing(key) {
                    Missing::Mistake { place, .. } => {
                        found.push(&place.file, place.line, *key, message);
                    }
                    Missing::Empty => found.push(file, 0, *key, message),
                }
                return Vec::new();
            }
        };
        let mut by_group: BTreeMap<u16, Vec<IpNet>> = BTreeMap::new();
        for (whose, (group, place)) in claims {
            let prefixes = networks.remove(whose).unwrap_or_default();
            if prefixes.is_empty() {
                let message = format!(
                    "{} is not in {}; valid: one that has networks there",
                    (self.name)(whose),
                    file.display()
                );
                found.push(&place.file, place.line, *of, message);
            }
            by_group.entry(*group).or_default().extend(prefixes);
        }
        let prefixes = by_group.into_iter().flat_map(|(group, prefixes)| {
            let joined = IpNet::aggregate(&prefixes);
            joined.into_iter().map(move |prefix| (prefix, group))
        });
        prefixes.collect()
    }
}

#[cfg(test)]
mod tests;
