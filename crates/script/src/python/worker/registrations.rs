//! What a library registers while it is loaded.

use monty_types::MontyObject;

use crate::python::wire::{Frame, Kind};
use crate::shebang::ScriptFlags;

/// A function of a library.
#[derive(Debug)]
struct Registration {
    name: String,
    description: Option<String>,
    flags: Vec<String>,
}

/// The functions so far.
#[derive(Debug, Default)]
pub(super) struct Registrations(Vec<Registration>);

impl Registrations {
    /// Adds what one call of `redis.register_function` says: name, callback, description, flags.
    pub(super) fn add(&mut self, args: Vec<MontyObject>) -> Result<(), &'static str> {
        let Ok([name, callback, description, flags]) = <[MontyObject; 4]>::try_from(args) else {
            return Err("wrong number of arguments to redis.register_function");
        };
        let MontyObject::String(name) = name else {
            return Err("first argument to redis.register_function must be a string");
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(
                "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
            );
        }
        // Functions of a script leave the machine as what `repr` says of them.
        if !matches!(
            callback,
            MontyObject::Repr(_) | MontyObject::Function { .. } | MontyObject::BuiltinFunction(_)
        ) {
            return Err("second argument to redis.register_function must be a function");
        }
        let description = match description {
            MontyObject::None => None,
            MontyObject::String(text) => Some(text),
            _ => return Err("description argument given to redis.register_function must be a string"),
        };
        if self.0.iter().any(|function| function.name == name) {
            return Err("Function already exists in the library");
        }
        self.0.push(Registration { name, description, flags: flags_of(flags)? });
        Ok(())
    }

    /// The frame that tells them.
    pub(super) fn into_frame(self) -> Frame {
        self.0.into_iter().fold(Frame::new(Kind::Registered), |frame, function| {
            let frame = frame.bytes(function.name.as_bytes()).byte(function.description.is_some().into());
            let frame = match function.description {
                Some(text) => frame.bytes(text.as_bytes()),
                None => frame,
            };
            frame.words(&function.flags)
        })
    }
}

fn flags_of(value: MontyObject) -> Result<Vec<String>, &'static str> {
    let (MontyObject::List(items) | MontyObject::Tuple(items) | MontyObject::Set(items)) = value else {
        return Err("flags argument to redis.register_function must be a list representing function flags");
    };
    let flag = |item| match item {
        MontyObject::String(name) if ScriptFlags::default().set(name.as_bytes()) => Ok(name),
        _ => Err("unknown flag given"),
    };
    items.into_iter().map(flag).collect()
}
