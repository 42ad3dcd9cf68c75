//! A server that is killed at random moments, again and again, on the same files: what it acknowledged must be there.
//!
//! ```text
//!  start ─▶ verify what the last cycle noted ─▶ load: clients write, pipelined, and note every reply ─▶ kill -9 ─▶ start ...
//!                                                rewrites and saves go on meanwhile
//! ```
//!
//! Some cycles end with a signal that asks the server to end: then it must say by its exit code that all is durable.
//!
//! Every client writes increasing numbers to keys of its own, so that one look at a key tells whether something is lost, was
//! applied twice or by half ([`notes`]). In some cycles the server is killed again while it loads. With commands around
//! the kill, what is cut may be the power of a file system, not only the life of a process.
//!
//! What it deliberately does not decide: the order of writes of different clients.

mod control;
mod load;
pub mod notes;
mod process;

use crate::client::Client;
use crate::random::Random;
use control::Control;
use notes::Notes;
use process::Process;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The shortest time until the server is killed, in milliseconds.
const SHORTEST_LIFE_MS: usize = 20;
/// How often in a thousand cycles the server is asked to end.
const ASKED_PER_MILLE: usize = 150;
/// How often in a thousand cycles the server is killed while it loads.
const KILLED_LOADING_PER_MILLE: usize = 150;
/// How often in a thousand cycles the log is rewritten and the data set saved all along.
const BUSY_PER_MILLE: usize = 600;
/// The longest rest between two rewrites or saves, in milliseconds.
const BUSY_REST_MS: usize = 30;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server.
    pub program: PathBuf,
    /// Its further arguments.
    pub server_args: Vec<String>,
    /// Where its files are; emptied by nobody.
    pub folder: PathBuf,
    /// How often it is killed.
    pub cycles: usize,
    /// `always`, `everysec` or `no`; or `snapshot`: no log, and the server is never killed but asked to end.
    pub policy: String,
    /// The longest time until the server is killed, in milliseconds.
    pub life_ms: usize,
    /// Connections that write at once.
    pub clients: usize,
    /// Rounds of commands sent at once.
    pub depth: usize,
    /// What chance decides; the interleaving is the machine's.
    pub seed: u64,
    /// Run by the shell while the server is stopped, right before it is killed, such as to cut the power of a disk.
    pub before_kill: Option<String>,
    /// Run by the shell when it is dead.
    pub after_kill: Option<String>,
}

impl Options {
    fn is_never_killed(&self) -> bool {
        self.policy == "snapshot"
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// How often the server was killed under load.
    pub cycles: usize,
    /// How often it was asked to end instead.
    pub asked: usize,
    /// Synced lines that a control program lost, and lines that it did not sync.
    pub control_lost: (u64, u64),
    /// Writes that it acknowledged, over all cycles.
    pub acknowledged: u64,
    /// Acknowledged writes that were not there.
    pub lost: u64,
    /// Whatever else no server may do, in words.
    pub wrong: Vec<String>,
    /// From starting the program until it answers, in milliseconds, for each start.
    pub restart_ms: Vec<u128>,
    /// How often a rewrite of the log or a save was begun.
    pub snapshots: u64,
}

/// Runs all cycles.
///
/// # Errors
/// When the server cannot be started any more, with the end of its log, or the commands around the kill fail.
pub fn run(options: &Options) -> io::Result<Report> {
    let mut random = Random::named(options.seed, &options.policy);
    let mut report = Report::default();
    let mut notes: Vec<Notes> = (0..options.clients).map(Notes::new).collect();
    for _ in 0..options.cycles {
        let server = restart(options, &mut random, &mut report)?;
        verify(&server, &mut notes, &mut report)?;
        load_and_end(options, server, &mut notes, &mut random, &mut report)?;
    }
    let server = restart(options, &mut random, &mut report)?;
    verify(&server, &mut notes, &mut report)?;
    report.acknowledged = notes.iter().map(|notes| notes.acknowledged).sum();
    Ok(report)
}

fn restart(options: &Options, random: &mut Random, report: &mut Report) -> io::Result<Process> {
    if random.chance(KILLED_LOADING_PER_MILLE) {
        let mut server = Process::spawn(options)?;
        std::thread::sleep(Duration::from_millis(random.below(60) as u64));
        kill(options, &mut server)?;
    }
    let started = Instant::now();
    let mut server = Process::spawn(options)?;
    server.wait_until_loaded()?;
    report.restart_ms.push(started.elapsed().as_millis());
    Ok(server)
}

fn verify(server: &Process, notes: &mut [Notes], report: &mut Report) -> io::Result<()> {
    let mut client = Client::connect(server.port())?;
    for notes in notes {
        let verdict = notes.verify(&mut client)?;
        report.lost += verdict.lost;
        report.wrong.extend(verdict.wrong);
    }
    Ok(())
}

fn load_and_end(
    options: &Options,
    mut server: Process,
    notes: &mut [Notes],
    random: &mut Random,
    report: &mut Report,
) -> io::Result<()> {
    let port = server.port();
    let life = Duration::from_millis((SHORTEST_LIFE_MS + random.below(options.life_ms)) as u64);
    let is_asked =
        options.is_never_killed() || options.before_kill.is_none() && random.chance(ASKED_PER_MILLE);
    let busy = random.chance(BUSY_PER_MILLE).then(|| Random::new(random.draw()));
    let is_over = AtomicBool::new(false);
    let control = std::thread::scope(|scope| {
        let loads: Vec<_> =
            notes.iter_mut().map(|notes| scope.spawn(|| load::run(port, options.depth, notes))).collect();
        let snapshots = scope.spawn(|| busy.map_or(0, |random| keep_busy(port, random, &is_over)));
        let control =
            options.before_kill.as_ref().map(|_| scope.spawn(|| Control::run(&options.folder, &is_over)));
        std::thread::sleep(life);
        is_over.store(true, Ordering::Relaxed);
        let control = control.map(|control| control.join().expect("it ends when it is over"));
        let ended = if is_asked {
            server.ask_to_end().map(|fault| report.wrong.extend(fault))
        } else {
            stop(options, &mut server)
        };
        let ended = ended.and_then(|()| if is_asked { Ok(()) } else { finish(options, &mut server) });
        for load in loads {
            report.wrong.extend(load.join().expect("a load ends when its connection does"));
        }
        report.snapshots += snapshots.join().expect("it ends when its connection does");
        ended.map(|()| control)
    })?;
    if let Some(control) = control {
        let missing = control.missing(&options.folder);
        report.control_lost.0 += missing.synced;
        report.control_lost.1 += missing.unsynced;
    }
    *(if is_asked { &mut report.asked } else { &mut report.cycles }) += 1;
    Ok(())
}

/// Begins one rewrite or save after the other; how many were begun.
fn keep_busy(port: u16, mut random: Random, is_over: &AtomicBool) -> u64 {
    let Ok(mut client) = Client::connect(port) else { return 0 };
    let mut begun = 0;
    while !is_over.load(Ordering::Relaxed) {
        let command = *random.pick(&["BGREWRITEAOF", "BGREWRITEAOF", "BGSAVE"]);
        match client.call(&[command]) {
            Ok(reply) => begun += u64::from(!matches!(reply, spinel_resp::Value::Error(_))),
            Err(_) => break,
        }
        std::thread::sleep(Duration::from_millis(random.below(BUSY_REST_MS) as u64));
    }
    begun
}

fn kill(options: &Options, server: &mut Process) -> io::Result<()> {
    stop(options, server)?;
    finish(options, server)
}

/// The server stands still, and what is to be cut is cut.
fn stop(options: &Options, server: &mut Process) -> io::Result<()> {
    let Some(command) = &options.before_kill else { return Ok(()) };
    server.stop()?;
    process::shell(command)
}

fn finish(options: &Options, server: &mut Process) -> io::Result<()> {
    server.kill()?;
    options.after_kill.as_deref().map_or(Ok(()), process::shell)
}
