//! What `-a`, `KEY` and `-w` show.

use serde::{Deserialize, Serialize};

use super::protocol::Failure;
use crate::config::values::{Form, Values};

/// A tunable and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunable {
    /// Dotted key.
    pub key: String,
    /// The value as a file would have it.
    pub value: String,
}

impl Tunable {
    /// Every tunable that has a value, sorted by key.
    pub fn all(values: &Values) -> Vec<Self> {
        let keys = values.list(Form::Key);
        let pairs = keys.zip(values.list(Form::Value));
        pairs.map(|(key, value)| Self { key, value }).collect()
    }

    /// One tunable; slashes may stand for dots in `key`.
    pub fn of(values: &Values, key: &str) -> Result<Self, Failure> {
        Ok(Self {
            key: values.get(key, Form::Key)?,
            value: values.get(key, Form::Value)?,
        })
    }
}
