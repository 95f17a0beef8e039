//! The command line: one function a command, results on stdout, everything else on stderr.

pub mod args;
mod connect;
pub mod demo;
pub mod doctor;
pub mod login_item;
pub mod print;
pub mod setup;
pub mod show;
mod terminal;

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;

use self::args::{Cli, Command as Subcommand, Connectable, RunArgs};
use self::print::{Paint, emit, emit_json};
use self::show::Look;
use crate::app::daemon;
use crate::app::exit::Failure;
use crate::app::load::{AppContext, LogTarget, environment, runtime};
use crate::core::alert::AlertKey;
use crate::core::channel::Channel;
use crate::core::duration::{ahead, back};
use crate::core::status::Status;
use crate::engine::clock::Clock;
use crate::engine::command::{self, Command, Reply};
use crate::engine::control;
use crate::engine::delivery::test_alert::TestOutcome;
use crate::engine::report::CheckReport;
use crate::http;
use crate::tray::{self};

/// More journal entries than this are not shown at once.
const PAGE: u32 = 10_000;

/// One check waits so long for its messages to go out.
const DELIVERY: Duration = Duration::from_secs(30);

type Done = Result<ExitCode, Failure>;

/// Do what the command line says.
///
/// # Errors
/// When it cannot be done; the failure knows its exit code.
pub fn run(cli: &Cli) -> Done {
    match &cli.command {
        None if cli.run.status => status(cli),
        None if cli.run.once => once(cli, &cli.run),
        None => resident(cli),
        Some(Subcommand::Demo { serve }) => demo::run(cli.verbose, *serve),
        Some(Subcommand::Dashboard { print }) => dashboard(cli, *print),
        Some(Subcommand::Setup) => setup::run(cli.config.as_deref(), environment),
        Some(Subcommand::Check) => doctor::run(&open(cli, LogTarget::Quiet)?, cli.json),
        Some(Subcommand::Alerts { all }) => alerts(cli, *all),
        Some(Subcommand::Why { key }) => why(cli, key),
        Some(Subcommand::Journal { since }) => journal(cli, *since),
        Some(Subcommand::RunNow) => run_now(cli),
        Some(Subcommand::TestAlert { channel }) => test_alert(cli, *channel),
        Some(Subcommand::Connect { source: Connectable::Oura }) => {
            connect::connect(&open(cli, LogTarget::Quiet)?, cli.json)
        }
        Some(Subcommand::Disconnect { source: Connectable::Oura }) => {
            connect::disconnect(&open(cli, LogTarget::Quiet)?, cli.json)
        }
        Some(Subcommand::LoginItem { change }) => login_item::run(cli, *change),
        Some(change) => self::change(cli, change),
    }
}

fn open(cli: &Cli, logs: LogTarget) -> Result<AppContext, Failure> {
    AppContext::open(cli.config.as_deref(), environment, cli.verbose, logs)
}

fn look(context: &AppContext) -> Look {
    Look { paint: Paint::for_stdout(), zone: context.zone(), now: Timestamp::now() }
}

fn resident(cli: &Cli) -> Done {
    let first = !cli.run.dry_run && setup::is_first_start(cli.config.as_deref(), environment);
    if first {
        setup::offer(environment)?;
    }
    let context = open(cli, if cli.run.dry_run { LogTarget::Stderr } else { LogTarget::FileAndStderr })?;
    if first {
        tracing::info!("First start: `operator setup` connects what you have, `operator check` says what is connected");
    }
    if cli.run.headless {
        return daemon::run_headless(&context, cli.run.dry_run);
    }
    daemon::run_in_tray(context, cli.run.dry_run, cli.run.tray)
}

fn once(cli: &Cli, run: &RunArgs) -> Done {
    let context = open(cli, if run.dry_run { LogTarget::Stderr } else { LogTarget::FileAndStderr })?;
    let clock = run.at.map_or_else(Clock::system, Clock::fixed);
    let report = check_once(&context, clock, run.dry_run)?;
    show_report(cli, &context, &report);
    Ok(ExitCode::SUCCESS)
}

/// A whole check in a process of its own, and what it has to say sent as far as that goes in half a minute. A dry run reads what is remembered, takes no lock and leaves no trace.
fn check_once(context: &AppContext, clock: Clock, dry_run: bool) -> Result<CheckReport, Failure> {
    let (_lock, (store, warnings)) = if dry_run {
        (None, (context.for_dry_run(false)?, Vec::new()))
    } else {
        (Some(context.lock()?), context.writable(clock.now())?)
    };
    let mut engine = context.engine(store, clock, dry_run, warnings)?;
    let runtime = runtime()?;
    let report = runtime.block_on(async {
        let report = engine.check_once().await;
        if report.is_ok() {
            engine.deliver(DELIVERY).await;
        }
        report
    });
    // A file that never answers must not keep the process from ending.
    runtime.shutdown_timeout(Duration::from_millis(100));
    Ok(report?)
}

fn show_report(cli: &Cli, context: &AppContext, report: &CheckReport) {
    if cli.json { emit_json(report) } else { emit(&look(context).report(report)) }
}

fn status(cli: &Cli) -> Done {
    let context = open(cli, LogTarget::Quiet)?;
    let status = match ask(&context, &Command::Status) {
        Ok(Some(reply)) => status_in(reply)?,
        other => {
            let known = context.engine(context.readable()?, Clock::system(), false, Vec::new())?.status(false)?;
            // One that has the lock and does not answer is just starting or stopping.
            Status { running: other.is_err(), pid: context.running(), ..known }
        }
    };
    if cli.json {
        emit_json(&status)
    } else {
        emit(&look(&context).status(&status))
    }
    Ok(ExitCode::SUCCESS)
}

fn status_in(reply: Reply) -> Result<Status, Failure> {
    serde_json::from_value(accepted(reply)?.body)
        .map_err(|error| Failure::Other(format!("the running engine's status cannot be read: {error}")))
}

/// Ask the running engine; none if none runs.
fn ask(context: &AppContext, command: &Command) -> Result<Option<Reply>, Failure> {
    let Some(pid) = context.running() else { return Ok(None) };
    let reply = control::ask(&context.state_dir, command);
    let failed = |error| Failure::Other(format!("Operator runs (PID {pid}) but does not answer: {error}"));
    reply.map(Some).map_err(failed)
}

fn accepted(reply: Reply) -> Result<Reply, Failure> {
    if reply.ok { Ok(reply) } else { Err(Failure::Other(reply.message)) }
}

fn run_now(cli: &Cli) -> Done {
    let context = open(cli, LogTarget::FileAndStderr)?;
    let report = match ask(&context, &Command::RunNow)? {
        Some(reply) => serde_json::from_value::<CheckReport>(accepted(reply)?.body)
            .map_err(|error| Failure::Other(format!("the running engine's report cannot be read: {error}")))?,
        None => check_once(&context, Clock::system(), false)?,
    };
    show_report(cli, &context, &report);
    Ok(ExitCode::SUCCESS)
}

/// By the running engine; without one, by an engine that is there for the tests alone.
fn test_alert(cli: &Cli, channel: Option<Channel>) -> Done {
    let context = open(cli, LogTarget::Quiet)?;
    let reply = match ask(&context, &Command::TestAlert { channel })? {
        Some(reply) => reply,
        None => {
            let clock = Clock::system();
            let _lock = context.lock()?;
            let (store, warnings) = context.writable(clock.now())?;
            let mut engine = context.engine(store, clock, false, warnings)?;
            let runtime = runtime()?;
            let reply = runtime.block_on(engine.test_alone(channel));
            runtime.shutdown_timeout(Duration::from_millis(100));
            reply
        }
    };
    let outcomes: Vec<TestOutcome> = serde_json::from_value(accepted(reply)?.body)
        .map_err(|error| Failure::Other(format!("the outcome of the test cannot be read: {error}")))?;
    if cli.json {
        emit_json(&outcomes)
    } else {
        emit(&look(&context).tests(&outcomes))
    }
    let all_well = outcomes.iter().all(|outcome| outcome.ok);
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Commands that only change what is remembered: by the running engine, or on the database when none runs.
fn change(cli: &Cli, wanted: &Subcommand) -> Done {
    let context = open(cli, LogTarget::FileAndStderr)?;
    let now = Timestamp::now();
    let command = command_of(wanted, now, &context)?;
    let reply = match ask(&context, &command)? {
        Some(reply) => reply,
        None => {
            let _lock = context.lock()?;
            let (mut store, _) = context.writable(now)?;
            let circuits: Vec<String> = context.setup().sources().iter().map(ToString::to_string).collect();
            command::remember(&mut store, &command, &circuits, now)
                .unwrap_or_else(|| Reply::refused("not possible here"))
        }
    };
    let reply = accepted(reply)?;
    if cli.json {
        emit_json(&reply)
    } else {
        emit(&format!("{}\n", reply.message))
    }
    Ok(ExitCode::SUCCESS)
}

fn command_of(wanted: &Subcommand, now: Timestamp, context: &AppContext) -> Result<Command, Failure> {
    let zone = context.zone();
    Ok(match wanted {
        Subcommand::Ack { key } => Command::Acknowledge { key: key.clone() },
        Subcommand::Snooze { key, time } => Command::Snooze { key: key.clone(), until: ahead(now, *time, &zone) },
        Subcommand::Pause { time } => Command::Pause { until: time.map(|time| ahead(now, time, &zone)) },
        Subcommand::Resume => Command::Resume,
        Subcommand::Quiet { state } => {
            let until = context.config.quiet_hours.resolve().next_boundary(&now.to_zoned_datetime(zone));
            Command::QuietHours { quiet: state == "on", until }
        }
        Subcommand::ResetCircuit { name } => Command::ResetCircuit { name: name.clone() },
        _ => Command::Status,
    })
}

fn alerts(cli: &Cli, all: bool) -> Done {
    let context = open(cli, LogTarget::Quiet)?;
    let incidents = context.readable()?.incidents(all)?;
    if cli.json {
        emit_json(&incidents)
    } else {
        emit(&look(&context).incidents(&incidents))
    }
    Ok(ExitCode::SUCCESS)
}

fn why(cli: &Cli, key: &AlertKey) -> Done {
    let context = open(cli, LogTarget::Quiet)?;
    let unknown = || Failure::Other(format!("{key}: never seen; `operator alerts --all` lists what was"));
    let story = context.readable()?.alert_history(key)?.ok_or_else(unknown)?;
    if cli.json {
        emit_json(&story);
    } else {
        emit(&look(&context).why(&story));
    }
    Ok(ExitCode::SUCCESS)
}

/// The running engine serves it; the link lets its bearer in.
fn dashboard(cli: &Cli, print: bool) -> Done {
    let context = open(cli, LogTarget::Quiet)?;
    let other = |what: &str| Failure::Other(what.into());
    let reply =
        ask(&context, &Command::Status)?.ok_or_else(|| other("no Operator runs: start it, then open its dashboard"))?;
    let page = status_in(reply)?.http;
    let address = page.address.ok_or_else(|| match page.error {
        Some(trouble) => Failure::Other(format!("the dashboard is not served: {trouble}")),
        None => other("the dashboard is switched off: set http.enabled to true and start Operator again"),
    })?;
    let link = http::one_time_link(&context.state_dir, &address).map_err(Failure::Other)?;
    if cli.json {
        emit_json(&serde_json::json!({ "link": link }));
    } else {
        emit(&format!("{link}\n"));
    }
    if !print && let Err(error) = tray::browse(&link) {
        tracing::warn!("The browser cannot be opened ({error}): follow the link, it is good once within ten minutes");
    }
    Ok(ExitCode::SUCCESS)
}

fn journal(cli: &Cli, since: jiff::Span) -> Done {
    let context = open(cli, LogTarget::Quiet)?;
    let entries = context.readable()?.journal_since(back(Timestamp::now(), since, &context.zone()), PAGE)?;
    if cli.json {
        emit_json(&entries)
    } else {
        emit(&look(&context).journal(&entries))
    }
    Ok(ExitCode::SUCCESS)
}
