//! All engines as one: the first line of a script chooses.

use spinel_resp::Encoder;

use crate::engine::{Call, Engine, Function, Language, Outcome, Script};
use crate::host::Host;
use crate::interrupter::Interrupter;
use crate::lua::{Lua, LuaOptions};
#[cfg(feature = "python")]
use crate::python::{Python, PythonWorker};
use crate::shebang::{library_head, script_head};

/// What engines may take and have.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Lua; the other engines may take as much memory.
    pub lua: LuaOptions,
    /// How the worker for Python is started.
    #[cfg(feature = "python")]
    pub python: PythonWorker,
}

impl EngineOptions {
    /// Engines with the usual worker.
    #[must_use]
    pub fn new(lua: LuaOptions) -> Self {
        Self {
            lua,
            #[cfg(feature = "python")]
            python: PythonWorker::default(),
        }
    }
}

/// The engines for scripts, or those for libraries.
#[derive(Debug)]
pub struct Engines {
    interrupter: Interrupter,
    lua: Lua,
    #[cfg(feature = "python")]
    python: Python,
}

impl Engines {
    /// Engines for scripts; nothing if the memory is not enough to begin with.
    pub fn for_scripts(options: &EngineOptions) -> Option<Self> {
        Lua::for_scripts(options.lua).map(|lua| Self::new(lua, options))
    }

    /// Engines for libraries of functions.
    pub fn for_libraries(options: &EngineOptions) -> Option<Self> {
        Lua::for_libraries(options.lua).map(|lua| Self::new(lua, options))
    }

    #[cfg_attr(not(feature = "python"), expect(unused_variables, reason = "Lua is made already"))]
    fn new(lua: Lua, options: &EngineOptions) -> Self {
        #[cfg(feature = "python")]
        let python = Python::new(options.lua.memory_bytes, options.python.clone());
        let interrupter = lua.interrupter();
        #[cfg(feature = "python")]
        let interrupter = interrupter.and(&python.interrupter());
        Self {
            interrupter,
            lua,
            #[cfg(feature = "python")]
            python,
        }
    }

    /// Gives `math.random` of Lua a seed, as a script does with `math.randomseed`.
    pub fn seed_random(&mut self, seed: i32) {
        self.lua.seed_random(seed);
    }

    /// Bytes of the values that the engines have.
    pub fn value_bytes(&self) -> usize {
        let value_bytes = self.lua.value_bytes();
        #[cfg(feature = "python")]
        let value_bytes = value_bytes + self.python.used_bytes();
        value_bytes
    }

    fn engine(&mut self, language: Language) -> &mut dyn Engine {
        match language {
            Language::Lua => &mut self.lua,
            #[cfg(feature = "python")]
            Language::Python => &mut self.python,
        }
    }
}

impl Engine for Engines {
    fn compile(&mut self, source: &[u8]) -> Result<Script, Vec<u8>> {
        let language = script_head(source)?.language;
        self.engine(language).compile(source)
    }

    fn load_library(&mut self, source: &[u8], host: &mut dyn Host) -> Result<Vec<Function>, Vec<u8>> {
        let head = library_head(source)?;
        match head.language() {
            Some(language) => self.engine(language).load_library(source, host),
            None => Err([b"Engine '", &head.engine[..], b"' not found"].concat()),
        }
    }

    fn call(&mut self, script: Script, call: Call<'_>, host: &mut dyn Host, out: &mut Encoder) -> Outcome {
        self.engine(script.language()).call(script, call, host, out)
    }

    fn release(&mut self, script: Script) {
        self.engine(script.language()).release(script);
    }

    fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    fn used_bytes(&self) -> usize {
        let used_bytes = self.lua.used_bytes();
        #[cfg(feature = "python")]
        let used_bytes = used_bytes + self.python.used_bytes();
        used_bytes
    }

    fn is_broken(&self) -> bool {
        self.lua.is_broken()
    }
}
