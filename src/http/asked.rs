//! What a request asks for: the query of one that reads, the form or JSON object of one that changes something.

use std::collections::BTreeMap;
use std::fmt;

use axum::body::HttpBody;
use axum::extract::{FromRequest, Query, Request};
use axum::{Form, Json};
use hyper::Method;
use hyper::header::CONTENT_TYPE;
use jiff::{Timestamp, ZonedDateTime};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use super::answer::Trouble;
use crate::core::duration;

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
            (Some(until), None) => {
                let unknown = |_| format!("'until' is a moment like 2026-11-20T09:05:00Z, not '{until}'.");
                let moment: Timestamp = until.parse().map_err(unknown).map_err(Trouble::Asked)?;
                if moment <= now.timestamp() {
                    return Err(Trouble::Asked(format!("'until' is past: {until}.")));
                }
                Ok(Some(moment))
            }
            (None, Some(length)) => {
                let span = duration::parse(length).map_err(Trouble::Asked)?;
                Ok(Some(duration::after(now.timestamp(), span, now.time_zone())))
            }
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Asked {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &S) -> Result<Self, Trouble> {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            let query = Query::try_from_uri(request.uri()).map_err(|error| Trouble::Asked(error.body_text()))?;
            return Ok(query.0);
        }
        if request.uri().query().is_some_and(|query| !query.is_empty()) {
            return Err(Trouble::Asked("What is to be changed is said in the body, not in the address.".into()));
        }
        if request.body().is_end_stream() {
            return Ok(Self::default());
        }
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.to_ascii_lowercase().starts_with("application/json") {
            let object = Json::from_request(request, state).await;
            return object.map(|object| object.0).map_err(|error| Trouble::Asked(error.body_text()));
        }
        let form = Form::from_request(request, state).await;
        form.map(|form| form.0).map_err(|error| Trouble::Asked(error.body_text()))
    }
}

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pairs)
    }
}

/// Reads names and values, each name once.
struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Asked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Asked, A::Error> {
        let mut pairs = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if pairs.contains_key(&name) {
                return Err(A::Error::custom(format!("'{name}' is given twice")));
            }
            pairs.insert(name, plain(value));
        }
        Ok(Asked(pairs))
    }
}

fn plain(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}
