//! Showing a file or a place with the person's own programs.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io, thread};

use super::action::Action;
use crate::app::house::House;

/// Opens files and addresses with what the person has chosen for them.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Where notifications are allowed: a page of System Settings.
const NOTIFICATION_SETTINGS: &str = "x-apple.systempreferences:com.apple.Notifications-Settings.extension";

/// Show what was asked for, beside the loop: a program may take its time.
pub(super) fn open(action: &Action, house: &House) {
    let Some(wanted) = Wanted::of(action, house) else { return };
    let shown = move || {
        if let Err(error) = wanted.show() {
            tracing::warn!("It cannot be shown: {error}");
        }
    };
    if let Err(error) = thread::Builder::new().name("show".into()).spawn(shown) {
        tracing::warn!("It cannot be shown: {error}");
    }
}

enum Wanted {
    /// A file or an address that is there.
    Place(String),
    /// What one of our own commands prints, kept in a file of this name.
    Answer { arguments: Vec<String>, config: Option<PathBuf>, file: PathBuf },
}

impl Wanted {
    fn of(action: &Action, house: &House) -> Option<Self> {
        let answer = |arguments: &[&str], name: &str| Self::Answer {
            arguments: arguments.iter().map(ToString::to_string).collect(),
            config: house.config_path.clone(),
            file: house.state_dir.join(name),
        };
        match action {
            Action::Why(key) => Some(answer(&["why", key.as_str()], "why.txt")),
            Action::OpenJournal => Some(answer(&["journal"], "journal.txt")),
            Action::EditConfiguration => Some(Self::Place(house.config_path.as_ref()?.display().to_string())),
            Action::NotificationSettings => Some(Self::Place(NOTIFICATION_SETTINGS.into())),
            _ => None,
        }
    }

    fn show(self) -> io::Result<()> {
        match self {
            Self::Place(place) => shown(&place),
            Self::Answer { arguments, config, file } => {
                let mut program = Command::new(env::current_exe()?);
                if let Some(config) = config {
                    program.arg("--config").arg(config);
                }
                let answer = program.args(arguments).stdin(Stdio::null()).output()?;
                let text = if answer.status.success() { answer.stdout } else { answer.stderr };
                write(&file, &text)?;
                shown(&file.display().to_string())
            }
        }
    }
}

fn shown(place: &str) -> io::Result<()> {
    let mut opener = Command::new(OPENER);
    if cfg!(target_os = "macos") && !place.contains(':') {
        // Text, whatever it is called.
        opener.arg("-t");
    }
    let opened = opener.arg(place).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if opened.success() { Ok(()) } else { Err(io::Error::other(format!("{OPENER} {place}: {opened}"))) }
}

/// For its owner alone: it tells about a person's health.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?.write_all(text)
}
