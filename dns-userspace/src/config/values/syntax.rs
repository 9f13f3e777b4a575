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

/// What a line of a file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'t> {
    /// `key = value`, or `-key = value`.
    Assignment(Assignment<'t>),
    /// `-key`, which no glob means then; dotted.
    Excluded(String),
}

/// What a line of a file says, if anything; else what is wrong.
pub(super) fn line(line: &str) -> Result<Option<Line<'_>>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';']) {
        return Ok(None);
    }
    let (ignore_failure, rest) = match line.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, line),
    };
    if let Some(assignment) = assignment(rest) {
        return Ok(Some(Line::Assignment(Assignment {
            ignore_failure,
            ..assignment
        })));
    }
    if ignore_failure && !rest.is_empty() && !rest.contains('=') {
        return Ok(Some(Line::Excluded(dotted(rest))));
    }
    Err(format!(
        "`{}` is no assignment; valid: key = value",
        line.escape_debug()
    ))
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
