//! Tasks, commitments, goals and thoughts.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::due::Due;
use crate::core::alert::Priority;

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum TaskStatus {
    /// Not triaged yet.
    Pending,
    /// To be done today.
    Active,
    /// Next.
    Queued,
    /// Later.
    Backlog,
}

impl TaskStatus {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// Position in the queue. A lower rank than before is a postponement. Pending has no rank.
    pub const fn rank(self) -> Option<u8> {
        match self {
            Self::Active => Some(2),
            Self::Queued => Some(1),
            Self::Backlog => Some(0),
            Self::Pending => None,
        }
    }
}

/// The title of an item without one.
pub const UNTITLED: &str = "(untitled)";

/// An open task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The source's identifier, unique within the source.
    pub id: String,
    pub title: String,
    pub status: TaskStatus,
    pub priority: Option<Priority>,
    pub due: Option<Due>,
    /// An overdue milestone is critical.
    pub milestone: bool,
    /// The original of this copy in another source, as (source, id).
    pub same_as: Option<(String, String)>,
}

/// An open commitment to another person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commitment {
    pub id: String,
    pub title: String,
    /// The recipient.
    pub person: String,
    pub due: Option<Due>,
}

/// The points of one local day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    pub date: Date,
    /// Zero is a day off.
    pub target: f64,
    pub earned: f64,
}

/// A note that the user wrote down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thought {
    pub content: String,
    /// Whether the user filed it as a worry.
    pub worry: bool,
    pub processed: bool,
    pub at: Timestamp,
}

/// Counts over the last 7 days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    pub created: u32,
    pub completed: u32,
    /// Clients with a task touched since local midnight. None where the source has no clients.
    pub clients_today: Option<u32>,
}

/// The names of all task sources, as `TaskReading::source` has them.
pub const TASK_SOURCES: [&str; 7] = ["workos", "state_store", "todoist", "taskwarrior", "markdown", "reminders", "ics"];

/// One reading of a task source. A kind of fact that the source lacks is None, not zero.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskReading {
    pub source: &'static str,
    /// The time of the fetch, or of the saved copy.
    pub as_of: Timestamp,
    /// The open tasks.
    pub tasks: Vec<Task>,
    /// The open commitments.
    pub commitments: Option<Vec<Commitment>>,
    /// Whether the source has due dates at all.
    pub has_dates: bool,
    /// The goal of today.
    pub goal: Option<Goal>,
    /// Thoughts that are unprocessed or were written in the last 7 days.
    pub thoughts: Option<Vec<Thought>>,
    /// None in a saved copy.
    pub activity: Option<Activity>,
    /// Ids of rows that could not be parsed; alerts about them are not resolved. `8` also covers its occurrences (`8@2026-11-20`),
    /// because an unreadable date hides which occurrence is open. An id that ends in `#` or `/` is a note or a folder and covers
    /// every row in it.
    pub unreadable: Vec<String>,
    /// Sentences about records that could not be parsed and were skipped.
    pub notes: Vec<String>,
}

impl TaskReading {
    /// A reading without tasks, of a source without dates.
    pub const fn empty(source: &'static str, as_of: Timestamp) -> Self {
        Self {
            source,
            as_of,
            tasks: Vec::new(),
            commitments: None,
            has_dates: false,
            goal: None,
            thoughts: None,
            activity: None,
            unreadable: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn is_unreadable(&self, id: &str) -> bool {
        self.unreadable.iter().any(|unreadable| {
            let rest = id.strip_prefix(unreadable.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('@') || unreadable.ends_with(['#', '/']))
        })
    }
}

/// The file in which the user keeps the current focus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FocusFile {
    /// The file's name, without its folder.
    pub name: String,
    pub modified: Timestamp,
}

/// A due date that moved later, or a status that fell back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postponement {
    pub source: String,
    pub task_id: String,
    /// The title at the time.
    pub title: String,
    /// When the change was detected.
    pub at: Timestamp,
    /// `due 2026-11-18 → 2026-11-21`, `active → backlog`.
    #[serde(rename = "what")]
    pub change: String,
}
