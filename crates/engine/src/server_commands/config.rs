//! CONFIG: the settings, read, changed, written back to the file; and the reset of statistics.

use std::sync::Arc;

use spinel_family::{Block, Command, CommandError, Encoder, Many};

use crate::config::{Caller, Rewrite, error_words, get, rewrite, set};
use crate::log::LogLevel;
use crate::persistence::When;
use crate::session::{SessionCommand, SessionContext, help_command, session_commands};
use crate::{Engine, Flow};

session_commands! {
    /// CONFIG.
    pub(super) static COMMANDS;
    container Config,
    session ConfigGet,
    session ConfigHelp,
    exclusive ConfigResetstat,
    exclusive ConfigRewrite,
    exclusive ConfigSet,
}

/// Reads and changes the configuration.
#[derive(Command)]
#[command(group = Server, since = "2.0.0", complexity = "Depends on subcommand.", arity = -2, manual)]
struct Config;

#[derive(Block)]
struct Parameter<'a> {
    parameter: &'a [u8],
}

/// Returns the values of the parameters that match the patterns.
#[derive(Command)]
#[command(name = "config|get", group = Server, since = "2.0.0")]
#[command(complexity = "O(N) when N is the number of configuration parameters provided")]
#[command(flags(admin, noscript, loading, stale), history = &[("7.0.0", "Several patterns can be given at once.")])]
struct ConfigGet<'a> {
    #[arg(name = "parameter")]
    parameters: Many<'a, Parameter<'a>>,
}

impl SessionCommand for ConfigGet<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        let patterns: Vec<Vec<u8>> = self
            .parameters
            .iter()
            .map(|one| Ok(one?.parameter.to_vec()))
            .collect::<Result<_, CommandError>>()?;
        let found = get(cx.worker.settings(), &patterns);
        out.map(found.len());
        for (name, value) in found {
            out.bulk(&name);
            out.bulk(&value);
        }
        Ok(Flow::Continue)
    }
}

#[derive(Block)]
struct ParameterValue<'a> {
    parameter: &'a [u8],
    value: &'a [u8],
}

/// Changes parameters, all of those given or none.
#[derive(Command)]
#[command(name = "config|set", group = Server, since = "2.0.0")]
#[command(complexity = "O(N) when N is the number of configuration parameters provided")]
#[command(flags(admin, noscript, loading, stale), history = &[("7.0.0", "Several parameters can be set at once.")])]
#[command(tips("request_policy:all_nodes", "response_policy:all_succeeded"))]
struct ConfigSet<'a> {
    #[arg(name = "parameter_value")]
    pairs: Many<'a, ParameterValue<'a>>,
}

impl SessionCommand for ConfigSet<'_> {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        if !self.pairs.is_whole() {
            return Err(CommandError::Syntax);
        }
        let pairs: Vec<(Vec<u8>, Vec<u8>)> = self
            .pairs
            .iter()
            .map(|pair| pair.map(|pair| (pair.parameter.to_vec(), pair.value.to_vec())))
            .collect::<Result<_, CommandError>>()?;
        let engine = Arc::clone(cx.worker.engine());
        let is_local = cx.session.client.endpoint.is_local();
        let caller = Caller { is_local, is_loading: engine.is_loading() };
        engine.change_settings(&pairs, caller, When::of(cx.in_exec))?;
        cx.worker.refresh();
        if !cx.in_exec {
            cx.worker.make_room();
        }
        out.ok();
        Ok(Flow::Continue)
    }
}

impl Engine {
    /// Sets, applies and publishes; the world is held.
    fn change_settings(
        self: &Arc<Self>,
        pairs: &[(Vec<u8>, Vec<u8>)],
        caller: Caller,
        when: When,
    ) -> Result<(), CommandError> {
        let host = self.host();
        let before = self.settings();
        let change = set(&before, pairs, caller, &*host.disk)
            .and_then(|change| host.on_change.apply(&change, &before).map(|()| change))
            .map_err(|error| CommandError::Quoting(error.reply().into()))?;
        let was_on = before.persistence.aof.enabled;
        let is_on = change.settings.persistence.aof.enabled;
        if is_on && !was_on {
            self.end_backup_log("appendonly is started");
        }
        if is_on && !was_on && self.prepare_to_log(&change.settings, when).is_err() {
            return Err(CommandError::text(
                "ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs.",
            ));
        }
        self.publish_settings(change.settings);
        if was_on && !is_on {
            self.turn_log_off();
        }
        self.journal.log.adjust(&self.settings());
        self.adjust_memory_limit(before.memory.maxmemory);
        Ok(())
    }

    /// Has the loops see to a new limit of memory, and warns of one that is exceeded already.
    fn adjust_memory_limit(&self, before: u64) {
        self.begin_to_count_client_bytes();
        let limit = self.settings().memory.maxmemory;
        if limit == 0 {
            return;
        }
        if before == 0 {
            self.begin_to_count_memory();
        }
        let used = self.memory.used();
        if limit != before && limit < used {
            let line = format!(
                "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the current memory usage \
                 ({used}). This will result in key eviction and/or the inability to accept new write commands depending \
                 on the maxmemory-policy."
            );
            self.log.write(LogLevel::Warning, &line);
        }
        self.nudge_workers();
    }

    /// Writes the settings back to the configuration file.
    pub(in crate::server_commands) fn rewrite_config_file(
        &self,
        extent: Rewrite,
    ) -> Result<(), CommandError> {
        let Some(path) = &self.config_file else {
            return Err(CommandError::text("ERR The server is running without a config file"));
        };
        let disk = &self.host().disk;
        let rewritten = match disk.read(path) {
            Ok(old) => disk.replace(path, &rewrite(&old, &self.settings(), extent)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                disk.replace(path, &rewrite(b"", &self.settings(), extent))
            }
            Err(error) => Err(error),
        };
        rewritten.map_err(|error| {
            let why = error_words(&error);
            self.log.write(LogLevel::Warning, &format!("CONFIG REWRITE failed: {why}"));
            CommandError::Text(format!("ERR Rewriting config file: {why}").into())
        })?;
        self.log.write(LogLevel::Notice, "CONFIG REWRITE executed with success.");
        Ok(())
    }
}

/// Writes the configuration back to the file that the server was started with.
#[derive(Command)]
#[command(name = "config|rewrite", group = Server, since = "2.8.0", complexity = "O(1)")]
#[command(flags(admin, noscript, loading, stale))]
struct ConfigRewrite;

impl SessionCommand for ConfigRewrite {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().rewrite_config_file(Rewrite::Changed)?;
        out.ok();
        Ok(Flow::Continue)
    }
}

/// Begins the statistics that INFO shows anew.
#[derive(Command)]
#[command(name = "config|resetstat", group = Server, since = "2.0.0", complexity = "O(1)")]
#[command(flags(admin, noscript, loading, stale))]
struct ConfigResetstat;

impl SessionCommand for ConfigResetstat {
    fn run(&self, cx: &mut SessionContext<'_>, out: &mut Encoder) -> Result<Flow, CommandError> {
        cx.engine().reset_stats();
        out.ok();
        Ok(Flow::Continue)
    }
}

help_command!(
    /// Lists the subcommands of `CONFIG`.
    ConfigHelp, "config|help", "CONFIG", Server, "5.0.0",
    &[
        "GET <pattern>",
        "    Show the parameters whose names match <pattern>.",
        "SET <parameter> <value>",
        "    Set <parameter> to <value>; several pairs are set together.",
        "RESETSTAT",
        "    Begin the statistics that INFO shows anew.",
        "REWRITE",
        "    Write the configuration back to its file.",
    ]
);
