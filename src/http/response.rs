//! Turns results and errors into HTTP responses.

use askama::Template;
use axum::Json;
use axum::response::{Html, IntoResponse, Redirect, Response};
use hyper::StatusCode;
use hyper::header::ACCEPT;
use hyper::http::HeaderMap;

use super::auth::rejection::Rejection;
use crate::engine::commands::Reply;
use crate::store;

#[derive(Debug)]
pub(super) enum Error {
    InvalidParams(String),
    NotFound(String),
    /// The engine has not published a snapshot yet.
    NotReady,
    Store(store::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (code, message) = match self {
            Self::InvalidParams(message) => (StatusCode::BAD_REQUEST, message),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, message),
            Self::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "The engine has not reported yet.".into()),
            Self::Store(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        };
        (code, Json(Reply::refused(message))).into_response()
    }
}

/// JSON for a program. A browser whose page runs no script is sent back to the dashboard, or gets the error as a page.
pub(super) fn from_reply(reply: Reply, headers: &HeaderMap) -> Response {
    match (reply.ok, accepts_html(headers)) {
        (true, true) => Redirect::to("/").into_response(),
        (false, true) => (StatusCode::CONFLICT, message_page("Not done", &reply.message)).into_response(),
        (true, false) => Json(reply).into_response(),
        (false, false) => (StatusCode::CONFLICT, Json(reply)).into_response(),
    }
}

pub(super) fn from_rejection(rejection: Rejection, headers: &HeaderMap) -> Response {
    let (code, message, _) = rejection.details();
    if accepts_html(headers) {
        (code, message_page("Access denied", message)).into_response()
    } else {
        (code, Json(Reply::refused(message))).into_response()
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    title: &'a str,
    message: &'a str,
}

fn message_page(title: &str, message: &str) -> Html<String> {
    // Rendering into a string does not fail.
    Html(MessagePage { title, message }.render().unwrap_or_default())
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}
