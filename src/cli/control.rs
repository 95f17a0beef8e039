//! Commands that change state: by the running engine, or on the database when none runs.

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::args::{Cli, Command as Subcommand};
use super::output::{emit, emit_json};
use super::{Outcome, open, renderer};
use crate::app::exit;
use crate::app::load::{AppContext, LogTarget};
use crate::app::runtime::Runtime;
use crate::core::channel::Channel;
use crate::core::duration::after;
use crate::engine::clock::Clock;
use crate::engine::commands::{self, Command, Reply};
use crate::engine::control;
use crate::engine::delivery::test_alert::TestOutcome;

/// Send a command to the running engine. None if no engine runs.
pub(super) fn request(context: &AppContext, command: &Command) -> Result<Option<Reply>, exit::Error> {
    let Some(pid) = context.running_pid() else { return Ok(None) };
    let reply = control::request(&context.state_dir, command);
    let failed = |error| exit::Error::Other(format!("Operator runs (PID {pid}) but does not answer: {error}"));
    reply.map(Some).map_err(failed)
}

/// The body of an accepted reply. `name` names it in the error.
pub(super) fn body<T: DeserializeOwned>(reply: Reply, name: &str) -> Result<T, exit::Error> {
    let unreadable = |error| exit::Error::Other(format!("the running engine's {name} cannot be parsed: {error}"));
    serde_json::from_value(accepted(reply)?.body).map_err(unreadable)
}

fn accepted(reply: Reply) -> Result<Reply, exit::Error> {
    if reply.ok { Ok(reply) } else { Err(exit::Error::Other(reply.message)) }
}

/// Without a running engine, an engine of this process sends the test.
pub(super) fn test_alert(cli: &Cli, channel: Option<Channel>) -> Outcome {
    let context = open(cli, LogTarget::Quiet)?;
    let reply = match request(&context, &Command::TestAlert { channel })? {
        Some(reply) => reply,
        None => {
            let clock = Clock::system();
            let _lock = context.acquire_lock()?;
            let (store, warnings) = context.open_store(clock.now())?;
            let mut engine = context.build_engine(store, clock, false, warnings)?;
            let runtime = Runtime::new()?;
            let reply = runtime.block_on(engine.test_channels(channel));
            runtime.shutdown(Duration::from_millis(100));
            reply
        }
    };
    let outcomes: Vec<TestOutcome> = body(reply, "test outcome")?;
    if cli.json {
        emit_json(&outcomes)
    } else {
        emit(&renderer(&context).tests(&outcomes))
    }
    let all_ok = outcomes.iter().all(|outcome| outcome.ok);
    Ok(if all_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn change(cli: &Cli, subcommand: &Subcommand) -> Outcome {
    let context = open(cli, LogTarget::FileAndStderr)?;
    let now = Timestamp::now();
    let command = command_from(subcommand, now, &context)?;
    let reply = match request(&context, &command)? {
        Some(reply) => reply,
        None => {
            let _lock = context.acquire_lock()?;
            let (mut store, _) = context.open_store(now)?;
            let circuits: Vec<String> = context.sources().all().iter().map(ToString::to_string).collect();
            commands::apply(&mut store, &command, &circuits, now)
                .unwrap_or_else(|| Reply::refused("this command needs a running engine: start Operator first"))
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

fn command_from(subcommand: &Subcommand, now: Timestamp, context: &AppContext) -> Result<Command, exit::Error> {
    let zone = context.time_zone();
    Ok(match subcommand {
        Subcommand::Ack { key } => Command::Acknowledge { key: key.clone() },
        Subcommand::Snooze { key, time } => Command::Snooze { key: key.clone(), until: after(now, *time, &zone) },
        Subcommand::Pause { time } => Command::Pause { until: time.map(|time| after(now, time, &zone)) },
        Subcommand::Resume => Command::Resume,
        Subcommand::Quiet { state } => {
            let until = context.config.quiet_hours.resolve().next_boundary(&now.to_zoned_datetime(zone));
            Command::QuietHours { quiet: state == "on", until }
        }
        Subcommand::ResetCircuit { name } => Command::ResetCircuit { name: name.clone() },
        _ => Command::Status,
    })
}
