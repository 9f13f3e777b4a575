//! From figures to pixels along one axis, and which figures the axis names.

use std::ops::Range;

use anyhow::{Result, anyhow, bail};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::Axis;

/// One axis, as long as the figures ask for. It ends at ticks.
#[derive(Debug)]
pub(super) struct Scale {
    log: bool,
    /// Figures that are named, rising; two at least.
    ticks: Vec<f64>,
}

impl Scale {
    /// One that holds all `figures`.
    pub(super) fn new(axis: Axis, figures: impl Iterator<Item = f64> + Clone) -> Result<Self> {
        let is_on_axis = |figure: &f64| figure.is_finite() && (!axis.log || *figure > 0.0);
        if let Some(figure) = figures.clone().find(|figure| !is_on_axis(figure)) {
            bail!("{figure} is not on the axis \"{}\"", axis.label);
        }
        let low = figures.clone().reduce(f64::min);
        let low = low.ok_or_else(|| anyhow!("there are no points"))?;
        let high = figures.fold(low, f64::max);
        let ticks = if axis.log {
            log_ticks(low, high)
        } else {
            linear_ticks(low.min(0.0), high.max(0.0))
        };
        Ok(Self {
            log: axis.log,
            ticks,
        })
    }

    /// What the axis is even in.
    fn place(&self, figure: f64) -> f64 {
        if self.log { figure.log10() } else { figure }
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, figure: &f64, (from, to): (i32, i32)) -> i32 {
        let Range { start, end } = self.range();
        let [start, end, place] = [start, end, *figure].map(|figure| self.place(figure));
        let pixels = (place - start) / (end - start) * f64::from(to - from);
        from + pixels.round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // There are no finer lines between.
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.ticks[0]..self.ticks[self.ticks.len() - 1]
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, figure: &f64) -> String {
        if self.log {
            power(*figure)
        } else {
            number(*figure)
        }
    }
}

/// Figures from `low` or below to `high` or above: powers of ten, and twice and
/// five times those where there are few.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    /// With a larger span than this only powers of ten are named.
    const FEW: f64 = 300.0;
    let factors: &[f64] = if high / low <= FEW {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let [first, last] = [low, high].map(|figure| figure.log10().floor() as i32);
    let decades = first - 1..=last + 1;
    let ticks =
        decades.flat_map(|decade| factors.iter().map(move |factor| factor * ten_to(decade)));
    between(&ticks.collect::<Vec<_>>(), low, high)
}

/// As exact as a literal.
fn ten_to(exponent: i32) -> f64 {
    let power = 10_f64.powi(exponent.abs());
    if exponent < 0 { 1.0 / power } else { power }
}

/// Figures from `low` or below to `high` or above, at the roundest distance that
/// cuts the span into five at most.
fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let span = if high > low { high - low } else { 1.0 };
    let power = ten_to(span.log10().floor() as i32);
    let steps = [0.2, 0.5, 1.0].map(|factor| factor * power);
    let step = steps.into_iter().find(|step| span / step <= 5.0);
    let step = step.unwrap_or(2.0 * power);
    let [first, last] = [low, high].map(|figure| (figure / step).floor() as i32);
    let ticks = (first - 1..=last + 1).map(|number| f64::from(number) * step);
    between(&ticks.collect::<Vec<_>>(), low, high)
}

/// Of rising `ticks` the last one not above `low`, those between, and the first
/// one not below `high`; two at least.
fn between(ticks: &[f64], low: f64, high: f64) -> Vec<f64> {
    let first = ticks.partition_point(|tick| *tick <= low).max(1) - 1;
    let last = ticks.partition_point(|tick| *tick < high);
    let last = last.clamp(first + 1, ticks.len() - 1);
    ticks[first..=last].to_vec()
}

/// A tick of a logarithmic axis: as it is from 0.01 to 999, else with a power of ten.
fn power(figure: f64) -> String {
    if (0.01..1000.0).contains(&figure) {
        return number(figure);
    }
    let text = format!("{figure:.0e}");
    let (factor, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: String = exponent.chars().map(superscript).collect();
    match factor {
        "1" => format!("10{exponent}"),
        factor => format!("{factor}·10{exponent}"),
    }
}

fn superscript(digit: char) -> char {
    match digit {
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => '⁻',
    }
}

/// A number with a unit prefix where it is large, without trailing zeros.
fn number(figure: f64) -> String {
    let size = figure.abs();
    let (unit, prefix) = if size >= 1e9 {
        (1e9, " G")
    } else if size >= 1e6 {
        (1e6, " M")
    } else if size >= 1e4 {
        (1e3, " k")
    } else {
        (1.0, "")
    };
    // Sums of steps are not quite round.
    let figure: f64 = format!("{:.3e}", figure / unit).parse().unwrap_or(figure);
    format!("{figure}{prefix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(log: bool, figures: &[f64]) -> Vec<String> {
        let axis = Axis {
            label: "figures",
            log,
        };
        let scale = Scale::new(axis, figures.iter().copied()).expect("they are on it");
        scale
            .ticks
            .iter()
            .map(|tick| scale.format_ext(tick))
            .collect()
    }

    #[test]
    fn ticks_are_round_and_hold_all_figures() {
        let cases: [(bool, &[f64], &[&str]); 9] = [
            (true, &[1e3, 1e6], &["10³", "10⁴", "10⁵", "10⁶"]),
            (true, &[1.2e5, 9e5], &["10⁵", "2·10⁵", "5·10⁵", "10⁶"]),
            (true, &[30.0, 70.0], &["20", "50", "100"]),
            (true, &[1000.0], &["10³", "2·10³"]),
            (
                true,
                &[0.004, 40.0],
                &["10⁻³", "0.01", "0.1", "1", "10", "100"],
            ),
            (false, &[1.9e6], &["0", "500 k", "1 M", "1.5 M", "2 M"]),
            (false, &[130.0, 70.0], &["0", "50", "100", "150"]),
            (
                false,
                &[-0.3, 0.6],
                &["-0.4", "-0.2", "0", "0.2", "0.4", "0.6"],
            ),
            (false, &[0.0], &["0", "0.2"]),
        ];
        for (log, figures, expected) in cases {
            assert_eq!(labels(log, figures), expected, "{figures:?}");
        }
    }
}
