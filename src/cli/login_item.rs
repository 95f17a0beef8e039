//! `operator login-item`: start Operator at login.

use std::process::ExitCode;

use serde_json::json;

use super::args::{Cli, LoginItemCommand};
use crate::app::exit;
use crate::app::load::{AppContext, LogTarget, environment};
use crate::cli::output::{Cell, Palette, Table, emit, emit_json};
use crate::config::paths;
use crate::sys::autostart::{self, LoginItem, Mode, State, Status};

pub(super) fn run(cli: &Cli, change: LoginItemCommand) -> Result<ExitCode, exit::Error> {
    match change {
        LoginItemCommand::Install { headless } => {
            // A wrong configuration is reported now, because no user sees the error at the next login.
            let context = AppContext::load(cli.config.as_deref(), environment, cli.verbose, LogTarget::Quiet)?;
            let mode = if headless { Mode::Headless } else { Mode::App };
            let item = LoginItem::here(context.session_root(), context.named_config()).map_err(failed)?;
            emit_message(cli, &item.install(mode).map_err(failed)?);
        }
        // Uninstall and status work with a broken configuration.
        LoginItemCommand::Uninstall => emit_message(cli, &here()?.uninstall().map_err(failed)?),
        LoginItemCommand::Status => {
            let status = here()?.status();
            if cli.json { emit_json(&status) } else { emit(&render(&status)) }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn here() -> Result<LoginItem, exit::Error> {
    LoginItem::here(paths::session_root(&environment), None).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes it by value")]
fn failed(error: autostart::Error) -> exit::Error {
    exit::Error::Other(error.to_string())
}

fn emit_message(cli: &Cli, message: &str) {
    if cli.json {
        emit_json(&json!({ "ok": true, "message": message }));
    } else {
        emit(&format!("{message}\n"));
    }
}

fn render(status: &Status) -> String {
    let palette = Palette::for_stdout();
    let mut table = Table::default();
    for (name, state) in [("app", &status.app), ("headless", &status.headless)] {
        table.add_row([Cell::from(name), state_cell(palette, state), detail(state).into()]);
    }
    table.render()
}

fn state_cell(palette: Palette, state: &State) -> Cell {
    let (text, ok) = match (state.installed, state.enabled) {
        (None, _) => ("unknown", false),
        (Some(false), _) => return Cell::styled("not installed", palette.faint("not installed")),
        (Some(true), true) => ("installed", state.current != Some(false)),
        (Some(true), false) => ("installed, off", false),
    };
    Cell::styled(text, palette.result(ok, text))
}

/// The problem, else the file.
fn detail(state: &State) -> String {
    let file = || Some(state.file.as_ref().filter(|_| state.installed == Some(true))?.display().to_string());
    state.note.clone().or_else(file).unwrap_or_default()
}
