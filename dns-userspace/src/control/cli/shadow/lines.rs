//! Questions of a file, or of whoever writes to standard input.

use std::{
    fs,
    io::{self, BufRead as _},
    net::IpAddr,
    path::Path,
    sync::atomic::Ordering::Relaxed,
    vec,
};

use super::feeder::{Passed, Questions};
use crate::shadow::Question;

/// Mistakes of a file that are told before the others are counted.
const MISTAKES_MAX: usize = 20;

/// What is written, line by line.
#[derive(Debug)]
pub(super) enum Lines {
    /// All that a file has.
    File(vec::IntoIter<Question>),
    /// What comes, and the number of the line before.
    Stdin(IpAddr, usize),
}

impl Lines {
    /// Those of standard input, asked by `from` where they say nothing else.
    pub(super) fn of_stdin(from: IpAddr) -> Self {
        Self::Stdin(from, 0)
    }

    /// Those of `file`, or everything that is wrong with it.
    pub(super) fn of_file(file: &Path, from: IpAddr) -> Result<Self, String> {
        let shown = file.display();
        let text = fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
        let mut questions = Vec::new();
        let mut mistakes = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            match Question::of_line(line, from) {
                Ok(question) => questions.extend(question),
                Err(mistake) => mistakes.push(format!("{shown}:{number}: {mistake}")),
            }
        }
        if mistakes.is_empty() {
            return Ok(Self::File(questions.into_iter()));
        }
        let more = mistakes.len().saturating_sub(MISTAKES_MAX);
        mistakes.truncate(MISTAKES_MAX);
        if more > 0 {
            mistakes.push(format!("{shown}: and {more} more lines like these"));
        }
        Err(mistakes.join("\n"))
    }
}

impl Questions for Lines {
    fn next(&mut self, passed: &Passed) -> Result<Option<Question>, String> {
        let (from, number) = match self {
            Self::File(questions) => return Ok(questions.next()),
            Self::Stdin(from, number) => (*from, number),
        };
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = io::stdin().lock().read_until(b'\n', &mut line);
            if read.map_err(|error| format!("standard input: {error}"))? == 0 {
                return Ok(None);
            }
            *number += 1;
            match Question::of_line(&String::from_utf8_lossy(&line), from) {
                Ok(Some(question)) => return Ok(Some(question)),
                Ok(None) => {}
                // More may come than one could know beforehand.
                Err(mistake) => {
                    passed.unreadable.fetch_add(1, Relaxed);
                    eprintln!("veerctl: standard input:{number}: {mistake}");
                }
            }
        }
    }

    fn is_live(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_with_a_file_is_told_by_line() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let file = directory.path().join("questions");
        let here = IpAddr::from([127, 0, 0, 1]);
        let read = |text: &str| {
            fs::write(&file, text).expect("a file");
            Lines::of_file(&file, here)
        };
        let mut lines = read("; two\nwww.example A\n\nmail.example MX 192.0.2.1\n").unwrap();
        let passed = Passed::default();
        let mut next = || lines.next(&passed).unwrap();
        let names = [next(), next()].map(|question| question.expect("one").name.to_string());
        assert_eq!(names, ["www.example", "mail.example"]);
        assert_eq!(next(), None);

        let mistakes = read("www.example A\nwww.example\na NONSENSE\n").unwrap_err();
        let lines: Vec<_> = mistakes.lines().collect();
        let shown = file.display();
        assert!(lines[0].starts_with(&format!("{shown}:2: `www.example` is no question")));
        assert!(lines[1].starts_with(&format!("{shown}:3: `NONSENSE` is not")));
        assert_eq!(lines.len(), 2);
        let mistakes = read(&"nothing\n".repeat(50)).unwrap_err();
        assert!(
            mistakes.ends_with("and 30 more lines like these"),
            "{mistakes}"
        );
    }
}
