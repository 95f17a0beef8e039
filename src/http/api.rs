//! Health, metrics and the JSON API. The API returns the same types as `--json` on the command line.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use hyper::http::HeaderMap;
use jiff::ToSpan;

use super::health::{HealthReport, HealthStatus};
use super::params::Params;
use super::response::{self, Error};
use super::state::AppState;
use crate::core::duration;
use crate::core::facts::HealthDay;
use crate::core::policy::incident_state::Incident;
use crate::core::status::Status;
use crate::engine::commands::{Command, Reply};
use crate::store::alert_history::AlertHistory;
use crate::store::journal::JournalEntry;
use crate::store::task_summary::TaskSummary;
use crate::telemetry::metrics;

const MAX_ENTRIES: u32 = 10_000;

/// Ten years.
const MAX_DAYS: u32 = 3660;

/// `GET /health`: public, without personal data.
pub(super) async fn health(State(state): State<Arc<AppState>>) -> Response {
    let report = HealthReport::new(state.status().as_ref(), state.engine_runs(), state.now().timestamp());
    let code = match report.status {
        HealthStatus::Ok => StatusCode::OK,
        HealthStatus::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(report)).into_response()
}

/// `GET /metrics`
pub(super) async fn metrics(State(state): State<Arc<AppState>>) -> Response {
    let text = state.config.metrics.encode(state.status().as_ref(), state.now().timestamp());
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

/// `GET /api/status`
pub(super) async fn status(State(state): State<Arc<AppState>>, params: Params) -> Result<Json<Status>, Error> {
    params.allow(&[])?;
    state.current_status().await.map(Json).ok_or(Error::NotReady)
}

/// `GET /api/alerts?all=true`
pub(super) async fn alerts(State(state): State<Arc<AppState>>, params: Params) -> Result<Json<Vec<Incident>>, Error> {
    let all = params.allow(&["all"])?.flag("all", ["true", "false"])?.unwrap_or(false);
    Ok(Json(state.open_store()?.incidents(all)?))
}

/// `GET /api/why?key=…`
pub(super) async fn why(State(state): State<Arc<AppState>>, params: Params) -> Result<Json<AlertHistory>, Error> {
    let key = params.allow(&["key"])?.key()?;
    let history = state.open_store()?.alert_history(&key)?;
    history.map(Json).ok_or_else(|| Error::NotFound(format!("{key}: never seen.")))
}

/// `GET /api/journal?since=7d&limit=1000`
pub(super) async fn journal(
    State(state): State<Arc<AppState>>,
    params: Params,
) -> Result<Json<Vec<JournalEntry>>, Error> {
    let params = params.allow(&["since", "limit"])?;
    let (now, limit) = (state.now(), params.number("limit", MAX_ENTRIES, MAX_ENTRIES)?);
    let span = params.get("since").map_or_else(|| Ok(7.days()), duration::parse).map_err(Error::InvalidParams)?;
    let since = duration::before(now.timestamp(), span, now.time_zone());
    Ok(Json(state.open_store()?.journal_since(since, limit)?))
}

/// `GET /api/health-days?days=30`: the last day is today.
pub(super) async fn health_days(
    State(state): State<Arc<AppState>>,
    params: Params,
) -> Result<Json<Vec<HealthDay>>, Error> {
    let days = params.allow(&["days"])?.number("days", 30, MAX_DAYS)?;
    let first = state.now().date().saturating_sub((i64::from(days) - 1).days());
    Ok(Json(state.open_store()?.health_days(first)?))
}

/// `GET /api/tasks`
pub(super) async fn tasks(State(state): State<Arc<AppState>>, params: Params) -> Result<Json<TaskSummary>, Error> {
    params.allow(&[])?;
    Ok(Json(state.open_store()?.task_summary(&state.now())?))
}

/// `POST /api/run`: responds with the report when the check is complete.
pub(super) async fn run(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    params.allow(&[])?;
    let mut reply = state.send_command(Command::RunNow).await;
    if reply.ok && reply.message.is_empty() {
        reply.message = "The check is complete.".into();
    }
    Ok(response::from_reply(reply, &headers))
}

/// `POST /api/pause`, with `for` or `until`; without both, until resumed.
pub(super) async fn pause(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    let until = params.allow(&["until", "for"])?.until(&state.now())?;
    change(&state, Command::Pause { until }, &headers).await
}

/// `POST /api/resume`
pub(super) async fn resume(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    params.allow(&[])?;
    change(&state, Command::Resume, &headers).await
}

/// `POST /api/ack`, with `key`.
pub(super) async fn acknowledge(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    let key = params.allow(&["key"])?.key()?;
    change(&state, Command::Acknowledge { key }, &headers).await
}

/// `POST /api/snooze`, with `key` and `for` or `until`.
pub(super) async fn snooze(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    let params = params.allow(&["key", "until", "for"])?;
    let missing = || Error::InvalidParams("'for' or 'until' is missing.".into());
    let until = params.until(&state.now())?.ok_or_else(missing)?;
    change(&state, Command::Snooze { key: params.key()?, until }, &headers).await
}

/// `POST /api/quiet`, with `state` on or off, until quiet hours next start or end.
pub(super) async fn quiet(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    let params = params.allow(&["state"])?;
    params.require("state")?;
    let quiet = params.flag("state", ["on", "off"])?.unwrap_or(false);
    let boundary = state.status().and_then(|status| status.next_quiet_boundary);
    let until = boundary.ok_or(Error::NotReady)?;
    change(&state, Command::QuietHours { quiet, until }, &headers).await
}

/// `POST /api/reset-circuit`, with `name`.
pub(super) async fn reset_circuit(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    let name = params.allow(&["name"])?.require("name")?.to_owned();
    change(&state, Command::ResetCircuit { name }, &headers).await
}

async fn change(state: &AppState, command: Command, headers: &HeaderMap) -> Result<Response, Error> {
    Ok(response::from_reply(state.send_command(command).await, headers))
}

pub(super) async fn not_found() -> Response {
    Error::NotFound("Not found.".into()).into_response()
}

pub(super) async fn method_not_allowed() -> Response {
    let message = "Read with GET, change with POST.";
    (StatusCode::METHOD_NOT_ALLOWED, Json(Reply::refused(message))).into_response()
}
