//! The parameters of a request: the query of a read, the form or JSON object of a change.

use std::collections::BTreeMap;
use std::fmt;

use axum::body::HttpBody;
use axum::extract::{FromRequest, Query, Request};
use axum::{Form, Json};
use hyper::Method;
use hyper::header::CONTENT_TYPE;
use jiff::{Timestamp, ZonedDateTime};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::response::Error;
use crate::core::alert::AlertKey;
use crate::core::duration;

/// Names with values. An empty value counts as missing.
#[derive(Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reject unknown names, so that a typo is not ignored.
    pub(super) fn allow(self, known: &[&str]) -> Result<Self, Error> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) if known.is_empty() => invalid(format!("Unknown field '{name}': this request takes none.")),
            Some(name) => invalid(format!("Unknown field '{name}'; known: {}.", known.join(", "))),
            None => Ok(self),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, Error> {
        self.get(name).ok_or_else(|| Error::InvalidParams(format!("'{name}' is missing.")))
    }

    /// One of two words: true for the first. None if it is missing.
    pub(super) fn flag(&self, name: &str, [on, off]: [&str; 2]) -> Result<Option<bool>, Error> {
        match self.get(name) {
            None => Ok(None),
            Some(value) if value == on || value == off => Ok(Some(value == on)),
            Some(other) => invalid(format!("'{name}' is {on} or {off}, not '{other}'.")),
        }
    }

    /// From 1 to `max`.
    pub(super) fn number(&self, name: &str, default: u32, max: u32) -> Result<u32, Error> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (1..=max).contains(number));
        number.ok_or_else(|| Error::InvalidParams(format!("'{name}' is a number from 1 to {max}, not '{text}'.")))
    }

    pub(super) fn key(&self) -> Result<AlertKey, Error> {
        self.require("key")?.parse().map_err(|error| Error::InvalidParams(format!("'key': {error}")))
    }

    /// The end of `for` or the time of `until`.
    pub(super) fn until(&self, now: &ZonedDateTime) -> Result<Option<Timestamp>, Error> {
        match (self.get("until"), self.get("for")) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => invalid("Send 'until' or 'for', not both.".into()),
            (Some(until), None) => match until.parse() {
                Ok(at) if at > now.timestamp() => Ok(Some(at)),
                Ok(_) => invalid(format!("'until' is in the past: {until}.")),
                Err(_) => invalid(format!("'until' is a time like 2026-11-20T09:05:00Z, not '{until}'.")),
            },
            (None, Some(length)) => {
                let span = duration::parse(length).map_err(Error::InvalidParams)?;
                Ok(Some(duration::after(now.timestamp(), span, now.time_zone())))
            }
        }
    }
}

fn invalid<T>(message: String) -> Result<T, Error> {
    Err(Error::InvalidParams(message))
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            let query = Query::try_from_uri(request.uri());
            return query.map(|query| query.0).map_err(|error| Error::InvalidParams(error.body_text()));
        }
        if request.uri().query().is_some_and(|query| !query.is_empty()) {
            return invalid("Send values in the body, not in the address.".into());
        }
        if request.body().is_end_stream() {
            return Ok(Self::default());
        }
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.to_ascii_lowercase().starts_with("application/json") {
            let object = Json::from_request(request, state).await;
            return object.map(|object| object.0).map_err(|error| Error::InvalidParams(error.body_text()));
        }
        let form = Form::from_request(request, state).await;
        form.map(|form| form.0).map_err(|error| Error::InvalidParams(error.body_text()))
    }
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueNames)
    }
}

/// Rejects a repeated name, which serde's maps accept.
struct UniqueNames;

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Params;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params, A::Error> {
        let mut params = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if params.contains_key(&name) {
                return Err(A::Error::custom(format!("'{name}' is given twice")));
            }
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => text,
                other => other.to_string(),
            };
            params.insert(name, text);
        }
        Ok(Params(params))
    }
}
