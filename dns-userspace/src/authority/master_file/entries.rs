//! Cutting a master file into its entries (RFC 1035 section 5.1).

/// One entry: a record or a directive, over as many lines as its parentheses span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawEntry<'t> {
    /// The line its first token is on, from 1.
    pub(super) line: usize,
    /// The entry from the start of its line, without the line end that ends it.
    pub(super) text: &'t [u8],
    /// It starts with white space: the owner is that of the record before.
    pub(super) indented: bool,
    /// The file ends within its parentheses.
    pub(super) unclosed: bool,
}

impl<'t> RawEntry<'t> {
    /// The only argument of the directive `name`, if that is what this is; empty
    /// where there is none.
    pub(super) fn directive(&self, name: &str) -> Option<&'t str> {
        let text = str::from_utf8(self.text).ok()?;
        let code = text.split(';').next()?;
        let (first, rest) = code
            .split_once(char::is_whitespace)
            .unwrap_or((code.trim_end(), ""));
        first.eq_ignore_ascii_case(name).then_some(rest.trim())
    }
}

/// The entries of a file in order; lines with nothing but white space and
/// comments are not entries.
///
/// A quoted string ends with its line at the latest, so that a forgotten
/// quote spoils one entry and not the rest of the file.
pub(super) fn entries(text: &[u8]) -> impl Iterator<Item = RawEntry<'_>> {
    let mut rest = text;
    let mut line = 1;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (entry, length, lines) = next_entry(rest, line);
            rest = &rest[length..];
            line += lines;
            if entry.is_some() {
                return entry;
            }
        }
        None
    })
}

/// Where the scan stands within an entry.
enum State {
    Plain,
    Quoted,
    Comment,
}

/// The entry that starts `text`, if there is one before its end; with how many
/// octets and lines it took.
fn next_entry(text: &[u8], line: usize) -> (Option<RawEntry<'_>>, usize, usize) {
    let mut state = State::Plain;
    let mut open = 0_usize;
    let mut lines = 0;
    let mut first_line = None;
    let mut octets = text.iter().enumerate();
    let mut end = text.len();
    while let Some((position, octet)) = octets.next() {
        if *octet == b'\n' {
            lines += 1;
            state = State::Plain;
            if open == 0 {
                end = position;
                break;
            }
            continue;
        }
        match (&state, octet) {
            (State::Comment, _) | (State::Plain, b' ' | b'\t' | b'\r') => continue,
            (State::Plain, b';') => {
                state = State::Comment;
                continue;
            }
            (State::Plain, b'"') => state = State::Quoted,
            (State::Quoted, b'"') => state = State::Plain,
            (State::Plain, b'(') => open += 1,
            (State::Plain, b')') => open = open.saturating_sub(1),
            (_, b'\\') if text.get(position + 1) != Some(&b'\n') => {
                octets.next();
            }
            _ => {}
        }
        first_line.get_or_insert(line + lines);
    }
    let entry = first_line.map(|line| RawEntry {
        line,
        text: &text[..end],
        indented: text[0].is_ascii_whitespace(),
        unclosed: open > 0,
    });
    (entry, (end + 1).min(text.len()), lines)
}
