//! `operator check`: try the configuration, every source and channel, one line each with what to do about a failure.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use super::print::{Cell, Paint, Table, emit, emit_json};
use crate::alerters::{Alerter, Failure, FailureKind};
use crate::app::exit;
use crate::app::load::{AppContext, runtime};
use crate::core::alert::Priority;
use crate::core::channel::{Channel, Routing};
use crate::core::facts::TaskReading;
use crate::core::status::OuraConnection;
use crate::core::text;
use crate::monitors::fetch::{SourceReading, fetch};
use crate::monitors::sources::Sources;
use crate::sources::ErrorKind;
use crate::sources::Source;

/// Advice where there is nothing to do.
pub(super) const WAIT: &str = "it may mend itself; Operator goes on trying";

/// One thing that was tried.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    name: String,
    /// `ok`, `off` or `failed`.
    pub(super) result: &'static str,
    pub(super) about: String,
    /// What to do; empty when there is nothing to do.
    pub(super) advice: String,
}

/// Try everything.
///
/// # Errors
/// When it cannot even be tried. What fails is told in the result, and the exit code is 1 then.
pub fn run(context: &AppContext, json: bool) -> Result<ExitCode, exit::Failure> {
    let mut lines = vec![configuration(context), state(context)];
    let runtime = runtime()?;
    lines.extend(runtime.block_on(sources(context)));
    lines.extend(runtime.block_on(channels(context)));
    // A file that never answers must not keep the doctor from its verdict.
    runtime.shutdown_timeout(Duration::from_millis(100));
    let failed = lines.iter().any(|line| line.result == "failed");
    if json {
        emit_json(&lines)
    } else {
        emit(&shown(&lines))
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn configuration(context: &AppContext) -> Line {
    let about = match &context.config_path {
        Some(path) => path.display().to_string(),
        None => "no file: the defaults hold".into(),
    };
    Line { name: "configuration".into(), result: "ok", about, advice: String::new() }
}

fn state(context: &AppContext) -> Line {
    let path = context.state_dir.display().to_string();
    let tried = context.try_writing().and_then(|()| context.readable().map_err(|error| error.to_string()));
    match tried {
        Ok(_) => Line { name: "state".into(), result: "ok", about: path, advice: String::new() },
        Err(about) => {
            let advice = "make the folder writable and its database readable, or set paths.state_dir".into();
            Line { name: "state".into(), result: "failed", about, advice }
        }
    }
}

async fn sources(context: &AppContext) -> Vec<Line> {
    let setup = context.setup();
    let mut lines = Vec::new();
    for source in setup.all() {
        lines.push(self::source(source, &setup, &context.zone()).await);
    }
    lines
}

/// Ask a source for the last week.
pub(super) async fn source(source: Source, setup: &Sources, zone: &TimeZone) -> Line {
    let now = Timestamp::now().to_zoned_datetime(zone.clone());
    let since = now.date().saturating_sub(7.days());
    let mut line = line(source, &fetch(source, setup, true, since, &now).await, now.timestamp());
    if source == Source::Oura && line.result == "ok" {
        line.about.push_str(reached(setup.oura.connection()));
    }
    line
}

fn line(source: Source, answer: &SourceReading, now: Timestamp) -> Line {
    let name = source.to_string();
    let Some(trouble) = answer.error() else {
        return Line { name, result: "ok", about: described(answer, now), advice: String::new() };
    };
    let (result, wait) = match trouble.kind {
        ErrorKind::NotConfigured => ("off", ""),
        ErrorKind::Transient => ("failed", WAIT),
        ErrorKind::ActionRequired => ("failed", ""),
    };
    let advice = if trouble.advice.is_empty() { wait.into() } else { trouble.advice.clone() };
    Line { name, result, about: trouble.to_string(), advice }
}

const fn reached(link: Option<OuraConnection>) -> &'static str {
    match link {
        Some(OuraConnection::Token) => "; its API by sources.oura.token",
        Some(OuraConnection::Connected | OuraConnection::Revoked) => "; its API by your connection",
        Some(OuraConnection::Off) | None => "; its API is not connected",
    }
}

fn described(answer: &SourceReading, now: Timestamp) -> String {
    let about = match answer {
        SourceReading::Health(answer) => answer.reading.as_ref().map(|reading| {
            let synced =
                reading.synced_at.map_or_else(String::new, |at| format!(", synced {}", text::relative(now, at)));
            format!("{}: {}{synced}", reading.source, text::count(reading.days.len(), "day"))
        }),
        SourceReading::Tasks(Ok(reading)) => Some(tasks(reading)),
        SourceReading::Exec(Ok(reading)) => {
            let found = text::count(reading.alerts.len(), "alert");
            Some(if reading.status_line.is_empty() { found } else { reading.status_line.clone() })
        }
        SourceReading::Calendar(Ok(reading)) => {
            Some(format!("connected, {} today", text::count(reading.today, "event")))
        }
        SourceReading::Focus(Ok(file)) => {
            Some(format!("{}: touched {}", file.name, text::relative(now, file.modified)))
        }
        _ => None,
    };
    let notes = answer.notes().join("; ");
    [about.unwrap_or_default(), notes].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" – ")
}

fn tasks(reading: &TaskReading) -> String {
    let promises = reading.commitments.as_ref().map(|promises| text::count(promises.len(), "open promise"));
    let thoughts = reading.thoughts.as_ref().map(|thoughts| text::count(thoughts.len(), "thought"));
    let tasks = Some(text::count(reading.tasks.len(), "open task"));
    [tasks, promises, thoughts].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Nothing is sent here: those that are on say whether they would.
async fn channels(context: &AppContext) -> Vec<Line> {
    let alerters = context.alerters();
    let routing = context.config.alerters.routing();
    let mut lines =
        vec![Line { name: "journal".into(), result: "ok", about: "takes every alert".into(), advice: String::new() }];
    for channel in Channel::OUTSIDE {
        lines.push(self::channel(channel, &alerters, &routing).await);
    }
    lines
}

/// Ask a channel whether it would work.
pub(super) async fn channel(channel: Channel, alerters: &[Arc<dyn Alerter>], routing: &Routing) -> Line {
    let least = routing.0.iter().find(|(known, _)| *known == channel).map(|(_, least)| *least);
    match alerters.iter().find(|alerter| alerter.channel() == channel) {
        Some(alerter) => tried(channel, least.unwrap_or(Priority::Low), alerter.probe().await),
        None => {
            let about = format!("set alerters.{channel}.enabled to use it");
            Line { name: channel.to_string(), result: "off", about, advice: String::new() }
        }
    }
}

fn tried(channel: Channel, least: Priority, outcome: Result<String, Failure>) -> Line {
    let name = channel.to_string();
    match outcome {
        Ok(answer) => {
            let about = format!("from {least} priority: {answer}");
            Line { name, result: "ok", about, advice: String::new() }
        }
        // A machine without a desktop is not broken.
        Err(failure) if failure.kind == FailureKind::NoTransport && failure.hint.is_empty() => {
            Line { name, result: "off", about: failure.message, advice: String::new() }
        }
        Err(failure) => Line { name, result: "failed", about: failure.message, advice: failure.hint },
    }
}

fn shown(lines: &[Line]) -> String {
    let paint = Paint::for_stdout();
    let mut table = Table::default();
    for line in lines {
        let result = match line.result {
            "off" => Cell::drawn("off", paint.faint("off")),
            word => Cell::drawn(word, paint.verdict(word == "ok", word)),
        };
        let advice = if line.advice.is_empty() { String::new() } else { format!(" – {}", line.advice) };
        table.row([line.name.clone().into(), result, format!("{}{advice}", line.about).into()]);
    }
    table.render()
}
