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
use super::error::SourceError;
use super::tasks::{Reading, TaskSource};
use super::web::{Server, place};
use super::{secret, todo};
use crate::core::facts::TaskReading;

mod task;

const SOURCE: &str = "todoist";

/// What is asked for at once; the API gives no more.
const PAGE: &str = "200";

/// 40,000 tasks; pages that go on have lost their way.
const MOST_PAGES: usize = 200;

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
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn is_set_up(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    fn is_local(&self) -> bool {
        false
    }

    fn read<'a>(&'a self, now: &'a ZonedDateTime) -> Reading<'a> {
        Box::pin(async {
            let Some(token) = secret::given_or_in(self.token.as_ref(), self.token_file.as_ref(), SOURCE).await? else {
                return Err(SourceError::not_set_up(SOURCE, "no token is given", "set sources.todoist.token"));
            };
            let base = self.base()?;
            let late = |_| {
                let what = format!("no whole answer within {} s ({})", self.timeout.as_secs_f32(), place(&base));
                Err(SourceError::outage(SOURCE, what))
            };
            tokio::time::timeout(self.timeout, self.ask(&base, &token, now)).await.unwrap_or_else(late)
        })
    }
}

impl Todoist {
    fn base(&self) -> Result<Url, SourceError> {
        let base = Url::parse(self.base_url.trim()).ok().filter(|url| !url.cannot_be_a_base() && url.has_host());
        base.ok_or_else(|| {
            let advice = "Set sources.todoist.base_url to an address such as https://api.todoist.com/api/v1.";
            SourceError::needs_user(SOURCE, "the base URL is not an http(s) address", advice)
        })
    }

    async fn ask(&self, base: &Url, token: &SecretString, now: &ZonedDateTime) -> Result<TaskReading, SourceError> {
        let server = Server { source: SOURCE, name: "Todoist", token, new_token: NEW_TOKEN, now: now.timestamp() };
        let mut reading = todo::reading(SOURCE, now.timestamp());
        let projects = self.wanted_projects(&server, base, &mut reading).await?;
        let mut rows = Vec::new();
        for document in pages(&server, base, "tasks").await? {
            match task::read(&document, now.time_zone()) {
                Read::Row(row) => rows.push(row),
                Read::Other => {}
                Read::Unclear { id, note } => {
                    todo::note(&mut reading, note);
                    reading.unreadable.extend(id);
                }
            }
        }
        rows.retain(|row| projects.as_ref().is_none_or(|wanted| wanted.contains(&row.project)));
        if rows.iter().any(|row| row.responsible.is_some()) {
            let owner = self.owner(&server, base).await?;
            rows.retain(|row| row.responsible.as_ref().is_none_or(|responsible| *responsible == owner));
        }
        // A task that moves while the pages are turned may stand on two of them.
        let mut seen = BTreeSet::new();
        reading.tasks = rows.into_iter().map(|row| row.task).filter(|task| seen.insert(task.id.clone())).collect();
        Ok(reading)
    }

    /// The ids of the projects that are wanted; none for all.
    async fn wanted_projects(
        &self,
        server: &Server<'_>,
        base: &Url,
        reading: &mut TaskReading,
    ) -> Result<Option<BTreeSet<String>>, SourceError> {
        if self.projects.is_empty() {
            return Ok(None);
        }
        let known = pages(server, base, "projects").await?;
        let known: Vec<(String, String)> = known
            .iter()
            .filter_map(|project| Some((task::word(&project["name"])?, task::word(&project["id"])?)))
            .collect();
        let mut ids = BTreeSet::new();
        for wanted in &self.projects {
            let same = known.iter().filter(|(name, _)| name.trim().to_lowercase() == wanted.trim().to_lowercase());
            let before = ids.len();
            ids.extend(same.map(|(_, id)| id.clone()));
            if ids.len() == before {
                todo::note(reading, format!("There is no project '{wanted}' (sources.todoist.projects)."));
            }
        }
        Ok(Some(ids))
    }

    /// Tasks in shared projects may be other people's: only then is it asked whose the token is, and once.
    async fn owner(&self, server: &Server<'_>, base: &Url) -> Result<String, SourceError> {
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

/// `{"results": […], "next_cursor": string|null}`, page after page.
async fn pages(server: &Server<'_>, base: &Url, collection: &str) -> Result<Vec<Value>, SourceError> {
    let mut documents = Vec::new();
    let mut cursors: Vec<String> = Vec::new();
    loop {
        let mut url = under(base, collection);
        url.query_pairs_mut().append_pair("limit", PAGE);
        if let Some(cursor) = cursors.last() {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let mut page = server.get(&url).await?;
        let Some(Value::Array(results)) = page.get_mut("results").map(Value::take) else {
            return Err(unexpected(&format!("has no list of {collection}"), base));
        };
        documents.extend(results);
        match page.get("next_cursor") {
            None | Some(Value::Null) => return Ok(documents),
            Some(Value::String(next)) if next.is_empty() => return Ok(documents),
            Some(Value::String(next)) if cursors.contains(next) || cursors.len() + 1 >= MOST_PAGES => {
                let what = format!("the pages of {collection} do not end ({})", place(base));
                return Err(SourceError::outage(SOURCE, what));
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

fn unexpected(why: &str, base: &Url) -> SourceError {
    SourceError::outage(SOURCE, format!("the answer {why} ({})", place(base)))
}
