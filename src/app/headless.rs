//! Without a screen: the engine on this thread until a signal ends it.

use std::process::ExitCode;

use crate::app::daemon::{FAREWELL, Service, announce};
use crate::app::exit::Failure;
use crate::app::load::{House, runtime};
use crate::core::status::PageState;
use crate::engine::clock::Clock;

/// Run until SIGTERM or SIGINT.
///
/// # Errors
/// When another instance runs, or the database cannot be opened.
pub fn run(house: &House, dry_run: bool) -> Result<ExitCode, Failure> {
    let service = Service::prepare(house, dry_run)?;
    announce(house, "headless");
    keep_running(service, house)
}

/// The same by another clock, telling first how the page does.
///
/// # Errors
/// As above.
pub fn run_by(clock: Clock, house: &House, tell: impl FnOnce(&PageState)) -> Result<ExitCode, Failure> {
    let service = Service::prepare_by(clock, house, false)?;
    tell(&service.page().unwrap_or_default());
    keep_running(service, house)
}

fn keep_running(service: Service, house: &House) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    runtime.block_on(service.run(house))?;
    // The engine has waited for a renewal already.
    runtime.end(FAREWELL, FAREWELL);
    Ok(ExitCode::SUCCESS)
}
