//! A page in the Prometheus text format: the sum of the series that selectors
//! choose.
//!
//! ```text
//! # TYPE nginx_http_requests_total counter
//! nginx_http_requests_total{host="www",status="2xx"} 1027 1395066363000
//! ```

use thiserror::Error;

/// Chooses series by name and labels, as `PromQL` does with `=`:
/// `name{label="value",…}`. Labels that it does not name may have any value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    name: String,
    labels: Vec<(String, String)>,
}

impl Selector {
    /// The selector that `text` says; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (series, rest) = series(text)?;
        rest.trim().is_empty().then_some(series)
    }

    /// Whether `series`, a selector of all that it has, is chosen.
    fn chooses(&self, series: &Self) -> bool {
        self.name == series.name
            && self
                .labels
                .iter()
                .all(|label| series.labels.contains(label))
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)?;
        let labels = self.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        if labels.is_empty() {
            return Ok(());
        }
        write!(f, "{{{}}}", labels.join(","))
    }
}

/// Why series have no sum.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum NoSum {
    /// No series has such a name.
    #[error("no series {0}")]
    Unknown(String),
    /// Series have such a name, and none of them the labels: it may be that what
    /// they count has not happened yet.
    #[error("no series {0}, though of that name")]
    NotYet(String),
    /// The sum is no number, or beyond all numbers.
    #[error("{0} is {1}")]
    NotFinite(String, f64),
}

/// The sum of the values of every series of `page` that one of `selectors`
/// chooses. Lines that are not of the format count for nothing.
pub fn sum(page: &str, selectors: &[Selector]) -> Result<f64, NoSum> {
    let mut named = false;
    let values = page.lines().filter_map(|line| {
        let (series, rest) = series(line)?;
        let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
        let same_name = |selector: &Selector| selector.name == series.name;
        named |= selectors.iter().any(same_name);
        let chosen = selectors.iter().any(|selector| selector.chooses(&series));
        chosen.then_some(value)
    });
    match values.reduce(|one, other| one + other) {
        Some(sum) if sum.is_finite() => Ok(sum),
        Some(sum) => Err(NoSum::NotFinite(list(selectors), sum)),
        None if named => Err(NoSum::NotYet(list(selectors))),
        None => Err(NoSum::Unknown(list(selectors))),
    }
}

fn list(selectors: &[Selector]) -> String {
    let texts: Vec<_> = selectors.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// The series that `text` starts with, and what follows it. A comment starts
/// with none.
fn series(text: &str) -> Option<(Selector, &str)> {
    let text = text.trim_start();
    let (name, mut rest) = identifier(text, ':')?;
    let mut labels = Vec::new();
    if let Some(inner) = rest.trim_start().strip_prefix('{') {
        rest = inner.trim_start();
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, after) = identifier(rest, '_')?;
            let after = after.trim_start().strip_prefix('=')?.trim_start();
            let (value, after) = quoted(after)?;
            labels.push((label.to_owned(), value));
            let after = after.trim_start();
            // A comma may follow the last one too.
            rest = match after.strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if after.starts_with('}') => after,
                None => return None,
            };
        }
    }
    let name = name.to_owned();
    Some((Selector { name, labels }, rest))
}

/// A name of ASCII letters, digits, `_` and `extra`, no digit first.
fn identifier(text: &str, extra: char) -> Option<(&str, &str)> {
    let belongs = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '_' || symbol == extra;
    let end = text.find(|symbol| !belongs(symbol)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let first = name.bytes().next()?;
    (!first.is_ascii_digit()).then_some((name, rest))
}

/// The text between quotation marks, without its escapes, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut symbols = inner.char_indices();
    let mut value = String::new();
    while let Some((place, symbol)) = symbols.next() {
        match symbol {
            '"' => return Some((value, &inner[place + 1..])),
            '\\' => value.push(escaped(&mut symbols)?),
            _ => value.push(symbol),
        }
    }
    None
}

fn escaped(symbols: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    match symbols.next()?.1 {
        'n' => Some('\n'),
        symbol @ ('"' | '\\') => Some(symbol),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
