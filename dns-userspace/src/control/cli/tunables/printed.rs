//! What is printed of tunables, in the forms of sysctl(8).

use std::{collections::BTreeMap, io, path::Path};

use super::{super::json, Args};
use crate::control::tunable::Tunable;

/// What is to be printed in the end.
pub(super) struct Printed {
    text: String,
    /// The tunables, where JSON is wanted.
    object: Option<BTreeMap<String, String>>,
}

impl Printed {
    /// Nothing yet.
    pub(super) fn new(is_json: bool) -> Self {
        Self {
            text: String::new(),
            object: is_json.then(BTreeMap::new),
        }
    }

    /// That a file is being applied.
    pub(super) fn applying(&mut self, file: &Path) {
        self.text += &["* Applying ", &file.display().to_string(), " ...\n"].concat();
    }

    /// A tunable that was read.
    pub(super) fn read(&mut self, args: &Args, Tunable { key, value }: Tunable) {
        if args.names {
            self.text += &[&key, "\n"].concat();
        } else {
            self.add(args, args.values, key, value);
        }
    }

    /// A tunable that was set; `-N` shows its value as `-n` does, as with sysctl(8).
    pub(super) fn set(&mut self, args: &Args, Tunable { key, value }: Tunable) {
        self.add(args, args.values || args.names, key, value);
    }

    fn add(&mut self, args: &Args, is_value_alone: bool, key: String, value: String) {
        if let Some(object) = &mut self.object {
            object.insert(key, value);
        } else if args.binary {
            self.text += &value;
        } else if is_value_alone {
            self.text += &[&value, "\n"].concat();
        } else {
            self.text += &[&key, " = ", &value, "\n"].concat();
        }
    }

    /// All of it.
    pub(super) fn into_text(self) -> io::Result<String> {
        match self.object {
            Some(object) => json(&object),
            None => Ok(self.text),
        }
    }
}
