//! Figures as curves: an SVG file with a line for each series.

mod scale;

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use plotters::prelude::*;

use self::scale::Scale;

/// Size of the picture, pixels, and of the part at its right for the legend.
const SIZE: (u32, u32) = (960, 480);
const LEGEND: i32 = 200;
/// From one name of the legend to the next.
const LEGEND_STEP: i32 = 22;
/// Where the first stands.
const LEGEND_TOP: i32 = 56;
const FONT: &str = "sans-serif";

/// Colors that are told apart also by the color-blind (Paul Tol's muted set).
const COLORS: [RGBColor; 9] = [
    RGBColor(0x33, 0x22, 0x88),
    RGBColor(0xcc, 0x66, 0x77),
    RGBColor(0x11, 0x77, 0x33),
    RGBColor(0x88, 0xcc, 0xee),
    RGBColor(0xdd, 0xcc, 0x77),
    RGBColor(0xaa, 0x44, 0x99),
    RGBColor(0x44, 0xaa, 0x99),
    RGBColor(0x99, 0x99, 0x33),
    RGBColor(0x88, 0x22, 0x55),
];

/// An axis of a [`Curve`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    /// What it shows, with the unit.
    pub(crate) label: &'static str,
    /// Whether it is logarithmic; a linear one includes 0.
    pub(crate) log: bool,
}

/// One line of a [`Curve`].
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// What the legend calls it.
    pub(crate) name: String,
    /// The points that the line joins, in this order.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Lines over the same axes.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// What stands above.
    pub(crate) title: String,
    /// The axis at the foot.
    pub(crate) x: Axis,
    /// The axis at the left.
    pub(crate) y: Axis,
    /// The lines, in the order of the legend.
    pub(crate) series: Vec<Series>,
}

impl Curve {
    /// Writes the picture to `file`, in place of an older one. An error where
    /// there is nothing to draw or where a point is on no axis: not a number, or
    /// not above 0 on a logarithmic one.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let svg = self.draw().with_context(|| self.title.clone())?;
        fs::write(file, svg).with_context(|| format!("write {}", file.display()))
    }

    fn draw(&self) -> Result<String> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = Scale::new(self.x, points().map(|(x, _)| *x))?;
        let y = Scale::new(self.y, points().map(|(_, y)| *y))?;
        let mut svg = String::new();
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        // A background of its own makes it readable on light and dark pages.
        root.fill(&WHITE)?;
        let (plot, legend) = root.split_horizontally(SIZE.0.cast_signed() - LEGEND);
        let mut chart = ChartBuilder::on(&plot)
            .caption(&self.title, (FONT, 20))
            .margin(12)
            .x_label_area_size(48)
            .y_label_area_size(72)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .bold_line_style(BLACK.mix(0.12))
            .x_desc(self.x.label)
            .y_desc(self.y.label)
            .label_style((FONT, 16))
            .axis_desc_style((FONT, 17))
            .draw()?;
        for (number, series) in self.series.iter().enumerate() {
            let points = series.points.iter().copied();
            chart.draw_series(LineSeries::new(points, style(number)).point_size(3))?;
        }
        let mut y = LEGEND_TOP;
        for (number, series) in self.series.iter().enumerate() {
            let style = style(number);
            legend.draw(&PathElement::new([(4, y), (28, y)], style))?;
            legend.draw(&Circle::new((16, y), 3, style))?;
            let name = series.name.as_str();
            legend.draw(&Text::new(name, (36, y - LEGEND_STEP / 3), (FONT, 17)))?;
            y += LEGEND_STEP;
        }
        root.present()?;
        drop((chart, plot, legend, root));
        Ok(svg)
    }
}

/// How the series of that number is drawn. Where colors come again the points
/// are hollow.
fn style(number: usize) -> ShapeStyle {
    ShapeStyle {
        color: COLORS[number % COLORS.len()].to_rgba(),
        filled: number < COLORS.len(),
        stroke_width: 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(log: bool, points: &[(f64, f64)]) -> Curve {
        let axis = |label| Axis { label, log };
        let series = |name: &str| Series {
            name: name.to_owned(),
            points: points.to_vec(),
        };
        Curve {
            title: "a < b".to_owned(),
            x: axis("offered per second"),
            y: axis("answered per second"),
            series: vec![series("veer"), series("reflect")],
        }
    }

    #[test]
    fn everything_that_was_measured_is_in_the_picture() {
        let svg = curve(true, &[(1e3, 10.0), (1e4, 30.0), (1e5, 20.0)]).draw();
        let svg = svg.expect("it is drawn");
        for text in ["a &lt; b", "offered per second", "answered per second"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        for text in ["veer", "reflect", "10³", "10⁵", "20"] {
            assert!(svg.contains(&format!(">\n{text}\n<")), "{text}: {svg}");
        }
        // Three points on each of two lines and one in the legend for each.
        assert_eq!(svg.matches("<circle").count(), 2 * 3 + 2);
    }

    #[test]
    fn a_higher_figure_stands_higher_and_further_right() {
        let svg = curve(false, &[(1.0, 1.0), (2.0, 3.0)]).draw();
        let svg = svg.expect("it is drawn");
        let circles: Vec<[i32; 2]> = svg
            .lines()
            .filter(|line| line.contains("<circle"))
            .map(|line| ["cx", "cy"].map(|name| attribute(line, name)))
            .collect();
        let [low, high] = [circles[0], circles[1]];
        assert!(low[0] < high[0] && low[1] > high[1], "{circles:?}");
    }

    fn attribute(tag: &str, name: &str) -> i32 {
        let value = tag.split_once(&format!("{name}=\"")).map(|(_, rest)| rest);
        let value = value
            .and_then(|rest| rest.split_once('"'))
            .map(|(value, _)| value);
        value
            .and_then(|value| value.parse().ok())
            .expect("a number")
    }

    #[test]
    fn what_is_on_no_axis_is_refused() {
        for (log, points) in [
            (true, vec![(1.0, 0.0)]),
            (true, vec![(-1.0, 1.0)]),
            (false, vec![(1.0, f64::NAN)]),
            (false, vec![]),
        ] {
            let drawn = curve(log, &points).draw();
            assert!(drawn.is_err(), "{points:?}");
        }
    }
}
