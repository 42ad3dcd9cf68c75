//! The directives whose values have a syntax of their own: save points, addresses, percentiles and the like.
//!
//! Each is a [`Special`]: how words become a field, how the field prints, and which lines a rewritten file
//! has for it.

use super::directive::{Origin, RewrittenLines, Special};
use super::lexer::push_quoted;
use super::notify::NotifyFlags;
use super::number;
use super::settings::{Settings, ShutdownFlags};
use super::value::Reason;

/// A snapshot is due after this many seconds when at least this many changes happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds, at least 1.
    pub seconds: i64,
    /// Changes, at least 0.
    pub changes: i64,
}

/// A command under another name, or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The command's present name, as written in the file.
    pub from: Vec<u8>,
    /// Its new name; empty to remove the command.
    pub to: Vec<u8>,
}

const WRONG_NUMBER: Reason = Reason::Borrowed("wrong number of arguments");

/// `dir`: the loader and CONFIG SET resolve the path before it gets here.
pub(super) const DIR: Special = Special {
    parse: |settings, words, _| {
        let [dir] = words else { return Err(WRONG_NUMBER) };
        settings.persistence.dir.clone_from(dir);
        Ok(())
    },
    print: |settings| settings.persistence.dir.clone(),
    lines: |name, settings, _| {
        let mut line = name.as_bytes().to_vec();
        line.push(b' ');
        push_quoted(&mut line, &settings.persistence.dir);
        RewrittenLines::one(line, true)
    },
};

/// `save`: the first line of a file replaces the defaults, later ones add to it; an empty one removes all.
pub(super) const SAVE: Special = Special {
    parse: |settings, words, origin| {
        let points = parse_save_points(words).ok_or("Invalid save parameters")?;
        let is_reset = matches!(words, [word] if word.is_empty());
        if is_reset || origin != Origin::LaterLine {
            settings.persistence.save.clear();
        }
        settings.persistence.save.extend(points);
        Ok(())
    },
    print: |settings| {
        let points = settings.persistence.save.iter();
        let words: Vec<String> = points.map(|point| format!("{} {}", point.seconds, point.changes)).collect();
        words.join(" ").into_bytes()
    },
    lines: |name, settings, _| {
        let points = &settings.persistence.save;
        if points.is_empty() {
            return RewrittenLines::one(format!("{name} \"\"").into_bytes(), true);
        }
        let line =
            |point: &SavePoint| (format!("{name} {} {}", point.seconds, point.changes).into_bytes(), true);
        RewrittenLines(points.iter().map(line).collect())
    },
};

fn parse_save_points(words: &[Vec<u8>]) -> Option<Vec<SavePoint>> {
    let words = if matches!(words, [word] if word.is_empty()) { &[] } else { words };
    if !words.len().is_multiple_of(2) {
        return None;
    }
    let pairs = words.chunks_exact(2).map(|pair| {
        let seconds = number::parse_loose(&pair[0], 10).filter(|&seconds| seconds >= 1)?;
        let changes = number::parse_loose(&pair[1], 10).filter(|&changes| changes >= 0)?;
        Some(SavePoint { seconds, changes })
    });
    pairs.collect()
}

/// `bind`: the addresses; one empty word means none at all.
pub(super) const BIND: Special = Special {
    parse: |settings, words, _| {
        const MAX_ADDRESSES: usize = 16;
        if words.len() > MAX_ADDRESSES {
            return Err("Too many bind addresses specified.".into());
        }
        let is_none = matches!(words, [word] if word.is_empty());
        settings.network.bind = if is_none { Vec::new() } else { words.to_vec() };
        Ok(())
    },
    print: |settings| settings.network.bind.join(&b' '),
    lines: |name, settings, defaults| {
        if settings.network.bind == defaults.network.bind {
            return RewrittenLines::none();
        }
        let mut line = format!("{name} ").into_bytes();
        if settings.network.bind.is_empty() {
            line.extend(b"\"\"");
        }
        line.extend(settings.network.bind.join(&b' '));
        RewrittenLines::one(line, true)
    },
};

/// What a Valkey says about `rdma-bind` and `rdma-port` that was built without RDMA.
pub(super) const NO_RDMA: &str = "No RDMA building support.";

/// `rdma-bind`: addresses, of which there are none.
pub(super) const RDMA_BIND: Special = Special {
    parse: |_, words, _| match words {
        [] => Ok(()),
        [word] if word.is_empty() => Ok(()),
        _ => Err(NO_RDMA.into()),
    },
    print: |_| Vec::new(),
    lines: |_, _, _| RewrittenLines::none(),
};

/// `client-output-buffer-limit`: one line per class.
pub(super) const OUTPUT_BUFFERS: Special = Special {
    parse: |settings, words, _| settings.limits.output_buffers.update(words),
    print: |settings| settings.limits.output_buffers.print().into_bytes(),
    lines: |name, settings, defaults| {
        let now = settings.limits.output_buffers.classes();
        let before = defaults.limits.output_buffers.classes();
        let lines = now.iter().zip(before).map(|((_, class, limit), (_, _, default))| {
            let hard = number::format_memory(limit.hard_bytes);
            let soft = number::format_memory(limit.soft_bytes);
            (format!("{name} {class} {hard} {soft} {}", limit.soft_seconds).into_bytes(), *limit != default)
        });
        RewrittenLines(lines.collect())
    },
};

/// `notify-keyspace-events`.
pub(super) const NOTIFY: Special = Special {
    parse: |settings, words, _| {
        let [letters] = words else { return Err(WRONG_NUMBER) };
        settings.keyspace.notify =
            NotifyFlags::parse(letters).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
        Ok(())
    },
    print: |settings| settings.keyspace.notify.letters(),
    lines: |name, settings, _| {
        let mut line = format!("{name} ").into_bytes();
        push_quoted(&mut line, &settings.keyspace.notify.letters());
        RewrittenLines::one(line, settings.keyspace.notify != NotifyFlags::NONE)
    },
};

/// `oom-score-adj-values`: three numbers.
pub(super) const OOM_VALUES: Special = Special {
    parse: |settings, words, _| {
        let [primary, replica, child] = words else { return Err(WRONG_NUMBER) };
        let mut values = [0; 3];
        for (value, word) in values.iter_mut().zip([primary, replica, child]) {
            *value = number::parse_loose(word, 10)
                .and_then(|number| i32::try_from(number).ok())
                .filter(|number| (-2000..=2000).contains(number))
                .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
        }
        settings.process.oom_score_adj_values = values;
        Ok(())
    },
    print: |settings| print_oom_values(settings).into_bytes(),
    lines: |name, settings, defaults| {
        let changed = settings.process.oom_score_adj_values != defaults.process.oom_score_adj_values;
        RewrittenLines::one(format!("{name} {}", print_oom_values(settings)).into_bytes(), changed)
    },
};

fn print_oom_values(settings: &Settings) -> String {
    settings.process.oom_score_adj_values.map(|value| value.to_string()).join(" ")
}

/// `latency-tracking-info-percentiles`; always written, so that an empty list survives.
pub(super) const PERCENTILES: Special = Special {
    parse: |settings, words, _| {
        let words = if matches!(words, [word] if word.is_empty()) { &[] } else { words };
        let mut percentiles = Vec::with_capacity(words.len());
        for word in words {
            let value =
                number::parse_real(word).ok_or("Invalid latency-tracking-info-percentiles parameters")?;
            if !(0.0..=100.0).contains(&value) {
                return Err(
                    "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into()
                );
            }
            percentiles.push(value);
        }
        settings.observation.latency_percentiles = percentiles;
        Ok(())
    },
    print: |settings| print_percentiles(settings).into_bytes(),
    lines: |name, settings, _| {
        let printed = print_percentiles(settings);
        let printed = if printed.is_empty() { "\"\"" } else { &printed };
        RewrittenLines::one(format!("{name} {printed}").into_bytes(), true)
    },
};

fn print_percentiles(settings: &Settings) -> String {
    let percentiles = settings.observation.latency_percentiles.iter();
    let words: Vec<String> = percentiles.map(|&value| number::format_real(value)).collect();
    words.join(" ")
}

/// `replicaof`: only `no one` is accepted; anything else is checked for its form and then refused.
pub(super) const REPLICAOF: Special = Special {
    parse: |_, words, _| {
        let [host, port] = words else { return Err(WRONG_NUMBER) };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            return Ok(());
        }
        number::parse_loose(port, 10)
            .filter(|port| (0..=65535).contains(port))
            .ok_or("Invalid master port")?;
        Err("replication is not supported yet by this version".into())
    },
    print: |_| Vec::new(),
    lines: |_, _, _| RewrittenLines::none(),
};

/// `shutdown-on-sigint`.
pub(super) const ON_SIGINT: Special = Special {
    parse: |settings, words, _| {
        settings.process.shutdown_on_sigint = parse_shutdown(words)?;
        Ok(())
    },
    print: |settings| print_shutdown(settings.process.shutdown_on_sigint).into_bytes(),
    lines: |name, settings, _| shutdown_line(name, settings.process.shutdown_on_sigint),
};

/// `shutdown-on-sigterm`.
pub(super) const ON_SIGTERM: Special = Special {
    parse: |settings, words, _| {
        settings.process.shutdown_on_sigterm = parse_shutdown(words)?;
        Ok(())
    },
    print: |settings| print_shutdown(settings.process.shutdown_on_sigterm).into_bytes(),
    lines: |name, settings, _| shutdown_line(name, settings.process.shutdown_on_sigterm),
};

const SHUTDOWN_WORDS: [(&str, ShutdownFlags); 5] = [
    ("default", ShutdownFlags(0)),
    ("save", ShutdownFlags::SAVE),
    ("nosave", ShutdownFlags::NOSAVE),
    ("now", ShutdownFlags::NOW),
    ("force", ShutdownFlags::FORCE),
];

fn parse_shutdown(words: &[Vec<u8>]) -> Result<ShutdownFlags, Reason> {
    let unknown =
        || Reason::from("argument(s) must be one of the following: default, save, nosave, now, force");
    if words.is_empty() {
        return Err(unknown());
    }
    let mut flags = ShutdownFlags::default();
    for word in words {
        let known = SHUTDOWN_WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
        flags.0 |= known.ok_or_else(unknown)?.1.0;
    }
    if flags.contains(ShutdownFlags::SAVE.with(ShutdownFlags::NOSAVE)) {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    Ok(flags)
}

fn print_shutdown(flags: ShutdownFlags) -> String {
    if flags == ShutdownFlags::default() {
        return "default".to_owned();
    }
    let set = SHUTDOWN_WORDS[1..].iter().filter(|(_, flag)| flags.contains(*flag));
    set.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}

fn shutdown_line(name: &str, flags: ShutdownFlags) -> RewrittenLines {
    RewrittenLines::one(
        format!("{name} {}", print_shutdown(flags)).into_bytes(),
        flags != ShutdownFlags::default(),
    )
}
