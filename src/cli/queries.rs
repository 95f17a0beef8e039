//! Commands that only read: status, alerts, why, journal.

use std::process::ExitCode;

use jiff::Timestamp;
use serde::Serialize;

use super::args::Cli;
use super::output::{emit, emit_json};
use super::render::Renderer;
use super::{Outcome, control, open, renderer};
use crate::app::exit;
use crate::app::load::{AppContext, LogTarget};
use crate::core::alert::AlertKey;
use crate::core::duration::before;
use crate::core::status::Status;
use crate::engine::clock::Clock;
use crate::engine::commands::Command;

/// The most journal entries of one listing.
const MAX_ENTRIES: u32 = 10_000;

pub(super) fn status(cli: &Cli) -> Outcome {
    let context = open(cli, LogTarget::Quiet)?;
    let status = match control::request(&context, &Command::Status) {
        Ok(Some(reply)) => control::body(reply, "status")?,
        other => {
            let stored = context
                .build_engine(context.open_store_read_only()?, Clock::system(), false, Vec::new())?
                .status(false)?;
            // An engine that holds the lock and does not answer is starting or stopping.
            Status { running: other.is_err(), pid: context.running_pid(), ..stored }
        }
    };
    show(cli, &context, &status, Renderer::status)
}

pub(super) fn alerts(cli: &Cli, all: bool) -> Outcome {
    let context = open(cli, LogTarget::Quiet)?;
    let incidents = context.open_store_read_only()?.incidents(all)?;
    show(cli, &context, &incidents, |renderer, incidents| renderer.incidents(incidents))
}

pub(super) fn why(cli: &Cli, key: &AlertKey) -> Outcome {
    let context = open(cli, LogTarget::Quiet)?;
    let unknown = || exit::Error::Other(format!("no alert with key {key}: `operator alerts --all` lists them"));
    let history = context.open_store_read_only()?.alert_history(key)?.ok_or_else(unknown)?;
    show(cli, &context, &history, Renderer::why)
}

pub(super) fn journal(cli: &Cli, since: jiff::Span) -> Outcome {
    let context = open(cli, LogTarget::Quiet)?;
    let entries = context
        .open_store_read_only()?
        .journal_since(before(Timestamp::now(), since, &context.time_zone()), MAX_ENTRIES)?;
    show(cli, &context, &entries, |renderer, entries| renderer.journal(entries))
}

fn show<T: Serialize>(
    cli: &Cli,
    context: &AppContext,
    value: &T,
    render: impl FnOnce(&Renderer, &T) -> String,
) -> Outcome {
    if cli.json {
        emit_json(value)
    } else {
        emit(&render(&renderer(context), value))
    }
    Ok(ExitCode::SUCCESS)
}
