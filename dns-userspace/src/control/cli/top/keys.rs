//! The terminal: its screen while this goes on, its size and its keys.

use std::{
    io::{self, Stdout, Write as _, stdout},
    time::Instant,
};

use crossterm::{
    cursor::{Hide, MoveTo, Show},
    event::{self, Event, KeyCode, KeyEvent, KeyModifiers},
    execute, queue,
    style::Print,
    terminal::{
        Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen,
        LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
    },
};

use crate::control::render::Size;

/// A screen beside the one that was there, which comes back when this is dropped.
pub(super) struct Screen {
    out: Stdout,
}

impl Screen {
    pub(super) fn open() -> io::Result<Self> {
        enable_raw_mode()?;
        let mut screen = Self { out: stdout() };
        execute!(screen.out, EnterAlternateScreen, Hide, DisableLineWrap)?;
        Ok(screen)
    }

    /// The terminal's size; `None` where it does not know it.
    pub(super) fn size() -> Option<Size> {
        let (columns, lines) = size().ok()?;
        (columns > 0 && lines > 0).then(|| Size {
            columns: columns.into(),
            lines: lines.into(),
        })
    }

    /// Shows `text` instead of what was there, without a moment of nothing between.
    pub(super) fn draw(&mut self, text: &str) -> io::Result<()> {
        let mut out = self.out.lock();
        let mut below = 0;
        for line in text.lines() {
            // What is cleared after a line as wide as the screen would be its last character.
            queue!(
                out,
                MoveTo(0, below),
                Clear(ClearType::CurrentLine),
                Print(line)
            )?;
            below += 1;
        }
        queue!(out, MoveTo(0, below), Clear(ClearType::FromCursorDown))?;
        out.flush()
    }

    /// Waits until `next`; whether there is enough before that. What `again` makes is shown
    /// where the size changes.
    pub(super) fn is_enough(
        &mut self,
        next: Instant,
        again: impl Fn() -> String,
    ) -> io::Result<bool> {
        while event::poll(next.saturating_duration_since(Instant::now()))? {
            match event::read()? {
                Event::Key(key) if ends(key) => return Ok(true),
                Event::Resize(..) => self.draw(&again())?,
                _ => {}
            }
        }
        Ok(false)
    }
}

fn ends(key: KeyEvent) -> bool {
    let is_interrupt = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') => is_interrupt,
        KeyCode::Char('q') | KeyCode::Esc => true,
        _ => false,
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = execute!(self.out, EnableLineWrap, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}
