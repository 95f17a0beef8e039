//! The installed login items.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::sys::autostart::autostart_file::AutostartFile;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// This program.
    pub program: PathBuf,
    pub app: State,
    pub headless: State,
}

impl Status {
    /// Whether any Operator starts at login; none if only the app knows.
    #[must_use]
    pub fn starts_at_login(&self) -> Option<bool> {
        let is_active = |state: &State| state.installed.map(|installed| installed && state.enabled);
        match (is_active(&self.app), is_active(&self.headless)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (app, headless) => app.and(headless),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct State {
    /// None if this program cannot know.
    pub installed: Option<bool>,
    /// Not disabled by the user, and known to the service manager.
    pub enabled: bool,
    /// Whether it starts this program; none if it starts nothing.
    pub current: Option<bool>,
    pub file: Option<PathBuf>,
    pub command: Option<Vec<String>>,
    /// A problem and its fix.
    pub note: Option<String>,
}

impl State {
    pub(crate) fn from_file(entry: &AutostartFile, program: &Path) -> Self {
        if !entry.exists() {
            return Self { installed: Some(false), file: Some(entry.path.clone()), ..Self::default() };
        }
        if let Err(foreign) = entry.ensure_ours() {
            let note = Some(foreign.to_string());
            return Self { installed: Some(false), file: Some(entry.path.clone()), note, ..Self::default() };
        }
        let command = entry.command();
        let starts = command.as_ref().and_then(|command| command.first()).map(PathBuf::from);
        let (enabled, current) = (entry.is_enabled(), starts.as_ref().map(|starts| is_same_file(starts, program)));
        let note = match starts {
            Some(starts) if current == Some(false) => Some(stale_note(&starts)),
            _ if !enabled => Some("disabled; install it again to enable it".into()),
            _ => None,
        };
        Self { installed: Some(true), enabled, current, file: Some(entry.path.clone()), command, note }
    }
}

/// Follows links.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    one == other || real(one).is_some_and(|one| Some(one) == real(other))
}

fn stale_note(starts: &Path) -> String {
    let how = if starts.exists() { "is another program" } else { "does not exist" };
    format!("starts {}, which {how}; install it again to start this one", starts.display())
}
