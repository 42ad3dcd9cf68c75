//! Latencies and their percentiles.

use hdrhistogram::Histogram;

/// Longer latencies count as this long: one hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Latencies in nanoseconds, three significant digits.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

/// The figures reported, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Latencies {
    pub(crate) fn new() -> Latencies {
        Latencies(Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are valid"))
    }

    /// Counts `times` operations that took `nanoseconds` each.
    #[inline]
    pub(crate) fn record(&mut self, nanoseconds: u64, times: u64) {
        let counted = self.0.record_n(nanoseconds.clamp(1, LONGEST_NS), times);
        debug_assert!(counted.is_ok(), "clamped into the bounds");
    }

    /// Takes the counts of another.
    pub(crate) fn add(&mut self, other: &Latencies) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let at = |quantile: f64| self.0.value_at_quantile(quantile) as f64 / 1000.0;
        Percentiles { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: self.0.max() as f64 / 1000.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_NS, Latencies};

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
