//! Running: resident in the menu bar or headless, and single checks.

use std::process::ExitCode;
use std::time::Duration;

use super::args::Cli;
use super::output::{emit, emit_json};
use super::{Outcome, control, open, renderer, setup};
use crate::app::daemon;
use crate::app::exit;
use crate::app::load::{AppContext, LogTarget, environment};
use crate::app::runtime::Runtime;
use crate::engine::clock::Clock;
use crate::engine::commands::Command;
use crate::engine::report::CheckReport;

/// A single check waits this long for its messages.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn resident(cli: &Cli) -> Outcome {
    let is_first_start = !cli.run.dry_run && setup::is_first_start(cli.config.as_deref(), environment);
    if is_first_start {
        setup::offer(environment)?;
    }
    let context = open(cli, log_target(cli.run.dry_run))?;
    if is_first_start {
        tracing::info!("first start: run `operator setup` to connect sources, `operator check` to test them");
    }
    if cli.run.headless {
        return daemon::run_headless(&context, cli.run.dry_run);
    }
    daemon::run_in_tray(context, cli.run.dry_run, cli.run.tray)
}

pub(super) fn once(cli: &Cli) -> Outcome {
    let context = open(cli, log_target(cli.run.dry_run))?;
    let clock = cli.run.at.map_or_else(Clock::system, Clock::fixed);
    let report = check_once(&context, clock, cli.run.dry_run)?;
    emit_report(cli, &context, &report);
    Ok(ExitCode::SUCCESS)
}

/// `run-now`: by the running engine, else in this process.
pub(super) fn now(cli: &Cli) -> Outcome {
    let context = open(cli, LogTarget::FileAndStderr)?;
    let report = match control::request(&context, &Command::RunNow)? {
        Some(reply) => control::body(reply, "report")?,
        None => check_once(&context, Clock::system(), false)?,
    };
    emit_report(cli, &context, &report);
    Ok(ExitCode::SUCCESS)
}

/// Check everything in this process, and deliver for at most 30 s. A dry run takes no lock and writes nothing.
fn check_once(context: &AppContext, clock: Clock, dry_run: bool) -> Result<CheckReport, exit::Error> {
    let (_lock, (store, warnings)) = if dry_run {
        (None, (context.open_dry_run_store(false)?, Vec::new()))
    } else {
        (Some(context.acquire_lock()?), context.open_store(clock.now())?)
    };
    let mut engine = context.build_engine(store, clock, dry_run, warnings)?;
    let runtime = Runtime::new()?;
    let report = runtime.block_on(async {
        let report = engine.check_once().await;
        if report.is_ok() {
            engine.deliver(DELIVERY_TIMEOUT).await;
        }
        report
    });
    // A read of an unresponsive file must not keep the process alive.
    runtime.shutdown(Duration::from_millis(100));
    Ok(report?)
}

fn emit_report(cli: &Cli, context: &AppContext, report: &CheckReport) {
    if cli.json { emit_json(report) } else { emit(&renderer(context).report(report)) }
}

/// A dry run leaves no trace, not even a log file.
const fn log_target(dry_run: bool) -> LogTarget {
    if dry_run { LogTarget::Stderr } else { LogTarget::FileAndStderr }
}
