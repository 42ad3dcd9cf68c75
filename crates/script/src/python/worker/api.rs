//! `redis.*`: what a script asks of the server.

use std::borrow::Cow;
use std::io;

use monty::{FunctionCall, NameLookup};
use monty_types::{
    DictPairs, ExcType, ExtFunctionResult, MontyClassInstance, MontyClassType, MontyException, MontyObject,
    MontyUuid, NameLookupResult, PrintWriter, PrintWriterCallback,
};
use sha1::{Digest, Sha1};
use smallvec::SmallVec;

use super::Link;
use super::errors::{RESPONSE_ERROR, error_to_raise, error_value, line_of};
use super::registrations::Registrations;
use super::reply::{NotText, Strings, value_of};
use crate::python::wire::{Frame, Kind};
use crate::version::{REDIS_VERSION, REDIS_VERSION_NUMBER};

const REPL_LOG: i64 = 1;
const REPL_REPLICAS: i64 = 2;

/// What tells our objects from each other.
const REDIS: MontyUuid = MontyUuid::from_u128(1);
const REDIS_CLASS: MontyUuid = MontyUuid::from_u128(2);
const STATUS: MontyUuid = MontyUuid::from_u128(3);
const STATUS_CLASS: MontyUuid = MontyUuid::from_u128(4);

const OUTSIDE: &str = "redis.call/pcall can only be called inside a script invocation";

/// Functions that scripts reach by their names alone, too, so that they can be kept and passed on.
const FUNCTIONS: [&str; 10] = [
    "call",
    "pcall",
    "error_reply",
    "status_reply",
    "log",
    "sha1hex",
    "setresp",
    "set_repl",
    "acl_check_cmd",
    "declare_function",
];

/// The object `redis`. What is no attribute of it the [`Server`] is asked for.
pub(super) fn redis_object() -> MontyObject {
    object("redis", REDIS, REDIS_CLASS, Vec::new())
}

fn object(
    name: &str,
    instance_id: MontyUuid,
    class_id: MontyUuid,
    attributes: Vec<(MontyObject, MontyObject)>,
) -> MontyObject {
    let class_type = MontyClassType {
        name: name.to_owned(),
        id: class_id,
        host_defined: true,
        is_dataclass: false,
        attrs: DictPairs::default(),
    };
    let attrs = DictPairs::from(attributes);
    MontyObject::ClassInstance(Box::new(MontyClassInstance { class_type, instance_id, attrs }))
}

/// The text of a status that `redis.status_reply` made.
pub(super) fn status_of(value: &MontyObject) -> Option<&str> {
    match value {
        MontyObject::ClassInstance(object) if object.class_type.id == STATUS_CLASS => {
            match (&object.attrs).into_iter().next() {
                Some((_, MontyObject::String(text))) => Some(text),
                _ => None,
            }
        }
        _ => None,
    }
}

fn text(text: &str) -> MontyObject {
    MontyObject::String(text.to_owned())
}

/// An attribute of `redis` that is no method.
fn constant(name: &str) -> Option<MontyObject> {
    let number = match name {
        "LOG_DEBUG" => 0,
        "LOG_VERBOSE" => 1,
        "LOG_NOTICE" => 2,
        "LOG_WARNING" => 3,
        "REPL_NONE" => 0,
        "REPL_AOF" => REPL_LOG,
        "REPL_SLAVE" | "REPL_REPLICA" => REPL_REPLICAS,
        "REPL_ALL" => REPL_LOG | REPL_REPLICAS,
        "REDIS_VERSION_NUM" => i64::from(REDIS_VERSION_NUMBER),
        "REDIS_VERSION" => return Some(text(REDIS_VERSION)),
        _ if FUNCTIONS.contains(&name) => {
            return Some(MontyObject::Function { name: format!("redis.{name}"), docstring: None });
        }
        _ => return None,
    };
    Some(MontyObject::Int(number))
}

/// The server as one run sees it, and what the run has asked of it.
pub(super) struct Server<'l> {
    link: &'l mut Link,
    strings: Strings,
    is_resp3: bool,
    /// There while a library is loaded.
    registrations: Option<Registrations>,
    printed: String,
    broken_link: Option<io::Error>,
}

/// What a function of ours answers.
type Answer = Result<MontyObject, MontyException>;

impl<'l> Server<'l> {
    pub(super) fn new(link: &'l mut Link, strings: Strings, is_loading: bool) -> Self {
        let registrations = is_loading.then(Registrations::default);
        Self { link, strings, is_resp3: true, registrations, printed: String::new(), broken_link: None }
    }

    /// What a library registered, if one was loaded.
    pub(super) fn into_registrations(self) -> Option<Registrations> {
        self.registrations
    }

    /// Where `print` goes.
    pub(super) fn printer(&mut self) -> PrintWriter<'_> {
        PrintWriter::Callback(self)
    }

    /// The error of the link that ended a run.
    pub(super) fn broken_link(&mut self) -> Option<io::Error> {
        self.broken_link.take()
    }

    /// An attribute of one of our objects, or a name that is not defined.
    pub(super) fn attribute(&self, lookup: &NameLookup) -> NameLookupResult {
        match lookup.object_id() {
            Some(REDIS) => NameLookupResult::from(constant(&lookup.name)),
            _ => NameLookupResult::Undefined,
        }
    }

    /// Does what a script asks for.
    ///
    /// # Errors
    /// If the server is gone.
    pub(super) fn answer(&mut self, call: &mut FunctionCall) -> io::Result<ExtFunctionResult> {
        let args = std::mem::take(&mut call.args);
        let options = std::mem::take(&mut call.kwargs);
        let name = match call.object_id {
            Some(REDIS) => call.function_name.as_str(),
            // What a script kept of `redis`.
            None => match call.function_name.strip_prefix("redis.") {
                Some(name) => name,
                None => return Ok(ExtFunctionResult::NotFound(call.function_name.clone())),
            },
            Some(_) => "",
        };
        if !options.is_empty() {
            let raised = fail(ExcType::TypeError, format!("redis.{name}() takes no keyword arguments"));
            return Ok(result_of(raised));
        }
        let answer = match name {
            "call" => self.command(&args, true)?,
            "pcall" => self.command(&args, false)?,
            "error_reply" => error_reply(&args),
            "status_reply" => status_reply(&args),
            "log" => self.log(&args)?,
            "sha1hex" => sha1hex(&args),
            "setresp" => self.setresp(&args),
            "set_repl" => self.set_repl(&args)?,
            "acl_check_cmd" => self.acl_check(&args)?,
            "declare_function" => self.register(args),
            _ => fail(ExcType::AttributeError, format!("'redis' object has no attribute '{name}'")),
        };
        Ok(result_of(answer))
    }

    /// `redis.call(...)` and `redis.pcall(...)`: an error is raised, or is the value.
    fn command(&mut self, args: &[MontyObject], raises: bool) -> io::Result<Answer> {
        if self.registrations.is_some() {
            return Ok(fail(RESPONSE_ERROR, OUTSIDE));
        }
        let words = match words_of("call", args) {
            Ok(words) => words,
            Err(exception) => return Ok(Err(exception)),
        };
        self.link.send(Frame::new(Kind::Command).byte(self.is_resp3.into()).words(&words))?;
        let reply = match self.link.receive()? {
            (Kind::Reply, fields) => fields.rest(),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        Ok(match reply {
            [b'-', line @ ..] => {
                let line = line.strip_suffix(b"\r\n").unwrap_or(line);
                if raises { Err(error_to_raise(line)) } else { Ok(error_value(line)) }
            }
            reply => value_of(reply, self.strings).or_else(|NotText| {
                fail(ExcType::ValueError, "the reply is not UTF-8, which decode=yes asks for")
            }),
        })
    }

    /// `redis.setresp(2 or 3)`.
    fn setresp(&mut self, args: &[MontyObject]) -> Answer {
        self.is_resp3 = match args {
            [MontyObject::Int(2)] => false,
            [MontyObject::Int(3)] => true,
            [_] => return fail(RESPONSE_ERROR, "RESP version must be 2 or 3."),
            _ => return fail(ExcType::TypeError, "redis.setresp() requires one argument."),
        };
        Ok(MontyObject::None)
    }

    /// `redis.log(level, ...)`.
    fn log(&mut self, args: &[MontyObject]) -> io::Result<Answer> {
        let [level, parts @ ..] = args else {
            return Ok(fail(ExcType::TypeError, "redis.log() requires two arguments or more."));
        };
        if parts.is_empty() {
            return Ok(fail(ExcType::TypeError, "redis.log() requires two arguments or more."));
        }
        let MontyObject::Int(level @ 0..=3) = level else {
            return Ok(fail(ExcType::ValueError, "Invalid debug level."));
        };
        let parts: Vec<_> = parts.iter().map(shown).collect();
        self.link.send(Frame::new(Kind::Log).byte(*level as u8).bytes(&parts.join(&b' ')))?;
        Ok(Ok(MontyObject::None))
    }

    /// `redis.set_repl(flags)`.
    fn set_repl(&mut self, args: &[MontyObject]) -> io::Result<Answer> {
        let &[MontyObject::Int(flags)] = args else {
            return Ok(fail(ExcType::TypeError, "redis.set_repl() requires one argument."));
        };
        if flags & !(REPL_LOG | REPL_REPLICAS) != 0 {
            let text = "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
            return Ok(fail(ExcType::ValueError, text));
        }
        let (log, replicas) = (flags & REPL_LOG != 0, flags & REPL_REPLICAS != 0);
        self.link.send(Frame::new(Kind::Propagate).byte(log.into()).byte(replicas.into()))?;
        Ok(Ok(MontyObject::None))
    }

    /// `redis.acl_check_cmd(...)`.
    fn acl_check(&mut self, args: &[MontyObject]) -> io::Result<Answer> {
        let words = match words_of("acl_check_cmd", args) {
            Ok(words) => words,
            Err(exception) => return Ok(Err(exception)),
        };
        self.link.send(Frame::new(Kind::Check).words(&words))?;
        match self.link.receive()? {
            (Kind::Allowed, mut fields) => Ok(match fields.byte()? {
                0 => Ok(MontyObject::Bool(false)),
                1 => Ok(MontyObject::Bool(true)),
                _ => fail(RESPONSE_ERROR, "Invalid command passed to redis.acl_check_cmd()"),
            }),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// What `redis.register_function` of a library tells of a function.
    fn register(&mut self, args: Vec<MontyObject>) -> Answer {
        // A library that runs to be called registers again, which is of no interest.
        let Some(registrations) = &mut self.registrations else { return Ok(MontyObject::None) };
        match registrations.add(args) {
            Ok(()) => Ok(MontyObject::None),
            Err(text) => fail(RESPONSE_ERROR, text),
        }
    }
}

impl PrintWriterCallback for Server<'_> {
    fn stdout_write(&mut self, output: Cow<'_, str>) -> Result<(), MontyException> {
        /// A line of the log has so many bytes at most.
        const MOST_LINE_BYTES: usize = 1024;
        let room = MOST_LINE_BYTES.saturating_sub(self.printed.len());
        self.printed.extend(output.chars().take(room));
        Ok(())
    }

    fn stdout_push(&mut self, end: char) -> Result<(), MontyException> {
        if end != '\n' {
            self.printed.push(end);
            return Ok(());
        }
        /// The log's level `notice`.
        const NOTICE: u8 = 2;
        let line = line_of(&std::mem::take(&mut self.printed));
        self.link.send(Frame::new(Kind::Log).byte(NOTICE).bytes(line.as_bytes())).map_err(|error| {
            self.broken_link = Some(error);
            MontyException::new(ExcType::OSError, None)
        })
    }
}

fn result_of(answer: Answer) -> ExtFunctionResult {
    match answer {
        Ok(value) => ExtFunctionResult::Return(value),
        Err(exception) => ExtFunctionResult::Error(exception),
    }
}

/// Raises an exception.
fn fail(exc_type: ExcType, text: impl Into<String>) -> Answer {
    Err(MontyException::new(exc_type, Some(text.into())))
}

/// The arguments of a function as words of a command.
fn words_of<'a>(name: &str, args: &'a [MontyObject]) -> Result<SmallVec<[Cow<'a, [u8]>; 8]>, MontyException> {
    if args.is_empty() {
        let text = "Please specify at least one argument for this redis lib call".to_owned();
        return Err(MontyException::new(ExcType::TypeError, Some(text)));
    }
    let word = |value: &'a MontyObject| {
        word_of(value).ok_or_else(|| {
            let kind = value.type_name();
            let text = format!("redis.{name}() arguments must be str, bytes, int or float, not {kind}");
            MontyException::new(ExcType::TypeError, Some(text))
        })
    };
    args.iter().map(word).collect()
}

/// A value as a word, as redis-py has it: truth values and `None` are none.
fn word_of(value: &MontyObject) -> Option<Cow<'_, [u8]>> {
    match value {
        MontyObject::String(text) => Some(Cow::Borrowed(text.as_bytes())),
        MontyObject::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
        MontyObject::Int(number) => Some(Cow::Owned(itoa::Buffer::new().format(*number).as_bytes().to_vec())),
        MontyObject::BigInt(_) | MontyObject::Float(_) => Some(Cow::Owned(value.py_repr().into_bytes())),
        _ => None,
    }
}

/// A value as it is shown in the log.
fn shown(value: &MontyObject) -> Vec<u8> {
    word_of(value).map_or_else(|| value.py_repr().into_bytes(), Cow::into_owned)
}

/// `redis.error_reply(text)`: an exception, to return or to raise.
fn error_reply(args: &[MontyObject]) -> Answer {
    let [MontyObject::String(text)] = args else {
        return fail(ExcType::TypeError, "wrong number or type of arguments");
    };
    let line = line_of(text.strip_prefix('-').unwrap_or(text));
    Ok(error_value(line.as_bytes()))
}

/// `redis.status_reply(text)`.
fn status_reply(args: &[MontyObject]) -> Answer {
    let [MontyObject::String(line)] = args else {
        return fail(ExcType::TypeError, "wrong number or type of arguments");
    };
    Ok(object("Status", STATUS, STATUS_CLASS, vec![(text("ok"), text(line))]))
}

/// `redis.sha1hex(text)`.
fn sha1hex(args: &[MontyObject]) -> Answer {
    let [value] = args else { return fail(ExcType::TypeError, "wrong number of arguments") };
    let Some(word) = word_of(value) else { return fail(ExcType::TypeError, "wrong type of argument") };
    let digest = Sha1::digest(word);
    Ok(MontyObject::String(digest.iter().map(|byte| format!("{byte:02x}")).collect()))
}
