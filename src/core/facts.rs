//! What sources yield: the facts that rules judge, in Operator's own words and units.

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use serde::{Deserialize, Serialize};

use super::alert::Priority;

/// One local day of the body. Absent is unknown, never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthDay {
    /// The wearer's local date; a night belongs to the day of waking.
    pub date: Date,
    /// Oura's readiness score, 0–100.
    pub readiness: Option<f64>,
    /// Seconds slept in the day: the sum of the kept periods, naps included. Known only when the night is.
    pub slept_s: Option<u32>,
    /// The main night.
    pub night: Option<Night>,
    /// Seconds of high stress and high recovery.
    pub stress: Option<Stress>,
    /// When the source last fetched this day.
    pub as_of: Option<Timestamp>,
}

impl HealthDay {
    /// A day of which nothing is known yet.
    #[must_use]
    pub const fn unknown(date: Date) -> Self {
        Self { date, readiness: None, slept_s: None, night: None, stress: None, as_of: None }
    }

    /// Whether the ring was synced on this day: readiness and sleep appear then; stress alone appears without it.
    #[must_use]
    pub const fn is_synced(&self) -> bool {
        self.readiness.is_some() || self.slept_s.is_some() || self.night.is_some()
    }

    /// Whether the same is known, whenever it was fetched.
    #[must_use]
    pub fn tells_the_same(&self, other: &Self) -> bool {
        Self { as_of: other.as_of, ..self.clone() } == *other
    }
}

/// A day's night: its longest `long_sleep`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Night {
    /// Seconds asleep in this period alone.
    pub asleep_s: Option<u32>,
    /// Asleep of time in bed, percent.
    pub efficiency: Option<f64>,
    /// Mean heart-rate variability, milliseconds RMSSD.
    pub hrv_ms: Option<f64>,
}

/// A day's seconds of high stress and of high recovery, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stress {
    /// Seconds of high stress.
    pub high_s: u32,
    /// Seconds of high recovery.
    pub recovery_s: u32,
}

impl Stress {
    /// 100·high/(high+recovery), defined only when the two together reach two hours.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        let total = f64::from(self.high_s) + f64::from(self.recovery_s);
        (total >= 7200.0).then(|| 100.0 * f64::from(self.high_s) / total)
    }
}

/// Days in which the wearer asked Oura for rest; health alerts are silent inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestMode {
    /// First day.
    pub start: Date,
    /// Last day, inclusive; none while it lasts.
    pub end: Option<Date>,
}

/// One reading of the Oura chain.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthReading {
    /// `oura_cache` or `oura_api`.
    pub source: &'static str,
    /// What was read, by date ascending, one entry a date.
    pub days: Vec<HealthDay>,
    /// When the source was last filled from the ring: the cache's last sync, now for the API.
    pub synced_at: Option<Timestamp>,
    /// Periods of rest mode; none where the source does not tell of them.
    pub rest: Option<Vec<RestMode>>,
    /// What could not be read and was passed over, in sentences.
    pub notes: Vec<String>,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    /// Not sorted yet.
    Pending,
    /// To be done today.
    Active,
    /// Next.
    Queued,
    /// Later.
    Backlog,
}

impl TaskStatus {
    /// The lower-case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Queued => "queued",
            Self::Backlog => "backlog",
        }
    }

    /// How near to being done: a fall in rank is a postponement. Pending is apart: it has not been placed yet.
    #[must_use]
    pub const fn rank(self) -> Option<u8> {
        match self {
            Self::Active => Some(2),
            Self::Queued => Some(1),
            Self::Backlog => Some(0),
            Self::Pending => None,
        }
    }
}

/// When something is due, in the person's local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Due {
    /// Until the end of the day.
    Day(Date),
    /// Until this minute on the wall clock.
    At(DateTime),
}

impl Due {
    /// The local date it falls on.
    #[must_use]
    pub fn date(self) -> Date {
        match self {
            Self::Day(date) => date,
            Self::At(at) => at.date(),
        }
    }

    /// The instant from which it is past due: the end of the day, or the minute itself.
    /// A wall-clock time that DST skips counts as much later as the clocks jumped (a skipped midnight: the first instant of
    /// the day), one that it repeats the first time. None past the calendar's end.
    #[must_use]
    pub fn deadline(self, zone: &TimeZone) -> Option<ZonedDateTime> {
        let civil = match self {
            Self::Day(date) => date.tomorrow().ok()?.at(0, 0, 0, 0),
            Self::At(at) => at,
        };
        civil.to_zoned_datetime(zone.clone()).ok()
    }

    /// Local days since the due date; negative while it lies ahead.
    #[must_use]
    pub fn days_past(self, today: Date) -> i32 {
        today.since(self.date()).map_or(0, |span| span.get_days())
    }

    /// Whether it is past due at `now`, whose zone is the person's: a date once it is over, a minute once it has come.
    #[must_use]
    pub fn is_past(self, now: &ZonedDateTime) -> bool {
        match self {
            Self::Day(date) => now.date() > date,
            Self::At(_) => self.deadline(now.time_zone()).is_some_and(|deadline| *now >= deadline),
        }
    }
}

impl fmt::Display for Due {
    /// `2026-11-20`, `2026-11-20 14:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => write!(f, "{date}"),
            Self::At(at) => write!(f, "{} {:02}:{:02}", at.date(), at.hour(), at.minute()),
        }
    }
}

/// The title of what has none.
pub const UNTITLED: &str = "(untitled)";

/// An open task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What its source calls it; with the source unique.
    pub id: String,
    /// As the person wrote it.
    pub title: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// As the person ranked it.
    pub priority: Option<Priority>,
    /// When it is due, if the source has dates.
    pub due: Option<Due>,
    /// The most valuable kind of task: being late with it is critical.
    pub milestone: bool,
    /// The same task in another source, as (source, id).
    pub same_as: Option<(String, String)>,
}

/// A promise that is still open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commitment {
    /// What its source calls it.
    pub id: String,
    /// What was promised.
    pub title: String,
    /// To whom.
    pub person: String,
    /// By when.
    pub due: Option<Due>,
}

/// The points of one local day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// The local date.
    pub date: Date,
    /// Points aimed at; zero is a day off.
    pub target: f64,
    /// Points earned so far.
    pub earned: f64,
}

/// Something written down to get it out of one's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thought {
    /// The text.
    pub content: String,
    /// Whether the person filed it as a worry.
    pub worry: bool,
    /// Whether it was dealt with.
    pub processed: bool,
    /// When it was written down.
    pub at: Timestamp,
}

/// How much came in and how much got done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    /// Tasks created in the last 7 days.
    pub created: u32,
    /// Tasks completed in the last 7 days.
    pub completed: u32,
    /// Clients with a task touched since local midnight, where the source knows clients.
    pub clients_today: Option<u32>,
}

/// One reading of a source of tasks. A source that lacks a kind of fact says None for it, not zero.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskReading {
    /// `workos` or `state_store`.
    pub source: &'static str,
    /// When the facts were true: now, or the time of the copy.
    pub as_of: Timestamp,
    /// The open tasks.
    pub tasks: Vec<Task>,
    /// The open promises, if the source keeps any.
    pub commitments: Option<Vec<Commitment>>,
    /// Whether this source knows due dates at all.
    pub has_dates: bool,
    /// The points of today, if the source keeps goals; without one for today the target is zero.
    pub goal: Option<Goal>,
    /// What was written down: unprocessed, or in the last 7 days.
    pub thoughts: Option<Vec<Thought>>,
    /// Created, completed, touched; None when this is a copy.
    pub activity: Option<Activity>,
    /// Ids of rows that could not be read: nothing about them is resolved. `8` stands for its occurrences too (`8@2026-11-20`):
    /// of a date that cannot be read, nobody knows which it is. What ends in `#` or `/` is a note or a folder, and stands for
    /// every row in it.
    pub unreadable: Vec<String>,
    /// What could not be read and was passed over, in sentences.
    pub notes: Vec<String>,
}

impl TaskReading {
    /// Whether a row could not be read, so that nothing is known of it.
    #[must_use]
    pub fn is_unreadable(&self, id: &str) -> bool {
        self.unreadable.iter().any(|unreadable| {
            let rest = id.strip_prefix(unreadable.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('@') || unreadable.ends_with(['#', '/']))
        })
    }
}

/// The file whose age tells whether the focus is still looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FocusFile {
    /// The file's name, without its folder.
    pub name: String,
    /// When it was last changed.
    pub modified: Timestamp,
}

/// A task was put off: its due date moved later, or it went back in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postponement {
    /// Where the task lives.
    pub source: String,
    /// What the source calls it.
    pub task_id: String,
    /// Its title at the time.
    pub title: String,
    /// When we saw it.
    pub at: Timestamp,
    /// What moved, for a person: `due 2026-11-18 → 2026-11-21`, `active → backlog`.
    pub what: String,
}
