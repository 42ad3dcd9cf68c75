//! The output: written under a temporary name beside its place, made durable, and renamed into it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spinel_aof::disk::{Disk, RealDisk, replace_file};
use spinel_aof::{BaseFormat, Directory, Following, Names};
use spinel_engine::Engine;
use spinel_engine::persistence::{ConversionError, Converted, Form};

use super::input::split;
use super::words::{Base, Request, To};

/// What the files of a log are called, unless the output names a manifest.
const LOG_NAME: &str = "appendonly.aof";

/// Where the output goes.
pub(super) struct Output {
    /// What must not exist yet.
    pub(super) place: PathBuf,
    /// The folder that this will be in.
    parent: PathBuf,
    /// Its name there.
    name: String,
    shape: Shape,
}

/// A file or a folder of them.
enum Shape {
    File,
    /// The folder of a log, whose files are called so.
    Log(String),
}

/// Why there is no output.
pub(super) enum Failure {
    Conversion(ConversionError),
    Place(PathBuf, String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversion(error) => write!(f, "nothing was written: {error}"),
            Self::Place(place, reason) => write!(f, "cannot write {}: {reason}", place.display()),
        }
    }
}

impl From<ConversionError> for Failure {
    fn from(error: ConversionError) -> Self {
        Self::Conversion(error)
    }
}

impl Output {
    /// Finds the place, which has to be free.
    pub(super) fn plan(request: &Request) -> Result<Self, String> {
        let (mut parent, mut name) = split(&request.output)?;
        let mut shape = Shape::File;
        if request.to == To::Aof && !name.ends_with(".aof") {
            shape = Shape::Log(LOG_NAME.to_owned());
            if let Some(log_name) = name.strip_suffix(".manifest").filter(|log_name| !log_name.is_empty()) {
                shape = Shape::Log(log_name.to_owned());
                let folder = parent.to_str().ok_or("the name of the output is not text")?.to_owned();
                (parent, name) = split(&folder)?;
            }
        }
        let place = if parent.as_os_str() == "." { PathBuf::from(&name) } else { parent.join(&name) };
        let output = Self { place, parent, name, shape };
        if !output.parent.is_dir() {
            return Err(format!("there is no folder {}", output.parent.display()));
        }
        output.check_free().map_err(|failure| failure.to_string())?;
        Ok(output)
    }

    /// What is asked for.
    pub(super) fn form(request: &Request) -> Form {
        match (request.to, request.base) {
            (To::Rdb, _) => Form::Rdb,
            (To::Aof, Base::Rdb) => Form::RdbBase,
            (To::Aof, Base::Commands) => Form::Commands,
        }
    }

    /// Writes the data set of `engine`.
    pub(super) fn write(&self, engine: &Engine, request: &Request) -> Result<Converted, Failure> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(&self.parent));
        let temporary = format!("temp-convert-{}", std::process::id());
        let form = Self::form(request);
        let file = format!("{temporary}.base");
        let converted = engine.write_converted(&disk, &file, form)?;
        let placed = match &self.shape {
            Shape::File => self.check_free().and_then(|()| self.rename(&*disk, &file)),
            Shape::Log(log_name) => self.place_log(&disk, &temporary, &file, log_name, form),
        };
        if placed.is_err() {
            // No partial output stays behind; the error that counts is the one that led here.
            let _ = disk.unlink(&file);
            let _ = std::fs::remove_dir_all(self.parent.join(&temporary));
        }
        placed.map(|()| converted)
    }

    /// Makes a folder with a manifest that names the file, then puts it in its place.
    fn place_log(
        &self,
        disk: &Arc<dyn Disk>,
        temporary: &str,
        file: &str,
        log_name: &str,
        form: Form,
    ) -> Result<(), Failure> {
        let format = match form {
            Form::Rdb | Form::RdbBase => BaseFormat::Rdb,
            Form::Commands => BaseFormat::Resp,
        };
        Directory::read(Arc::clone(disk), Names::new(temporary, log_name))
            .and_then(|mut directory| {
                directory.create_folder()?;
                directory.install_base(file, format, Following::Nothing)
            })
            .map_err(|error| self.failure(error))?;
        self.check_free()?;
        self.rename(&**disk, temporary)
    }

    fn rename(&self, disk: &dyn Disk, temporary: &str) -> Result<(), Failure> {
        replace_file(disk, temporary, &self.name).map_err(|error| self.failure(error))
    }

    fn check_free(&self) -> Result<(), Failure> {
        match std::fs::symlink_metadata(&self.place) {
            Ok(_) => Err(self.failure("it exists already, and nothing is replaced")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.failure(error)),
        }
    }

    fn failure(&self, reason: impl fmt::Display) -> Failure {
        Failure::Place(self.place.clone(), reason.to_string())
    }

    /// What it is.
    pub(super) fn what(&self) -> &'static str {
        match &self.shape {
            Shape::File => "file",
            Shape::Log(_) => "folder",
        }
    }

    /// Where it is.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }
}
