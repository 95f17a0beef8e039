//! One page of a collection of Oura's API.

use reqwest::Url;
use serde_json::Value;

use super::SOURCE;
use crate::sources::Error;
use crate::sources::http::{self, JsonClient, Status};

pub(crate) struct Page {
    pub(crate) documents: Vec<Value>,
    /// `next_token` of the next page.
    pub(crate) next: Option<String>,
}

/// Why there is no page.
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// The token does not reach this collection; others it may.
    pub(crate) out_of_scope: bool,
    /// The token is not accepted; another may be.
    pub(crate) token_refused: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, out_of_scope: false, token_refused: false }
    }
}

pub(crate) async fn fetch_page(client: &JsonClient<'_>, collection: &str, url: &Url) -> Result<Page, Failure> {
    match client.get(url).await {
        Ok((json, _)) => parse(collection, json),
        Err(http::Failure::Source(error)) => Err(error.into()),
        Err(http::Failure::Status(status)) => Err(refused(collection, status)),
    }
}

/// `{"data":[…],"next_token":string|null}`.
fn parse(collection: &str, mut json: Value) -> Result<Page, Failure> {
    let invalid = |why: &str| Failure::from(Error::transient(SOURCE, format!("the answer to {collection} {why}")));
    let Some(Value::Array(documents)) = json.get_mut("data").map(Value::take) else {
        return Err(invalid("has no list of documents"));
    };
    let next = match json.get("next_token") {
        None | Some(Value::Null) => None,
        Some(Value::String(token)) => Some(token.clone()).filter(|token| !token.is_empty()),
        Some(_) => return Err(invalid("has a page token that is no text")),
    };
    Ok(Page { documents, next })
}

fn refused(collection: &str, status: Status) -> Failure {
    let advice = match status.code {
        401 => "The token is wrong or has expired: take sources.oura.token out and run `operator connect oura`.",
        403 => "The Oura membership has ended or the token lacks a scope (daily, stress): see your Oura account.",
        404 => "Check sources.oura.base_url: this collection is not there.",
        426 => "Update the Oura app on your phone.",
        300..=399 => "Check sources.oura.base_url: the server sends us elsewhere, which we do not follow.",
        _ => "Oura did not accept the question: update Operator, and check sources.oura.base_url.",
    };
    Failure {
        error: status.into_error(SOURCE, format!("Oura answered {} to {collection}", status.code), advice),
        out_of_scope: matches!(status.code, 403 | 404),
        token_refused: status.code == 401,
    }
}
