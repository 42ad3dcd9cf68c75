//! Changes of the configuration that reach beyond the engine: sockets, open files, the log, the working directory, the
//! score for the out-of-memory killer, the process's title.
//!
//! Each is a step: the directives it is about, and how it brings the world into the state that settings ask for. A
//! change runs the steps it touches; when one fails, those before it are run again with the settings of before.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use spinel_engine::config::{Change, SetError, Settings, Title, expand_title};
use spinel_engine::host::OnChange;
use spinel_engine::log::{Log, LogLevel};
use spinel_net::Listeners;

use crate::crashes;
use crate::logger::Logger;
use crate::oom::OomScore;
use crate::process;
use crate::title::TitleSpace;

/// What settings act on outside the engine.
pub(crate) struct Outside {
    listeners: Arc<Listeners>,
    logger: Logger,
    oom_score: OomScore,
    /// Where the title stands, if the settings want one and the system has a place for it.
    title_space: OnceLock<TitleSpace>,
    /// The program as it was called.
    program: Vec<u8>,
    config_file: Option<Vec<u8>>,
}

struct Step {
    directives: &'static [&'static str],
    /// Brings about what the settings ask for; the error is the reply's.
    apply: fn(&Outside, &Settings) -> Result<(), String>,
}

const STEPS: &[Step] = &[
    Step { directives: &["port", "bind"], apply: Outside::listen },
    Step { directives: &["maxclients"], apply: Outside::allow_files },
    Step { directives: &["oom-score-adj", "oom-score-adj-values"], apply: Outside::set_oom_score },
    Step { directives: &["dir"], apply: Outside::enter_dir },
    Step { directives: &["loglevel", "log-format", "log-timestamp-format"], apply: Outside::change_log },
    Step { directives: &["crash-log-enabled", "use-exit-on-panic"], apply: Outside::report_crashes },
    Step { directives: &["proc-title-template", "port", "bind"], apply: Outside::show_title },
];

impl Outside {
    pub(crate) fn new(listeners: Arc<Listeners>, logger: Logger, config_file: Option<&Path>) -> Self {
        Self {
            listeners,
            logger,
            oom_score: OomScore::default(),
            title_space: OnceLock::new(),
            program: std::env::args_os().next().unwrap_or_default().into_vec(),
            config_file: config_file.map(|path| path.as_os_str().as_bytes().to_vec()),
        }
    }

    /// Does what the settings ask for at the start and nobody else does.
    pub(crate) fn prepare(&self, settings: &Settings) {
        // A score that cannot be set is in the log, and no reason not to start.
        let _ = self.set_oom_score(settings);
        if settings.process.set_proc_title
            && let Ok(space) = TitleSpace::find()
        {
            self.title_space.get_or_init(|| space);
        }
        // A title that cannot be shown is as if it was not wanted.
        let _ = self.show_title(settings);
    }

    fn listen(&self, settings: &Settings) -> Result<(), String> {
        self.listeners.move_to(settings).map_err(|error| {
            self.logger.write(LogLevel::Warning, &format!("Warning: {error}"));
            String::new()
        })
    }

    fn allow_files(&self, settings: &Settings) -> Result<(), String> {
        process::raise_file_limit(settings.network.maxclients).map_err(|allowed| {
            format!(
                "The operating system is not able to handle the specified number of clients, try with {allowed}"
            )
        })
    }

    fn set_oom_score(&self, settings: &Settings) -> Result<(), String> {
        self.oom_score.apply(&settings.process).map_err(|error| {
            self.logger.write(LogLevel::Warning, &format!("Unable to write oom_score_adj: {error}"));
            "Failed to apply new oom_score_adj configuration, check server logs.".to_owned()
        })
    }

    fn enter_dir(&self, settings: &Settings) -> Result<(), String> {
        std::env::set_current_dir(process::path(&settings.persistence.dir)).map_err(|error| error.to_string())
    }

    fn show_title(&self, settings: &Settings) -> Result<(), String> {
        let title = Title { title: &self.program, config_file: self.config_file.as_deref() };
        match (self.title_space.get(), expand_title(settings, title)) {
            (Some(space), Some(title)) => space.show(&title).map_err(|error| error.to_string()),
            _ => Ok(()),
        }
    }

    fn report_crashes(&self, settings: &Settings) -> Result<(), String> {
        crashes::apply(&settings.process).map_err(|error| error.to_string())
    }

    fn change_log(&self, settings: &Settings) -> Result<(), String> {
        self.logger.follow(settings);
        Ok(())
    }
}

impl OnChange for Outside {
    fn apply(&self, change: &Change, before: &Settings) -> Result<(), SetError> {
        let touched: Vec<(&Step, &str)> = STEPS
            .iter()
            .filter_map(|step| {
                let first = change.changed.iter().find(|it| step.directives.contains(&it.name));
                first.map(|directive| (step, directive.name))
            })
            .collect();
        for (done, (step, name)) in touched.iter().enumerate() {
            if let Err(reason) = (step.apply)(self, &change.settings) {
                for (step, _) in touched[..done].iter().rev() {
                    // It was so a moment ago; what cannot be taken back is in the log.
                    let _ = (step.apply)(self, before);
                }
                let reason = match *name {
                    "port" => "Unable to listen on this port. Check server logs.".to_owned(),
                    "bind" => "Failed to bind to specified addresses.".to_owned(),
                    _ => reason,
                };
                return Err(SetError::failed(name, reason));
            }
        }
        Ok(())
    }
}
