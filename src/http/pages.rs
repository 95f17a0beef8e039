//! What a browser sees: the way in, the dashboard, and its news.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use futures_util::stream::{self, Stream};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, SET_COOKIE};
use hyper::http::{HeaderMap, HeaderValue};

use super::answer::{self, Trouble};
use super::asked::Asked;
use super::health::{Health, State as PolicyDecision};
use super::keys::SESSION;
use super::refusal::Refusal;
use super::site::Site;
use crate::http::dashboard;
use crate::telemetry::metrics;

/// Changes that come closer upon each other are told as one.
const BURST: Duration = Duration::from_millis(200);

/// A connection that says nothing for longer is taken for dead by what lies between.
const STILL_HERE: Duration = Duration::from_secs(30);

/// `GET /health`: for anybody on this machine, and nothing personal.
pub(super) async fn health(State(site): State<Arc<Site>>) -> Response {
    let health = Health::of(site.status().as_ref(), site.engine_runs(), site.now().timestamp());
    let code = if health.status == PolicyDecision::Ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, axum::Json(health)).into_response()
}

/// `GET /metrics`
pub(super) async fn metrics(State(site): State<Arc<Site>>) -> Response {
    let (now, status) = (site.now().timestamp(), site.status());
    let text = site.metrics.encode(status.as_ref(), now);
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

/// `GET /open?ticket=…`: exchanges a ticket for a cookie. The page then goes on by itself, not by a redirect: a browser that came from
/// elsewhere would not send a strict cookie along with that.
pub(super) async fn open(State(site): State<Arc<Site>>, headers: HeaderMap, asked: Asked) -> Response {
    if !asked.text("ticket").is_some_and(|ticket| site.redeem(ticket)) {
        site.refusals.note(Refusal::Ticket);
        return answer::to_refused(Refusal::Ticket, &headers);
    }
    let Some(cookie) = new_cookie(&site) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let go_on = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Operator</title>\
                 <link rel=\"icon\" href=\"data:,\"><meta http-equiv=\"refresh\" content=\"0;url=/\"></head><body><a href=\"/\">Operator</a></body></html>\n";
    ([(SET_COOKIE, cookie)], Html(go_on)).into_response()
}

/// `Set-Cookie` for a session that begins now.
pub(super) fn new_cookie(site: &Site) -> Option<HeaderValue> {
    let session = site.with_keys(|keys, now| keys.session(now)).ok()?;
    let (name, age) = (site.origin.cookie(), SESSION.as_secs());
    format!("{name}={session}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict").parse().ok()
}

/// `GET /`
pub(super) async fn dashboard(
    State(site): State<Arc<Site>>,
    Query(query): Query<dashboard::Query>,
) -> Result<Html<String>, Trouble> {
    let status = site.status().ok_or(Trouble::Early)?;
    Ok(Html(dashboard::page(&status, &site.store()?, &query, &site.now())?))
}

/// `GET /dashboard.css`
pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], dashboard::STYLE).into_response()
}

/// `GET /dashboard.js`
pub(super) async fn script() -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], dashboard::SCRIPT).into_response()
}

/// `GET /events`: one `changed` for every change of what the page shows.
pub(super) async fn events(
    State(site): State<Arc<Site>>,
) -> Sse<impl Stream<Item = Result<Event, std::convert::Infallible>>> {
    let mut snapshots = site.snapshots.clone();
    snapshots.mark_unchanged();
    let news = stream::unfold((snapshots, site), |(mut snapshots, site)| async move {
        let mut stop = site.stop.clone();
        tokio::select! {
            changed = snapshots.changed() => changed.ok()?,
            _ = stop.wait_for(|stop| *stop) => return None,
        }
        tokio::time::sleep(BURST).await;
        snapshots.mark_unchanged();
        // A browser passes over an event without data.
        Some((Ok(Event::default().event("changed").data("snapshot")), (snapshots, site)))
    });
    Sse::new(news).keep_alive(KeepAlive::new().interval(STILL_HERE))
}
