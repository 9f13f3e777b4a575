//! The demo as a picture: answers per second over time, each group's server
//! below, and what was done.

use std::fmt::Write as _;

use super::{
    record::{Record, server_name},
    screen::count,
    stage::{GROUPS, SITES},
};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 440.0;
/// Sides of the plot.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 940.0;
const TOP: f64 = 80.0;
const BOTTOM: f64 = 290.0;
/// Top of the first group's band, height of one, distance to the next.
const BANDS: f64 = 305.0;
const BAND: f64 = 24.0;
const BAND_STEP: f64 = 30.0;
/// Height of a row of labels, and about the width of a character.
const ROW: f64 = 15.0;
const CHARACTER: f64 = 6.5;

/// Colors that are told apart also by the color-blind (Paul Tol's bright set).
const SITE_COLORS: [&str; SITES.len()] = ["#4477aa", "#ee6677", "#228833"];
const GROUP_COLORS: [&str; GROUPS.len()] = ["#222222", "#ccbb44"];
const OTHER_COLOR: &str = "#bbbbbb";

/// The picture as SVG.
pub(super) fn draw(record: &Record) -> String {
    let scale = Scale::new(record);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#222222\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\" font-weight=\"bold\">veer demo: \
         answers per second, and where each group of resolvers is sent</text>\n"
    );
    axes(&mut svg, &scale);
    bands(&mut svg, &scale, record);
    rates(&mut svg, &scale, record);
    events(&mut svg, &scale, record);
    legend(&mut svg);
    svg.push_str("</svg>\n");
    svg
}

/// From seconds and answers per second to the picture.
struct Scale {
    seconds: f64,
    rate: f64,
    rate_step: f64,
}

impl Scale {
    fn new(record: &Record) -> Self {
        let runs = record.runs();
        let rates = runs.iter().flat_map(|run| run.rates.iter().flatten());
        let highest = rates.map(|rate| rate.per_second).fold(1.0, f64::max);
        let rate_step = step(highest);
        Self {
            seconds: record.end.max(1.0),
            rate: (highest / rate_step).ceil() * rate_step,
            rate_step,
        }
    }

    fn x(&self, seconds: f64) -> f64 {
        LEFT + (seconds / self.seconds).clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    fn y(&self, rate: f64) -> f64 {
        BOTTOM - rate / self.rate * (BOTTOM - TOP)
    }
}

/// The roundest distance that cuts `highest` into two to five.
fn step(highest: f64) -> f64 {
    let power = 10_f64.powf(highest.log10().floor());
    [0.2, 0.5, 1.0, 2.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| highest / step <= 5.0)
        .unwrap_or(power)
}

fn axes(svg: &mut String, scale: &Scale) {
    let mut rate = 0.0;
    while rate <= scale.rate {
        let y = scale.y(rate);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#dddddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            count(Some(rate))
        );
        rate += scale.rate_step;
    }
    let foot = band_top(GROUPS.len());
    let step = step(scale.seconds);
    let mut seconds = 0.0;
    while seconds <= scale.seconds {
        let x = scale.x(seconds);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {foot}v5\" stroke=\"#222222\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{seconds:.0} s</text>",
            foot + 18.0
        );
        seconds += step;
    }
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {TOP}V{foot}H{RIGHT}\" fill=\"none\" stroke=\"#222222\"/>"
    );
}

fn band_top(group: usize) -> f64 {
    (0..group).fold(BANDS, |top, _| top + BAND_STEP)
}

/// One bar for each server a group was sent to.
fn bands(svg: &mut String, scale: &Scale, record: &Record) {
    for (number, (group, seen)) in GROUPS.iter().zip(&record.seen).enumerate() {
        let top = band_top(number);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            top + 16.0,
            group.name
        );
        let starts = seen.servers.iter().map(|(at, _)| record.clock.at(*at));
        let ends = starts.clone().skip(1).chain([record.end]);
        for ((start, end), (_, server)) in starts.zip(ends).zip(&seen.servers) {
            let (from, to) = (scale.x(start), scale.x(end));
            let color = server.map_or(OTHER_COLOR, |number| SITE_COLORS[number]);
            let _ = writeln!(
                svg,
                "<rect x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{BAND}\" fill=\"{color}\"/>",
                to - from
            );
            // What is too narrow for its name is told by its color.
            if to - from > 24.0 {
                let _ = writeln!(
                    svg,
                    "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"white\">{}</text>",
                    f64::midpoint(from, to),
                    top + 16.0,
                    server.map_or("", |_| server_name(*server))
                );
            }
        }
    }
}

/// A line for each group, broken where nobody asked.
fn rates(svg: &mut String, scale: &Scale, record: &Record) {
    for run in record.runs() {
        for (rates, color) in run.rates.iter().zip(GROUP_COLORS) {
            let points: Vec<String> = rates
                .iter()
                .map(|rate| {
                    let x = scale.x(record.clock.at_unix(rate.at));
                    format!("{x:.1},{:.1}", scale.y(rate.per_second))
                })
                .collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
                points.join(" ")
            );
        }
    }
}

/// A line down for each, its words to the right of the line's head.
fn events(svg: &mut String, scale: &Scale, record: &Record) {
    let foot = band_top(GROUPS.len());
    let labels: Vec<(f64, f64)> = record
        .events
        .iter()
        .map(|event| {
            let x = scale.x(event.at);
            (
                x,
                x + 10.0 + CHARACTER * event.text.chars().fold(0.0, |width, _| width + 1.0),
            )
        })
        .collect();
    for (event, ((x, _), row)) in record.events.iter().zip(labels.iter().zip(rows(&labels))) {
        let y = (0..row).fold(TOP - 8.0, |y, _| y - ROW);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {:.1}V{foot}\" stroke=\"#aa3377\" stroke-dasharray=\"4 3\"/>\
             <text x=\"{:.1}\" y=\"{y}\" fill=\"#aa3377\">{}</text>",
            y - 10.0,
            x + 4.0,
            event.text
        );
    }
}

/// The row of each label, 0 the lowest, so that none is crossed by another's
/// line. Labels are their sides, the left one with the line, in order.
fn rows(labels: &[(f64, f64)]) -> Vec<usize> {
    let mut rows = vec![0; labels.len()];
    for (number, (_, right)) in labels.iter().enumerate().rev() {
        let crossing = labels.iter().zip(&rows).skip(number + 1);
        let highest = crossing
            .filter(|((line, _), _)| line < right)
            .map(|(_, row)| row + 1)
            .max();
        rows[number] = highest.unwrap_or(0);
    }
    rows
}

fn legend(svg: &mut String) {
    let y = HEIGHT - 18.0;
    let mut x = LEFT;
    for (group, color) in GROUPS.iter().zip(GROUP_COLORS) {
        let _ = writeln!(
            svg,
            "<path d=\"M{x} {:.1}h20\" stroke=\"{color}\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{y}\">answers per second, {}</text>",
            y - 4.0,
            x + 26.0,
            group.name
        );
        x += 200.0;
    }
    for (site, color) in SITES.iter().zip(SITE_COLORS) {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"20\" height=\"12\" fill=\"{color}\"/>\
             <text x=\"{:.1}\" y=\"{y}\">{}</text>",
            y - 10.0,
            x + 26.0,
            site.name
        );
        x += 70.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_is_crossed_by_anothers_line() {
        let far = [(0.0, 50.0), (60.0, 110.0)];
        assert_eq!(rows(&far), [0, 0]);
        let near = [(0.0, 50.0), (40.0, 90.0), (45.0, 95.0), (200.0, 250.0)];
        assert_eq!(rows(&near), [2, 1, 0, 0]);
    }

    #[test]
    fn an_axis_has_two_to_five_round_steps() {
        for (highest, expected) in [(61_234.0, 20_000.0), (100_000.0, 20_000.0), (24.0, 5.0)] {
            assert!(
                (step(highest) - expected).abs() < 1e-9,
                "{highest}: {}",
                step(highest)
            );
        }
    }
}
