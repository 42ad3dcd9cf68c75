//! Throughput cases, the servers in turn: A B A B, and the medians of the rounds.
//!
//! All servers of a group live at the same time and hold the same data, so that whatever else happens on the machine
//! hits them alike; only one of them works at any moment.

use std::time::Duration;

use super::contestant::{Contestant, Server};
use super::sheet::{Entry, Metric, Sheet, medians};
use super::suites::{CONNECTIONS, Case, Group};
use super::{Setting, Site};
use crate::bench::blend::{Blend, Strictness};
use crate::bench::failure::Failure;
use crate::bench::fleet::{Plan, Stop, fill};
use crate::bench::measure::{Measurement, Watched, measure};
use crate::bench::worker::Idle;
use crate::bench::workload::Load;

const METRICS: &[Metric] = &[
    Metric { name: "server_cpu_us_per_op", heading: "server CPU us/op", decimals: 3, compared: true },
    Metric { name: "ops_per_s", heading: "ops/s", decimals: 0, compared: true },
    Metric { name: "p50_us", heading: "p50 us", decimals: 0, compared: true },
    Metric { name: "p99_us", heading: "p99 us", decimals: 0, compared: true },
    Metric { name: "p999_us", heading: "p99.9 us", decimals: 0, compared: true },
    Metric { name: "max_us", heading: "max us", decimals: 0, compared: false },
    Metric { name: "generator_cpu_us_per_op", heading: "own CPU us/op", decimals: 3, compared: false },
];

/// A server of a group and what was filled into it.
struct Seat<'a> {
    name: &'a str,
    echoes: bool,
    server: Server,
    loaded: Vec<Load>,
}

/// Runs all `groups` on all of `entrants`, each a contestant, its number of workers and its name in the tables.
pub(crate) fn run(
    title: &str,
    groups: &[Group],
    entrants: &[(Contestant, usize)],
    site: Site,
    setting: &Setting,
) -> Result<Sheet, Failure> {
    let mut sheet = Sheet {
        title: title.to_owned(),
        servers: entrants.iter().map(|(contestant, _)| contestant.name.clone()).collect(),
        metrics: METRICS.to_vec(),
        entries: Vec::new(),
        plot: None,
    };
    for group in groups {
        site.placement.settle(&setting.cores)?;
        let mut seats = Vec::new();
        for (contestant, workers) in entrants {
            let server = Server::start(contestant, *workers, site.placement, &setting.extra)?;
            let (name, echoes) = (contestant.name.as_str(), contestant.echoes());
            seats.push(Seat { name, echoes, server, loaded: Vec::new() });
        }
        for case in &group.cases {
            let mut found = vec![Vec::new(); seats.len()];
            for round in 0..setting.scale.rounds {
                for (seat, found) in seats.iter_mut().zip(&mut found) {
                    found.push(seat.measure(group, case, site, setting, round as u64)?);
                }
            }
            for (seat, found) in seats.iter().zip(&found) {
                let rounds: Vec<Vec<f64>> = found.iter().map(figures).collect();
                let figures = medians(&rounds);
                eprintln!("{:<40} {:<12} {:>8.3} us/op", group.label(case), seat.name, figures[0]);
                sheet.entries.push(Entry {
                    case: group.label(case),
                    server: seat.name.to_owned(),
                    figures,
                    rounds,
                });
            }
        }
    }
    Ok(sheet)
}

impl Seat<'_> {
    /// Fills what is missing and measures one round of `case`.
    fn measure(
        &mut self,
        group: &Group,
        case: &Case,
        site: Site,
        setting: &Setting,
        round: u64,
    ) -> Result<Measurement, Failure> {
        let blend = Blend::named(&case.workload)?;
        let values = (group.shape.value_size, group.shape.value_size);
        if !self.echoes {
            let missing: Vec<Load> =
                blend.loads().into_iter().filter(|load| !self.loaded.contains(load)).collect();
            fill(&self.server.target, &group.shape, values, &missing, setting.seed)?;
            self.loaded.extend(missing);
            if blend.removes() {
                self.loaded.retain(|load| !blend.loads().contains(load));
            }
        }
        // What runs dry is stopped before it does: an empty set answers faster than a full one.
        let requests = blend.drains().then_some(group.shape.elements * 9 / 10);
        let plan = Plan {
            shape: group.shape,
            values,
            connections: CONNECTIONS,
            pipeline: case.pipeline,
            threads: site.threads,
            rate: None,
            idle: Idle::Spin,
            zipf: None,
            stop: Stop { requests, after: Some(Duration::from_secs_f64(setting.scale.seconds)) },
            seed: setting.seed + round,
            keeps_waits: false,
        };
        let warmup = if requests.is_some() { 0.0 } else { setting.scale.seconds / 5.0 };
        let strictness = if self.echoes { Strictness::Unchecked } else { Strictness::AllThere };
        let watched = Watched { pid: Some(self.server.pid()), per_thread: false };
        let warmup = Duration::from_secs_f64(warmup);
        measure(&self.server.target, &plan, &blend, strictness, warmup, watched)
    }
}

/// What [`METRICS`] name, in their order.
fn figures(round: &Measurement) -> Vec<f64> {
    let latency = &round.latency_us;
    vec![
        round.server_us(),
        round.throughput(),
        latency.p50,
        latency.p99,
        latency.p999,
        latency.max,
        round.own_us,
    ]
}

#[cfg(test)]
mod tests {
    use super::{METRICS, figures};
    use crate::bench::measure::Measurement;
    use crate::bench::paired::sheet::medians;

    #[test]
    fn there_is_a_median_for_every_metric() {
        let round = |operations| figures(&Measurement { operations, seconds: 1.0, ..Measurement::default() });
        let found = medians(&[round(10), round(30), round(20)]);
        assert_eq!(found.len(), METRICS.len());
        assert_eq!((METRICS[1].name, found[1]), ("ops_per_s", 20.0));
    }
}
