//! Fetches one page of a collection of Oura's API.

use reqwest::Url;
use serde_json::Value;

use super::SOURCE;
use crate::sources::Error;
use crate::sources::http::{self, JsonClient, Status};

pub(crate) struct Page {
    pub(crate) documents: Vec<Value>,
    pub(crate) next_token: Option<String>,
}

pub(crate) struct Failure {
    pub(crate) error: Error,
    /// The token lacks the scope of this collection, or the collection does not exist.
    pub(crate) is_out_of_scope: bool,
    /// Another token may be accepted.
    pub(crate) is_token_refused: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, is_out_of_scope: false, is_token_refused: false }
    }
}

pub(crate) async fn fetch_page(client: &JsonClient<'_>, collection: &str, url: &Url) -> Result<Page, Failure> {
    match client.get(url).await {
        Ok((json, _)) => parse_page(collection, json),
        Err(http::Failure::Source(error)) => Err(error.into()),
        Err(http::Failure::Status(status)) => Err(explain_status(collection, status)),
    }
}

/// `{"data":[…],"next_token":string|null}`.
fn parse_page(collection: &str, mut json: Value) -> Result<Page, Failure> {
    let invalid =
        |problem: &str| Failure::from(Error::transient(SOURCE, format!("the answer to {collection} {problem}")));
    let Some(Value::Array(documents)) = json.get_mut("data").map(Value::take) else {
        return Err(invalid("has no list of documents"));
    };
    let next_token = match json.get("next_token") {
        None | Some(Value::Null) => None,
        Some(Value::String(token)) => Some(token.clone()).filter(|token| !token.is_empty()),
        Some(_) => return Err(invalid("has a page token that is not text")),
    };
    Ok(Page { documents, next_token })
}

fn explain_status(collection: &str, status: Status) -> Failure {
    let advice = match status.code {
        401 => "The token is wrong or has expired: remove sources.oura.token and run `operator connect oura`.",
        403 => "The Oura membership has ended or the token lacks a scope (daily, stress): see your Oura account.",
        404 => "Check sources.oura.base_url: there is no such collection.",
        426 => "Update the Oura app on your phone.",
        300..=399 => "Check sources.oura.base_url: the server redirects, and redirects are not followed.",
        _ => "Oura did not accept the request: update Operator, and check sources.oura.base_url.",
    };
    Failure {
        error: status.into_error(SOURCE, format!("Oura answered {} to {collection}", status.code), advice),
        is_out_of_scope: matches!(status.code, 403 | 404),
        is_token_refused: status.code == 401,
    }
}
