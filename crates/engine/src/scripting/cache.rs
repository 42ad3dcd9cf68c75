//! Compiled scripts by their digests.

use std::sync::Arc;

use hashbrown::HashMap;
use sha1::{Digest as _, Sha1};
use spinel_family::CommandError;
use spinel_script::{Engine as _, Lua, Script, ScriptFlags, script_flags};

/// What the machine of scripts may take.
pub(super) const MEMORY_BYTES: usize = 1 << 30;

/// The digest of a script.
pub(super) type Digest = [u8; 20];

/// A script that is known.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) flags: ScriptFlags,
    script: Option<Script>,
    body: Arc<[u8]>,
}

/// Scripts, and the machine that they are compiled for.
#[derive(Default)]
pub(super) struct Cache {
    lua: Option<Lua>,
    scripts: HashMap<Digest, Known>,
}

/// The digest of a text.
pub(super) fn digest_of(text: &[u8]) -> Digest {
    Sha1::digest(text).into()
}

/// A digest as clients write it: 40 hexadecimal digits.
pub(super) fn shown(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a digest.
pub(super) fn read(text: &[u8]) -> Option<Digest> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() == 40)?;
    let mut digest = Digest::default();
    for (n, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(digest)
}

impl Cache {
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.scripts.contains_key(digest)
    }

    pub(super) fn len(&self) -> usize {
        self.scripts.len()
    }

    /// Forgets everything, the machine included.
    pub(super) fn flush(&mut self) {
        *self = Self::default();
    }

    /// Makes a script known, unless it is, and says its digest.
    pub(super) fn load(&mut self, body: &[u8]) -> Result<Digest, CommandError> {
        let digest = digest_of(body);
        if !self.has(&digest) {
            let error = |text: Vec<u8>| CommandError::quoting("ERR ", &text, "");
            let (flags, _) = script_flags(body).map_err(error)?;
            let script = Some(self.machine()?.compile(body).map_err(error)?);
            self.scripts.insert(digest, Known { flags, script, body: body.into() });
        }
        Ok(digest)
    }

    /// A known script, compiled, and the machine that runs it.
    pub(super) fn find(
        &mut self,
        digest: &Digest,
    ) -> Option<Result<(ScriptFlags, Script, &mut Lua), CommandError>> {
        let known = self.scripts.get(digest)?.clone();
        Some(self.compiled(digest, known))
    }

    fn compiled(
        &mut self,
        digest: &Digest,
        known: Known,
    ) -> Result<(ScriptFlags, Script, &mut Lua), CommandError> {
        self.machine()?;
        // The machine may be a new one, for which nothing is compiled.
        let script = self.scripts.get(digest).and_then(|known| known.script);
        let script = match script {
            Some(script) => script,
            None => {
                let error = |text: Vec<u8>| CommandError::quoting("ERR ", &text, "");
                let script = self.machine()?.compile(&known.body).map_err(error)?;
                if let Some(entry) = self.scripts.get_mut(digest) {
                    entry.script = Some(script);
                }
                script
            }
        };
        Ok((known.flags, script, self.machine()?))
    }

    /// The machine; a new one if there is none, or if a panic went through it.
    fn machine(&mut self) -> Result<&mut Lua, CommandError> {
        if self.lua.as_ref().is_some_and(Lua::is_broken) {
            self.lua = None;
            self.scripts.values_mut().for_each(|known| known.script = None);
        }
        if self.lua.is_none() {
            self.lua = Lua::for_scripts(MEMORY_BYTES);
        }
        self.lua.as_mut().ok_or(CommandError::text("ERR there is not the memory to run scripts"))
    }
}
