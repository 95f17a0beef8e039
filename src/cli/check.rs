//! `operator check`: test the configuration, every source and every channel.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use crate::alerters::{Alerter, Failure, FailureKind};
use crate::app::exit;
use crate::app::load::AppContext;
use crate::app::runtime::Runtime;
use crate::cli::output::{Cell, Palette, Table, emit, emit_json};
use crate::core::alert::Priority;
use crate::core::channel::{Channel, Routing};
use crate::core::facts::TaskReading;
use crate::core::status::OuraConnection;
use crate::core::text;
use crate::monitors::fetch::{SourceReading, fetch};
use crate::monitors::sources::Sources;
use crate::sources::ErrorKind;
use crate::sources::Source;

/// The hint for an outage.
pub(super) const RETRY_HINT: &str = "Operator keeps retrying";

/// The result of one test.
#[derive(Debug, Serialize)]
pub(super) struct CheckResult {
    name: String,
    /// `ok`, `off` or `failed`.
    pub(super) result: &'static str,
    pub(super) about: String,
    /// The next step for the user; may be empty.
    pub(super) advice: String,
}

pub(super) fn run(context: &AppContext, json: bool) -> Result<ExitCode, exit::Error> {
    let mut lines = vec![configuration(context), state(context)];
    let runtime = Runtime::new()?;
    lines.extend(runtime.block_on(sources(context)));
    lines.extend(runtime.block_on(channels(context)));
    // A read of an unresponsive file must not keep the process alive.
    runtime.shutdown(Duration::from_millis(100));
    let failed = lines.iter().any(|line| line.result == "failed");
    if json {
        emit_json(&lines)
    } else {
        emit(&render(&lines))
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn configuration(context: &AppContext) -> CheckResult {
    let about = match &context.config_path {
        Some(path) => path.display().to_string(),
        None => "no file: the defaults apply".into(),
    };
    CheckResult { name: "configuration".into(), result: "ok", about, advice: String::new() }
}

fn state(context: &AppContext) -> CheckResult {
    let path = context.state_dir.display().to_string();
    let writable =
        context.check_state_dir().and_then(|()| context.open_store_read_only().map_err(|error| error.to_string()));
    match writable {
        Ok(_) => CheckResult { name: "state".into(), result: "ok", about: path, advice: String::new() },
        Err(about) => {
            let advice = "make the folder writable and its database readable, or set paths.state_dir".into();
            CheckResult { name: "state".into(), result: "failed", about, advice }
        }
    }
}

async fn sources(context: &AppContext) -> Vec<CheckResult> {
    let sources = context.sources();
    let mut lines = Vec::new();
    for source in sources.all() {
        lines.push(self::source(source, &sources, &context.time_zone()).await);
    }
    lines
}

/// Fetch the last week from a source.
pub(super) async fn source(source: Source, sources: &Sources, zone: &TimeZone) -> CheckResult {
    let now = Timestamp::now().to_zoned_datetime(zone.clone());
    let since = now.date().saturating_sub(7.days());
    let mut line = line(source, &fetch(source, sources, true, since, &now).await, now.timestamp());
    if source == Source::Oura && line.result == "ok" {
        line.about.push_str(api_access(sources.oura.connection()));
    }
    line
}

fn line(source: Source, answer: &SourceReading, now: Timestamp) -> CheckResult {
    let name = source.to_string();
    let Some(error) = answer.error() else {
        return CheckResult { name, result: "ok", about: describe(answer, now), advice: String::new() };
    };
    let (result, wait) = match error.kind {
        ErrorKind::NotConfigured => ("off", ""),
        ErrorKind::Transient => ("failed", RETRY_HINT),
        ErrorKind::ActionRequired => ("failed", ""),
    };
    let advice = if error.advice.is_empty() { wait.into() } else { error.advice.clone() };
    CheckResult { name, result, about: error.to_string(), advice }
}

const fn api_access(link: Option<OuraConnection>) -> &'static str {
    match link {
        Some(OuraConnection::Token) => "; API: sources.oura.token",
        Some(OuraConnection::Connected | OuraConnection::Revoked) => "; API: connected",
        Some(OuraConnection::Off) | None => "; API: not connected",
    }
}

fn describe(answer: &SourceReading, now: Timestamp) -> String {
    let about = match answer {
        SourceReading::Health(answer) => answer.reading.as_ref().map(|reading| {
            let synced =
                reading.synced_at.map_or_else(String::new, |at| format!(", synced {}", text::relative(now, at)));
            format!("{}: {}{synced}", reading.source, text::count(reading.days.len(), "day"))
        }),
        SourceReading::Tasks(Ok(reading)) => Some(describe_tasks(reading)),
        SourceReading::Exec(Ok(reading)) => {
            let found = text::count(reading.alerts.len(), "alert");
            Some(if reading.status_line.is_empty() { found } else { reading.status_line.clone() })
        }
        SourceReading::Calendar(Ok(reading)) => {
            Some(format!("connected, {} today", text::count(reading.events_today, "event")))
        }
        SourceReading::Focus(Ok(file)) => {
            Some(format!("{}: touched {}", file.name, text::relative(now, file.modified)))
        }
        _ => None,
    };
    let notes = answer.notes().join("; ");
    [about.unwrap_or_default(), notes].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" – ")
}

fn describe_tasks(reading: &TaskReading) -> String {
    let commitments = reading.commitments.as_ref().map(|all| text::count(all.len(), "open commitment"));
    let thoughts = reading.thoughts.as_ref().map(|thoughts| text::count(thoughts.len(), "thought"));
    let tasks = Some(text::count(reading.tasks.len(), "open task"));
    [tasks, commitments, thoughts].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Sends nothing: each enabled channel is probed.
async fn channels(context: &AppContext) -> Vec<CheckResult> {
    let alerters = context.alerters();
    let routing = context.config.alerters.routing();
    let mut lines = vec![CheckResult {
        name: "journal".into(),
        result: "ok",
        about: "takes every alert".into(),
        advice: String::new(),
    }];
    for channel in Channel::OUTSIDE {
        lines.push(self::channel(channel, &alerters, &routing).await);
    }
    lines
}

/// Probe a channel.
pub(super) async fn channel(channel: Channel, alerters: &[Arc<dyn Alerter>], routing: &Routing) -> CheckResult {
    let threshold = routing.0.iter().find(|(known, _)| *known == channel).map(|(_, priority)| *priority);
    match alerters.iter().find(|alerter| alerter.channel() == channel) {
        Some(alerter) => probed(channel, threshold.unwrap_or(Priority::Low), alerter.probe().await),
        None => {
            let about = format!("set alerters.{channel}.enabled to use it");
            CheckResult { name: channel.to_string(), result: "off", about, advice: String::new() }
        }
    }
}

fn probed(channel: Channel, threshold: Priority, outcome: Result<String, Failure>) -> CheckResult {
    let name = channel.to_string();
    match outcome {
        Ok(answer) => {
            let about = format!("from {threshold} priority: {answer}");
            CheckResult { name, result: "ok", about, advice: String::new() }
        }
        // A machine without a desktop is not broken.
        Err(failure) if failure.kind == FailureKind::NoTransport && failure.hint.is_empty() => {
            CheckResult { name, result: "off", about: failure.message, advice: String::new() }
        }
        Err(failure) => CheckResult { name, result: "failed", about: failure.message, advice: failure.hint },
    }
}

fn render(lines: &[CheckResult]) -> String {
    let palette = Palette::for_stdout();
    let mut table = Table::default();
    for line in lines {
        let result = match line.result {
            "off" => Cell::styled("off", palette.faint("off")),
            word => Cell::styled(word, palette.result(word == "ok", word)),
        };
        let advice = if line.advice.is_empty() { String::new() } else { format!(" – {}", line.advice) };
        table.add_row([line.name.clone().into(), result, format!("{}{advice}", line.about).into()]);
    }
    table.render()
}
