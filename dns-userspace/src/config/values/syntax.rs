//! The syntax of sysctl.d(5): one `key = value` a line.

/// One `key = value`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment<'t> {
    /// The key, dotted.
    pub(super) key: String,
    /// The value, without the blanks around it; may be empty.
    pub(super) value: &'t str,
    /// Whether a leading `-` asks to ignore a failure to set it.
    pub(super) ignore_failure: bool,
}

/// The assignment in a line of a file, if it holds one; else what is wrong.
pub(super) fn line(line: &str) -> Result<Option<Assignment<'_>>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';']) {
        return Ok(None);
    }
    let (ignore_failure, rest) = match line.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, line),
    };
    let parsed = assignment(rest).map(|assignment| Assignment {
        ignore_failure,
        ..assignment
    });
    match parsed {
        Some(assignment) => Ok(Some(assignment)),
        None => Err(format!(
            "`{}` is no assignment; valid: key = value",
            line.escape_debug()
        )),
    }
}

/// `key = value`, with a key.
pub(super) fn assignment(text: &str) -> Option<Assignment<'_>> {
    let (key, value) = text.split_once('=')?;
    let key = key.trim();
    (!key.is_empty()).then(|| Assignment {
        key: dotted(key),
        value: value.trim(),
        ignore_failure: false,
    })
}

/// `key` with dots between its parts: where the first separator is a slash,
/// dots and slashes change places (sysctl.d(5)).
pub(super) fn dotted(key: &str) -> String {
    match key.find(['.', '/']) {
        Some(first) if key[first..].starts_with('/') => key
            .chars()
            .map(|c| match c {
                '/' => '.',
                '.' => '/',
                other => other,
            })
            .collect(),
        _ => key.to_owned(),
    }
}
