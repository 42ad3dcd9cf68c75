//! Results of a suite as figures by case and server, and their tables.

use super::plot::Plot;
use crate::bench::json::Object;

/// A figure: its name in JSON, its heading in tables, its decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) heading: &'static str,
    pub(crate) decimals: usize,
    /// Whether the servers are set side by side by it.
    pub(crate) compared: bool,
}

/// The figures of one server in one case, one per metric of the sheet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) case: String,
    pub(crate) server: String,
    pub(crate) figures: Vec<f64>,
    /// The figures of each round that `figures` are the medians of; none when there was one measurement.
    pub(crate) rounds: Vec<Vec<f64>>,
}

/// All results of a suite. The first server is the subject; metrics come in the order of their weight.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    pub(crate) title: String,
    pub(crate) servers: Vec<String>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) entries: Vec<Entry>,
    /// What a table does not show.
    pub(crate) plot: Option<Plot>,
}

impl Sheet {
    /// A comparison by each metric meant for it, then all figures, as Markdown tables.
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = format!("## {}\n\n", self.title);
        for at in 0..self.metrics.len() {
            if self.metrics[at].compared {
                text.push_str(&table(&self.comparison(at)));
                text.push('\n');
            }
        }
        text.push_str(&table(&self.details()));
        text
    }

    /// Everything, the rounds included, as one JSON object.
    pub(crate) fn to_json(&self) -> String {
        let named = |labels: Object, figures: &[f64]| {
            let pairs = self.metrics.iter().zip(figures);
            pairs.fold(labels, |object, (metric, figure)| object.number(metric.name, *figure))
        };
        let entries = self.entries.iter().map(|entry| {
            let labels = Object::new().text("case", &entry.case).text("server", &entry.server);
            let rounds = entry.rounds.iter().map(|figures| named(Object::new(), figures));
            named(labels, &entry.figures).objects("rounds", rounds)
        });
        Object::new().text("suite", &self.title).objects("entries", entries).finish() + "\n"
    }

    /// A row per case: metric number `at` of each server and the ratios of the first server to the others.
    fn comparison(&self, at: usize) -> Vec<Vec<String>> {
        let metric = self.metrics[at];
        let subject = self.servers.first().map_or("", String::as_str);
        let mut heading = vec![metric.heading.to_owned()];
        heading.extend(self.servers.iter().cloned());
        heading.extend(self.servers.iter().skip(1).map(|server| format!("{subject} / {server}")));
        let mut rows = vec![heading];
        for case in self.cases() {
            let figures: Vec<f64> = self.servers.iter().map(|server| self.figure(case, server, at)).collect();
            let mut row = vec![case.to_owned()];
            row.extend(figures.iter().map(|&figure| decimal(figure, metric.decimals)));
            row.extend(figures.iter().skip(1).map(|&other| decimal(figures[0] / other, 2)));
            rows.push(row);
        }
        rows
    }

    /// A row per entry with all its figures.
    fn details(&self) -> Vec<Vec<String>> {
        let mut heading = vec![String::new(), "server".to_owned()];
        heading.extend(self.metrics.iter().map(|metric| metric.heading.to_owned()));
        let mut rows = vec![heading];
        for entry in &self.entries {
            let mut row = vec![entry.case.clone(), entry.server.clone()];
            let figures = entry.figures.iter().zip(&self.metrics);
            row.extend(figures.map(|(&figure, metric)| decimal(figure, metric.decimals)));
            rows.push(row);
        }
        rows
    }

    /// The cases in the order of their first entry.
    fn cases(&self) -> Vec<&str> {
        let mut cases = Vec::new();
        for entry in &self.entries {
            if !cases.contains(&entry.case.as_str()) {
                cases.push(entry.case.as_str());
            }
        }
        cases
    }

    /// Metric number `at` of a server in a case; not a number when there is no such entry.
    fn figure(&self, case: &str, server: &str, at: usize) -> f64 {
        let entry = self.entries.iter().find(|entry| entry.case == case && entry.server == server);
        entry.and_then(|entry| entry.figures.get(at).copied()).unwrap_or(f64::NAN)
    }
}

/// The median; the mean of the middle two when the number is even, not a number when there are none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.retain(|figure| !figure.is_nan());
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(figures[middle - 1], figures[middle]),
        _ => figures[middle],
    }
}

/// The median of each figure over the rounds.
pub(crate) fn medians(rounds: &[Vec<f64>]) -> Vec<f64> {
    let count = rounds.first().map_or(0, Vec::len);
    (0..count).map(|at| median(rounds.iter().map(|round| round[at]).collect())).collect()
}

fn decimal(figure: f64, decimals: usize) -> String {
    if figure.is_finite() { format!("{figure:.decimals$}") } else { "-".to_owned() }
}

/// Rows, the first of them the heading, as an aligned Markdown table; figures to the right.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let left = column == 0 || rows[0][column] == "server";
            let cell = if left { format!("| {cell:<width$} ") } else { format!("| {cell:>width$} ") };
            text.push_str(&cell);
        }
        text.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let left = column == 0 || rows[0][column] == "server";
                let line = "-".repeat(*width);
                text.push_str(&if left { format!("| {line} ") } else { format!("| {}: ", &line[1..]) });
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Entry, Metric, Sheet, median};

    fn sheet() -> Sheet {
        let entry = |case: &str, server: &str, figures: &[f64]| Entry {
            case: case.into(),
            server: server.into(),
            figures: figures.to_vec(),
            rounds: vec![figures.to_vec()],
        };
        Sheet {
            title: "core".into(),
            servers: vec!["spinel".into(), "redis".into()],
            metrics: vec![
                Metric { name: "cpu_us", heading: "CPU us/op", decimals: 2, compared: true },
                Metric { name: "ops", heading: "ops/s", decimals: 0, compared: false },
            ],
            entries: vec![
                entry("get", "spinel", &[0.5, 10.0]),
                entry("get", "redis", &[2.0, 4.0]),
                entry("set", "spinel", &[1.0, 9.0]),
            ],
            plot: None,
        }
    }

    #[test]
    fn medians_ignore_what_is_missing() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, f64::NAN, 1.0]), 2.5);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn the_comparison_divides_the_subject_by_the_others() {
        let rows = sheet().comparison(0);
        assert_eq!(rows[0], ["CPU us/op", "spinel", "redis", "spinel / redis"]);
        assert_eq!(rows[1], ["get", "0.50", "2.00", "0.25"]);
        assert_eq!(rows[2], ["set", "1.00", "-", "-"]);
    }

    #[test]
    fn the_tables_are_aligned_markdown() {
        let text = sheet().to_markdown();
        assert!(text.starts_with("## core\n\n| CPU us/op | spinel | redis | spinel / redis |\n"), "{text}");
        assert!(text.contains("| --------- | -----: | ----: | -------------: |"), "{text}");
        assert!(text.contains("| get | redis  |      2.00 |     4 |"), "{text}");
    }

    #[test]
    fn the_json_has_every_entry_with_its_rounds() {
        let text = sheet().to_json();
        let first = r#"{"suite":"core","entries":[{"case":"get","server":"spinel","cpu_us":0.5,"ops":10,"rounds":[{"cpu_us":0.5,"ops":10}]},"#;
        assert!(text.starts_with(first), "{text}");
        assert_eq!(text.matches("rounds").count(), 3);
    }
}
