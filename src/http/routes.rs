//! Which address leads where, behind the guard.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use hyper::Method;
use hyper::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
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
        .fallback(api::nothing)
        .layer(middleware::from_fn_with_state(Arc::clone(&site), guarded))
        .with_state(site)
}

/// Let a request through whose head and body are in order; every answer carries what a browser must know.
async fn guarded(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let _busy = request.extensions().get::<Standing>().map(Standing::busy);
    let mut answer = match admitted(&site, request).await {
        Ok((visitor, request)) => {
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
    answer.headers_mut().extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}

async fn admitted(site: &Site, request: Request) -> Result<(Visitor, Request), Refusal> {
    let (parts, body) = request.into_parts();
    let visitor = site.with_keys(|keys, now| guard::judge(&parts, site.origin, keys, now))?;
    if visitor != Visitor::Anyone
        && let Some(standing) = parts.extensions.get::<Standing>()
    {
        standing.trust();
    }
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LONGEST_BODY) {
        return Err(Refusal::Length);
    }
    let body = tokio::time::timeout(PATIENCE, to_bytes(body, LONGEST_BODY)).await.map_err(|_| Refusal::Slow)?;
    let body = body.map_err(|_| Refusal::Length)?;
    Ok((visitor, Request::from_parts(parts, Body::from(body))))
}
