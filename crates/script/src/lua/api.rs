//! `redis.*`: what a script asks of the server.

use std::ffi::CStr;

use sha1::{Digest, Sha1};
use smallvec::SmallVec;
use spinel_resp::Protocol;

use super::args::cut;
use super::errors::{fail, push_error_table};
use super::reply::push_reply;
use crate::host::{LogLevel, Propagate, UnknownCommand};
use crate::version::{REDIS_VERSION, REDIS_VERSION_NUMBER};
use crate::vm::{Fault, Kind, Stack, push_number_with};

/// Digits of a number that becomes the argument of a command.
const ARGUMENT_DIGITS: u8 = 17;

const REPL_LOG: i64 = 1;
const REPL_REPLICAS: i64 = 2;

/// Pushes the table `redis`.
pub(super) fn push_api(stack: &mut Stack<'_>) {
    stack.push_table(0, 32);
    let table = stack.top();
    register(stack, table, c"call", call);
    register(stack, table, c"pcall", pcall);
    register(stack, table, c"setresp", setresp);
    register(stack, table, c"sha1hex", sha1hex);
    register(stack, table, c"error_reply", error_reply);
    register(stack, table, c"status_reply", status_reply);
    register(stack, table, c"set_repl", set_repl);
    register(stack, table, c"acl_check_cmd", acl_check_cmd);
    register(stack, table, c"breakpoint", breakpoint);
    register(stack, table, c"debug", debug);
    register(stack, table, c"replicate_commands", replicate_commands);
    for (name, flags) in [
        (c"REPL_NONE", 0),
        (c"REPL_AOF", REPL_LOG),
        (c"REPL_SLAVE", REPL_REPLICAS),
        (c"REPL_REPLICA", REPL_REPLICAS),
        (c"REPL_ALL", REPL_LOG | REPL_REPLICAS),
    ] {
        set_number(stack, table, name, flags as f64);
    }
    add_log_and_version(stack, table);
}

/// What libraries see of it while they are loaded, too.
pub(super) fn add_log_and_version(stack: &mut Stack<'_>, table: i32) {
    register(stack, table, c"log", log);
    for (name, level) in [(c"LOG_DEBUG", 0), (c"LOG_VERBOSE", 1), (c"LOG_NOTICE", 2), (c"LOG_WARNING", 3)] {
        set_number(stack, table, name, f64::from(level));
    }
    set_number(stack, table, c"REDIS_VERSION_NUM", f64::from(REDIS_VERSION_NUMBER));
    stack.push_bytes(REDIS_VERSION.as_bytes());
    stack.set_field(table, c"REDIS_VERSION");
}

/// Puts a function into a table.
pub(super) fn register<F: crate::vm::Native>(stack: &mut Stack<'_>, table: i32, name: &CStr, native: F) {
    stack.push_native(name, native);
    stack.set_field(table, name);
}

fn set_number(stack: &mut Stack<'_>, table: i32, name: &CStr, number: f64) {
    stack.push_number(number);
    stack.set_field(table, name);
}

/// The arguments of the running function as words of a command.
fn with_words<R>(stack: &Stack<'_>, with: impl FnOnce(&[&[u8]]) -> R) -> Result<R, &'static str> {
    let top = stack.top();
    if top == 0 {
        return Err("Please specify at least one argument for this redis lib call");
    }
    // Numbers as text, one behind the other, and where each ends.
    let mut digits = Vec::new();
    let mut words = SmallVec::<[&[u8]; 16]>::new();
    words.extend((1..=top).map_while(|index| stack.bytes(index)));
    if words.len() == top as usize {
        return Ok(with(&words));
    }
    let mut ends = SmallVec::<[usize; 8]>::new();
    for index in 1..=top {
        match stack.kind(index) {
            Kind::String => {}
            Kind::Number => {
                push_number_with(ARGUMENT_DIGITS, stack.number(index).unwrap_or_default(), &mut digits);
                ends.push(digits.len());
            }
            _ => return Err("Lua redis lib command arguments must be strings or integers"),
        }
    }
    words.clear();
    let (mut start, mut ends) = (0, ends.into_iter());
    for index in 1..=top {
        words.push(match stack.bytes(index) {
            Some(bytes) => bytes,
            None => {
                let end = ends.next().unwrap_or(start);
                let text = &digits[start..end];
                start = end;
                text
            }
        });
    }
    Ok(with(&words))
}

/// `redis.call(...)`: errors of the command are errors of the script.
fn call(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if run_command(stack)? { Err(Fault::Top) } else { Ok(1) }
}

/// `redis.pcall(...)`: errors of the command are values.
fn pcall(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    run_command(stack).map(|_| 1)
}

/// Runs the command that the arguments are and pushes its reply; whether that is an error.
fn run_command(stack: &mut Stack<'_>) -> Result<bool, Fault> {
    let context = stack.context();
    if !context.has_host() {
        return Err(fail(stack, "redis.call/pcall can only be called inside a script invocation"));
    }
    let mut reply = context.reply.borrow_mut();
    reply.clear();
    reply.set_protocol(context.protocol.get());
    let called = with_words(stack, |words| context.with_host(|host| host.call(words, &mut reply)));
    stack.truncate(0);
    match called {
        Err(text) => {
            push_error_table(stack, text.as_bytes());
            Ok(true)
        }
        Ok(None) => Err(fail(stack, "redis.call/pcall can only be called inside a script invocation")),
        Ok(Some(())) => {
            push_reply(stack, reply.as_bytes());
            Ok(reply.as_bytes().starts_with(b"-"))
        }
    }
}

/// `redis.setresp(2 or 3)`.
fn setresp(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if !stack.context().has_host() {
        return Err(fail(stack, "redis.setresp can only be called inside a script invocation"));
    }
    if stack.top() != 1 {
        return Err(fail(stack, "redis.setresp() requires one argument."));
    }
    let protocol = match cut(stack.to_number(1).unwrap_or_default()) as i32 {
        2 => Protocol::Resp2,
        3 => Protocol::Resp3,
        _ => return Err(fail(stack, "RESP version must be 2 or 3.")),
    };
    stack.context().protocol.set(protocol);
    Ok(0)
}

/// `redis.sha1hex(text)`.
fn sha1hex(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.top() != 1 {
        return Err(fail(stack, "wrong number of arguments"));
    }
    let digest = Sha1::digest(stack.text(1).unwrap_or_default());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    stack.push_bytes(hex.as_bytes());
    Ok(1)
}

/// `redis.error_reply(text)`.
fn error_reply(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let text = match stack.bytes(1) {
        Some(text) if stack.top() == 1 && text.starts_with(b"-") => text.to_vec(),
        Some(text) if stack.top() == 1 => [b"-", text].concat(),
        _ => b"wrong number or type of arguments".to_vec(),
    };
    push_error_table(stack, &text);
    Ok(1)
}

/// `redis.status_reply(text)`.
fn status_reply(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.top() != 1 || stack.kind(1) != Kind::String {
        push_error_table(stack, b"wrong number or type of arguments");
        return Ok(1);
    }
    stack.push_table(0, 1);
    stack.push_copy(1);
    stack.set_field(2, c"ok");
    Ok(1)
}

/// `redis.set_repl(flags)`.
fn set_repl(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let context = stack.context();
    if !context.has_host() {
        return Err(fail(stack, "redis.set_repl can only be called inside a script invocation"));
    }
    if stack.top() != 1 {
        return Err(fail(stack, "redis.set_repl() requires two arguments."));
    }
    let flags = i64::from(cut(stack.to_number(1).unwrap_or_default()) as i32);
    if flags & !(REPL_LOG | REPL_REPLICAS) != 0 {
        let text = "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
        return Err(fail(stack, text));
    }
    let propagate = Propagate { log: flags & REPL_LOG != 0, replicas: flags & REPL_REPLICAS != 0 };
    context.with_host(|host| host.set_propagation(propagate));
    Ok(0)
}

/// `redis.acl_check_cmd(...)`.
fn acl_check_cmd(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    let context = stack.context();
    if !context.has_host() {
        return Err(fail(stack, "redis.acl_check_cmd can only be called inside a script invocation"));
    }
    let answer = with_words(stack, |words| context.with_host(|host| host.acl_check(words)));
    match answer {
        Err(text) => Err(fail(stack, text)),
        Ok(Some(Ok(may))) => {
            stack.push_boolean(may);
            Ok(1)
        }
        Ok(Some(Err(UnknownCommand)) | None) => {
            Err(fail(stack, "Invalid command passed to redis.acl_check_cmd()"))
        }
    }
}

/// `redis.log(level, ...)`.
fn log(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.top() < 2 {
        return Err(fail(stack, "redis.log() requires two arguments or more."));
    }
    let Some(level) = stack.to_number(1) else {
        return Err(fail(stack, "First argument must be a number (log level)."));
    };
    let level = match cut(level) as i32 {
        0 => LogLevel::Debug,
        1 => LogLevel::Verbose,
        2 => LogLevel::Notice,
        3 => LogLevel::Warning,
        _ => return Err(fail(stack, "Invalid debug level.")),
    };
    let mut message = Vec::new();
    for index in 2..=stack.top() {
        let Some(text) = stack.text(index) else { continue };
        if index > 2 {
            message.push(b' ');
        }
        message.extend_from_slice(&text);
    }
    stack.context().with_host(|host| host.log(level, &message));
    Ok(0)
}

/// `redis.breakpoint()`: there is no debugger.
fn breakpoint(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    stack.push_boolean(false);
    Ok(1)
}

/// `redis.debug(...)`: there is no debugger.
#[expect(clippy::unnecessary_wraps, reason = "natives are of one type")]
fn debug(_: &mut Stack<'_>) -> Result<i32, Fault> {
    Ok(0)
}

/// `redis.replicate_commands()`: effects are always what is replicated.
fn replicate_commands(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    stack.push_boolean(true);
    Ok(1)
}
