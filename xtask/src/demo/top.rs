//! `veerctl top`, as the demo shows it.

use anyhow::Result;

use super::stage::Stage;
use crate::lab::{Daemon, Process};

/// Seconds between two of its screens.
const EVERY: &str = "0.5";

/// What ends a screen.
const FORM_FEED: char = '\x0c';

/// Its size: what stands below it fits on a screen of 40 lines too.
const COLUMNS: &str = "100";
const LINES: &str = "28";

/// One that runs for as long as this lives.
pub(super) struct Top {
    process: Process,
}

impl Top {
    /// Starts it.
    pub(super) fn start(stage: &Stage, daemon: &Daemon) -> Result<Self> {
        let mut command = daemon.control().command();
        command.args(["top", "--every", EVERY]);
        command.env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
        command.env("COLUMNS", COLUMNS).env("LINES", LINES);
        Ok(Self {
            process: stage.lab().spawn(command)?,
        })
    }

    /// The screen that it showed last; empty before the first.
    pub(super) fn screen(&self) -> String {
        let printed = self.process.stdout();
        last_screen(&printed).to_owned()
    }
}

fn last_screen(printed: &str) -> &str {
    let whole = printed
        .rsplit_once(FORM_FEED)
        .map_or("", |(whole, _)| whole);
    whole.rsplit(FORM_FEED).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::last_screen;

    #[test]
    fn a_screen_is_shown_once_it_is_whole() {
        assert_eq!(last_screen(""), "");
        assert_eq!(last_screen("on"), "");
        assert_eq!(last_screen("one\n\x0c"), "one\n");
        assert_eq!(last_screen("one\n\x0ctw"), "one\n");
        assert_eq!(last_screen("one\n\x0ctwo\n\x0cth"), "two\n");
    }
}
