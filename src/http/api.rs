//! The JSON interface: the same types as the command line's `--json`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::http::HeaderMap;
use jiff::ToSpan;

use super::answer::{self, Trouble};
use super::asked::Asked;
use super::site::Site;
use crate::core::alert::AlertKey;
use crate::core::duration;
use crate::core::facts::HealthDay;
use crate::core::policy::incident_state::Incident;
use crate::core::status::Status;
use crate::engine::commands::{Command, Reply};
use crate::store::alert_history::AlertHistory;
use crate::store::journal::JournalEntry;
use crate::store::task_summary::TaskSummary;

/// More journal entries than this are not told at once.
const MOST_ENTRIES: u32 = 10_000;

/// The status is at hand; an engine that does not tell it in so long is stuck.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ten years.
const MOST_DAYS: u32 = 3660;

type Found<T> = Result<Json<T>, Trouble>;
type Changed = Result<Response, Trouble>;
type Here = State<Arc<Site>>;

/// `GET /api/status`: the engine's, now; where it does not answer, the last that it published.
pub(super) async fn status(State(site): Here, asked: Asked) -> Found<Status> {
    asked.only(&[])?;
    let reply = site.ask_for(PATIENCE, Command::Status).await;
    let now = serde_json::from_value(reply.body).ok();
    let status = now.or_else(|| site.status());
    status.map(Json).ok_or(Trouble::Early)
}

/// `GET /api/alerts?all=true`
pub(super) async fn alerts(State(site): Here, asked: Asked) -> Found<Vec<Incident>> {
    let asked = asked.only(&["all"])?;
    let all = match asked.text("all") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(Trouble::Asked(format!("'all' is true or false, not '{other}'."))),
    };
    Ok(Json(site.store()?.incidents(all)?))
}

/// `GET /api/why?key=…`
pub(super) async fn why(State(site): Here, asked: Asked) -> Found<AlertHistory> {
    let key = key(&asked.only(&["key"])?)?;
    let story = site.store()?.alert_history(&key)?;
    story.map(Json).ok_or_else(|| Trouble::Absent(format!("{key}: never seen.")))
}

/// `GET /api/journal?since=7d&limit=1000`
pub(super) async fn journal(State(site): Here, asked: Asked) -> Found<Vec<JournalEntry>> {
    let asked = asked.only(&["since", "limit"])?;
    let (now, limit) = (site.now(), asked.number("limit", MOST_ENTRIES, MOST_ENTRIES)?);
    let since = asked.text("since").map_or_else(|| Ok(7.days()), duration::parse).map_err(Trouble::Asked)?;
    Ok(Json(site.store()?.journal_since(duration::before(now.timestamp(), since, now.time_zone()), limit)?))
}

/// `GET /api/health-days?days=30`: today is the last of them.
pub(super) async fn health_days(State(site): Here, asked: Asked) -> Found<Vec<HealthDay>> {
    let days = asked.only(&["days"])?.number("days", 30, MOST_DAYS)?;
    let first = site.now().date().saturating_sub((i64::from(days) - 1).days());
    Ok(Json(site.store()?.health_days(first)?))
}

/// `GET /api/tasks`
pub(super) async fn tasks(State(site): Here, asked: Asked) -> Found<TaskSummary> {
    asked.only(&[])?;
    Ok(Json(site.store()?.task_summary(&site.now())?))
}

/// `POST /api/run`: answers when everything has been looked at, with what it came to.
pub(super) async fn run(State(site): Here, headers: HeaderMap, asked: Asked) -> Changed {
    asked.only(&[])?;
    let mut reply = site.ask(Command::RunNow).await;
    if reply.ok && reply.message.is_empty() {
        reply.message = "Everything was looked at.".into();
    }
    Ok(answer::to_change(reply, &headers))
}

/// `POST /api/pause`, with `for` or `until`; without, until resumed.
pub(super) async fn pause(State(site): Here, headers: HeaderMap, asked: Asked) -> Changed {
    let until = asked.only(&["until", "for"])?.until(&site.now())?;
    change(&site, Command::Pause { until }, &headers).await
}

/// `POST /api/resume`
pub(super) async fn resume(State(site): Here, headers: HeaderMap, asked: Asked) -> Changed {
    asked.only(&[])?;
    change(&site, Command::Resume, &headers).await
}

/// `POST /api/ack`, with `key`.
pub(super) async fn acknowledge(State(site): Here, headers: HeaderMap, asked: Asked) -> Changed {
    let key = key(&asked.only(&["key"])?)?;
    change(&site, Command::Acknowledge { key }, &headers).await
}

/// `POST /api/snooze`, with `key` and `for` or `until`.
pub(super) async fn snooze(State(site): Here, headers: HeaderMap, asked: Asked) -> Changed {
    let asked = asked.only(&["key", "until", "for"])?;
    let until = asked.until(&site.now())?.ok_or_else(|| Trouble::Asked("'for' or 'until' is missing.".into()))?;
    change(&site, Command::Snooze { key: key(&asked)?, until }, &headers).await
}

/// `POST /api/quiet`, with `state`, on or off: until the quiet hours next begin or end.
pub(super) async fn quiet(State(site): Here, headers: HeaderMap, asked: Asked) -> Changed {
    let asked = asked.only(&["state"])?;
    let quiet = match asked.needed("state")? {
        "on" => true,
        "off" => false,
        other => return Err(Trouble::Asked(format!("'state' is on or off, not '{other}'."))),
    };
    let boundary = site.status().and_then(|status| status.next_quiet_boundary);
    let until = boundary.ok_or(Trouble::Early)?;
    change(&site, Command::QuietHours { quiet, until }, &headers).await
}

/// `POST /api/reset-circuit`, with `name`.
pub(super) async fn reset_circuit(State(site): Here, headers: HeaderMap, asked: Asked) -> Changed {
    let asked = asked.only(&["name"])?;
    let name = asked.needed("name")?.to_owned();
    change(&site, Command::ResetCircuit { name }, &headers).await
}

async fn change(site: &Site, command: Command, headers: &HeaderMap) -> Changed {
    Ok(answer::to_change(site.ask(command).await, headers))
}

fn key(asked: &Asked) -> Result<AlertKey, Trouble> {
    asked.needed("key")?.parse().map_err(|error| Trouble::Asked(format!("'key': {error}")))
}

/// What is not there.
pub(super) async fn nothing() -> Response {
    Trouble::Absent("There is nothing here.".into()).into_response()
}

/// What is there, but not in this way.
pub(super) async fn wrong_method() -> Response {
    let message = "What is read is asked for with GET, what is changed with POST.";
    (StatusCode::METHOD_NOT_ALLOWED, Json(Reply::refused(message))).into_response()
}
