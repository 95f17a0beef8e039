//! Calendars: a file, a secret address, or a CalDAV account. Each is read at most once for a moment, whoever asks.

mod account;
mod address;
mod fetch;
mod file;
pub mod ical;
mod memory;
mod questions;
mod replies;
mod tasks;
mod trust;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};
use tokio::sync::Mutex;

use super::Error;
use crate::core::calendar::reading::CalendarReading;
use crate::core::name::Name;
use crate::sources::blocking::run_blocking;
use crate::sources::calendar::ical::{Content, Reader, Unfit, Wanted};

pub use crate::net::HttpClient;
pub use account::Account;
pub use address::Address;
pub use tasks::CalendarTasks;

/// What its failures begin with.
const SOURCE: &str = "calendar";

/// A longer calendar (bytes) is not read.
const LONGEST: usize = 32_000_000;

/// What has not changed is read again after so long.
const READ_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// Where a calendar is.
#[derive(Debug)]
pub enum Place {
    /// A file.
    File(std::path::PathBuf),
    /// An address that whoever knows it may read.
    Address(Address),
    /// An account on a CalDAV server.
    Account(Account),
}

/// One calendar, as the person has set it up.
#[derive(Debug)]
pub struct Calendar {
    /// What the person calls it.
    pub name: Name,
    /// Where it is.
    pub place: Place,
    /// Whether its events take time.
    pub busy: bool,
    /// Whether its to-dos are tasks.
    pub tasks: bool,
    /// The person's own address there, if it is known: what they declined takes no time.
    pub email: Option<String>,
    /// The longest that one reading may take.
    pub timeout: Duration,
    /// The way there.
    pub net: Arc<HttpClient>,
    /// What is remembered between readings.
    pub memory: Memory,
}

/// What a calendar remembers between readings.
#[derive(Debug, Default)]
pub struct Memory {
    kept: OnceLock<Arc<Mutex<Kept>>>,
}

type Said = Result<Arc<CalendarReading>, Error>;

#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The moment of the last reading, and what came of it.
    last: Option<(Timestamp, Said)>,
    /// The last reading that was good.
    good: Option<Arc<CalendarReading>>,
    /// Until when the server wants to be left alone.
    rest: Option<(Timestamp, Error)>,
    /// What was read last, where its place can tell whether it has changed since.
    content: Option<Version>,
    /// What an account leads to.
    account: account::Found,
}

/// What was read, and how its place tells whether it has changed since.
#[derive(Debug)]
pub(crate) struct Version {
    content: Arc<Content>,
    mark: Mark,
    /// What was over before this was not kept.
    since: Timestamp,
}

/// What a version is told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    File(file::Stamp),
    Address(address::Stamp),
}

impl Calendar {
    /// Whether it is on this machine.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    /// What it holds as of `now`, in its zone. Asked again for the same moment, it says the same.
    ///
    /// # Errors
    /// `Outage` when it cannot be reached, with the pause that its server asked for; `NeedsUser` when a person must mend something.
    pub async fn read(&self, now: &ZonedDateTime) -> Said {
        let mut kept = self.memory.kept().lock().await;
        let at = now.timestamp();
        if let Some((_, said)) = kept.last.as_ref().filter(|(asked, _)| *asked == at) {
            return said.clone();
        }
        let said = match kept.left_alone(at) {
            Some(error) => Err(error),
            None => self.ask(&mut kept, now).await,
        };
        match &said {
            Ok(reading) => {
                kept.good = Some(Arc::clone(reading));
                kept.rest = None;
            }
            Err(error) => {
                let until = error.retry_after.and_then(|pause| at.checked_add(pause).ok());
                kept.rest = until.map(|until| (until, error.clone()));
            }
        }
        kept.last = Some((at, said.clone()));
        said
    }

    /// The last reading that was good.
    async fn last_good(&self) -> Option<Arc<CalendarReading>> {
        self.memory.kept().lock().await.good.clone()
    }

    async fn ask(&self, kept: &mut Kept, now: &ZonedDateTime) -> Said {
        let since = now.saturating_sub(2.days());
        // What was read before the clock was set back lacks what is not over any more; and a zone of the calendar's own may have
        // changed to summer time since.
        let age = |version: &Version| since.timestamp().duration_since(version.since);
        let holds = |version: &&Version| (SignedDuration::ZERO..=READ_AGAIN).contains(&age(version));
        let known = kept.content.as_ref().filter(holds);
        let fetched = self.fetch(known, &mut kept.account, &since, now);
        let fetched = tokio::time::timeout(self.timeout, fetched).await.map_err(|_| {
            let what = format!("no whole answer within {} s ({})", self.timeout.as_secs(), self.shown());
            Error::transient(SOURCE, what)
        })??;
        let content = match (fetched, known) {
            (Some((content, mark)), _) => {
                let content = Arc::new(content);
                let version = Version { content: Arc::clone(&content), mark, since: since.timestamp() };
                // What a server with accounts says is asked for anew every time.
                kept.content = (version.mark != Mark::None).then_some(version);
                content
            }
            (None, Some(known)) => Arc::clone(&known.content),
            (None, None) => {
                let what = format!("nothing has changed, it says, of what it never told ({})", self.shown());
                return Err(Error::transient(SOURCE, what));
            }
        };
        let now = now.clone();
        let come_to = move || {
            let mut reading = CalendarReading::of(&content.events, &content.todos, &content.notes, &now);
            reading.unreadable.extend(content.unreadable.iter().cloned());
            reading
        };
        run_blocking(SOURCE, move || Ok(Arc::new(come_to()))).await
    }

    /// What is there; none if it is what is known.
    async fn fetch(
        &self,
        known: Option<&Version>,
        account: &mut account::Found,
        since: &ZonedDateTime,
        now: &ZonedDateTime,
    ) -> Result<Option<(Content, Mark)>, Error> {
        let own = self.email.iter().cloned().collect();
        let wanted = Wanted { since: since.datetime(), own, todos: self.tasks, now: now.timestamp() };
        match &self.place {
            Place::File(path) => {
                let (path, before) = (path.clone(), known.map(|version| version.mark.clone()));
                run_blocking(SOURCE, move || file::read(&path, before.as_ref(), Reader::new(wanted))).await
            }
            Place::Address(address) => address.read(&self.net, known, Reader::new(wanted), now.timestamp()).await,
            Place::Account(server) => {
                let wants = account::Wants { events: self.busy, todos: self.tasks };
                let content = server.read(&self.net, account, wants, wanted, now).await?;
                Ok(Some((content, Mark::None)))
            }
        }
    }

    /// Where it is, without anything secret.
    fn shown(&self) -> String {
        match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Address(_) => "its address".into(),
            Place::Account(server) => server.shown(),
        }
    }
}

impl Kept {
    fn left_alone(&self, at: Timestamp) -> Option<Error> {
        let (until, error) = self.rest.as_ref()?;
        let left = until.duration_since(at);
        (left > SignedDuration::ZERO).then(|| Error { retry_after: Some(left), ..error.clone() })
    }
}

/// What was read to its end is a calendar, or the wrong thing.
fn finished(reader: Reader, place: &str) -> Result<Content, Error> {
    reader.finish().map_err(|unfit| match unfit {
        Unfit::NoCalendar => {
            let advice = "Take the address or file that ends in .ics: a page that shows a calendar is none.";
            Error::action_required(SOURCE, format!("what is there is no iCalendar ({place})"), advice)
        }
        Unfit::CutOff => Error::transient(SOURCE, format!("the calendar is cut off: its end is missing ({place})")),
        Unfit::Nameless => {
            let what = format!("some of its to-dos cannot be read, nor which ones they are ({place})");
            Error::action_required(
                SOURCE,
                what,
                "Look for to-dos there that are over 1 MB or have no END, or set tasks: false for this calendar.",
            )
        }
    })
}
