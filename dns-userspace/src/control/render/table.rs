//! Aligned columns.

use std::iter;

use super::paint::{Paint, Tone};

/// Which side of its column a cell stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell whose text says how the thing is.
    pub(super) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        // What a probed server said may not reach the terminal as commands.
        let text = text.into().replace(char::is_control, "\u{fffd}");
        Self { text, tone }
    }

    /// Its text, as a line by itself has it.
    pub(super) fn painted(&self, paint: Paint) -> String {
        paint.paint(&self.text, self.tone)
    }

    /// How wide it is.
    pub(super) fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// Rows under column titles.
#[derive(Clone, Debug)]
pub(super) struct Table {
    columns: Vec<Align>,
    /// The titles come first, if there are any.
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns.
    pub(super) fn new(columns: &[(&str, Align)]) -> Self {
        let titles = columns.iter().map(|(title, _)| Cell::from(*title));
        Self {
            columns: columns.iter().map(|(_, align)| *align).collect(),
            rows: vec![titles.collect()],
        }
    }

    /// A table of what things are called and what they are, without titles.
    pub(super) fn of_fields() -> Self {
        Self {
            columns: vec![Align::Left, Align::Left],
            rows: Vec::new(),
        }
    }

    /// Adds a row with a cell for each column.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a row to a table of fields.
    pub(super) fn field(&mut self, name: &str, value: impl Into<Cell>) {
        self.row([name.into(), value.into()]);
    }

    /// The lines of the table, without blanks at their ends.
    pub(super) fn render(&self, paint: Paint) -> String {
        self.lines(paint)
            .into_iter()
            .map(|(line, _)| line + "\n")
            .collect()
    }

    /// The same one by one, each with how wide it is.
    pub(super) fn lines(&self, paint: Paint) -> Vec<(String, usize)> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(Cell::width).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.columns.len()).map(width).collect();
        let line = |row: &Vec<Cell>| {
            let (mut line, mut end) = (String::new(), 0);
            for ((cell, align), width) in row.iter().zip(&self.columns).zip(&widths) {
                let blanks: String = iter::repeat_n(' ', width - cell.width()).collect();
                let text = cell.painted(paint);
                match align {
                    Align::Left => line.extend([&text, blanks.as_str()]),
                    Align::Right => line.extend([blanks.as_str(), &text]),
                }
                line.push_str("  ");
                end += width + 2;
            }
            let blanks = line.len() - line.trim_end().len();
            line.truncate(line.len() - blanks);
            (line, end - blanks)
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_and_without_colours() {
        let mut table = Table::new(&[
            ("STATE", Align::Left),
            ("MS", Align::Right),
            ("WHY", Align::Left),
        ]);
        table.row([Cell::toned("up", Tone::Good), "12".into(), "".into()]);
        table.row([Cell::toned("unknown", Tone::Bad), "7".into(), "x".into()]);
        let plain = "STATE    MS  WHY\nup       12\nunknown   7  x\n";
        assert_eq!(table.render(Paint(false)), plain);
        let painted = table.render(Paint(true));
        let stripped = painted
            .replace("\x1b[32m", "")
            .replace("\x1b[31m", "")
            .replace("\x1b[0m", "");
        assert_eq!(stripped, plain);
        assert!(
            painted.contains("\x1b[32mup\x1b[0m       12"),
            "{painted:?}"
        );
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let mut table = Table::of_fields();
        table.field("reason", "a\x1b[2Jb\nc");
        assert_eq!(
            table.render(Paint(false)),
            "reason  a\u{fffd}[2Jb\u{fffd}c\n"
        );
    }
}
