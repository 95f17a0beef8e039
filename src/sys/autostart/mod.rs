//! Starting with the person's session: as the app, or headless as a service that is started again after a crash.

mod agent;
mod app_service;
mod bundle;
mod desktop_entry;
mod error;
mod file;
mod manager;
mod status;
mod unit;
mod words;

use std::env;
use std::path::{Path, PathBuf};

pub use self::error::LoginItemError;
use self::file::Entry;
use self::manager::Manager;
pub use self::status::{State, Status};

type Result<T> = std::result::Result<T, LoginItemError>;

/// How Operator is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With its icon, when the person's desktop starts.
    App,
    /// As a background service, started again after a crash.
    Headless,
}

impl Mode {
    const fn other(self) -> Self {
        match self {
            Self::App => Self::Headless,
            Self::Headless => Self::App,
        }
    }
}

/// What is to be started, and where this system looks for it.
///
/// Both systems are told apart by a value, not by the compiler, so that all but Apple's own call is tested everywhere.
#[derive(Debug, Clone)]
pub struct LoginItem {
    /// macOS; else a system with XDG folders and systemd.
    pub macos: bool,
    /// `~/Library` on macOS, else `$XDG_CONFIG_HOME` or `~/.config`.
    pub root: PathBuf,
    /// The program to start.
    pub program: PathBuf,
    /// The configuration that it is started with; none for the one at the usual place.
    pub config: Option<PathBuf>,
    /// What runs services: `launchctl` or `systemctl`.
    pub tool: PathBuf,
}

impl LoginItem {
    /// This program on this system. `root` is the folder of session files; `config` is the absolute path of a named configuration.
    ///
    /// # Errors
    /// When there is no home folder, or the program is not where it was started from any more.
    pub fn here(root: Option<PathBuf>, config: Option<&Path>) -> Result<Self> {
        let macos = cfg!(target_os = "macos");
        Ok(Self {
            macos,
            root: root.ok_or(LoginItemError::Homeless)?,
            program: this_program()?,
            config: config.map(Path::to_path_buf),
            tool: if macos { "launchctl" } else { "systemctl" }.into(),
        })
    }

    /// Start with every session from now on, in this way and not in the other; headless also now. Says what was done.
    ///
    /// # Errors
    /// When it cannot be done. What is not Operator's is left alone.
    pub fn install(&self, mode: Mode) -> Result<String> {
        let command = self.command(mode)?;
        bundle::settled(&self.program)?;
        let entry = self.entry(mode);
        match &entry {
            Some(entry) => {
                entry.refuse_foreign()?;
                entry.refuse_unfit(&command)?;
            }
            None => bundle::fit_for_app(&self.program, self.config.as_deref())?,
        }
        let mut said = match (&entry, mode) {
            (None, _) => app_service::register()?,
            (Some(entry), Mode::App) => {
                entry.write(&command)?;
                format!("Operator starts with your next session: {}.", entry.path.display())
            }
            (Some(entry), Mode::Headless) => {
                let written = entry.write(&command)?;
                self.manager().start(entry, written)?;
                format!("Operator runs headless from now on, and starts with every session: {}.", entry.path.display())
            }
        };
        // Only now: whatever fails before, what was installed still is. Should both be there, the second to start finds the first and ends.
        if self.remove(mode.other())?.is_some() {
            let gone = if mode == Mode::App { "headless service" } else { "app's login item" };
            said.push_str(&format!(" It replaces the {gone}."));
        }
        Ok(said)
    }

    /// Start no more by itself, and stop the headless service. Says what was done; nothing to do is no failure.
    ///
    /// # Errors
    /// When it cannot be removed. What is not Operator's is left alone.
    pub fn uninstall(&self) -> Result<String> {
        let removed: Vec<String> =
            [self.remove(Mode::App)?, self.remove(Mode::Headless)?].into_iter().flatten().collect();
        if removed.is_empty() {
            return Ok("Operator does not start by itself: there is nothing to remove.".into());
        }
        Ok(format!("Operator starts no more by itself. {}", removed.join(" ")))
    }

    /// What is installed, read only.
    #[must_use]
    pub fn status(&self) -> Status {
        let state = |mode| match self.entry(mode) {
            Some(entry) => State::of(&entry, &self.program),
            None => app_service::state(&self.program),
        };
        Status { program: self.program.clone(), app: state(Mode::App), headless: state(Mode::Headless) }
    }

    /// Take one away; none if it was not there, else what was done.
    fn remove(&self, mode: Mode) -> Result<Option<String>> {
        let Some(entry) = self.entry(mode) else { return app_service::unregister(&self.program) };
        if !entry.is_ours() {
            return Ok(None);
        }
        let trouble = if mode == Mode::Headless { self.manager().stop(&entry) } else { None };
        entry.remove(&self.root)?;
        if mode == Mode::Headless {
            self.manager().forget();
        }
        let removed = format!("Removed {}.", entry.path.display());
        Ok(Some(trouble.map_or_else(|| removed.clone(), |trouble| format!("{removed} {trouble}"))))
    }

    /// The program and what it is started with.
    fn command(&self, mode: Mode) -> Result<Vec<String>> {
        let mut command = vec![text(&self.program)?];
        if mode == Mode::Headless {
            command.push("--headless".into());
        }
        if let Some(config) = &self.config {
            command.extend(["--config".into(), text(config)?]);
        }
        Ok(command)
    }

    /// The file that makes it start; none where the system keeps that for itself.
    fn entry(&self, mode: Mode) -> Option<Entry> {
        Some(match (mode, self.macos) {
            (Mode::App, true) => return None,
            (Mode::App, false) => Entry::new(&self.root, "autostart/operator.desktop", desktop_entry::FORMAT),
            (Mode::Headless, true) => Entry::new(&self.root, "LaunchAgents/com.thanos.operator.plist", agent::FORMAT),
            (Mode::Headless, false) => Entry::new(&self.root, "systemd/user/operator.service", unit::FORMAT),
        })
    }

    fn manager(&self) -> Manager<'_> {
        if self.macos { Manager::launchd(&self.tool) } else { Manager::systemd(&self.tool) }
    }
}

/// Neither format can hold every byte, and nobody has such a path but by accident.
fn text(path: &Path) -> Result<String> {
    let plain = path.to_str().filter(|text| !text.chars().any(char::is_control));
    plain.map(str::to_owned).ok_or_else(|| LoginItemError::Unwritable(path.to_path_buf()))
}

fn this_program() -> Result<PathBuf> {
    let path = env::current_exe().map_err(LoginItemError::Nowhere)?;
    // Linux says so of a program that was replaced while it ran, as every update does.
    let path = match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(place) if !path.exists() => PathBuf::from(place),
        _ => path,
    };
    if path.exists() { Ok(path) } else { Err(LoginItemError::Moved(path)) }
}
