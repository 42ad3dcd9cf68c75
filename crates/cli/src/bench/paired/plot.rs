//! A line plot as SVG: time to the right, a logarithmic scale upwards.

use std::fmt::Write as _;

/// Pixels of the picture, and of the margins around what is drawn.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 50.0;
/// Colours that the colour-blind can tell apart too.
const COLOURS: [&str; 5] = ["#c2185b", "#546e7a", "#ef8f00", "#00796b", "#5e35b1"];

/// One curve.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// What is to be drawn.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) lines: Vec<Line>,
}

/// How values become pixels.
struct Scale {
    from: f64,
    to: f64,
    /// Powers of ten.
    lowest: f64,
    highest: f64,
}

impl Scale {
    fn of(lines: &[Line]) -> Self {
        let points = || lines.iter().flat_map(|line| &line.points);
        let from = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
        let to = points().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
        let low = points().map(|point| point.1).fold(f64::INFINITY, f64::min).max(1e-3);
        let high = points().map(|point| point.1).fold(low, f64::max);
        let (lowest, highest) = (low.log10().floor(), high.log10().ceil());
        Self { from, to: to.max(from + 1e-9), lowest, highest: highest.max(lowest + 1.0) }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.from) / (self.to - self.from) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value.max(1e-3).log10() - self.lowest) / (self.highest - self.lowest);
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }
}

impl Plot {
    pub(crate) fn to_svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"13\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
        );
        text(&mut svg, (LEFT, 22.0), "start", &self.title);
        text(&mut svg, (WIDTH / 2.0, HEIGHT - 12.0), "middle", &self.x_label);
        text(&mut svg, (LEFT, 40.0), "end", &self.y_label);
        if self.lines.iter().any(|line| !line.points.is_empty()) {
            let scale = Scale::of(&self.lines);
            grid(&mut svg, &scale);
            // The subject comes first in the list and is drawn last, over the others.
            for (number, line) in self.lines.iter().enumerate().rev() {
                curve(&mut svg, &scale, line, colour(number));
            }
        }
        for (number, line) in self.lines.iter().enumerate() {
            let colour = colour(number);
            let x = WIDTH - RIGHT - 110.0 * (self.lines.len() - number) as f64;
            // Writing into a string cannot fail; the same below.
            let _ =
                writeln!(svg, "<rect x=\"{x:.1}\" y=\"31\" width=\"12\" height=\"12\" fill=\"{colour}\"/>");
            text(&mut svg, (x + 18.0, 42.0), "start", &line.name);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn colour(number: usize) -> &'static str {
    COLOURS[number % COLOURS.len()]
}

fn grid(svg: &mut String, scale: &Scale) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let stroke = "stroke=\"#dddddd\"";
    for power in scale.lowest as i32..=scale.highest as i32 {
        let y = scale.y(10f64.powi(power));
        let _ = writeln!(svg, "<path d=\"M{LEFT} {y:.1}H{right}\" {stroke}/>");
        text(svg, (LEFT - 6.0, y + 4.0), "end", &format!("{}", 10f64.powi(power)));
    }
    let step = ((scale.to - scale.from) / 8.0).ceil().max(1.0);
    let mut second = (scale.from / step).ceil() * step;
    while second <= scale.to {
        let x = scale.x(second);
        let _ = writeln!(svg, "<path d=\"M{x:.1} {TOP}V{bottom}\" {stroke}/>");
        text(svg, (x, bottom + 18.0), "middle", &format!("{second}"));
        second += step;
    }
}

fn curve(svg: &mut String, scale: &Scale, line: &Line, colour: &str) {
    let points = line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", scale.x(*x), scale.y(*y)));
    let points = points.collect::<Vec<_>>().join(" ");
    let _ = writeln!(
        svg,
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{points}\"/>"
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
}

#[cfg(test)]
mod tests {
    use super::{Line, Plot};

    #[test]
    fn a_plot_has_a_line_and_a_name_for_each_server() {
        let line = |name: &str, high| Line { name: name.into(), points: vec![(-1.0, 40.0), (2.5, high)] };
        let plot = Plot {
            title: "a < b".into(),
            x_label: "s".into(),
            y_label: "us".into(),
            lines: vec![line("one", 90.0), line("two", 150_000.0)],
        };
        let svg = plot.to_svg();
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains(">one<") && svg.contains(">two<") && svg.contains("a &lt; b"));
        // From 10 to 10^6: the slow one ends near the top.
        assert!(svg.contains(">1000000<") && svg.contains(">10<"), "{svg}");
        let empty = Plot { lines: Vec::new(), ..plot };
        assert!(empty.to_svg().ends_with("</svg>\n"));
    }
}
