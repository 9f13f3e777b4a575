//! A terminal's screen as a picture.

use std::fmt::Write as _;

/// Size of the font, height of a line, width of a character.
const SIZE: f64 = 13.0;
const LINE: f64 = 18.0;
const CHARACTER: f64 = 7.83;
const MARGIN: f64 = 14.0;

const PAPER: &str = "#1c1f24";
const INK: &str = "#d8dee9";

/// Text in one colour.
#[derive(Debug, PartialEq)]
struct Run<'t> {
    /// Where it starts, characters from the line's start.
    column: usize,
    colour: &'static str,
    text: &'t str,
}

/// `screen`, with the colours of its escape sequences, as SVG.
pub(super) fn draw(screen: &str) -> String {
    let lines: Vec<_> = screen.lines().map(runs).collect();
    let ends = lines.iter().filter_map(|runs| runs.last());
    let columns = ends.map(|run| run.column + run.text.chars().count()).max();
    let (width, height) = (
        2.0 * MARGIN + CHARACTER * to_f64(columns.unwrap_or(0)),
        2.0 * MARGIN + LINE * to_f64(lines.len()),
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"monospace\" font-size=\"{SIZE}\">\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" rx=\"6\" fill=\"{PAPER}\"/>\n"
    );
    for (number, runs) in lines.iter().enumerate() {
        let y = MARGIN + LINE * (to_f64(number) + 0.75);
        for run in runs {
            let x = MARGIN + CHARACTER * to_f64(run.column);
            let length = CHARACTER * to_f64(run.text.chars().count());
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{}\" textLength=\"{length:.1}\" \
                 lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{}</text>",
                run.colour,
                escaped(run.text)
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The words of a line, each in its colour.
fn runs(line: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let (mut column, mut colour) = (0, INK);
    for (index, part) in line.split("\x1b[").enumerate() {
        let text = match part.split_once('m') {
            Some((code, text)) if index > 0 => {
                colour = colour_of(code);
                text
            }
            _ => part,
        };
        for (start, word) in words(text) {
            runs.push(Run {
                column: column + text[..start].chars().count(),
                colour,
                text: word,
            });
        }
        column += text.chars().count();
    }
    runs
}

/// What two blanks or more do not part, and where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split("  ").filter_map(move |part| {
        let start = at + part.len() - part.trim_start().len();
        at += part.len() + 2;
        let word = part.trim();
        (!word.is_empty()).then_some((start, word))
    })
}

fn colour_of(code: &str) -> &'static str {
    match code {
        "31" => "#f2777a",
        "32" => "#99cc99",
        "33" => "#ffcc66",
        _ => INK,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[expect(clippy::cast_precision_loss, reason = "a screen's lines and columns")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_columns_and_colours() {
        let seen = runs("s1  \x1b[32mup\x1b[0m     1 000  ▁█ x");
        let run = |column, colour, text| Run {
            column,
            colour,
            text,
        };
        let expected = [
            run(0, INK, "s1"),
            run(4, "#99cc99", "up"),
            run(11, INK, "1 000"),
            run(18, INK, "▁█ x"),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_markup_in_svg_is_text_in_the_picture() {
        let svg = draw("a<b & c\n");
        assert!(svg.contains(">a&lt;b &amp; c</text>"), "{svg}");
        assert_eq!(svg.matches("<text").count(), 1);
    }
}
