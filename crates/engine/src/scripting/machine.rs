//! The machine of one thread, and what it has compiled.

use std::sync::Arc;

use hashbrown::HashMap;
use spinel_family::CommandError;
use spinel_script::{Engine as _, Lua, LuaOptions, Script, script_flags};

use super::alone::Place;
use super::habits::Habits;
use super::known::{Digest, Known, digest_of};
use crate::Engine;

/// What a machine may take.
const MEMORY_BYTES: usize = 1 << 30;

/// What the settings make of a machine.
pub(super) fn machine_options(engine: &Engine) -> LuaOptions {
    let settings = engine.settings();
    LuaOptions { memory_bytes: MEMORY_BYTES, deprecated_api: settings.scripts.lua_deprecated_api }
}

/// A machine for scripts, made when there is something to run.
#[derive(Default)]
pub(crate) struct Machine {
    lua: Option<Lua>,
    compiled: HashMap<Digest, (Arc<Known>, Script)>,
    /// When what it has compiled was known.
    generation: u64,
}

impl Machine {
    /// Lets go of everything if the scripts were forgotten, or if a panic went through the machine.
    pub(crate) fn renew(&mut self, engine: &Engine) {
        let generation = engine.scripts.known.generation();
        if generation != self.generation || self.lua.as_ref().is_some_and(Lua::is_broken) {
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
        if let Some(found) = self.find(engine, &digest)? {
            return Ok(Some(found));
        }
        if place == Place::Loop && !Habits::of(body).is_brief() {
            return Ok(None);
        }
        let error = |text: Vec<u8>| CommandError::quoting("ERR ", &text, "");
        let (flags, _) = script_flags(body).map_err(error)?;
        let script = self.lua(engine)?.compile(body).map_err(error)?;
        let known = engine.scripts.known.add(digest, flags, body);
        self.compiled.insert(digest, (Arc::clone(&known), script));
        Ok(Some((known, script)))
    }

    /// A known script, compiled.
    pub(super) fn find(
        &mut self,
        engine: &Engine,
        digest: &Digest,
    ) -> Result<Option<(Arc<Known>, Script)>, CommandError> {
        self.renew(engine);
        if let Some((known, script)) = self.compiled.get(digest) {
            return Ok(Some((Arc::clone(known), *script)));
        }
        let Some(known) = engine.scripts.known.get(digest) else { return Ok(None) };
        let error = |text: Vec<u8>| CommandError::quoting("ERR ", &text, "");
        let script = self.lua(engine)?.compile(&known.body).map_err(error)?;
        self.compiled.insert(*digest, (Arc::clone(&known), script));
        Ok(Some((known, script)))
    }

    /// The machine itself.
    pub(super) fn lua(&mut self, engine: &Engine) -> Result<&mut Lua, CommandError> {
        if self.lua.is_none() {
            self.lua = Lua::for_scripts(machine_options(engine));
        }
        self.lua.as_mut().ok_or(CommandError::text("ERR there is not the memory to run scripts"))
    }

    /// Bytes of its values.
    pub(super) fn value_bytes(&mut self) -> usize {
        self.lua.as_mut().map_or(0, Lua::value_bytes)
    }
}
