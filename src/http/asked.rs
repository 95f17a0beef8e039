//! What a request asks for: the query of one that reads, the form or JSON object of one that changes something.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Query, Request};
use axum::{Form, Json};
use hyper::Method;
use hyper::header::CONTENT_TYPE;
use jiff::{Timestamp, ZonedDateTime};
use serde_json::Value;

use super::answer::Trouble;
use crate::core::span;

/// Names and values; a value that is empty is not there.
#[derive(Debug, Default)]
pub(super) struct Asked(BTreeMap<String, String>);

impl Asked {
    /// Refuse names that mean nothing here: a slip of the pen must not pass for a wish.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, Trouble> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) if known.is_empty() => Err(Trouble::Asked(format!("'{name}' means nothing here."))),
            Some(name) => Err(Trouble::Asked(format!("'{name}' means nothing here; known: {}.", known.join(", ")))),
            None => Ok(self),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub(super) fn needed(&self, name: &str) -> Result<&str, Trouble> {
        self.text(name).ok_or_else(|| Trouble::Asked(format!("'{name}' is missing.")))
    }

    /// A number within bounds.
    pub(super) fn number(&self, name: &str, default: u32, most: u32) -> Result<u32, Trouble> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| Trouble::Asked(format!("'{name}' is a number from 1 to {most}, not '{text}'.")))
    }

    /// The moment that `until` names, or to which `for` leads.
    pub(super) fn until(&self, now: &ZonedDateTime) -> Result<Option<Timestamp>, Trouble> {
        match (self.text("until"), self.text("for")) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Trouble::Asked("Give 'until' or 'for', not both.".into())),
            (Some(until), None) => until
                .parse()
                .map(Some)
                .map_err(|_| Trouble::Asked(format!("'until' is a moment like 2026-11-20T09:05:00Z, not '{until}'."))),
            (None, Some(length)) => {
                let span = span::parse(length).map_err(Trouble::Asked)?;
                Ok(Some(span::ahead(now.timestamp(), span, now.time_zone())))
            }
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Asked {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &S) -> Result<Self, Trouble> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            let query = Query::try_from_uri(request.uri()).map_err(|error| Trouble::Asked(error.to_string()))?;
            return Ok(Self(query.0));
        }
        if kind.is_empty() {
            return Ok(Self::default());
        }
        if kind.starts_with("application/json") {
            let object: Json<BTreeMap<String, Value>> =
                Json::from_request(request, state).await.map_err(|error| Trouble::Asked(error.body_text()))?;
            return Ok(Self(object.0.into_iter().map(|(name, value)| (name, plain(value))).collect()));
        }
        let form = Form::from_request(request, state).await.map_err(|error| Trouble::Asked(error.to_string()))?;
        Ok(Self(form.0))
    }
}

fn plain(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}
