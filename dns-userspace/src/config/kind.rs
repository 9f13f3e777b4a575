//! Types of tunables: what a text must be, and what is said when it is not.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
};

use ipnet::IpNet;

use super::address;

/// The type of a tunable, with what it may hold.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A decimal integer from `min` to `max`.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A power of two from 1 to `max`.
    PowerOfTwo {
        /// The greatest.
        max: i64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// 1 to `max` distinct unicast addresses, separated by commas or spaces.
    Addresses {
        /// How many, at most.
        max: usize,
    },
    /// Prefixes, separated by commas or spaces; may be none.
    Prefixes,
    /// A network interface's name, or nothing.
    Interface,
    /// 0 to `max` printable ASCII characters.
    Text {
        /// How many, at most.
        max: usize,
    },
    /// An IP address and a port, or nothing.
    Endpoint,
    /// A path; a relative one starts at the configuration directory.
    Path,
    /// As [`Kind::Path`], or nothing.
    OptionalPath,
    /// A path from the root.
    AbsolutePath,
}

/// A checked value. Its `Display` is the form a file would have it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Integer`] and [`Kind::PowerOfTwo`].
    Integer(i64),
    /// Of [`Kind::Addresses`].
    Addresses(Vec<IpAddr>),
    /// Of [`Kind::Prefixes`].
    Prefixes(Vec<IpNet>),
    /// Of every other kind.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Addresses(addresses) => write_list(addresses, f),
            Self::Prefixes(prefixes) => write_list(prefixes, f),
        }
    }
}

fn write_list(list: &[impl fmt::Display], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, item) in list.iter().enumerate() {
        let separator = if number == 0 { "" } else { " " };
        write!(f, "{separator}{item}")?;
    }
    Ok(())
}

/// The words of a list.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c == ',' || c.is_whitespace());
    words.filter(|word| !word.is_empty())
}

/// Longest interface name: the kernel's `IFNAMSIZ` without its final NUL.
const INTERFACE_BYTES_MAX: usize = 15;

impl Kind {
    /// The value `text` says; else what is wrong and what is valid.
    pub fn check(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Integer { min, max } => {
                self.integer(text, |number| (min..=max).contains(&number))
            }
            Self::PowerOfTwo { max } => self.integer(text, |number| {
                (1..=max).contains(&number) && number.count_ones() == 1
            }),
            Self::Choice(choices) if choices.contains(&text) => Ok(Value::Text(text.to_owned())),
            Self::Choice(_) => Err(self.fault(text, "is not a choice")),
            Self::Addresses { max } => self.addresses(text, max),
            Self::Prefixes => prefixes(text),
            Self::Interface => {
                let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | ':');
                let fits = text.len() <= INTERFACE_BYTES_MAX && text.chars().all(plain);
                if fits && !matches!(text, "." | "..") {
                    Ok(Value::Text(text.to_owned()))
                } else {
                    Err(self.fault(text, "cannot be an interface's name"))
                }
            }
            Self::Text { max } => {
                let printable = |c: char| c.is_ascii_graphic() || c == ' ';
                if text.len() <= max && text.chars().all(printable) {
                    Ok(Value::Text(text.to_owned()))
                } else {
                    Err(self.fault(text, "cannot be told"))
                }
            }
            Self::Endpoint => match text.parse::<SocketAddr>() {
                Ok(endpoint) if endpoint.port() != 0 => Ok(Value::Text(endpoint.to_string())),
                Err(_) if text.is_empty() => Ok(Value::Text(String::new())),
                _ => Err(self.fault(text, "is not an IP address and a port")),
            },
            Self::Path if text.is_empty() => Err(self.fault(text, "is not a path")),
            Self::AbsolutePath if !text.starts_with('/') => {
                Err(self.fault(text, "is not an absolute path"))
            }
            Self::Path | Self::OptionalPath | Self::AbsolutePath => {
                if text.contains(char::is_control) {
                    return Err(self.fault(text, "holds a control character"));
                }
                Ok(Value::Text(text.to_owned()))
            }
        }
    }

    /// What is valid, for messages.
    pub fn valid(self) -> String {
        match self {
            Self::Integer { min, max } => format!("{min} to {max}"),
            Self::PowerOfTwo { max } => format!("a power of two from 1 to {max}"),
            Self::Choice(choices) => choices.join(", "),
            Self::Addresses { max } => {
                format!("1 to {max} different unicast IP addresses, separated by commas or spaces")
            }
            Self::Prefixes => {
                "IPv4 and IPv6 prefixes or addresses, separated by commas or spaces, or nothing"
                    .to_owned()
            }
            Self::Interface => format!(
                "an interface's name (1 to {INTERFACE_BYTES_MAX} printable characters but `/` and `:`), or nothing"
            ),
            Self::Text { max } => format!("0 to {max} printable ASCII characters"),
            Self::Endpoint => {
                "an IP address and a port as in 127.0.0.1:9153 or [::1]:9153, or nothing".to_owned()
            }
            Self::Path => "a path, absolute or relative to the configuration directory".to_owned(),
            Self::OptionalPath => {
                "a path, absolute or relative to the configuration directory, or nothing".to_owned()
            }
            Self::AbsolutePath => "an absolute path".to_owned(),
        }
    }

    fn integer(self, text: &str, in_range: impl Fn(i64) -> bool) -> Result<Value, String> {
        // i128 tells a number that is out of range from one that is none.
        match text.parse::<i128>() {
            Err(_) => Err(self.fault(text, "is not an integer")),
            Ok(number) => i64::try_from(number)
                .ok()
                .filter(|number| in_range(*number))
                .map(Value::Integer)
                .ok_or_else(|| self.fault(text, "is out of range")),
        }
    }

    fn addresses(self, text: &str, max: usize) -> Result<Value, String> {
        let addresses = words(text)
            .map(address::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if addresses.is_empty() {
            return Err(self.fault(text, "holds no address"));
        }
        if addresses.len() > max {
            let count = addresses.len();
            return Err(format!(
                "{count} addresses are too many; valid: {}",
                self.valid()
            ));
        }
        let mut seen = BTreeSet::new();
        match addresses.iter().find(|address| !seen.insert(**address)) {
            Some(again) => Err(format!("{again} is listed twice; valid: {}", self.valid())),
            None => Ok(Value::Addresses(addresses)),
        }
    }

    fn fault(self, text: &str, fault: &str) -> String {
        format!("`{}` {fault}; valid: {}", text.escape_debug(), self.valid())
    }
}

/// The prefixes that `text` says; else what is wrong with each word that is none.
fn prefixes(text: &str) -> Result<Value, String> {
    let mut prefixes = Vec::new();
    let mut faults = Vec::new();
    for word in words(text) {
        match address::prefix(word) {
            Ok(prefix) => prefixes.push(prefix),
            Err(fault) => faults.push(format!("`{}` {fault}", word.escape_debug())),
        }
    }
    if faults.is_empty() {
        return Ok(Value::Prefixes(prefixes));
    }
    Err(faults.join("; "))
}
