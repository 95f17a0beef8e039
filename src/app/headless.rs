//! Without a screen: the engine on this thread until a signal ends it.

use std::process::ExitCode;

use crate::app::daemon::{FAREWELL, Service, announce};
use crate::app::exit::Failure;
use crate::app::load::{AppContext, runtime};
use crate::core::status::HttpState;
use crate::engine::clock::Clock;

/// Run until SIGTERM or SIGINT.
///
/// # Errors
/// When another instance runs, or the database cannot be opened.
pub fn run(context: &AppContext, dry_run: bool) -> Result<ExitCode, Failure> {
    let service = Service::prepare(context, dry_run)?;
    announce(context, "headless");
    keep_running(service, context)
}

/// The same by another clock, telling first how the page does.
///
/// # Errors
/// As above.
pub fn run_by(clock: Clock, context: &AppContext, tell: impl FnOnce(&HttpState)) -> Result<ExitCode, Failure> {
    let service = Service::prepare_by(clock, context, false)?;
    tell(&service.page().unwrap_or_default());
    keep_running(service, context)
}

fn keep_running(service: Service, context: &AppContext) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    runtime.block_on(service.run(context))?;
    // The engine has waited for a renewal already.
    runtime.end(FAREWELL, FAREWELL);
    Ok(ExitCode::SUCCESS)
}
