//! What every command starts from: the configuration, the folders, and the database as the command needs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{build, exit};
use crate::alerters::{self, Alerter};
use crate::config::schema::{Config, LogLevel};
use crate::config::{self, paths};
use crate::engine::clock::Clock;
use crate::engine::{ConfigUpdate, Engine, EngineConfig};
use crate::monitors::sources::Sources;
use crate::store::{self, Store};
use crate::sys::lock::{self, InstanceLock};
use crate::telemetry::logging;

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTarget {
    FileAndStderr,
    /// For a dry run, which writes no file.
    Stderr,
    /// Warnings only, to stderr: for a command that prints a result.
    Quiet,
}

/// Reads an environment variable.
pub type EnvFn = fn(&str) -> Option<String>;

/// The environment of this process.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The loaded configuration and the folders that it names.
#[derive(Debug)]
pub struct AppContext {
    pub config: Arc<Config>,
    pub config_path: Option<PathBuf>,
    /// The folder of database, lock, socket and state file.
    pub state_dir: PathBuf,
    named_config: Option<PathBuf>,
    log_dir: PathBuf,
    warnings: Vec<String>,
    env: EnvFn,
}

impl AppContext {
    /// Load the configuration and start logging.
    pub fn load(file: Option<&Path>, env: EnvFn, verbose: bool, logs: LogTarget) -> Result<Self, exit::Error> {
        let loaded = config::load(file, &env, logs == LogTarget::FileAndStderr)?;
        let context = Self {
            state_dir: paths::state_dir(&loaded.config, &env)?,
            log_dir: paths::log_dir(&loaded.config, &env)?,
            config: Arc::new(loaded.config),
            config_path: loaded.path,
            named_config: file.and_then(|file| non_default_path(file, env)),
            warnings: loaded.warnings,
            env,
        };
        let folder = (logs == LogTarget::FileAndStderr).then_some(context.log_dir.as_path());
        let level = if logs == LogTarget::Quiet { LogLevel::Warn } else { context.config.logging.level };
        logging::init(level, verbose, folder).map_err(|error| exit::Error::Other(error.to_string()))?;
        context.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        Ok(context)
    }

    /// The absolute path of a configuration that is not at the default place, so that another start must name it.
    #[must_use]
    pub fn named_config(&self) -> Option<&Path> {
        self.named_config.as_deref()
    }

    /// Every source, configured or not.
    #[must_use]
    pub fn sources(&self) -> Sources {
        build::sources(&self.config, &self.env)
    }

    /// The alerters of the enabled channels.
    #[must_use]
    pub fn alerters(&self) -> Vec<Arc<dyn Alerter>> {
        alerters::enabled(&self.config.alerters, &Arc::default(), &self.env)
    }

    /// The user's time zone.
    #[must_use]
    pub fn time_zone(&self) -> TimeZone {
        self.config.quiet_hours.timezone.now()
    }

    /// The folder of this user's session files; none when `$HOME` is needed and not set.
    #[must_use]
    pub fn session_root(&self) -> Option<PathBuf> {
        paths::session_root(&self.env)
    }

    /// The process id of the engine that runs on this state directory.
    #[must_use]
    pub fn running_pid(&self) -> Option<u32> {
        lock::running_pid(&self.state_dir)
    }

    /// Create the state directory if it is missing, and take the instance lock.
    pub fn acquire_lock(&self) -> Result<InstanceLock, exit::Error> {
        let failed = |error: std::io::Error| {
            let hint = "make it writable, or set paths.state_dir to a folder that is";
            exit::Error::Other(format!("{}: cannot be created ({error}); {hint}", self.state_dir.display()))
        };
        paths::private_dir(&self.state_dir).map_err(failed)?;
        Ok(InstanceLock::acquire(&self.state_dir)?)
    }

    fn database_path(&self) -> PathBuf {
        self.state_dir.join(store::FILE_NAME)
    }

    /// Open the database for writing; with a warning if a corrupt file was set aside. The caller holds the lock.
    pub fn open_store(&self, now: Timestamp) -> Result<(Store, Vec<String>), exit::Error> {
        let opened = Store::open(&self.database_path(), now)?;
        let warning = opened.warning();
        warning.iter().for_each(|warning| tracing::error!("{warning}"));
        Ok((opened.store, warning.into_iter().collect()))
    }

    /// Open the database for reading. A missing file reads as empty.
    pub fn open_store_read_only(&self) -> Result<Store, exit::Error> {
        match Store::open_read_only(&self.database_path())? {
            Some(store) => Ok(store),
            None => Ok(Store::in_memory()?),
        }
    }

    /// Open the database for a dry run: read-only for a single check, a copy in memory for an engine that `keeps_running`. A
    /// corrupt file reads as empty and is left alone.
    pub fn open_dry_run_store(&self, keeps_running: bool) -> Result<Store, exit::Error> {
        let path = self.database_path();
        let opened = if keeps_running { Store::in_memory_copy(&path).map(Some) } else { Store::open_read_only(&path) };
        match opened {
            Ok(Some(store)) => Ok(store),
            Ok(None) => Ok(Store::in_memory()?),
            Err(error) if error.is_corrupt() => {
                tracing::warn!("{error}; the dry run continues with an empty database");
                Ok(Store::in_memory()?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Build an engine on this database.
    pub fn build_engine(
        &self,
        store: Store,
        clock: Clock,
        dry_run: bool,
        warnings: Vec<String>,
    ) -> Result<Engine, exit::Error> {
        let components = build::components(Arc::clone(&self.config), self.warnings.clone(), &self.env);
        let state_dir = self.state_dir.clone();
        Ok(Engine::new(EngineConfig { components, store, state_dir, clock, dry_run, warnings })?)
    }

    /// Where a changed configuration is loaded from; none without a file.
    #[must_use]
    pub fn config_source(&self) -> Option<ConfigSource> {
        Some(ConfigSource {
            path: self.config_path.clone()?,
            env: self.env,
            state_dir: self.state_dir.clone(),
            log_dir: self.log_dir.clone(),
            http: http_settings(&self.config),
        })
    }

    /// Check that the state directory can be written, with a file that is removed again.
    pub fn check_state_dir(&self) -> Result<(), String> {
        let message = |error: std::io::Error| format!("{}: {error}", self.state_dir.display());
        paths::private_dir(&self.state_dir).map_err(message)?;
        let probe = self.state_dir.join(".writable");
        fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(message)
    }
}

/// The configuration file, and the settings of the running program that a reload cannot change.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    pub path: PathBuf,
    env: EnvFn,
    state_dir: PathBuf,
    log_dir: PathBuf,
    http: (bool, u16),
}

impl ConfigSource {
    /// Load the file as it is now. The error is the text for the user, with line and column.
    pub fn load(&self) -> ConfigUpdate {
        let loaded = config::load(Some(&self.path), &self.env, false).map_err(|error| error.to_string())?;
        let mut warnings = loaded.warnings;
        let moved = |current: &PathBuf, new: Result<PathBuf, config::Error>| new.is_ok_and(|new| new != *current);
        if moved(&self.state_dir, paths::state_dir(&loaded.config, &self.env))
            || moved(&self.log_dir, paths::log_dir(&loaded.config, &self.env))
        {
            warnings.push("a changed paths.state_dir or paths.log_dir takes effect at the next start".into());
        }
        if http_settings(&loaded.config) != self.http {
            warnings.push("a changed http.enabled or http.port takes effect at the next start".into());
        }
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        Ok(Box::new(build::components(Arc::new(loaded.config), warnings, &self.env)))
    }
}

const fn http_settings(config: &Config) -> (bool, u16) {
    (config.http.enabled, config.http.port)
}

fn non_default_path(file: &Path, env: EnvFn) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    let is_default = paths::default_config(&env).is_ok_and(|default| default == file);
    (!is_default).then_some(file)
}
