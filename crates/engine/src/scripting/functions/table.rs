//! Which libraries there are, and the functions that they registered.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use spinel_script::{Function, Script, ScriptFlags};

use crate::scripting::habits::Habits;

/// A library.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) name: Vec<u8>,
    /// The engine that it asks for, in capital letters.
    pub(super) engine: String,
    pub(super) code: Vec<u8>,
    /// None if it could not be loaded.
    pub(super) functions: Vec<Registered>,
}

/// A function that a library registered.
#[derive(Clone, Debug)]
pub(in crate::scripting) struct Registered {
    pub(in crate::scripting) name: Arc<[u8]>,
    pub(in crate::scripting) description: Option<Vec<u8>>,
    pub(in crate::scripting) flags: ScriptFlags,
    pub(in crate::scripting) habits: Arc<Habits>,
    pub(in crate::scripting) script: Script,
}

impl From<Function> for Registered {
    fn from(function: Function) -> Self {
        let Function { name, description, flags, script } = function;
        Self {
            name: name.into(),
            description,
            flags,
            habits: Arc::new(Habits::of_language(script.language())),
            script,
        }
    }
}

impl Library {
    /// The library as something to be kept only.
    pub(super) fn without_functions(&self) -> Arc<Self> {
        Arc::new(Self {
            name: self.name.clone(),
            engine: self.engine.clone(),
            code: self.code.clone(),
            functions: Vec::new(),
        })
    }
}

/// All libraries. Names of functions differ by more than their case.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    libraries: BTreeMap<Vec<u8>, Arc<Library>>,
    /// Where a function is, by its name in small letters.
    functions: HashMap<Vec<u8>, (Arc<Library>, usize)>,
}

impl Table {
    pub(super) fn libraries(&self) -> impl Iterator<Item = &Arc<Library>> {
        self.libraries.values()
    }

    pub(super) fn into_libraries(self) -> Vec<Arc<Library>> {
        self.libraries.into_values().collect()
    }

    pub(super) fn library(&self, name: &[u8]) -> Option<&Arc<Library>> {
        self.libraries.get(name)
    }

    /// A function by its name, in letters of either case.
    pub(super) fn function(&self, name: &[u8]) -> Option<&Registered> {
        let (library, place) = self.functions.get(&name.to_ascii_lowercase())?;
        library.functions.get(*place)
    }

    /// The name of a function that another library has, too.
    pub(super) fn collision(&self, library: &Library) -> Option<Vec<u8>> {
        library
            .functions
            .iter()
            .find(|function| self.function(&function.name).is_some())
            .map(|function| function.name.to_vec())
    }

    /// Adds a library, whose name and functions nobody has.
    pub(super) fn insert(&mut self, library: Arc<Library>) {
        for (place, function) in library.functions.iter().enumerate() {
            self.functions.insert(function.name.to_ascii_lowercase(), (Arc::clone(&library), place));
        }
        self.libraries.insert(library.name.clone(), library);
    }

    /// Takes a library away.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Arc<Library>> {
        let library = self.libraries.remove(name)?;
        for function in &library.functions {
            self.functions.remove(&function.name.to_ascii_lowercase());
        }
        Some(library)
    }
}
