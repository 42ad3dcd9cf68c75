//! What happens between the start of a script and its end.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spinel_resp::{Encoder, Protocol};

use super::process::Process;
use super::wire::{Fields, Frame, Kind, Words};
use crate::host::{Host, LogLevel, Propagate, Verdict};
use crate::shebang::ScriptFlags;

/// What is told if the worker ends in the middle of a script.
pub(super) const DIED: &[u8] = b"ERR MemoryError: the script took too much memory, or Python failed";

/// How long compiling may take.
const COMPILING: Duration = Duration::from_secs(5);

/// A function of a library: its name, what it says of itself, its flags.
pub(super) type Registered = (Vec<u8>, Option<Vec<u8>>, ScriptFlags);

/// How a script ended.
pub(super) enum Ended {
    /// Its reply is written. If that is an error, whether the error was counted.
    Done { is_counted: bool },
    /// With an error.
    Failed { text: Vec<u8>, line: u32, is_counted: bool },
    /// A library registered functions.
    Registered(Vec<Registered>),
    /// The host wanted it. The worker is of no use any more.
    Stopped(Vec<u8>),
    /// The worker did.
    Died,
}

/// A script under way.
pub(super) struct Conversation<'c> {
    process: &'c mut Process,
    host: &'c mut dyn Host,
    bell: &'c AtomicBool,
    /// The last error that a command replied, which was counted when it ran.
    last_error: Vec<u8>,
}

/// Waits for one frame, as long as it takes to compile.
///
/// # Errors
/// If the worker is gone, or takes too long.
pub(super) fn patiently(process: &mut Process) -> io::Result<(Kind, Fields<'_>)> {
    let start = Instant::now();
    let (stream, inbox) = process.parts();
    while let Err(error) = inbox.wait(stream) {
        if error.kind() != io::ErrorKind::WouldBlock || start.elapsed() > COMPILING {
            return Err(error);
        }
    }
    inbox.frame()
}

impl<'c> Conversation<'c> {
    pub(super) fn new(process: &'c mut Process, host: &'c mut dyn Host, bell: &'c AtomicBool) -> Self {
        Self { process, host, bell, last_error: Vec::new() }
    }

    /// Sends the frame that begins it, and does what the script asks for until it ends.
    pub(super) fn run(mut self, begin: Frame, out: &mut Encoder) -> Ended {
        if self.process.send(begin).is_err() {
            return Ended::Died;
        }
        loop {
            if let Some(text) = self.look_up() {
                return Ended::Stopped(text);
            }
            let (stream, inbox) = self.process.parts();
            match inbox.wait(stream) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => return Ended::Died,
            }
            match self.step(out) {
                Ok(None) => {}
                Ok(Some(ended)) => return ended,
                Err(_) => return Ended::Died,
            }
        }
    }

    /// Asks the host, if somebody wants that: the error with which to stop.
    fn look_up(&mut self) -> Option<Vec<u8>> {
        if !self.bell.load(Ordering::Acquire) {
            return None;
        }
        match self.host.interrupted() {
            Verdict::Continue => {
                self.bell.store(false, Ordering::Release);
                None
            }
            Verdict::KeepAsking => None,
            Verdict::Stop(text) => Some(match text.strip_prefix(b"-") {
                Some(text) => text.to_vec(),
                None => [b"ERR ", &text[..]].concat(),
            }),
        }
    }

    /// Does what one frame says.
    fn step(&mut self, out: &mut Encoder) -> io::Result<Option<Ended>> {
        let (stream, inbox) = self.process.parts();
        let (kind, mut fields) = inbox.frame()?;
        let host = &mut *self.host;
        match kind {
            Kind::Command => {
                let protocol = if fields.flag()? { Protocol::Resp3 } else { Protocol::Resp2 };
                let words = words_of(&mut fields)?;
                let mut reply = Encoder::with_buffer(Frame::new(Kind::Reply).into_buffer(), protocol);
                let start = reply.len();
                host.call(&words, &mut reply);
                if let [b'-', line @ ..] = &reply.as_bytes()[start..] {
                    self.last_error = line.strip_suffix(b"\r\n").unwrap_or(line).to_vec();
                }
                Frame::of_buffer(reply.into_inner()).send(stream)?;
            }
            Kind::Check => {
                let words = words_of(&mut fields)?;
                let answer = host.acl_check(&words).map_or(2, u8::from);
                Frame::new(Kind::Allowed).byte(answer).send(stream)?;
            }
            Kind::Log => {
                let level = match fields.byte()? {
                    0 => LogLevel::Debug,
                    1 => LogLevel::Verbose,
                    2 => LogLevel::Notice,
                    _ => LogLevel::Warning,
                };
                host.log(level, fields.bytes()?);
            }
            Kind::Propagate => {
                host.set_propagation(Propagate { log: fields.flag()?, replicas: fields.flag()? });
            }
            Kind::Done => {
                let reply = fields.rest();
                out.extend_raw(reply);
                let line = reply.strip_prefix(b"-").and_then(|line| line.strip_suffix(b"\r\n"));
                let is_counted = line.is_some_and(|line| line == self.last_error);
                return Ok(Some(Ended::Done { is_counted }));
            }
            Kind::Failed => {
                let line = fields.number()?;
                let text = one_line(fields.bytes()?);
                let is_counted = !self.last_error.is_empty() && text == self.last_error;
                return Ok(Some(Ended::Failed { text, line, is_counted }));
            }
            Kind::Registered => {
                return registered(fields).map(|functions| Some(Ended::Registered(functions)));
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(None)
    }
}

/// The words of a command, of which there is one at least.
fn words_of<'f>(fields: &mut Fields<'f>) -> io::Result<Words<'f>> {
    let words = fields.words()?;
    if words.is_empty() { Err(io::ErrorKind::InvalidData.into()) } else { Ok(words) }
}

/// A text as the line that an error is.
fn one_line(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { *byte }).collect()
}

fn registered(mut fields: Fields<'_>) -> io::Result<Vec<Registered>> {
    let mut functions = Vec::new();
    while !fields.is_empty() {
        let name = fields.bytes()?.to_vec();
        let description = fields.flag()?.then(|| fields.bytes().map(<[u8]>::to_vec)).transpose()?;
        let mut flags = ScriptFlags { is_declared: true, ..ScriptFlags::default() };
        for flag in fields.words()? {
            if !flags.set(flag) {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        functions.push((name, description, flags));
    }
    Ok(functions)
}
