//! How Operator shows itself: in the menu bar or the tray, or not at all.

mod action;
mod desk;
mod front;
mod host;
pub mod icon;
pub mod menu;
mod picture;
mod run_loop;
mod tray;

use std::process::ExitCode;

pub use action::Action;
pub use desk::browse;

use crate::app::exit::Failure;
use crate::app::load::AppContext;

/// Run in the tray; where there is none, without a screen, saying so – unless the tray was asked for.
///
/// # Errors
/// When another instance runs, the database cannot be opened, or `wanted` and there is no tray.
pub fn run(context: AppContext, dry_run: bool, wanted: bool) -> Result<ExitCode, Failure> {
    if !dry_run {
        // Where another one runs, that is what should be said.
        drop(context.lock()?);
    }
    match host::look(crate::app::load::environment) {
        Ok(()) => run_loop::run(context, dry_run),
        Err(what) if wanted => Err(Failure::NoTray(format!("{what}; run it with --headless"))),
        Err(what) => {
            tracing::info!("{what}: running headless");
            crate::app::headless::run(&context, dry_run)
        }
    }
}
