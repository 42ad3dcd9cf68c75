//! The machine of one thread, and what it has compiled.

use std::sync::Arc;

use hashbrown::HashMap;
use spinel_family::CommandError;
use spinel_script::{Engine as _, EngineOptions, Engines, LuaOptions, Script, script_head};

use super::alone::Place;
use super::habits::Habits;
use super::known::{DIGEST_DIGITS, Digest, Known, digest_of, digits_of};
use crate::Engine;

/// What the settings make of a machine.
pub(super) fn machine_options(engine: &Engine) -> EngineOptions {
    let settings = engine.settings();
    let lua = LuaOptions {
        memory_bytes: usize::try_from(settings.scripts.memory_limit).unwrap_or(usize::MAX),
        deprecated_api: settings.scripts.lua_deprecated_api,
    };
    let options = EngineOptions::new(lua);
    // A test's program is its own worker, if it is asked for the test of that name.
    #[cfg(all(test, feature = "python"))]
    let options = EngineOptions {
        python: spinel_script::PythonWorker {
            args: ["scripting::tests::python_worker", "--exact", "--nocapture"].map(Into::into).to_vec(),
            ..spinel_script::PythonWorker::default()
        },
        ..options
    };
    options
}

/// Engines that will run something, made by `make`; nothing if the memory is not enough to begin with.
pub(super) fn new_engines(engine: &Engine, make: fn(&EngineOptions) -> Option<Engines>) -> Option<Engines> {
    let mut engines = make(&machine_options(engine))?;
    if let Some(seed) = engine.scripts.next_seed() {
        engines.seed_random(seed);
    }
    Some(engines)
}

/// A machine for scripts, made when there is something to run.
#[derive(Default)]
pub(crate) struct Machine {
    engines: Option<Engines>,
    compiled: HashMap<Digest, (Arc<Known>, Script)>,
    /// The last that was found by its digest, by what the client wrote.
    last: Option<([u8; DIGEST_DIGITS], Arc<Known>, Script)>,
    /// When what it has compiled was known.
    generation: u64,
}

/// What there is of a digest.
pub(super) enum Found {
    /// It can be called.
    Compiled(Arc<Known>, Script),
    /// It is known, and for the thread of scripts.
    ForTheThread,
    /// Nothing.
    Unknown,
}

impl Machine {
    /// Lets go of everything if the scripts were forgotten, or if a panic went through the machine.
    pub(crate) fn renew(&mut self, engine: &Engine) {
        let generation = engine.scripts.known.generation();
        if generation != self.generation || self.engines.as_ref().is_some_and(Engines::is_broken) {
            *self = Self { generation, ..Self::default() };
        }
    }

    /// Makes a script known, unless it is, and compiles it; nothing if it is new and better compiled on the thread of scripts.
    pub(super) fn load(
        &mut self,
        engine: &Engine,
        body: &[u8],
        place: Place,
    ) -> Result<Option<(Arc<Known>, Script)>, CommandError> {
        let digest = digest_of(body);
        match self.find(engine, &digest, place)? {
            Found::Compiled(known, script) => return Ok(Some((known, script))),
            Found::ForTheThread => return Ok(None),
            Found::Unknown => {}
        }
        let habits = Habits::of(body);
        if place == Place::Loop && !habits.is_brief() {
            return Ok(None);
        }
        let error = |text: Vec<u8>| CommandError::quoting("ERR ", &text, "");
        let flags = script_head(body).map_err(error)?.flags;
        let script = self.engines(engine)?.compile(body).map_err(error)?;
        let known = engine.scripts.known.add(digest, flags, habits, body);
        self.compiled.insert(digest, (Arc::clone(&known), script));
        Ok(Some((known, script)))
    }

    /// A known script, compiled; on an event loop not if compiling it means waiting for another process.
    pub(super) fn find(
        &mut self,
        engine: &Engine,
        digest: &Digest,
        place: Place,
    ) -> Result<Found, CommandError> {
        self.renew(engine);
        if let Some((known, script)) = self.compiled.get(digest) {
            return Ok(Found::Compiled(Arc::clone(known), *script));
        }
        let Some(known) = engine.scripts.known.get(digest) else { return Ok(Found::Unknown) };
        if place == Place::Loop && known.habits.waits() {
            return Ok(Found::ForTheThread);
        }
        let error = |text: Vec<u8>| CommandError::quoting("ERR ", &text, "");
        let script = self.engines(engine)?.compile(&known.body).map_err(error)?;
        self.compiled.insert(*digest, (Arc::clone(&known), script));
        Ok(Found::Compiled(known, script))
    }

    /// A script that a client calls by a digest, or by the name of a registered script, whose digest is `named` if the name was
    /// looked up already; as [`Machine::find`].
    pub(super) fn find_called(
        &mut self,
        engine: &Engine,
        (word, named): (&[u8], Option<Digest>),
        place: Place,
    ) -> Result<Found, CommandError> {
        if let Some(digest) = named {
            return self.find(engine, &digest, place);
        }
        self.renew(engine);
        if let Some((last, known, script)) = &self.last
            && last == word
        {
            return Ok(Found::Compiled(Arc::clone(known), *script));
        }
        let Some(digest) = engine.scripts.digest_called(word) else { return Ok(Found::Unknown) };
        let found = self.find(engine, &digest, place)?;
        if let (Found::Compiled(known, script), Some(digits)) = (&found, digits_of(word)) {
            self.last = Some((digits, Arc::clone(known), *script));
        }
        Ok(found)
    }

    /// The machine itself.
    pub(super) fn engines(&mut self, engine: &Engine) -> Result<&mut Engines, CommandError> {
        if self.engines.is_none() {
            self.engines = new_engines(engine, Engines::for_scripts);
        }
        self.engines.as_mut().ok_or(CommandError::text("ERR there is not the memory to run scripts"))
    }

    /// Bytes of its values.
    pub(super) fn value_bytes(&self) -> usize {
        self.engines.as_ref().map_or(0, Engines::value_bytes)
    }
}
