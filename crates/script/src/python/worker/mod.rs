//! The worker: what runs in a process of its own.
//!
//! | what | where |
//! |---|---|
//! | frames in, frames out | here |
//! | compiling and running | [`machine`] |
//! | `redis.*` | [`api`], [`reply`] (replies to values), [`result`] (values to replies), [`registrations`] |
//! | texts of errors | [`errors`] |
//! | limits | [`memory`] |

mod api;
mod errors;
mod machine;
mod memory;
mod registrations;
mod reply;
mod result;

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use self::machine::{Input, Unit};
use self::memory::Memory;
use self::reply::Strings;
use super::wire::{Fields, Frame, Inbox, Kind};

/// The variable of the environment that makes a process a worker: the memory in bytes that a script may take.
pub(super) const LIMIT_VARIABLE: &str = "SPINEL_PYTHON_WORKER";

/// The stack on which sources are parsed and scripts run. Whatever nests is limited so that it suffices: sources by their
/// length, which takes some hundred bytes of stack for each byte at worst. What is not used takes no memory.
const STACK_BYTES: usize = 1 << 30;

/// Becomes a worker, until the server lets go of it, if this process was started as one. To be called first of all.
pub fn serve_if_asked() {
    let Some(limit) = std::env::var_os(LIMIT_VARIABLE) else { return };
    let limit_bytes = limit.to_str().and_then(|limit| limit.parse().ok());
    let served = match limit_bytes {
        Some(limit_bytes) => serve(limit_bytes),
        None => Err(io::ErrorKind::InvalidInput.into()),
    };
    std::process::exit(served.is_err().into());
}

fn serve(limit_bytes: usize) -> io::Result<()> {
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    memory::limit_process(limit_bytes, STACK_BYTES)?;
    // A script that makes monty panic is told so; nobody reads what panics print.
    std::panic::set_hook(Box::new(|_| {}));
    let work = move || Worker::new(stream, limit_bytes).and_then(Worker::work);
    let thread = std::thread::Builder::new().name("python".to_owned()).stack_size(STACK_BYTES).spawn(work)?;
    thread.join().unwrap_or(Err(io::ErrorKind::Other.into()))
}

/// The other end of a script's wishes.
pub(super) struct Link {
    stream: UnixStream,
    inbox: Inbox,
}

impl Link {
    fn send(&mut self, frame: Frame) -> io::Result<()> {
        frame.send(&mut self.stream)
    }

    /// The next frame.
    fn receive(&mut self) -> io::Result<(Kind, Fields<'_>)> {
        self.inbox.wait(&mut self.stream)?;
        self.inbox.frame()
    }
}

struct Worker {
    link: Link,
    memory: Memory,
    units: HashMap<u32, Unit>,
}

impl Worker {
    fn new(stream: UnixStream, limit_bytes: usize) -> io::Result<Self> {
        let link = Link { stream, inbox: Inbox::default() };
        Ok(Self { link, memory: Memory::watch(limit_bytes)?, units: HashMap::new() })
    }

    /// Does what comes in, until nothing does any more.
    fn work(mut self) -> io::Result<()> {
        loop {
            let answer = match self.link.receive() {
                Ok((kind, fields)) => match Wish::read(kind, fields)? {
                    Wish::Compile { number, is_library, strings, source } => {
                        self.compile(number, is_library, strings, source)
                    }
                    Wish::Release { number } => {
                        self.units.remove(&number);
                        continue;
                    }
                    Wish::Run { number, input } => self.run(number, input)?,
                },
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            };
            self.link.send(answer)?;
        }
    }

    fn compile(&mut self, number: u32, is_library: bool, strings: Strings, source: String) -> Frame {
        match Unit::compile(source, is_library, strings) {
            Ok(unit) => {
                self.units.insert(number, unit);
                Frame::new(Kind::Compiled)
            }
            Err(why) => {
                let mut buffer = Frame::new(Kind::Refused).into_buffer();
                buffer.extend_from_slice(&why);
                Frame::of_buffer(buffer)
            }
        }
    }

    fn run(&mut self, number: u32, input: Input) -> io::Result<Frame> {
        let unit = self.units.get(&number).ok_or(io::ErrorKind::InvalidData)?;
        let _watched = self.memory.begin();
        unit.run(input, &mut self.link, self.memory.limit_bytes())
    }
}

/// What a frame asks for, taken out of the inbox.
enum Wish {
    Compile { number: u32, is_library: bool, strings: Strings, source: String },
    Release { number: u32 },
    Run { number: u32, input: Input },
}

impl Wish {
    fn read(kind: Kind, mut fields: Fields<'_>) -> io::Result<Self> {
        let number = fields.number()?;
        Ok(match kind {
            Kind::Compile => {
                let is_library = fields.flag()?;
                let strings = if fields.flag()? { Strings::Text } else { Strings::Bytes };
                let source = String::from_utf8_lossy(fields.bytes()?).into_owned();
                Self::Compile { number, is_library, strings, source }
            }
            Kind::Release => Self::Release { number },
            Kind::Load => Self::Run { number, input: Input::loading() },
            Kind::Run => {
                let function = String::from_utf8_lossy(fields.bytes()?).into_owned();
                let is_resp3 = fields.flag()?;
                let owned = |words: super::wire::Words<'_>| words.iter().map(|word| word.to_vec()).collect();
                let keys = owned(fields.words()?);
                let args = owned(fields.words()?);
                Self::Run { number, input: Input { is_loading: false, function, is_resp3, keys, args } }
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        })
    }
}
