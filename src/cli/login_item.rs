//! `operator login-item`: start with the person's session, or no more.

use std::process::ExitCode;

use serde_json::json;

use super::args::{Cli, LoginItemCommand};
use super::print::{Cell, Paint, Table, emit, emit_json};
use crate::app::exit::Failure;
use crate::app::load::{AppContext, LogTarget, environment};
use crate::config::paths;
use crate::sys::autostart::{LoginItem, LoginItemError, Mode, State, Status};

/// Do what was asked for.
///
/// # Errors
/// When it cannot be done.
pub fn run(cli: &Cli, change: LoginItemCommand) -> Result<ExitCode, Failure> {
    match change {
        LoginItemCommand::Install { headless } => {
            // A configuration that would not let it start is told now, and not at the next login to nobody.
            let context = AppContext::open(cli.config.as_deref(), environment, cli.verbose, LogTarget::Quiet)?;
            let mode = if headless { Mode::Headless } else { Mode::App };
            let item = LoginItem::here(context.session_root(), context.named_config()).map_err(failed)?;
            tell(cli, &item.install(mode).map_err(failed)?);
        }
        // These need no configuration: they work with a broken one, too.
        LoginItemCommand::Uninstall => tell(cli, &here()?.uninstall().map_err(failed)?),
        LoginItemCommand::Status => {
            let status = here()?.status();
            if cli.json { emit_json(&status) } else { emit(&shown(&status)) }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn here() -> Result<LoginItem, Failure> {
    LoginItem::here(paths::session_root(&environment), None).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err gives it away")]
fn failed(error: LoginItemError) -> Failure {
    Failure::Other(error.to_string())
}

fn tell(cli: &Cli, message: &str) {
    if cli.json {
        emit_json(&json!({ "ok": true, "message": message }));
    } else {
        emit(&format!("{message}\n"));
    }
}

fn shown(status: &Status) -> String {
    let paint = Paint::for_stdout();
    let mut table = Table::default();
    for (name, state) in [("app", &status.app), ("headless", &status.headless)] {
        table.row([Cell::from(name), verdict(paint, state), about(state).into()]);
    }
    table.render()
}

fn verdict(paint: Paint, state: &State) -> Cell {
    let (text, good) = match (state.installed, state.enabled) {
        (None, _) => ("unknown", false),
        (Some(false), _) => return Cell::drawn("not installed", paint.faint("not installed")),
        (Some(true), true) => ("installed", state.current != Some(false)),
        (Some(true), false) => ("installed, off", false),
    };
    Cell::drawn(text, paint.verdict(good, text))
}

/// What is wrong, else where it is.
fn about(state: &State) -> String {
    let place = || Some(state.file.as_ref().filter(|_| state.installed == Some(true))?.display().to_string());
    state.note.clone().or_else(place).unwrap_or_default()
}
