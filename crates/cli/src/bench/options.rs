//! The options of a plain run.

use std::time::Duration;

use super::args::{Args, Flag};
use super::blend::{Blend, ValueSizes};
use super::failure::Failure;
use super::fleet::{Plan, Stop};
use super::target::{Address, Target};
use super::template::Shape;
use super::worker::Idle;

const fn flag(name: &'static str, value: &'static str, help: &'static str) -> Flag {
    Flag { name, value, help }
}

/// Every option of a plain run, in the order of the help.
pub(crate) const FLAGS: &[Flag] = &[
    flag("--host", "NAME", "server (127.0.0.1)"),
    flag("--port", "N", "its port (6379)"),
    flag("--unix", "PATH", "connect to a unix socket instead"),
    flag("--password", "TEXT", "authenticate"),
    flag("--resp", "2|3", "protocol version (2)"),
    flag("--connections", "N", "connections in all (50)"),
    flag("--pipeline", "N", "requests in flight per connection (1)"),
    flag("--threads", "N", "threads of the generator (1)"),
    flag("--requests", "N", "stop after so many requests per workload"),
    flag("--duration", "S", "stop after so many seconds per workload (10)"),
    flag("--warmup", "S", "seconds to run before measuring (0)"),
    flag("--rate", "N", "open loop: requests per second in all, latency from the due time"),
    flag("--nap", "", "open loop: sleep 100 us between polls instead of spinning"),
    flag("--keyspace", "N", "number of keys (1m)"),
    flag("--elements", "N", "elements of the one big list, set, hash, sorted set (1m)"),
    flag("--zipf", "S", "draw keys and elements by Zipf's law with this exponent"),
    flag("--key-size", "N", "bytes of a key (16)"),
    flag("--value-size", "N[-M]", "bytes of a value, or a range (3)"),
    flag("--seed", "N", "start of the random numbers (1)"),
    flag("--populate", "", "first fill in what the workloads look for; then a miss is an error"),
    flag("--mix", "A:W,B:W", "a workload of named ones with weights; may be repeated"),
    flag("--command", "LINE", "a workload of one command; may be repeated"),
    flag("--server-pid", "PID", "report the CPU time and memory of this process"),
    flag("--per-thread", "", "and the CPU time of each of its threads"),
    flag("--json", "", "print one JSON object per workload"),
    flag("--list", "", "list the named workloads and mixes"),
    flag("--help", "", "this text"),
];

/// A plain run.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) target: Target,
    pub(crate) plan: Plan,
    pub(crate) warmup: Duration,
    pub(crate) blends: Vec<Blend>,
    pub(crate) populate: bool,
    pub(crate) server_pid: Option<u32>,
    pub(crate) per_thread: bool,
    pub(crate) json: bool,
}

impl Options {
    pub(crate) fn from_args(args: &Args) -> Result<Options, Failure> {
        let plan = plan(args)?;
        Ok(Options {
            target: target(args)?,
            plan,
            warmup: Duration::from_secs_f64(positive(args, "--warmup", true)?.unwrap_or(0.0)),
            blends: blends(args)?,
            populate: args.has("--populate"),
            server_pid: args.value("--server-pid")?,
            per_thread: args.has("--per-thread"),
            json: args.has("--json"),
        })
    }
}

fn plan(args: &Args) -> Result<Plan, Failure> {
    let values = value_sizes(args.text("--value-size").unwrap_or("3"))?;
    let count = |name, default| Ok::<u64, Failure>(args.count(name)?.unwrap_or(default));
    let requests = args.count("--requests")?;
    let seconds = positive(args, "--duration", false)?.or(if requests.is_none() { Some(10.0) } else { None });
    let stop = Stop { requests, after: seconds.map(Duration::from_secs_f64) };
    let plan = Plan {
        shape: Shape {
            keyspace: count("--keyspace", 1_000_000)?,
            elements: count("--elements", 1_000_000)?,
            key_size: count("--key-size", 16)? as usize,
            value_size: values.0,
        },
        values,
        connections: count("--connections", 50)? as usize,
        pipeline: count("--pipeline", 1)? as usize,
        threads: count("--threads", 1)? as usize,
        rate: positive(args, "--rate", false)?,
        zipf: positive(args, "--zipf", false)?,
        idle: if args.has("--nap") { Idle::Nap } else { Idle::Spin },
        stop,
        seed: args.value("--seed")?.unwrap_or(1),
        keeps_waits: false,
    };
    if plan.threads > plan.connections {
        return Err(Failure::Usage("each thread needs a connection".into()));
    }
    Ok(plan)
}

fn target(args: &Args) -> Result<Target, Failure> {
    let address = match args.text("--unix") {
        Some(path) => Address::Unix(path.into()),
        None => Address::Tcp {
            host: args.text("--host").unwrap_or("127.0.0.1").to_owned(),
            port: args.value("--port")?.unwrap_or(6379),
        },
    };
    let protocol = args.value("--resp")?.unwrap_or(2);
    if !(2..=3).contains(&protocol) {
        return Err(Failure::Usage("--resp is 2 or 3".into()));
    }
    Ok(Target { address, password: args.text("--password").map(str::to_owned), protocol })
}

/// The workloads: those named, then the mixes, then the commands; GET and SET when there is none.
fn blends(args: &Args) -> Result<Vec<Blend>, Failure> {
    let names = args.rest.iter().flat_map(|word| word.split(','));
    let mut blends = names.map(Blend::named).collect::<Result<Vec<_>, _>>()?;
    for text in args.texts("--mix") {
        blends.push(Blend::mix(text)?);
    }
    blends.extend(args.texts("--command").map(Blend::command));
    if blends.is_empty() {
        blends = vec![Blend::named("set")?, Blend::named("get")?];
    }
    Ok(blends)
}

/// A size or a range of sizes: `3`, `10-100`.
pub(crate) fn value_sizes(text: &str) -> Result<ValueSizes, Failure> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    match (least.parse(), most.parse()) {
        (Ok(least), Ok(most)) if least <= most => Ok((least, most)),
        _ => Err(Failure::Usage(format!("`{text}` is no size and no range of sizes"))),
    }
}

/// A number above 0, or 0 too when `zero`.
pub(crate) fn positive(args: &Args, name: &str, zero: bool) -> Result<Option<f64>, Failure> {
    match args.value::<f64>(name)? {
        Some(value) if !(value.is_finite() && (value > 0.0 || (zero && value == 0.0))) => {
            Err(Failure::Usage(format!("{name} cannot be {value}")))
        }
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::{FLAGS, Options, value_sizes};
    use crate::bench::args::Args;
    use crate::bench::fleet::Stop;
    use crate::bench::target::Address;
    use std::time::Duration;

    fn options(text: &str) -> Result<Options, String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let args = Args::parse(&words, FLAGS).map_err(|failure| failure.to_string())?;
        Options::from_args(&args).map_err(|failure| failure.to_string())
    }

    #[test]
    fn nothing_given_means_fifty_connections_setting_and_getting() {
        let options = options("").unwrap();
        let names: Vec<&str> = options.blends.iter().map(|blend| blend.name.as_str()).collect();
        assert_eq!(names, ["set", "get"]);
        assert_eq!((options.plan.connections, options.plan.pipeline), (50, 1));
        assert_eq!(options.plan.stop, Stop { requests: None, after: Some(Duration::from_secs(10)) });
    }

    #[test]
    fn options_reach_the_plan() {
        let options = options(
            "get,incr lpush --unix /a/b --requests 5k --value-size 10-20 --mix get:1,set:2 --rate 1000",
        )
        .unwrap();
        assert_eq!(options.target.address, Address::Unix("/a/b".into()));
        assert_eq!(options.plan.stop, Stop { requests: Some(5000), after: None });
        assert_eq!((options.plan.values, options.plan.rate), ((10, 20), Some(1000.0)));
        assert_eq!(options.blends.len(), 4);
    }

    #[test]
    fn contradictions_and_nonsense_are_refused() {
        for text in
            ["--threads 3 --connections 2", "--resp 4", "--rate 0", "--zipf nan", "nope", "--value-size 9-3"]
        {
            assert!(options(text).is_err(), "{text}");
        }
        assert_eq!(value_sizes("7").ok(), Some((7, 7)));
    }
}
