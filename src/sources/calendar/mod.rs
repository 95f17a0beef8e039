//! Calendars: a file, an ICS feed or a CalDAV account.

mod cache;
mod caldav;
mod credentials;
mod fetch;
mod file;
pub mod ical;
mod ics;
mod requests;
mod responses;
mod tasks;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{ToSpan, ZonedDateTime};

use self::cache::{Cache, CachedContent, Validator};
use self::caldav::Discovery;
use self::ical::{Content, ReadOptions, Reader};
use crate::core::calendar::reading::CalendarReading;
use crate::core::name::Name;
use crate::sources::Error;
use crate::sources::blocking::run_blocking;

pub use self::cache::SharedCache;
pub use self::caldav::CalDavAccount;
pub use self::ics::IcsFeed;
pub use self::tasks::CalendarTasks;
pub use crate::net::HttpClient;

/// The source in errors.
const SOURCE: &str = "calendar";

const MAX_CALENDAR_BYTES: usize = 32_000_000;

/// Events that ended earlier are dropped.
const DAYS_BACK: i64 = 2;

#[derive(Debug)]
pub enum Location {
    File(PathBuf),
    Ics(IcsFeed),
    CalDav(CalDavAccount),
}

#[derive(Debug)]
pub struct Calendar {
    pub name: Name,
    pub location: Location,
    /// Its events are busy time.
    pub busy: bool,
    /// Its to-dos are tasks.
    pub tasks: bool,
    /// The user's address in this calendar: events that it declined are not busy.
    pub email: Option<String>,
    /// For one fetch.
    pub timeout: Duration,
    pub http: Arc<HttpClient>,
    pub cache: SharedCache,
}

type ReadResult = Result<Arc<CalendarReading>, Error>;

enum Fetched {
    Unchanged,
    /// Without validator if the location cannot tell whether the content changed.
    Changed(Content, Option<Validator>),
}

impl Calendar {
    pub const fn is_local(&self) -> bool {
        matches!(self.location, Location::File(_))
    }

    /// The content as of `now`, in its time zone. A second call for the same time returns the same result.
    pub async fn fetch(&self, now: &ZonedDateTime) -> ReadResult {
        let mut cache = self.cache.get().lock().await;
        let at = now.timestamp();
        let result = match cache.result_at(at) {
            Some(result) => result,
            None => self.refresh(&mut cache, now).await,
        };
        cache.record(at, &result);
        result
    }

    async fn last_success(&self) -> Option<Arc<CalendarReading>> {
        self.cache.get().lock().await.last_success.clone()
    }

    async fn refresh(&self, cache: &mut Cache, now: &ZonedDateTime) -> ReadResult {
        let since = now.saturating_sub(DAYS_BACK.days());
        let known = cache.content.as_ref().filter(|content| content.is_usable(since.timestamp()));
        let validator = known.map(|known| &known.validator);
        let fetched = self.fetch_content(validator, &mut cache.discovery, &since, now);
        let fetched = tokio::time::timeout(self.timeout, fetched).await.map_err(|_| {
            let message =
                format!("no complete response within {} s ({})", self.timeout.as_secs(), self.display_location());
            Error::transient(SOURCE, message)
        })??;
        let content = match (fetched, known) {
            (Fetched::Changed(content, validator), _) => {
                let content = Arc::new(content);
                cache.content = validator.map(|validator| CachedContent {
                    content: Arc::clone(&content),
                    validator,
                    since: since.timestamp(),
                });
                content
            }
            (Fetched::Unchanged, Some(known)) => Arc::clone(&known.content),
            (Fetched::Unchanged, None) => {
                let message =
                    format!("the server answered 304 to an unconditional request ({})", self.display_location());
                return Err(Error::transient(SOURCE, message));
            }
        };
        let now = now.clone();
        run_blocking(SOURCE, move || {
            let mut reading = CalendarReading::evaluate(&content.events, &content.todos, &content.notes, &now);
            reading.unreadable.extend(content.unreadable.iter().cloned());
            Ok(Arc::new(reading))
        })
        .await
    }

    async fn fetch_content(
        &self,
        validator: Option<&Validator>,
        discovery: &mut Discovery,
        since: &ZonedDateTime,
        now: &ZonedDateTime,
    ) -> Result<Fetched, Error> {
        let options = ReadOptions {
            since: since.datetime(),
            user_addresses: self.email.iter().cloned().collect(),
            todos: self.tasks,
            now: now.timestamp(),
        };
        match &self.location {
            Location::File(path) => {
                let (path, validator) = (path.clone(), validator.cloned());
                run_blocking(SOURCE, move || file::fetch_file(&path, validator.as_ref(), Reader::new(options))).await
            }
            Location::Ics(feed) => feed.fetch(&self.http, validator, Reader::new(options), now.timestamp()).await,
            Location::CalDav(account) => {
                let content = account.fetch(&self.http, discovery, self.busy, options, now).await?;
                Ok(Fetched::Changed(content, None))
            }
        }
    }

    /// Holds no secret.
    fn display_location(&self) -> String {
        match &self.location {
            Location::File(path) => path.display().to_string(),
            Location::Ics(_) => "its address".into(),
            Location::CalDav(account) => account.host(),
        }
    }
}

/// `location` must hold no secret.
fn finish(reader: Reader, location: &str) -> Result<Content, Error> {
    reader.finish().map_err(|error| match error {
        ical::Error::NotACalendar => {
            let advice = "Use the address or file that ends in .ics, not the page that shows the calendar.";
            Error::action_required(SOURCE, format!("the content is not an iCalendar ({location})"), advice)
        }
        ical::Error::Truncated => {
            Error::transient(SOURCE, format!("the calendar is truncated: its end is missing ({location})"))
        }
        ical::Error::MissingUid => {
            let advice = "Fix the to-dos that exceed 1 MB or lack END, or set tasks: false for this calendar.";
            Error::action_required(SOURCE, format!("some to-dos are invalid and have no UID ({location})"), advice)
        }
    })
}
