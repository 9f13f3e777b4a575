//! What every benchmark does with its results.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;

/// Where results go besides the terminal.
#[derive(Args, Clone, Debug)]
pub(crate) struct Output {
    /// Write the results to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Output {
    /// Writes `report` there.
    pub(crate) fn write(&self, report: &impl Serialize) -> Result<()> {
        match &self.json {
            Some(file) => write(file, report),
            None => Ok(()),
        }
    }
}

/// Writes `report` to `file`, indented, in place of an older one.
fn write(file: &Path, report: &impl Serialize) -> Result<()> {
    let write = || {
        let mut out = BufWriter::new(File::create(file)?);
        serde_json::to_writer_pretty(&mut out, report)?;
        out.write_all(b"\n")?;
        out.flush()
    };
    write().with_context(|| format!("write {}", file.display()))
}

/// Prints `rows` below `heads`, the first column to the left, the others to the right.
pub(crate) fn print_table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) {
    print!("{}", table(heads, rows));
}

fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].as_str());
        cells
            .chain([heads[column]])
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let line = |cells: [&str; N]| {
        let cells = cells.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            if column == 0 {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    let body = rows
        .iter()
        .map(|row| line(row.each_ref().map(String::as_str)));
    [line(heads)].into_iter().chain(body).collect()
}

/// The middle one of `figures`, the lower of two; 0 if there are none.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len().saturating_sub(1) / 2;
    figures.get(middle).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_not_moved_by_an_outlier() {
        for (figures, expected) in [
            (vec![3.0, 1e9, 2.0], 3.0),
            (vec![4.0, 1.0, 3.0, 2.0], 2.0),
            (vec![], 0.0),
        ] {
            let found = median(figures.iter().copied());
            assert!((found - expected).abs() < 1e-9, "{figures:?}: {found}");
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "1000"], ["longer", "7"]].map(|row| row.map(str::to_owned));
        assert_eq!(
            table(["name", "n"], &rows),
            "name       n\na       1000\nlonger     7\n"
        );
    }
}
