//! The pages of a browser: the one-time link, the dashboard and its event stream.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use futures_util::stream::{self, Stream};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, SET_COOKIE};
use hyper::http::{HeaderMap, HeaderValue};

use super::auth::cookie_name;
use super::auth::credentials::SESSION_LIFETIME;
use super::auth::rejection::Rejection;
use super::dashboard::{self, DashboardQuery};
use super::params::Params;
use super::response::{self, Error};
use super::state::AppState;

/// Changes within this time become one event.
const EVENT_DEBOUNCE: Duration = Duration::from_millis(200);

/// Proxies and browsers drop a stream that is silent for longer.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// A browser that came from another site would not send a `SameSite=Strict` cookie along with a redirect.
const RELOAD_PAGE: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Operator</title>\
    <link rel=\"icon\" href=\"data:,\"><meta http-equiv=\"refresh\" content=\"0;url=/\"></head>\
    <body><a href=\"/\">Operator</a></body></html>\n";

/// `GET /open?ticket=…`: exchanges a ticket for a session cookie.
pub(super) async fn open(State(state): State<Arc<AppState>>, headers: HeaderMap, params: Params) -> Response {
    let redeem = |ticket| state.with_credentials(|credentials, now| credentials.redeem_ticket(ticket, now));
    if !params.get("ticket").is_some_and(redeem) {
        state.rejections.record(Rejection::InvalidTicket);
        return response::from_rejection(Rejection::InvalidTicket, &headers);
    }
    match new_session_cookie(&state) {
        Some(cookie) => ([(SET_COOKIE, cookie)], Html(RELOAD_PAGE)).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// The `Set-Cookie` header of a new session. None if the system has no random numbers.
pub(super) fn new_session_cookie(state: &AppState) -> Option<HeaderValue> {
    let session = state.with_credentials(|credentials, now| credentials.new_session(now)).ok()?;
    let (name, max_age) = (cookie_name(state.config.port), SESSION_LIFETIME.as_secs());
    format!("{name}={session}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict").parse().ok()
}

/// `GET /`
pub(super) async fn dashboard(
    State(state): State<Arc<AppState>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Html<String>, Error> {
    let status = state.status().ok_or(Error::NotReady)?;
    let query = DashboardQuery::from_pairs(&pairs);
    Ok(Html(dashboard::render(&status, &state.open_store()?, &query, &state.now())?))
}

/// `GET /dashboard.css`
pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], dashboard::STYLE).into_response()
}

/// `GET /dashboard.js`
pub(super) async fn script() -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], dashboard::SCRIPT).into_response()
}

/// `GET /events`: a `changed` event after each change of the snapshot.
pub(super) async fn events(
    State(state): State<Arc<AppState>>,
) -> Sse<impl Stream<Item = Result<Event, std::convert::Infallible>>> {
    let mut snapshots = state.config.snapshots.clone();
    snapshots.mark_unchanged();
    let events = stream::unfold((snapshots, state), |(mut snapshots, state)| async move {
        let mut stop = state.config.stop.clone();
        tokio::select! {
            changed = snapshots.changed() => changed.ok()?,
            _ = stop.wait_for(|stop| *stop) => return None,
        }
        tokio::time::sleep(EVENT_DEBOUNCE).await;
        snapshots.mark_unchanged();
        // Browsers ignore an event without data.
        Some((Ok(Event::default().event("changed").data("snapshot")), (snapshots, state)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL))
}
