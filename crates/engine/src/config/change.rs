//! CONFIG SET: all of the given pairs or none.
//!
//! Pure: the outcome is a changed copy of the settings and the names that changed. Whoever owns the settings
//! lets the parts that must act on a change act (sockets, the log, the process's score), publishes the copy
//! when all succeeded, and otherwise drops it and answers with [`SetError::failed`].

use std::fmt;

use super::directive::{Directive, Flags, Origin};
use super::disk::{Disk, error_words};
use super::load::enter_dir;
use super::registry::find_directive;
use super::settings::Settings;
use super::value::Reason;

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The connection came over loopback or a unix socket.
    pub is_local: bool,
    /// A dataset is being loaded.
    pub is_loading: bool,
}

/// Settings to be published, and what differs in them.
#[derive(Clone, Debug)]
pub struct Change {
    /// The settings with all pairs set.
    pub settings: Settings,
    /// The directives whose value differs from before, in the order of the pairs.
    pub changed: Vec<&'static Directive>,
}

impl Change {
    /// Whether the directive of this name (not alias) has another value than before.
    pub fn touches(&self, name: &str) -> bool {
        self.changed.iter().any(|directive| directive.name == name)
    }
}

/// Why nothing was set. Its text is the reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// One of the directives cannot be set while a dataset is loaded; the reply is the usual LOADING error.
    Loading,
    /// There is no such directive.
    Unknown(Vec<u8>),
    /// A value was refused, or could not be applied.
    Failed {
        /// The directive, as the reply names it.
        name: Vec<u8>,
        /// Why.
        reason: Reason,
    },
}

impl SetError {
    /// The error for a directive whose new value could not be applied.
    pub fn failed(name: &str, reason: impl Into<Reason>) -> Self {
        Self::Failed { name: name.into(), reason: reason.into() }
    }

    /// The reply as bytes, without line end; line ends inside names and values become blanks.
    pub fn reply(&self) -> Vec<u8> {
        let mut reply = match self {
            Self::Loading => b"LOADING Redis is loading the dataset in memory".to_vec(),
            Self::Unknown(name) => {
                [b"ERR Unknown option or number of arguments for CONFIG SET - '", name.as_slice(), b"'"]
                    .concat()
            }
            Self::Failed { name, reason } => [
                b"ERR CONFIG SET failed (possibly related to argument '",
                name.as_slice(),
                b"') - ",
                reason.as_bytes(),
            ]
            .concat(),
        };
        for byte in reply.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')) {
            *byte = b' ';
        }
        reply
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.reply()))
    }
}

impl std::error::Error for SetError {}

/// Sets all `pairs` of name and value on a copy of `settings`.
///
/// # Errors
/// The first problem in the reference's order: names and permissions of all pairs before any value, with the
/// refusal while loading above all others.
pub fn set(
    settings: &Settings,
    pairs: &[(Vec<u8>, Vec<u8>)],
    caller: Caller,
    disk: &dyn Disk,
) -> Result<Change, SetError> {
    let found = find_all(settings, pairs, caller)?;
    let defaults = Settings::default();
    let mut changed = settings.clone();
    for ((directive, name), (_, value)) in found.iter().zip(pairs) {
        set_one(&mut changed, &defaults, directive, value, disk).map_err(|reason| {
            // Whatever the value would be, it is another one.
            let is_fixed = directive.flags.contains(Flags::FIXED);
            let reason = if is_fixed { CANNOT_CHANGE.into() } else { reason };
            SetError::Failed { name: name.as_bytes().to_vec(), reason }
        })?;
    }
    let mut differing: Vec<&'static Directive> = Vec::new();
    for (directive, name) in found {
        let is_listed = differing.iter().any(|listed| listed.name == directive.name);
        if !is_listed && directive.print(settings) != directive.print(&changed) {
            if directive.flags.contains(Flags::FIXED) {
                return Err(SetError::failed(name, CANNOT_CHANGE));
            }
            differing.push(directive);
        }
    }
    Ok(Change { settings: changed, changed: differing })
}

const CANNOT_CHANGE: &str = "can't set immutable config";

/// Looks all names up and checks that the caller may set them now.
fn find_all(
    settings: &Settings,
    pairs: &[(Vec<u8>, Vec<u8>)],
    caller: Caller,
) -> Result<Vec<(&'static Directive, &'static str)>, SetError> {
    let may_set_protected = settings.security.enable_protected_configs.allows(caller.is_local);
    let mut found: Vec<(&Directive, &str)> = Vec::with_capacity(pairs.len());
    for (name, _) in pairs {
        let failed = |reason: &'static str| SetError::Failed { name: name.clone(), reason: reason.into() };
        let Some((directive, known)) = find_directive(name) else {
            return Err(SetError::Unknown(name.clone()));
        };
        if directive.flags.contains(Flags::IMMUTABLE) {
            return Err(failed(CANNOT_CHANGE));
        }
        if directive.flags.contains(Flags::PROTECTED) && !may_set_protected {
            return Err(failed("can't set protected config"));
        }
        if caller.is_loading && directive.flags.contains(Flags::DENY_LOADING) {
            return Err(SetError::Loading);
        }
        if found.iter().any(|(_, earlier)| *earlier == known) {
            return Err(failed("duplicate parameter"));
        }
        found.push((directive, known));
    }
    Ok(found)
}

fn set_one(
    settings: &mut Settings,
    defaults: &Settings,
    directive: &Directive,
    value: &[u8],
    disk: &dyn Disk,
) -> Result<(), Reason> {
    let words: Vec<Vec<u8>> = match (directive.flags.contains(Flags::MULTI_WORD), value) {
        (true, []) => Vec::new(),
        (true, value) => value.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect(),
        (false, value) => vec![value.to_vec()],
    };
    if directive.name == "dir" {
        return enter_dir(settings, value, disk).map_err(|error| error_words(&error).into());
    }
    directive.set(settings, &words, Origin::Set)?;
    directive.check_available(settings, defaults)
}
