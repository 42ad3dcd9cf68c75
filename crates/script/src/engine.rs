//! What an engine is: compile, call, interrupt, memory.

use spinel_resp::Encoder;

use crate::host::Host;
use crate::interrupter::Interrupter;

/// A language that scripts are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// `#!lua`, or no such line.
    Lua,
    /// `#!python`
    #[cfg(feature = "python")]
    Python,
}

impl Language {
    /// As the first line of a script names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lua => "lua",
            #[cfg(feature = "python")]
            Self::Python => "python",
        }
    }

    /// The language of a name.
    pub fn of_name(name: &[u8]) -> Option<Self> {
        match name {
            b"lua" => Some(Self::Lua),
            #[cfg(feature = "python")]
            b"python" => Some(Self::Python),
            _ => None,
        }
    }
}

/// A compiled script of one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Script {
    language: Language,
    number: i32,
}

impl Script {
    pub(crate) fn new(language: Language, number: i32) -> Self {
        Self { language, number }
    }

    /// What it is written in.
    pub fn language(self) -> Language {
        self.language
    }

    pub(crate) fn number(self) -> i32 {
        self.number
    }
}

/// A function that a library registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: Vec<u8>,
    /// What it says of itself.
    pub description: Option<Vec<u8>>,
    /// The names of its flags, as they were given.
    pub flags: crate::ScriptFlags,
    /// What to call.
    pub script: Script,
}

/// What a script is called with.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// How errors name the script: its digest, or the function's name.
    pub name: &'a [u8],
    /// `KEYS`
    pub keys: &'a [&'a [u8]],
    /// `ARGV`
    pub args: &'a [&'a [u8]],
}

/// How a call ended. In every case one reply was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a value.
    Done,
    /// With an error.
    Failed(Failure),
}

/// An error of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Code and message.
    pub text: Vec<u8>,
    /// It is the error of a command, which was counted when the command ran.
    pub is_counted: bool,
}

/// A language for scripts.
pub trait Engine {
    /// Compiles a script that is called as `EVAL` calls it.
    ///
    /// # Errors
    /// Why it cannot, with the line, as text.
    fn compile(&mut self, source: &[u8]) -> Result<Script, Vec<u8>>;

    /// Runs a library's code, which registers functions.
    ///
    /// # Errors
    /// The error, whole: `Error compiling function: ...` or `Error registering functions: ...`.
    fn load_library(&mut self, source: &[u8], host: &mut dyn Host) -> Result<Vec<Function>, Vec<u8>>;

    /// Calls a script, and writes its result to `out`, whose protocol is the client's.
    fn call(&mut self, script: Script, call: Call<'_>, host: &mut dyn Host, out: &mut Encoder) -> Outcome;

    /// Forgets a script or function, which is not called again.
    fn release(&mut self, script: Script);

    /// What asks a running script to look up, from any thread.
    fn interrupter(&self) -> Interrupter;

    /// Bytes that the engine's values take.
    fn used_bytes(&self) -> usize;

    /// Whether a bug has made it useless: then a new one has to take its place.
    fn is_broken(&self) -> bool;
}
