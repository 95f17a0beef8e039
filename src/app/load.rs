//! What every command stands on: the configuration, the folders, and the database as the command needs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::exit::Failure;
use super::runtime::Runtime;
use crate::alerters::{self, Alerter};
use crate::app::build;
use crate::config::schema::Config;
use crate::config::{self, paths};
use crate::engine::clock::Clock;
use crate::engine::{ConfigUpdate, Engine, EngineConfig};
use crate::monitors::sources::Sources;
use crate::store::{self, Store};
use crate::sys::lock::{self, InstanceLock};
use crate::telemetry::logging;

/// Configuration and folders.
#[derive(Debug)]
pub struct AppContext {
    /// What the person wrote.
    pub config: Arc<Config>,
    /// Where they wrote it.
    pub config_path: Option<PathBuf>,
    /// Database, lock, socket, state file.
    pub state_dir: PathBuf,
    named_config: Option<PathBuf>,
    log_dir: PathBuf,
    warnings: Vec<String>,
    env: EnvFn,
}

/// The configuration's file, and what of it holds until the program ends.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    /// The file.
    pub path: PathBuf,
    env: EnvFn,
    state_dir: PathBuf,
    log_dir: PathBuf,
    page: (bool, u16),
}

impl ConfigSource {
    /// Read the file as it stands now.
    ///
    /// # Errors
    /// In sentences with line and column, when it holds a mistake.
    pub fn load(&self) -> ConfigUpdate {
        let loaded = config::load(Some(&self.path), &self.env, false).map_err(|error| error.to_string())?;
        let mut warnings = loaded.warnings;
        let moved = |known: &PathBuf, now: Result<PathBuf, config::Error>| now.is_ok_and(|now| now != *known);
        if moved(&self.state_dir, paths::state_dir(&loaded.config, &self.env))
            || moved(&self.log_dir, paths::log_dir(&loaded.config, &self.env))
        {
            warnings.push("paths.state_dir and paths.log_dir hold from the next start on".into());
        }
        if page(&loaded.config) != self.page {
            warnings.push("http.enabled and http.port hold from the next start on".into());
        }
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        Ok(Box::new(build::components(Arc::new(loaded.config), warnings, &self.env)))
    }
}

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTarget {
    /// To stderr and the log file.
    FileAndStderr,
    /// To stderr alone: for what must leave no trace.
    Stderr,
    /// To stderr, and only warnings: for commands that are asked for their result.
    Quiet,
}

/// Reads a variable of the environment.
pub type EnvFn = fn(&str) -> Option<String>;

/// The environment of this process.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl AppContext {
    /// Read the configuration and start logging.
    ///
    /// # Errors
    /// When the configuration is wrong.
    pub fn open(file: Option<&Path>, env: EnvFn, verbose: bool, logs: LogTarget) -> Result<Self, Failure> {
        let loaded = config::load(file, &env, logs == LogTarget::FileAndStderr)?;
        let context = Self {
            state_dir: paths::state_dir(&loaded.config, &env)?,
            log_dir: paths::log_dir(&loaded.config, &env)?,
            config: Arc::new(loaded.config),
            config_path: loaded.path,
            named_config: file.and_then(|file| named(file, env)),
            warnings: loaded.warnings,
            env,
        };
        let folder = (logs == LogTarget::FileAndStderr).then_some(context.log_dir.as_path());
        let level =
            if logs == LogTarget::Quiet { config::schema::LogLevel::Warn } else { context.config.logging.level };
        logging::init(level, verbose, folder).map_err(|error| Failure::Other(error.to_string()))?;
        for warning in &context.warnings {
            tracing::warn!("{warning}");
        }
        Ok(context)
    }

    /// The configuration that must be named for it to be found again, as an absolute path; none if it is at the usual place.
    #[must_use]
    pub fn named_config(&self) -> Option<&Path> {
        self.named_config.as_deref()
    }

    /// What is connected.
    #[must_use]
    pub fn setup(&self) -> Sources {
        build::sources(&self.config, &self.env)
    }

    /// The alerters that are switched on.
    #[must_use]
    pub fn alerters(&self) -> Vec<Arc<dyn Alerter>> {
        alerters::enabled(&self.config.alerters, &Arc::default(), &self.env)
    }

    /// The person's zone.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        self.config.quiet_hours.timezone.now()
    }

    /// The PID of the engine that runs on this state directory.
    #[must_use]
    pub fn running(&self) -> Option<u32> {
        lock::running_pid(&self.state_dir)
    }

    /// Take the instance lock, making the state directory if it is not there.
    ///
    /// # Errors
    /// When another instance has it, or the folder cannot be written.
    pub fn lock(&self) -> Result<InstanceLock, Failure> {
        let failed = |error: std::io::Error| {
            let advice = "make it writable, or set paths.state_dir to a folder that is";
            Failure::Other(format!("{}: cannot be made ({error}); {advice}", self.state_dir.display()))
        };
        paths::private_dir(&self.state_dir).map_err(failed)?;
        Ok(InstanceLock::acquire(&self.state_dir)?)
    }

    /// Where the database is.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.state_dir.join(store::FILE_NAME)
    }

    /// The database for writing, with a warning if a damaged one was set aside. The caller holds the lock.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn writable(&self, now: Timestamp) -> Result<(Store, Vec<String>), Failure> {
        let opened = Store::open(&self.database(), now)?;
        let warning = opened.warning();
        warning.iter().for_each(|warning| tracing::error!("{warning}"));
        Ok((opened.store, warning.into_iter().collect()))
    }

    /// The database only for reading; an empty one in memory if there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn readable(&self) -> Result<Store, Failure> {
        match Store::open_read_only(&self.database())? {
            Some(store) => Ok(store),
            None => Ok(Store::in_memory()?),
        }
    }

    /// The database for a dry run: as it stands, or a copy in memory for one that goes on. A damaged one is left alone.
    ///
    /// # Errors
    /// When it cannot be read for another reason.
    pub fn for_dry_run(&self, goes_on: bool) -> Result<Store, Failure> {
        let path = self.database();
        let opened = if goes_on { Store::in_memory_copy(&path).map(Some) } else { Store::open_read_only(&path) };
        match opened {
            Ok(Some(store)) => Ok(store),
            Ok(None) => Ok(Store::in_memory()?),
            Err(error) if error.is_corrupt() => {
                tracing::warn!("{error}; this dry run goes on without what was remembered");
                Ok(Store::in_memory()?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// An engine on this database.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn engine(&self, store: Store, clock: Clock, dry_run: bool, warnings: Vec<String>) -> Result<Engine, Failure> {
        Ok(Engine::new(EngineConfig {
            components: build::components(Arc::clone(&self.config), self.warnings.clone(), &self.env),
            store,
            state_dir: self.state_dir.clone(),
            clock,
            dry_run,
            warnings,
        })?)
    }

    /// Where the configuration is read from again when it changes; none when there is no file.
    #[must_use]
    pub fn config_source(&self) -> Option<ConfigSource> {
        let path = self.config_path.clone()?;
        let (state_dir, log_dir) = (self.state_dir.clone(), self.log_dir.clone());
        Some(ConfigSource { path, env: self.env, state_dir, log_dir, page: page(&self.config) })
    }

    /// The folder of this user's session files; none when `$HOME` is needed and not set.
    #[must_use]
    pub fn session_root(&self) -> Option<PathBuf> {
        paths::session_root(&self.env)
    }

    /// Whether the state directory can be written, without writing to it for good.
    ///
    /// # Errors
    /// In words, when it cannot.
    pub fn try_writing(&self) -> Result<(), String> {
        let said = |error: std::io::Error| format!("{}: {error}", self.state_dir.display());
        paths::private_dir(&self.state_dir).map_err(said)?;
        let probe = self.state_dir.join(".writable");
        fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(said)
    }
}

/// Whether the dashboard is served, and where.
fn page(config: &Config) -> (bool, u16) {
    (config.http.enabled, config.http.port)
}

fn named(file: &Path, env: EnvFn) -> Option<PathBuf> {
    let file = std::path::absolute(file).ok()?;
    let usual = paths::default_config(&env).is_ok_and(|usual| usual == file);
    (!usual).then_some(file)
}

/// The runtime that everything asynchronous runs on.
///
/// # Errors
/// When the system gives no event queue.
pub fn runtime() -> Result<Runtime, Failure> {
    Runtime::new()
}
