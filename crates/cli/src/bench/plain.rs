//! A plain run: each workload in turn against a server that is already there.

use super::args::{self, Args};
use super::blend::Strictness;
use super::failure::Failure;
use super::fleet::fill;
use super::json::Object;
use super::measure::{Measurement, Watched, measure};
use super::options::{FLAGS, Options};
use super::workload::{MIXES, WORKLOADS};

const USAGE: &str = "\
spinel-bench: a load generator for Redis-like servers

usage: spinel-bench [OPTIONS] [WORKLOAD...]      measure a running server
       spinel-bench paired [OPTIONS]             compare servers side by side
       spinel-bench echo-server [OPTIONS]        a server that does nothing, for comparison

--command and the workloads know the placeholders __key__, __member__, __field__, __value__ and __rand__.

";

/// Understands `words` and runs.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let args = Args::parse(words, FLAGS)?;
    if args.has("--help") {
        print!("{USAGE}{}", args::help(FLAGS));
        return Ok(());
    }
    if args.has("--list") {
        list();
        return Ok(());
    }
    let options = Options::from_args(&args)?;
    if !options.json {
        println!("{HEADING}");
    }
    for blend in &options.blends {
        if options.populate {
            fill(
                &options.target,
                &options.plan.shape,
                options.plan.values,
                &blend.loads(),
                options.plan.seed,
            )?;
        }
        let strictness = if options.populate { Strictness::AllThere } else { Strictness::MayMiss };
        let watched = Watched { pid: options.server_pid, per_thread: options.per_thread };
        let measured = measure(&options.target, &options.plan, blend, strictness, options.warmup, watched)?;
        if options.json {
            println!("{}", measured.to_json(Object::new().text("workload", &blend.name)).finish());
        } else {
            print(&blend.name, &measured);
        }
    }
    Ok(())
}

fn list() {
    for workload in WORKLOADS {
        println!("{:<14} {}", workload.name, workload.line);
    }
    for (name, parts) in MIXES {
        println!("{name:<14} {parts}");
    }
}

const HEADING: &str = "workload              ops/s   p50 us   p99 us p99.9 us   max us | server us/op (user+sys)  RSS MiB  \
                       peak | own us/op";

fn print(name: &str, measured: &Measurement) {
    let latency = &measured.latency_us;
    print!(
        "{name:<16} {:>10.0} {:>8.1} {:>8.1} {:>8.1} {:>8.0} |",
        measured.throughput(),
        latency.p50,
        latency.p99,
        latency.p999,
        latency.max
    );
    match &measured.server {
        Some(usage) => print!(
            " {:>8.3} ({:>6.3}+{:>6.3}) {:>10.1} {:>6.0} |",
            measured.server_us(),
            usage.user_us,
            usage.system_us,
            usage.memory.resident as f64 / 1_048_576.0,
            usage.memory.peak as f64 / 1_048_576.0
        ),
        None => print!(" {:>43} |", "-"),
    }
    println!(" {:.3}", measured.own_us);
    if measured.unsent > 0 {
        println!("    {} requests fell due but could not be sent before the end", measured.unsent);
    }
    for (thread, id, us) in measured.server.iter().flat_map(|usage| &usage.threads) {
        println!("    thread {id} {thread}: {us:.3} us/op");
    }
}
