//! Start at login: as the app, or as a headless service that restarts after a crash.

mod agent;
mod app_service;
mod autostart_file;
mod bundle;
mod desktop_entry;
mod error;
mod service_manager;
mod status;
mod unit;
mod unit_syntax;

use std::env;
use std::path::{Path, PathBuf};

pub use self::error::Error;
pub use self::status::{State, Status};
use crate::sys::autostart::autostart_file::AutostartFile;
use crate::sys::autostart::service_manager::ServiceManager;

type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With an icon, when the desktop session starts.
    App,
    /// As a background service.
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

/// The login item of one program. The system is a value, so that everything but Apple's own call is tested on every system.
#[derive(Debug, Clone)]
pub struct LoginItem {
    /// False: XDG folders and systemd.
    pub macos: bool,
    /// `~/Library` on macOS, else `$XDG_CONFIG_HOME` or `~/.config`.
    pub root: PathBuf,
    pub program: PathBuf,
    /// None for the default configuration file.
    pub config: Option<PathBuf>,
    /// `launchctl` or `systemctl`.
    pub tool: PathBuf,
}

impl LoginItem {
    /// This program on this system. `root` is the folder of session files; `config` is the absolute path of a named configuration.
    pub fn here(root: Option<PathBuf>, config: Option<&Path>) -> Result<Self> {
        let macos = cfg!(target_os = "macos");
        Ok(Self {
            macos,
            root: root.ok_or(Error::NoHome)?,
            program: this_program()?,
            config: config.map(Path::to_path_buf),
            tool: if macos { "launchctl" } else { "systemctl" }.into(),
        })
    }

    /// Start at every login in this mode and not in the other; a service also starts now. Returns a sentence for the user.
    /// A foreign file is left alone.
    pub fn install(&self, mode: Mode) -> Result<String> {
        let command = self.command(mode)?;
        bundle::ensure_installed(&self.program)?;
        let entry = self.entry(mode);
        match &entry {
            Some(entry) => {
                entry.ensure_ours()?;
                entry.ensure_startable(&command)?;
            }
            None => bundle::ensure_app(&self.program, self.config.as_deref())?,
        }
        let mut message = match (&entry, mode) {
            (None, _) => app_service::register()?,
            (Some(entry), Mode::App) => {
                entry.write(&command)?;
                format!("Operator starts at your next login: {}.", entry.path.display())
            }
            (Some(entry), Mode::Headless) => {
                let written = entry.write(&command)?;
                self.manager().start(entry, written)?;
                format!("Operator runs headless now, and starts at every login: {}.", entry.path.display())
            }
        };
        // Last, because an earlier failure must keep the old item. With both installed, the second instance exits.
        if self.remove(mode.other())?.is_some() {
            let replaced = if mode == Mode::App { "headless service" } else { "app's login item" };
            message.push_str(&format!(" It replaces the {replaced}."));
        }
        Ok(message)
    }

    /// Remove the login item and stop the service. Returns a sentence for the user. Nothing to remove is no error.
    pub fn uninstall(&self) -> Result<String> {
        let removed: Vec<String> =
            [self.remove(Mode::App)?, self.remove(Mode::Headless)?].into_iter().flatten().collect();
        if removed.is_empty() {
            return Ok("Operator does not start at login: there is nothing to remove.".into());
        }
        Ok(format!("Operator no longer starts at login. {}", removed.join(" ")))
    }

    #[must_use]
    pub fn status(&self) -> Status {
        let state = |mode| match self.entry(mode) {
            Some(entry) => State::from_file(&entry, &self.program),
            None => app_service::state(&self.program),
        };
        Status { program: self.program.clone(), app: state(Mode::App), headless: state(Mode::Headless) }
    }

    /// A sentence for the user; none if nothing was installed.
    fn remove(&self, mode: Mode) -> Result<Option<String>> {
        let Some(entry) = self.entry(mode) else { return app_service::unregister(&self.program) };
        if !entry.is_ours() {
            return Ok(None);
        }
        let problem = if mode == Mode::Headless { self.manager().stop(&entry) } else { None };
        entry.remove(&self.root)?;
        if mode == Mode::Headless {
            self.manager().reload();
        }
        let removed = format!("Removed {}.", entry.path.display());
        Ok(Some(problem.map_or_else(|| removed.clone(), |problem| format!("{removed} {problem}"))))
    }

    fn command(&self, mode: Mode) -> Result<Vec<String>> {
        let mut command = vec![path_text(&self.program)?];
        if mode == Mode::Headless {
            command.push("--headless".into());
        }
        if let Some(config) = &self.config {
            command.extend(["--config".into(), path_text(config)?]);
        }
        Ok(command)
    }

    /// None if the system keeps the login item itself.
    fn entry(&self, mode: Mode) -> Option<AutostartFile> {
        Some(match (mode, self.macos) {
            (Mode::App, true) => return None,
            (Mode::App, false) => AutostartFile::new(&self.root, "autostart/operator.desktop", desktop_entry::FORMAT),
            (Mode::Headless, true) => {
                AutostartFile::new(&self.root, "LaunchAgents/com.thanos.operator.plist", agent::FORMAT)
            }
            (Mode::Headless, false) => AutostartFile::new(&self.root, "systemd/user/operator.service", unit::FORMAT),
        })
    }

    fn manager(&self) -> ServiceManager<'_> {
        if self.macos { ServiceManager::launchd(&self.tool) } else { ServiceManager::systemd(&self.tool) }
    }
}

/// The formats hold no control characters and no bytes that are not UTF-8.
fn path_text(path: &Path) -> Result<String> {
    let plain = path.to_str().filter(|text| !text.chars().any(char::is_control));
    plain.map(str::to_owned).ok_or_else(|| Error::UnwritablePath(path.to_path_buf()))
}

fn this_program() -> Result<PathBuf> {
    let path = env::current_exe().map_err(Error::UnknownProgram)?;
    // Linux adds this to the path of a program that was replaced while running.
    let path = match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(path_before) if !path.exists() => PathBuf::from(path_before),
        _ => path,
    };
    if path.exists() { Ok(path) } else { Err(Error::Moved(path)) }
}
