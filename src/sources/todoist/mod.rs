//! Todoist: the open tasks of one user, through its API v1.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use jiff::ZonedDateTime;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use self::task::ParsedTask;
use super::{Error, FetchFuture, TaskSource};
use crate::core::facts::TaskReading;
use crate::net::HttpClient;
use crate::net::host::host_port;
use crate::sources::http::{Failure, JsonClient, PageTokens, Status, collection_url, parse_base_url, parse_page};
use crate::sources::task_builder::{add_note, empty_reading};
use crate::sys::secret_file;

mod task;

const SOURCE: &str = "todoist";

const EXAMPLE_URL: &str = "https://api.todoist.com/api/v1";

/// Pages are requested one after another, and the next fetch comes much later.
static HTTP: HttpClient = HttpClient::unpooled();

/// The maximum of the API.
const PAGE_SIZE: &str = "200";

/// Limits for all pages of a collection together.
const MAX_PAGES: usize = 200;
const MAX_DOCUMENTS: usize = 40_000;
const MAX_TOTAL_BYTES: usize = 20_000_000;

const NEW_TOKEN_ADVICE: &str =
    "Copy the token from Todoist's settings (Integrations, Developer) and set sources.todoist.token.";

#[derive(Debug)]
pub struct Todoist {
    pub token: Option<SecretString>,
    pub token_file: Option<PathBuf>,
    /// Names of the projects to read; empty for all.
    pub projects: Vec<String>,
    pub base_url: String,
    /// Bounds a whole fetch.
    pub timeout: Duration,
    pub token_user: TokenUser,
}

/// A token and the id of its user, once requested.
#[derive(Debug, Default)]
pub struct TokenUser(Mutex<Option<(SecretString, String)>>);

impl TaskSource for Todoist {
    fn source_name(&self) -> &'static str {
        SOURCE
    }

    fn is_configured(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    fn fetch<'a>(&'a self, now: &'a ZonedDateTime) -> FetchFuture<'a> {
        Box::pin(async {
            let token = secret_file::load(self.token.as_ref(), self.token_file.as_ref()).await;
            let Some(token) = token.map_err(|error| Error::from_secret_file(SOURCE, error))? else {
                return Err(match self.is_configured() {
                    true => Error::action_required(SOURCE, "the token is empty", NEW_TOKEN_ADVICE),
                    false => Error::not_configured(SOURCE, "no token is configured", "set sources.todoist.token"),
                });
            };
            let base = parse_base_url(SOURCE, &self.base_url, "sources.todoist.base_url", EXAMPLE_URL)?;
            let timed_out = |_| {
                let seconds = self.timeout.as_secs_f32();
                Err(Error::transient(SOURCE, format!("no complete answer within {seconds} s ({})", host_port(&base))))
            };
            tokio::time::timeout(self.timeout, self.fetch_tasks(&base, &token, now)).await.unwrap_or_else(timed_out)
        })
    }
}

impl Todoist {
    async fn fetch_tasks(&self, base: &Url, token: &SecretString, now: &ZonedDateTime) -> Result<TaskReading, Error> {
        let client = JsonClient { http: &HTTP, source: SOURCE, token, now: now.timestamp() };
        let mut reading = empty_reading(SOURCE, now.timestamp());
        let project_ids = self.configured_project_ids(&client, base).await?;
        let is_wanted = |id: &String| project_ids.as_ref().is_none_or(|ids| ids.contains(id));
        let mut found = Vec::new();
        for_each_document(&client, base, "tasks", |document| match task::parse_task(document, now.time_zone()) {
            ParsedTask::Open(open) if is_wanted(&open.project_id) => found.push(open),
            ParsedTask::Open(_) | ParsedTask::Ignored => {}
            ParsedTask::Unreadable { id, note } => {
                add_note(&mut reading.notes, note);
                reading.unreadable.extend(id);
            }
        })
        .await?;
        if found.iter().any(|open| open.assignee_id.is_some()) {
            let user_id = self.token_user_id(&client, base).await?;
            found.retain(|open| open.assignee_id.as_ref().is_none_or(|id| *id == user_id));
        }
        // A task that moves between two requests may be on two pages.
        let mut seen = BTreeSet::new();
        reading.tasks = found.into_iter().map(|open| open.task).filter(|task| seen.insert(task.id.clone())).collect();
        Ok(reading)
    }

    /// `None` means all projects. An unknown name is an error: if it were skipped, the project's tasks would look completed.
    async fn configured_project_ids(
        &self,
        client: &JsonClient<'_>,
        base: &Url,
    ) -> Result<Option<BTreeSet<String>>, Error> {
        if self.projects.is_empty() {
            return Ok(None);
        }
        let mut known: Vec<(String, String)> = Vec::new();
        for_each_document(client, base, "projects", |project| {
            known.extend(task::parse_id(&project["name"]).zip(task::parse_id(&project["id"])));
        })
        .await?;
        let mut ids = BTreeSet::new();
        for wanted in &self.projects {
            let same = known.iter().filter(|(name, _)| name.trim().to_lowercase() == wanted.trim().to_lowercase());
            let before = ids.len();
            ids.extend(same.map(|(_, id)| id.clone()));
            if ids.len() == before {
                let advice = "Correct sources.todoist.projects; an archived project does not count.";
                return Err(Error::action_required(SOURCE, format!("there is no project '{wanted}'"), advice));
            }
        }
        Ok(Some(ids))
    }

    /// The user of the token. Needed only for shared projects, whose tasks may belong to other users; requested once per token.
    async fn token_user_id(&self, client: &JsonClient<'_>, base: &Url) -> Result<String, Error> {
        let known = self.token_user.0.lock().ok().and_then(|known| known.clone());
        if let Some((_, id)) = known.filter(|(token, _)| token.expose_secret() == client.token.expose_secret()) {
            return Ok(id);
        }
        let (user, _) = fetch_json(client, &collection_url(base, "user")).await?;
        let id = task::parse_id(&user["id"]).ok_or_else(|| unexpected("has no user id", base))?;
        if let Ok(mut known) = self.token_user.0.lock() {
            *known = Some((client.token.clone(), id.clone()));
        }
        Ok(id)
    }
}

/// Reads a collection page by page, and keeps no page.
async fn for_each_document(
    client: &JsonClient<'_>,
    base: &Url,
    collection: &str,
    mut visit: impl FnMut(&Value),
) -> Result<(), Error> {
    let (mut documents, mut bytes): (usize, usize) = (0, 0);
    let mut cursors = PageTokens::default();
    loop {
        let mut url = collection_url(base, collection);
        url.query_pairs_mut().append_pair("limit", PAGE_SIZE);
        if let Some(cursor) = cursors.current() {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let (page, length) = fetch_json(client, &url).await?;
        let (results, next) =
            parse_page(page, "results", "next_cursor").map_err(|problem| unexpected(problem, base))?;
        documents = documents.saturating_add(results.len());
        bytes = bytes.saturating_add(length);
        if documents > MAX_DOCUMENTS || bytes > MAX_TOTAL_BYTES {
            return Err(unexpected(&format!("holds too many {collection}"), base));
        }
        results.iter().for_each(&mut visit);
        let Some(next) = next else { return Ok(()) };
        if !cursors.advance(next, MAX_PAGES) {
            let message = format!("the pages of {collection} do not end ({})", host_port(base));
            return Err(Error::transient(SOURCE, message));
        }
    }
}

/// The JSON at `url` and its length in bytes.
async fn fetch_json(client: &JsonClient<'_>, url: &Url) -> Result<(Value, usize), Error> {
    client.get(url).await.map_err(|failure| match failure {
        Failure::Source(error) => error,
        Failure::Status(status) => explain_status(status, url),
    })
}

fn explain_status(status: Status, url: &Url) -> Error {
    let advice = match status.code {
        401 => NEW_TOKEN_ADVICE.into(),
        403 => format!("The token may not read this. {NEW_TOKEN_ADVICE}"),
        404 => "Check sources.todoist.base_url: there is nothing at this address.".into(),
        410 => "Todoist no longer serves this version of its API: update Operator, or check sources.todoist.base_url."
            .into(),
        300..=399 => "Check sources.todoist.base_url: the server redirects, and redirects are not followed.".into(),
        _ => "Todoist did not accept the request: update Operator, and check sources.todoist.base_url.".into(),
    };
    status.into_error(SOURCE, format!("Todoist answered {} ({})", status.code, host_port(url)), advice)
}

fn unexpected(problem: &str, base: &Url) -> Error {
    Error::transient(SOURCE, format!("the answer {problem} ({})", host_port(base)))
}
