//! Opens files, addresses and terminals with the user's programs.

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

/// Opens files and addresses with the user's default programs.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// The notification page of System Settings.
const NOTIFICATION_SETTINGS: &str = "x-apple.systempreferences:com.apple.Notifications-Settings.extension";

/// Open the target of an action on a thread: programs may be slow.
pub(crate) fn open_target(action: &Action, context: &TrayContext, status: &Status) {
    let Some(target) = OpenTarget::from_action(action, context, status) else { return };
    let open = move || {
        if let Err(error) = target.open() {
            tracing::warn!(%error, "target not opened");
        }
    };
    if let Err(error) = thread::Builder::new().name("open".into()).spawn(open) {
        tracing::warn!(%error, "target not opened");
    }
}

enum OpenTarget {
    /// A path or an address.
    Path(String),
    /// The dashboard, by a one-time link.
    Dashboard { state_dir: PathBuf, address: String },
    /// The output of one of our commands, written to a file.
    CommandOutput {
        arguments: Vec<String>,
        config: Option<PathBuf>,
        file: PathBuf,
        /// The menu shows success: open a window for errors only.
        errors_only: bool,
    },
    /// The setup in a terminal, started by a script.
    Terminal { config: Option<PathBuf>, file: PathBuf },
}

impl OpenTarget {
    fn from_action(action: &Action, context: &TrayContext, status: &Status) -> Option<Self> {
        let run = |arguments: &[&str], name: &str, errors_only| Self::CommandOutput {
            arguments: arguments.iter().map(ToString::to_string).collect(),
            config: context.config_path.clone(),
            file: context.state_dir.join(name),
            errors_only,
        };
        let output = |arguments: &[&str], name: &str| run(arguments, name, false);
        match action {
            Action::ConnectOura => Some(run(&["connect", "oura"], "oura.txt", true)),
            Action::DisconnectOura => Some(run(&["disconnect", "oura"], "oura.txt", true)),
            Action::Why(key) => Some(output(&["why", key.as_str()], "why.txt")),
            Action::OpenDashboard => {
                Some(Self::Dashboard { state_dir: context.state_dir.clone(), address: status.http.address.clone()? })
            }
            Action::OpenJournal => Some(output(&["journal"], "journal.txt")),
            Action::SetUp => Some(Self::Terminal {
                config: context.config_path.clone(),
                file: context.state_dir.join("setup.command"),
            }),
            Action::EditConfiguration => Some(Self::Path(context.config_path.as_ref()?.display().to_string())),
            Action::NotificationSettings => Some(Self::Path(NOTIFICATION_SETTINGS.into())),
            _ => None,
        }
    }

    fn open(self) -> io::Result<()> {
        match self {
            Self::Path(path) => open_with_default(&path),
            Self::Dashboard { state_dir, address } => {
                open_with_default(&http::one_time_link(&state_dir, &address).map_err(io::Error::other)?)
            }
            Self::CommandOutput { arguments, config, file, errors_only } => {
                let mut program = Command::new(env::current_exe()?);
                if let Some(config) = config {
                    program.arg("--config").arg(config);
                }
                let output = program.args(arguments).stdin(Stdio::null()).output()?;
                let done = output.status.success();
                if done && errors_only {
                    return Ok(());
                }
                write_private(&file, if done { &output.stdout } else { &output.stderr })?;
                open_with_default(&file.display().to_string())
            }
            Self::Terminal { config, file } => {
                write_private(&file, script(&env::current_exe()?, config.as_deref()).as_bytes())?;
                fs::set_permissions(&file, Permissions::from_mode(0o700))?;
                in_terminal(&file)
            }
        }
    }
}

/// A script that starts the setup. Terminals on macOS and Linux take a file, not a command.
fn script(program: &Path, config: Option<&Path>) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let config = config.map_or_else(String::new, |config| format!(" --config {}", quoted(config)));
    format!("#!/bin/sh\n{}{config} setup\nprintf 'Press Enter to close. '; read -r _\n", quoted(program))
}

/// Terminals of Linux desktops, and the argument before the command.
const TERMINALS: [(&str, &[&str]); 3] =
    [("xdg-terminal-exec", &[]), ("x-terminal-emulator", &["-e"]), ("xterm", &["-e"])];

fn in_terminal(script: &Path) -> io::Result<()> {
    if cfg!(target_os = "macos") {
        return without_stdio(Command::new("open").args(["-b", "com.apple.Terminal"]).arg(script)).status().map(drop);
    }
    for (terminal, arguments) in TERMINALS {
        match without_stdio(Command::new(terminal).args(arguments).arg(script)).spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            // Waiting avoids a zombie process.
            Ok(mut terminal) => return terminal.wait().map(drop),
        }
    }
    Err(io::Error::other("no terminal found: run `operator setup` in one"))
}

fn without_stdio(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// Open an address in the browser, without waiting.
pub fn open_in_browser(address: &str) -> io::Result<()> {
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|it| !it.is_empty()));
    if !cfg!(target_os = "macos") && !screen {
        return Err(io::Error::other("there is no screen"));
    }
    let mut opener = Command::new(OPENER);
    opener.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(drop)
}

fn open_with_default(path: &str) -> io::Result<()> {
    let mut opener = Command::new(OPENER);
    if cfg!(target_os = "macos") && !path.contains(':') {
        // -t opens any file as text.
        opener.arg("-t");
    }
    let opened = opener.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    // The query can hold a one-time ticket.
    let path = path.split('?').next().unwrap_or_default();
    if opened.success() { Ok(()) } else { Err(io::Error::other(format!("{OPENER} {path}: {opened}"))) }
}

/// Mode 0600: the text can hold health data.
fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?.write_all(text)
}
