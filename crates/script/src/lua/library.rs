//! Libraries of functions: what they register while they are loaded.

use super::errors::fail;
use crate::engine::{Function, Language, Script};
use crate::shebang::ScriptFlags;
use crate::vm::{Fault, Kind, Reference, Stack};

/// What a library has registered so far.
#[derive(Debug, Default)]
pub(crate) struct Registrations(pub(super) Vec<Function>);

/// What one call of `redis.register_function` says.
#[derive(Default)]
struct Registration {
    name: Option<Vec<u8>>,
    description: Option<Vec<u8>>,
    callback: Option<Reference>,
    flags: ScriptFlags,
}

/// `redis.register_function(name, callback)`, or with a table of named arguments.
pub(super) fn register_function(stack: &mut Stack<'_>) -> Result<i32, Fault> {
    if stack.context().registrations.borrow().is_none() {
        return Err(fail(stack, "redis.register_function can only be called on FUNCTION LOAD command"));
    }
    let mut registration = Registration::default();
    let read = match stack.top() {
        1 => read_named(stack, &mut registration),
        2 => read_positional(stack, &mut registration),
        _ => Err("wrong number of arguments to redis.register_function"),
    };
    let added = read.and_then(|()| add(stack, &registration));
    match added {
        Ok(()) => Ok(0),
        Err(text) => {
            if let Some(callback) = registration.callback {
                stack.release(callback);
            }
            Err(fail(stack, text))
        }
    }
}

/// What a function that runs finds in the place of [`register_function`]: in Redis nothing, and this is how calling that ends.
pub(super) fn nothing(_: &mut Stack<'_>) -> Result<i32, Fault> {
    Err(Fault::text("attempt to call field 'register_function' (a nil value)"))
}

fn read_positional(stack: &mut Stack<'_>, registration: &mut Registration) -> Result<(), &'static str> {
    let name = stack.text(1).ok_or("first argument to redis.register_function must be a string")?;
    registration.name = Some(name.into_owned());
    if stack.kind(2) != Kind::Function {
        return Err("second argument to redis.register_function must be a function");
    }
    registration.callback = Some(stack.keep());
    Ok(())
}

fn read_named(stack: &mut Stack<'_>, registration: &mut Registration) -> Result<(), &'static str> {
    if stack.kind(1) != Kind::Table {
        return Err(
            "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
        );
    }
    let mut place = 0;
    while let Some(next) = stack.push_next(1, place) {
        place = next;
        read_argument(stack, registration)?;
        stack.truncate(1);
    }
    if registration.name.is_none() {
        return Err("redis.register_function must get a function name argument");
    }
    if registration.callback.is_none() {
        return Err("redis.register_function must get a callback argument");
    }
    Ok(())
}

/// Reads one named argument: its name at 2, its value at 3.
fn read_argument(stack: &mut Stack<'_>, registration: &mut Registration) -> Result<(), &'static str> {
    let name = stack.text(2).ok_or("named argument key given to redis.register_function is not a string")?;
    match &name.to_ascii_lowercase()[..] {
        b"function_name" => {
            let text = stack
                .text(3)
                .ok_or("function_name argument given to redis.register_function must be a string")?;
            registration.name = Some(text.into_owned());
        }
        b"description" => {
            let text = stack
                .text(3)
                .ok_or("description argument given to redis.register_function must be a string")?;
            registration.description = Some(text.into_owned());
        }
        b"callback" => {
            if stack.kind(3) != Kind::Function {
                return Err("callback argument given to redis.register_function must be a function");
            }
            drop(name);
            let callback = stack.keep();
            if let Some(before) = registration.callback.replace(callback) {
                stack.release(before);
            }
        }
        b"flags" => {
            if stack.kind(3) != Kind::Table {
                return Err(
                    "flags argument to redis.register_function must be a table representing function flags",
                );
            }
            drop(name);
            registration.flags = read_flags(stack).ok_or("unknown flag given")?;
        }
        _ => return Err("unknown argument given to redis.register_function"),
    }
    Ok(())
}

/// The flags in the list at 3.
fn read_flags(stack: &mut Stack<'_>) -> Option<ScriptFlags> {
    let mut flags = ScriptFlags { is_declared: true, ..ScriptFlags::default() };
    for n in 1.. {
        if stack.push_element(3, n) == Kind::Nil {
            break;
        }
        let name = stack.text(4)?.to_ascii_lowercase();
        if !flags.set(&name) {
            return None;
        }
        stack.truncate(3);
    }
    Some(flags)
}

fn add(stack: &mut Stack<'_>, registration: &Registration) -> Result<(), &'static str> {
    let (Some(name), Some(callback)) = (&registration.name, registration.callback) else {
        return Err("wrong number of arguments to redis.register_function");
    };
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if name.is_empty() || !name.iter().all(is_plain) {
        return Err(
            "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
        );
    }
    let mut registrations = stack.context().registrations.borrow_mut();
    let Some(Registrations(functions)) = &mut *registrations else { return Ok(()) };
    if functions.iter().any(|function| function.name == *name) {
        return Err("Function already exists in the library");
    }
    functions.push(Function {
        name: name.clone(),
        description: registration.description.clone(),
        flags: ScriptFlags { is_declared: true, ..registration.flags },
        script: Script::new(Language::Lua, callback.number()),
    });
    Ok(())
}
