//! The routes, and the middleware that authorizes every request.

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

use super::auth::rejection::Rejection;
use super::auth::{self, Principal};
use super::state::{AppState, Authorized};
use super::{api, pages, response};

const MAX_BODY_BYTES: usize = 16 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Everything is loaded from this server, and no inline script runs.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                              form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// In every response.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(super) fn router(state: Arc<AppState>) -> Router {
    Router::new()
        .route("/", get(pages::dashboard))
        .route("/dashboard.css", get(pages::style))
        .route("/dashboard.js", get(pages::script))
        .route("/events", get(pages::events))
        .route("/open", get(pages::open))
        .route("/health", get(api::health))
        .route("/metrics", get(api::metrics))
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
        .method_not_allowed_fallback(api::method_not_allowed)
        .fallback(api::not_found)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), authorize))
        .with_state(state)
}

async fn authorize(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let mut response = match admit(&state, request).await {
        Ok((principal, request)) => {
            let is_dashboard = request.method() == Method::GET && request.uri().path() == "/";
            let mut response = next.run(request).await;
            if principal == (Principal::Browser { renewal_due: true })
                && is_dashboard
                && let Some(cookie) = pages::new_session_cookie(&state)
            {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            response
        }
        Err(rejection) => {
            state.rejections.record(rejection);
            response::from_rejection(rejection, &headers)
        }
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The request with its whole body. The body of a rejected request is not read: a stranger must not hold a connection with it.
async fn admit(state: &AppState, request: Request) -> Result<(Principal, Request), Rejection> {
    let (parts, body) = request.into_parts();
    let principal =
        state.with_credentials(|credentials, now| auth::authorize(&parts, state.config.port, credentials, now))?;
    if principal != Principal::Anonymous
        && let Some(authorized) = parts.extensions.get::<Authorized>()
    {
        authorized.set();
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, read_body(body)).await.unwrap_or(Err(Rejection::Timeout))?;
    Ok((principal, Request::from_parts(parts, Body::from(body))))
}

async fn read_body(body: Body) -> Result<Bytes, Rejection> {
    let (mut chunks, mut bytes) = (body.into_data_stream(), Vec::new());
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.map_err(|_| Rejection::BadRequest)?);
        if bytes.len() > MAX_BODY_BYTES {
            return Err(Rejection::BodyTooLarge);
        }
    }
    Ok(bytes.into())
}
