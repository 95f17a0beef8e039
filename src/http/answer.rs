//! How results become answers.

use axum::Json;
use axum::response::{Html, IntoResponse, Redirect, Response};
use hyper::StatusCode;
use hyper::header::ACCEPT;
use hyper::http::HeaderMap;

use super::refusal::Refusal;
use crate::engine::commands::Reply;
use crate::store;

/// Why there is no result.
#[derive(Debug)]
pub(super) enum Trouble {
    /// What is asked for cannot be understood.
    Asked(String),
    /// It is not there.
    Absent(String),
    /// The engine has not published anything.
    Early,
    /// The database fails.
    Store(store::Error),
}

impl From<store::Error> for Trouble {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (code, message) = match self {
            Self::Asked(what) => (StatusCode::BAD_REQUEST, what),
            Self::Absent(what) => (StatusCode::NOT_FOUND, what),
            Self::Early => (StatusCode::SERVICE_UNAVAILABLE, "The engine has not said anything yet.".into()),
            Self::Store(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        };
        (code, Json(Reply::refused(message))).into_response()
    }
}

/// What a change came to: JSON for programs, and for a browser whose page runs no script the page anew.
pub(super) fn to_change(reply: Reply, headers: &HeaderMap) -> Response {
    match (reply.ok, wants_page(headers)) {
        (true, true) => Redirect::to("/").into_response(),
        (false, true) => (StatusCode::CONFLICT, words("Not done", &reply.message)).into_response(),
        (true, false) => Json(reply).into_response(),
        (false, false) => (StatusCode::CONFLICT, Json(reply)).into_response(),
    }
}

/// What who is refused gets to read.
pub(super) fn to_refused(refusal: Refusal, headers: &HeaderMap) -> Response {
    let message = refusal.message();
    if wants_page(headers) {
        return (refusal.status(), words("Not let in", message)).into_response();
    }
    (refusal.status(), Json(Reply::refused(message))).into_response()
}

/// A page of few words.
pub(super) fn words(title: &str, message: &str) -> Html<String> {
    let (title, message) = (escaped(title), escaped(message));
    Html(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} – Operator</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\"></head>\
         <body><main><h1>{title}</h1><p>{message}</p><p><a href=\"/\">Operator</a></p></main></body></html>\n"
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}
