//! Todoist: the open tasks of one person, through its API v1.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use jiff::ZonedDateTime;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use self::task::Read;
use super::Error;
use super::{FetchFuture, TaskSource};
use crate::core::facts::TaskReading;
use crate::net::fetch::{Server, place};
use crate::sources::secret_file;
use crate::sources::task_builder;

mod task;

const SOURCE: &str = "todoist";

/// What is asked for at once; the API gives no more.
const PAGE: &str = "200";

/// Pages that go on have lost their way.
const MOST_PAGES: usize = 200;

/// More than these pages hold is no list of tasks.
const MOST_ROWS: usize = 40_000;

/// The most that all pages of a list may hold together (bytes).
const LONGEST: usize = 20_000_000;

const NEW_TOKEN: &str =
    "Copy the token from Todoist's settings (Integrations, Developer) and set sources.todoist.token.";

/// Todoist with one person's token.
#[derive(Debug)]
pub struct Todoist {
    /// The token, if it is given.
    pub token: Option<SecretString>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
    /// Only these projects' tasks, by name; none: all.
    pub projects: Vec<String>,
    /// Where the API is.
    pub base_url: String,
    /// The longest that a reading may take.
    pub timeout: Duration,
    /// Whose token it is, once that had to be asked.
    pub owner: Owner,
}

/// Whose a token is: the token and the person's id.
#[derive(Debug, Default)]
pub struct Owner(Mutex<Option<(SecretString, String)>>);

impl TaskSource for Todoist {
    fn source_name(&self) -> &'static str {
        SOURCE
    }

    fn is_configured(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    fn is_local(&self) -> bool {
        false
    }

    fn fetch<'a>(&'a self, now: &'a ZonedDateTime) -> FetchFuture<'a> {
        Box::pin(async {
            let Some(token) = secret_file::given_or_in(self.token.as_ref(), self.token_file.as_ref(), SOURCE).await?
            else {
                return Err(match self.is_configured() {
                    true => Error::action_required(SOURCE, "the token is empty", NEW_TOKEN),
                    false => Error::not_configured(SOURCE, "no token is given", "set sources.todoist.token"),
                });
            };
            let base = self.base()?;
            let late = |_| {
                let what = format!("no whole answer within {} s ({})", self.timeout.as_secs_f32(), place(&base));
                Err(Error::transient(SOURCE, what))
            };
            tokio::time::timeout(self.timeout, self.ask(&base, &token, now)).await.unwrap_or_else(late)
        })
    }
}

impl Todoist {
    fn base(&self) -> Result<Url, Error> {
        let base = Url::parse(self.base_url.trim()).ok().filter(|url| !url.cannot_be_a_base() && url.has_host());
        base.ok_or_else(|| {
            let advice = "Set sources.todoist.base_url to an address such as https://api.todoist.com/api/v1.";
            Error::action_required(SOURCE, "the base URL is not an http(s) address", advice)
        })
    }

    async fn ask(&self, base: &Url, token: &SecretString, now: &ZonedDateTime) -> Result<TaskReading, Error> {
        let server = Server { source: SOURCE, name: "Todoist", token, new_token: NEW_TOKEN, now: now.timestamp() };
        let mut reading = task_builder::empty_reading(SOURCE, now.timestamp());
        let projects = self.wanted_projects(&server, base).await?;
        let mut rows = Vec::new();
        pages(&server, base, "tasks", |document| match task::read(document, now.time_zone()) {
            Read::Row(row) if projects.as_ref().is_none_or(|wanted| wanted.contains(&row.project)) => rows.push(row),
            Read::Row(_) | Read::Other => {}
            Read::Unclear { id, note } => {
                task_builder::add_note(&mut reading.notes, note);
                reading.unreadable.extend(id);
            }
        })
        .await?;
        if rows.iter().any(|row| row.responsible.is_some()) {
            let owner = self.owner(&server, base).await?;
            rows.retain(|row| row.responsible.as_ref().is_none_or(|responsible| *responsible == owner));
        }
        // A task that moves while the pages are turned may stand on two of them.
        let mut seen = BTreeSet::new();
        reading.tasks = rows.into_iter().map(|row| row.task).filter(|task| seen.insert(task.id.clone())).collect();
        Ok(reading)
    }

    /// The ids of the projects that are wanted; none for all. Were one that is gone passed over, its tasks would look done.
    async fn wanted_projects(&self, server: &Server<'_>, base: &Url) -> Result<Option<BTreeSet<String>>, Error> {
        if self.projects.is_empty() {
            return Ok(None);
        }
        let mut known: Vec<(String, String)> = Vec::new();
        pages(server, base, "projects", |project| {
            known.extend(task::word(&project["name"]).zip(task::word(&project["id"])));
        })
        .await?;
        let mut ids = BTreeSet::new();
        for wanted in &self.projects {
            let same = known.iter().filter(|(name, _)| name.trim().to_lowercase() == wanted.trim().to_lowercase());
            let before = ids.len();
            ids.extend(same.map(|(_, id)| id.clone()));
            if ids.len() == before {
                let advice = "Correct sources.todoist.projects; a project that is archived is not there.";
                return Err(Error::action_required(SOURCE, format!("there is no project '{wanted}'"), advice));
            }
        }
        Ok(Some(ids))
    }

    /// Tasks in shared projects may be other people's: only then is it asked whose the token is, and once.
    async fn owner(&self, server: &Server<'_>, base: &Url) -> Result<String, Error> {
        let known = self.owner.0.lock().ok().and_then(|known| known.clone());
        if let Some((_, owner)) = known.filter(|(token, _)| token.expose_secret() == server.token.expose_secret()) {
            return Ok(owner);
        }
        let user = server.get(&under(base, "user")).await?;
        let owner = task::word(&user["id"]).ok_or_else(|| unexpected("does not say whose the token is", base))?;
        if let Ok(mut known) = self.owner.0.lock() {
            *known = Some((server.token.clone(), owner.clone()));
        }
        Ok(owner)
    }
}

/// `{"results": […], "next_cursor": string|null}`, page after page: what is in them is handed on, and no page kept.
async fn pages(server: &Server<'_>, base: &Url, collection: &str, mut take: impl FnMut(&Value)) -> Result<(), Error> {
    let (mut rows, mut bytes): (usize, usize) = (0, 0);
    let mut cursors: Vec<String> = Vec::new();
    loop {
        let mut url = under(base, collection);
        url.query_pairs_mut().append_pair("limit", PAGE);
        if let Some(cursor) = cursors.last() {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let (page, length) = server.get_sized(&url).await?;
        let Some(Value::Array(results)) = page.get("results") else {
            return Err(unexpected(&format!("has no list of {collection}"), base));
        };
        rows = rows.saturating_add(results.len());
        bytes = bytes.saturating_add(length);
        if rows > MOST_ROWS || bytes > LONGEST {
            return Err(unexpected(&format!("holds more {collection} than anybody has"), base));
        }
        results.iter().for_each(&mut take);
        match page.get("next_cursor") {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::String(next)) if next.is_empty() => return Ok(()),
            Some(Value::String(next)) if cursors.contains(next) || cursors.len() + 1 >= MOST_PAGES => {
                let what = format!("the pages of {collection} do not end ({})", place(base));
                return Err(Error::transient(SOURCE, what));
            }
            Some(Value::String(next)) => cursors.push(next.clone()),
            Some(_) => return Err(unexpected("has a cursor that is no text", base)),
        }
    }
}

fn under(base: &Url, collection: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(collection);
    }
    url
}

fn unexpected(why: &str, base: &Url) -> Error {
    Error::transient(SOURCE, format!("the answer {why} ({})", place(base)))
}
