//! Without a screen: the engine on this thread until a signal ends it.

use std::process::ExitCode;

use super::service::{FAREWELL, Service, announce};
use crate::app::exit::Failure;
use crate::app::house::{House, runtime};

/// Run until SIGTERM or SIGINT.
///
/// # Errors
/// When another instance runs, or the database cannot be opened.
pub fn run(house: &House, dry_run: bool) -> Result<ExitCode, Failure> {
    let service = Service::prepare(house, dry_run)?;
    announce(house, "headless");
    let runtime = runtime()?;
    runtime.block_on(service.run(house))?;
    runtime.shutdown_timeout(FAREWELL);
    Ok(ExitCode::SUCCESS)
}
