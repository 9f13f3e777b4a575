//! A TOML file read key by key, so that every mistake in it is found, each
//! with its line and its key.
//!
//! Serde stops at the first mistake; here a bad value is reported and reads as
//! absent, and keys nobody asked for are reported when a table is closed.

mod time;

use std::{
    ops::{Range, RangeInclusive},
    path::Path,
};

use toml::{
    Spanned,
    de::{DeArray, DeInteger, DeTable, DeValue},
};

use super::diagnostic::{Diagnostics, nearest};
use crate::model::Quantity;

/// A file and the findings in it.
pub(super) struct Document<'a> {
    pub(super) file: &'a Path,
    text: &'a str,
    /// Offsets of the line feeds in `text`.
    line_ends: Vec<usize>,
    found: &'a mut Diagnostics,
}

impl<'a> Document<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str, found: &'a mut Diagnostics) -> Self {
        let line_ends = text.match_indices('\n').map(|(offset, _)| offset);
        Self {
            file,
            text,
            line_ends: line_ends.collect(),
            found,
        }
    }

    /// The root table; `None` when the file is not TOML, which is reported.
    pub(super) fn parse(&mut self) -> Option<DeTable<'a>> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let line = error.span().map_or(0, |span| self.line(&span));
            self.report(line, "", format!("not TOML: {}", error.message()));
        }
        errors.is_empty().then(|| root.into_inner())
    }

    /// Adds a finding.
    pub(super) fn report(&mut self, line: usize, key: &str, message: impl Into<String>) {
        self.found.push(self.file, line, key, message);
    }

    /// Adds the findings in another file that this one names.
    pub(super) fn append(&mut self, mut found: Diagnostics) {
        self.found.0.append(&mut found.0);
    }

    /// The line, from 1, where `span` starts.
    fn line(&self, span: &Range<usize>) -> usize {
        1 + self.line_ends.partition_point(|end| *end < span.start)
    }
}

/// A table, and which of its keys were asked for.
pub(super) struct Section<'t> {
    table: &'t DeTable<'t>,
    asked: Vec<&'static str>,
    /// What the keys are under, e.g. `service.www.example.com..probe`.
    pub(super) path: String,
    /// Line, from 1; 0 for a whole file.
    pub(super) line: usize,
}

impl<'t> Section<'t> {
    /// The table of a whole file.
    pub(super) fn root(table: &'t DeTable<'t>) -> Self {
        Self {
            table,
            asked: Vec::new(),
            path: String::new(),
            line: 0,
        }
    }

    /// The value of `key`, if it is there.
    pub(super) fn optional(&mut self, key: &'static str, document: &Document) -> Option<Entry<'t>> {
        self.asked.push(key);
        let value = self.table.get(key)?;
        Some(Entry::new(self.key(key), value, document))
    }

    /// The value of `key`; reports that it is missing.
    pub(super) fn required(
        &mut self,
        key: &'static str,
        valid: &str,
        document: &mut Document,
    ) -> Option<Entry<'t>> {
        let entry = self.optional(key, document);
        if entry.is_none() {
            document.report(
                self.line,
                &self.key(key),
                format!("is missing; valid: {valid}"),
            );
        }
        entry
    }

    /// Reports every key that was not asked for; `what` is the table's noun.
    pub(super) fn close(self, what: &str, document: &mut Document) {
        for key in self.table.keys() {
            let name = key.get_ref();
            if !self.asked.contains(&name.as_ref()) {
                let nearest = nearest(name, self.asked.iter().copied());
                let line = document.line(&key.span());
                let message = format!(
                    "unknown key in {what}; nearest: {nearest}; valid: {}",
                    self.asked.join(", ")
                );
                document.report(line, &self.key(name), message);
            }
        }
    }

    /// Every key with its value: for a table whose keys are names.
    pub(super) fn entries(&self, document: &Document) -> Vec<(&'t str, Entry<'t>)> {
        let entries = self.table.iter();
        entries
            .map(|(key, value)| {
                let name: &str = key.get_ref();
                let mut entry = Entry::new(self.key(name), value, document);
                entry.line = document.line(&key.span());
                (name, entry)
            })
            .collect()
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// One value with its key and line.
pub(super) struct Entry<'t> {
    value: &'t DeValue<'t>,
    pub(super) path: String,
    pub(super) line: usize,
}

impl<'t> Entry<'t> {
    fn new(path: String, value: &'t Spanned<DeValue<'t>>, document: &Document) -> Self {
        Self {
            value: value.get_ref(),
            path,
            line: document.line(&value.span()),
        }
    }

    /// Reports that the value is wrong, and reads it as absent.
    pub(super) fn reject<T>(
        &self,
        message: impl Into<String>,
        document: &mut Document,
    ) -> Option<T> {
        document.report(self.line, &self.path, message);
        None
    }

    fn wrong_type<T>(&self, valid: &str, document: &mut Document) -> Option<T> {
        let kind = self.value.type_str();
        let article = if kind.starts_with(['a', 'i']) {
            "an"
        } else {
            "a"
        };
        self.reject(format!("is {article} {kind}; valid: {valid}"), document)
    }

    pub(super) fn string(&self, valid: &str, document: &mut Document) -> Option<&'t str> {
        self.value
            .as_str()
            .or_else(|| self.wrong_type(valid, document))
    }

    pub(super) fn boolean(&self, document: &mut Document) -> Option<bool> {
        self.value
            .as_bool()
            .or_else(|| self.wrong_type("true, false", document))
    }

    /// An integer in `range`, whose bounds fit `T`.
    pub(super) fn integer<T>(&self, range: RangeInclusive<T>, document: &mut Document) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let valid = format!("{} to {}", range.start(), range.end());
        let Some(number) = self.value.as_integer() else {
            return self.wrong_type(&valid, document);
        };
        number_of(number)
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number))
            .or_else(|| {
                self.reject(
                    format!("{number} is out of range; valid: {valid}"),
                    document,
                )
            })
    }

    /// The value that the word stands for.
    pub(super) fn choice<T: Copy>(
        &self,
        choices: &[(&str, T)],
        document: &mut Document,
    ) -> Option<T> {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        let valid = words.join(", ");
        let word = self.string(&valid, document)?;
        let choice = choices.iter().find(|(known, _)| *known == word);
        choice.map(|(_, value)| *value).or_else(|| {
            let message = format!("`{}` is not a choice; valid: {valid}", word.escape_debug());
            self.reject(message, document)
        })
    }

    /// The elements of an array.
    pub(super) fn array(&self, valid: &str, document: &mut Document) -> Option<Vec<Entry<'t>>> {
        let array: &DeArray = match self.value.as_array() {
            Some(array) => array,
            None => return self.wrong_type(valid, document),
        };
        let elements = array.iter();
        Some(
            elements
                .map(|value| Entry::new(self.path.clone(), value, document))
                .collect(),
        )
    }

    /// The tables it is an array of, or the one that it is.
    pub(super) fn tables(self, valid: &str, document: &mut Document) -> Option<Vec<Entry<'t>>> {
        if self.value.as_table().is_some() {
            return Some(vec![self]);
        }
        self.array(valid, document)
    }

    /// Whether it is tables, or one.
    pub(super) fn is_tables(&self) -> bool {
        self.value.as_table().is_some() || self.value.as_array().is_some()
    }

    /// A number, with a fraction or without, from 0 to 10^12.
    pub(super) fn quantity(&self, document: &mut Document) -> Option<Quantity> {
        const MOST: f64 = 1e12;
        const VALID: &str = "a number from 0 to 1000000000000";
        let number = match self.value {
            // As a fraction, whatever it was written as.
            DeValue::Integer(number) => {
                number_of(number).and_then(|it| it.to_string().parse().ok())
            }
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => return self.wrong_type(VALID, document),
        };
        match number {
            Some(number) if (0.0..=MOST).contains(&number) => {
                Some(Quantity((number * 1e3).round() as i64))
            }
            _ => self.reject(format!("is out of range; valid: {VALID}"), document),
        }
    }

    /// The table it is, its keys under `path`.
    pub(super) fn section(self, valid: &str, document: &mut Document) -> Option<Section<'t>> {
        let Some(table) = self.value.as_table() else {
            return self.wrong_type(valid, document);
        };
        Some(Section {
            table,
            asked: Vec::new(),
            path: self.path,
            line: self.line,
        })
    }
}

fn number_of(number: &DeInteger) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
