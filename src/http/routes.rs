//! Which address leads where, behind the guard.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::StreamExt;
use hyper::Method;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use hyper::http::HeaderValue;

use super::guard::{self, Visitor};
use super::refusal::Refusal;
use super::site::Site;
use super::standing::Standing;
use super::{answer, api, pages};

/// No body of ours is longer (bytes).
const LONGEST_BODY: usize = 16 * 1024;

/// A body that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who is refused gets so long to say the rest, and so much of it (bytes) is listened to: clients read no answer while they speak.
const COURTESY: Duration = Duration::from_secs(1);
const HEARD: usize = 4 * 1024 * 1024;

/// Everything on the page comes from here, and nothing runs that does not stand in its own file.
const CONTENT: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                       form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, CONTENT),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(super) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(pages::dashboard))
        .route("/dashboard.css", get(pages::style))
        .route("/dashboard.js", get(pages::script))
        .route("/events", get(pages::events))
        .route("/open", get(pages::open))
        .route("/health", get(pages::health))
        .route("/metrics", get(pages::metrics))
        .route("/api/status", get(api::status))
        .route("/api/alerts", get(api::alerts))
        .route("/api/why", get(api::why))
        .route("/api/journal", get(api::journal))
        .route("/api/health-days", get(api::health_days))
        .route("/api/tasks", get(api::tasks))
        .route("/api/run", post(api::run))
        .route("/api/pause", post(api::pause))
        .route("/api/resume", post(api::resume))
        .route("/api/ack", post(api::acknowledge))
        .route("/api/snooze", post(api::snooze))
        .route("/api/quiet", post(api::quiet))
        .route("/api/reset-circuit", post(api::reset_circuit))
        .method_not_allowed_fallback(api::wrong_method)
        .fallback(api::nothing)
        .layer(middleware::from_fn_with_state(Arc::clone(&site), guarded))
        .with_state(site)
}

/// Let a request through whose head and body are in order; every answer carries what a browser must know.
async fn guarded(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let mut answer = match admitted(&site, request).await {
        Ok((visitor, request)) => {
            let _busy = request.extensions().get::<Standing>().map(Standing::busy);
            let shows_page = request.method() == Method::GET && request.uri().path() == "/";
            let mut answer = next.run(request).await;
            if visitor == (Visitor::Browser { aging: true })
                && shows_page
                && let Some(cookie) = pages::new_cookie(&site)
            {
                answer.headers_mut().insert(SET_COOKIE, cookie);
            }
            answer
        }
        Err(refusal) => {
            site.refusals.note(refusal);
            answer::to_refused(refusal, &headers)
        }
    };
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

async fn admitted(site: &Site, request: Request) -> Result<(Visitor, Request), Refusal> {
    let (parts, body) = request.into_parts();
    let judged = site.with_keys(|keys, now| guard::judge(&parts, site.origin, keys, now));
    let patience = if judged.is_ok() { PATIENCE } else { COURTESY };
    let body = tokio::time::timeout(patience, taken_in(body)).await;
    let visitor = judged?;
    if visitor != Visitor::Anyone
        && let Some(standing) = parts.extensions.get::<Standing>()
    {
        standing.trust();
    }
    let body = body.unwrap_or(Err(Refusal::Slow))?;
    Ok((visitor, Request::from_parts(parts, Body::from(body))))
}

/// All of a body that is not too long.
async fn taken_in(body: Body) -> Result<Bytes, Refusal> {
    let (mut pieces, mut kept, mut length) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Refusal::Garbled)?;
        length += piece.len();
        if length <= LONGEST_BODY {
            kept.extend_from_slice(&piece);
        } else if length > HEARD {
            break;
        }
    }
    if length <= LONGEST_BODY { Ok(kept.into()) } else { Err(Refusal::Length) }
}
