//! Showing a file or a place with the person's own programs.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io, thread};

use super::action::Action;
use crate::core::status::Status;
use crate::http;
use crate::tray::TrayContext;

/// Opens files and addresses with what the person has chosen for them.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Where notifications are allowed: a page of System Settings.
const NOTIFICATION_SETTINGS: &str = "x-apple.systempreferences:com.apple.Notifications-Settings.extension";

/// Show what was asked for, beside the loop: a program may take its time.
pub(crate) fn open(action: &Action, context: &TrayContext, status: &Status) {
    let Some(wanted) = Wanted::of(action, context, status) else { return };
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
    /// The dashboard, by a link that is good once.
    Dashboard { state_dir: PathBuf, address: String },
    /// What one of our own commands prints, kept in a file of this name.
    Answer {
        arguments: Vec<String>,
        config: Option<PathBuf>,
        file: PathBuf,
        /// Where the menu itself shows what a command has changed, only its failure is worth a window.
        only_a_failure: bool,
    },
    /// The set-up, in a terminal: a script of this name begins it.
    Talk { config: Option<PathBuf>, file: PathBuf },
}

impl Wanted {
    fn of(action: &Action, context: &TrayContext, status: &Status) -> Option<Self> {
        let run = |arguments: &[&str], name: &str, only_a_failure| Self::Answer {
            arguments: arguments.iter().map(ToString::to_string).collect(),
            config: context.config_path.clone(),
            file: context.state_dir.join(name),
            only_a_failure,
        };
        let answer = |arguments: &[&str], name: &str| run(arguments, name, false);
        match action {
            Action::ConnectOura => Some(run(&["connect", "oura"], "oura.txt", true)),
            Action::DisconnectOura => Some(run(&["disconnect", "oura"], "oura.txt", true)),
            Action::Why(key) => Some(answer(&["why", key.as_str()], "why.txt")),
            Action::OpenDashboard => {
                Some(Self::Dashboard { state_dir: context.state_dir.clone(), address: status.http.address.clone()? })
            }
            Action::OpenJournal => Some(answer(&["journal"], "journal.txt")),
            Action::SetUp => {
                Some(Self::Talk { config: context.config_path.clone(), file: context.state_dir.join("setup.command") })
            }
            Action::EditConfiguration => Some(Self::Place(context.config_path.as_ref()?.display().to_string())),
            Action::NotificationSettings => Some(Self::Place(NOTIFICATION_SETTINGS.into())),
            _ => None,
        }
    }

    fn show(self) -> io::Result<()> {
        match self {
            Self::Place(place) => shown(&place),
            Self::Dashboard { state_dir, address } => {
                shown(&http::one_time_link(&state_dir, &address).map_err(io::Error::other)?)
            }
            Self::Answer { arguments, config, file, only_a_failure } => {
                let mut program = Command::new(env::current_exe()?);
                if let Some(config) = config {
                    program.arg("--config").arg(config);
                }
                let answer = program.args(arguments).stdin(Stdio::null()).output()?;
                let done = answer.status.success();
                if done && only_a_failure {
                    return Ok(());
                }
                write(&file, if done { &answer.stdout } else { &answer.stderr })?;
                shown(&file.display().to_string())
            }
            Self::Talk { config, file } => {
                write(&file, script(&env::current_exe()?, config.as_deref()).as_bytes())?;
                fs::set_permissions(&file, Permissions::from_mode(0o700))?;
                in_terminal(&file)
            }
        }
    }
}

/// A script that begins the set-up, for a terminal to run. Both macOS' Terminal and the Linux ones take a file, not a command.
fn script(program: &Path, config: Option<&Path>) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let config = config.map_or_else(String::new, |config| format!(" --config {}", quoted(config)));
    format!("#!/bin/sh\n{}{config} setup\nprintf 'Press Enter to close. '; read -r _\n", quoted(program))
}

/// The terminals of Linux desktops, by the names that distributions give to the chosen one; the argument stands before what
/// is run.
const TERMINALS: [(&str, &[&str]); 3] =
    [("xdg-terminal-exec", &[]), ("x-terminal-emulator", &["-e"]), ("xterm", &["-e"])];

fn in_terminal(script: &Path) -> io::Result<()> {
    if cfg!(target_os = "macos") {
        return quietly(Command::new("open").args(["-b", "com.apple.Terminal"]).arg(script)).status().map(drop);
    }
    for (terminal, arguments) in TERMINALS {
        match quietly(Command::new(terminal).args(arguments).arg(script)).spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            // It lives as long as the talk does: waited for, so that nothing is left of it afterwards.
            Ok(mut terminal) => return terminal.wait().map(drop),
        }
    }
    Err(io::Error::other("no terminal is found: run `operator setup` in one"))
}

fn quietly(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// Show an address in the browser, without waiting for it.
///
/// # Errors
/// When there is nothing that opens addresses, or no screen to open it on.
pub fn browse(address: &str) -> io::Result<()> {
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|it| !it.is_empty()));
    if !cfg!(target_os = "macos") && !screen {
        return Err(io::Error::other("there is no screen"));
    }
    let mut opener = Command::new(OPENER);
    opener.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(drop)
}

fn shown(place: &str) -> io::Result<()> {
    let mut opener = Command::new(OPENER);
    if cfg!(target_os = "macos") && !place.contains(':') {
        // Text, whatever it is called.
        opener.arg("-t");
    }
    let opened = opener.arg(place).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    // What follows may let somebody in.
    let place = place.split('?').next().unwrap_or_default();
    if opened.success() { Ok(()) } else { Err(io::Error::other(format!("{OPENER} {place}: {opened}"))) }
}

/// For its owner alone: it tells about a person's health.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?.write_all(text)
}
