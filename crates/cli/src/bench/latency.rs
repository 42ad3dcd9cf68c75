//! Latencies and their percentiles.

use hdrhistogram::Histogram;

use super::pauses::{Pauses, Span};

/// Longer latencies count as this long: one hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Latencies in nanoseconds, three significant digits.
#[derive(Debug, Clone)]
pub(crate) struct Latencies {
    counts: Histogram<u64>,
    waits: Option<Waits>,
}

/// Each wait, in Unix time.
#[derive(Debug, Clone)]
struct Waits {
    /// When the run began.
    began_ns: u64,
    spans: Vec<Span>,
}

/// The figures reported, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Percentiles {
    /// Where nothing was measured.
    pub(crate) const UNKNOWN: Percentiles =
        Percentiles { p50: f64::NAN, p99: f64::NAN, p999: f64::NAN, max: f64::NAN };
}

impl Latencies {
    pub(crate) fn new() -> Latencies {
        let counts = Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are valid");
        Latencies { counts, waits: None }
    }

    /// As [`new`](Self::new), of a run that began at `began_ns` of Unix time; each wait is kept beside the counts.
    pub(crate) fn keeping_waits(began_ns: u64) -> Latencies {
        Latencies { waits: Some(Waits { began_ns, spans: Vec::new() }), ..Latencies::new() }
    }

    /// Counts `times` operations that waited as long as `wait`, whose nanoseconds are since the run began.
    #[inline]
    pub(crate) fn record_wait(&mut self, wait: Span, times: u64) {
        self.record(wait.until.saturating_sub(wait.from), times);
        if let Some(waits) = &mut self.waits {
            let began_ns = waits.began_ns;
            let wait = Span { from: began_ns + wait.from, until: began_ns + wait.until };
            waits.spans.extend((0..times).map(|_| wait));
        }
    }

    /// Counts `times` operations that took `nanoseconds` each.
    #[inline]
    pub(crate) fn record(&mut self, nanoseconds: u64, times: u64) {
        let counted = self.counts.record_n(nanoseconds.clamp(1, LONGEST_NS), times);
        debug_assert!(counted.is_ok(), "clamped into the bounds");
    }

    /// Takes the counts of another.
    pub(crate) fn add(&mut self, other: &Latencies) {
        self.counts.add(&other.counts).expect("both have the same bounds");
        if let (Some(waits), Some(others)) = (&mut self.waits, &other.waits) {
            waits.spans.extend_from_slice(&others.spans);
        }
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let at = |quantile: f64| self.counts.value_at_quantile(quantile) as f64 / 1000.0;
        Percentiles { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: self.counts.max() as f64 / 1000.0 }
    }

    /// The percentiles of the waits, each less the pauses that fell into it; not numbers if they were not kept.
    pub(crate) fn percentiles_less(&self, pauses: &Pauses) -> Percentiles {
        let Some(waits) = &self.waits else { return Percentiles::UNKNOWN };
        let mut less = Latencies::new();
        for wait in &waits.spans {
            less.record((wait.until - wait.from).saturating_sub(pauses.within(*wait)), 1);
        }
        less.percentiles()
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_NS, Latencies, Pauses, Span};

    fn close(got: f64, wanted: f64) -> bool {
        (got - wanted).abs() <= wanted * 0.001
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let mut latencies = Latencies::new();
        for microseconds in 1..=1000u64 {
            latencies.record(microseconds * 1000, 1);
        }
        let found = latencies.percentiles();
        assert!(close(found.p50, 500.0) && close(found.p99, 990.0), "{found:?}");
        assert!(close(found.p999, 999.0) && close(found.max, 1000.0), "{found:?}");
    }

    #[test]
    fn many_at_once_count_as_many() {
        let mut latencies = Latencies::new();
        latencies.record(10_000, 998);
        latencies.record(5_000_000, 2);
        let found = latencies.percentiles();
        assert!(close(found.p99, 10.0) && close(found.p999, 5000.0), "{found:?}");
    }

    #[test]
    fn waits_can_be_counted_without_the_pauses_that_fell_into_them() {
        let mut latencies = Latencies::keeping_waits(1_000_000_000);
        latencies.record_wait(Span { from: 0, until: 5_000_000 }, 1);
        latencies.record_wait(Span { from: 6_000_000, until: 7_000_000 }, 99);
        let pauses = Pauses::new(vec![Span { from: 1_003_000_000, until: 1_004_500_000 }]);
        let (all, less) = (latencies.percentiles(), latencies.percentiles_less(&pauses));
        assert!(close(all.max, 5000.0) && close(less.max, 3500.0) && close(less.p99, 1000.0), "{less:?}");
        let mut both = Latencies::keeping_waits(1_000_000_000);
        both.add(&latencies);
        assert_eq!(both.percentiles_less(&pauses), less);
    }

    #[test]
    fn merging_adds_the_counts() {
        let (mut a, mut b) = (Latencies::new(), Latencies::new());
        a.record(1000, 1);
        b.record(9000, 99);
        a.add(&b);
        assert!(close(a.percentiles().p50, 9.0));
    }

    #[test]
    fn extremes_are_clamped_and_nothing_measured_is_zero() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.percentiles().max, 0.0);
        latencies.record(0, 1);
        latencies.record(u64::MAX, 1);
        assert!(close(latencies.percentiles().max, LONGEST_NS as f64 / 1000.0));
    }
}
