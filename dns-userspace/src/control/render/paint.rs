//! Colours, where a terminal is there to show them.

use std::{
    env,
    io::{self, IsTerminal as _},
};

use crate::measurement::health::State;

/// What a text says about the thing it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// It is well.
    Good,
    /// It is not.
    Bad,
    /// It deserves a look.
    Caution,
}

/// Whether tones are shown as colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control) struct Paint(pub(super) bool);

impl Paint {
    /// As standard output wants it: on a terminal, unless the environment has
    /// `NO_COLOR` (no-color.org); elsewhere if it has `CLICOLOR_FORCE` (bixense.com/clicolors).
    pub(in crate::control) fn for_stdout() -> Self {
        let has = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_forced = has("CLICOLOR_FORCE");
        Self(!has("NO_COLOR") && (is_forced || io::stdout().is_terminal()))
    }

    /// `text` in the colour of `tone`.
    pub(super) fn paint(self, text: &str, tone: Tone) -> String {
        let colour = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => 32,
            Tone::Bad => 31,
            Tone::Caution => 33,
        };
        if self.0 {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A state in one word.
pub(super) fn word(state: State) -> (&'static str, Tone) {
    match state {
        State::Unknown => ("unknown", Tone::Caution),
        State::Up => ("up", Tone::Good),
        State::Down => ("down", Tone::Bad),
    }
}
