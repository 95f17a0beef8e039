//! What is installed, for people and scripts.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::file::Entry;

/// Both ways to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The program that asks.
    pub program: PathBuf,
    /// With its icon.
    pub app: State,
    /// As a service.
    pub headless: State,
}

impl Status {
    /// Whether this or another Operator starts with the session in some way; none where only the app could tell.
    #[must_use]
    pub fn starts_at_login(&self) -> Option<bool> {
        let on = |state: &State| state.installed.map(|installed| installed && state.enabled);
        match (on(&self.app), on(&self.headless)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (app, headless) => app.and(headless),
        }
    }
}

/// One way to start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct State {
    /// Whether it is there; none where this program cannot know.
    pub installed: Option<bool>,
    /// Whether it counts: not switched off by the person, and known to the service manager.
    pub enabled: bool,
    /// Whether it starts the program that asks; none if it starts nothing.
    pub current: Option<bool>,
    /// The file that makes it start.
    pub file: Option<PathBuf>,
    /// What is started.
    pub command: Option<Vec<String>>,
    /// What is not as it should be, and what to do.
    pub note: Option<String>,
}

impl State {
    pub(crate) fn of(entry: &Entry, program: &Path) -> Self {
        if !entry.is_there() {
            return Self { installed: Some(false), file: Some(entry.path.clone()), ..Self::default() };
        }
        if let Err(foreign) = entry.refuse_foreign() {
            let note = Some(foreign.to_string());
            return Self { installed: Some(false), file: Some(entry.path.clone()), note, ..Self::default() };
        }
        let command = entry.command();
        let starts = command.as_ref().and_then(|command| command.first()).map(PathBuf::from);
        let (enabled, current) = (entry.is_on(), starts.as_ref().map(|starts| same(starts, program)));
        let note = match starts {
            Some(starts) if current == Some(false) => Some(stale(&starts)),
            _ if !enabled => Some("switched off; install it again to switch it on".into()),
            _ => None,
        };
        Self { installed: Some(true), enabled, current, file: Some(entry.path.clone()), command, note }
    }
}

/// The same file, whatever links lead to it.
fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    one == other || real(one).is_some_and(|one| Some(one) == real(other))
}

fn stale(starts: &Path) -> String {
    let how = if starts.exists() { "is another program than this" } else { "is not there any more" };
    format!("starts {}, which {how}; install it again to start this one", starts.display())
}
