//! Text that all parts of the page share: times, priorities, decisions, numbers and element ids.

use jiff::civil::Date;
use jiff::{Timestamp, ZonedDateTime};

use crate::core::alert::Priority;
use crate::core::policy::decision::{Decision, Reason};
use crate::core::text;

const MAX_TITLE_CHARS: usize = 160;
const MAX_MESSAGE_CHARS: usize = 1_000;

/// The current time in the user's time zone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalClock<'a> {
    pub(crate) now: &'a ZonedDateTime,
}

/// A point in time for a `<time>` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimeLabel {
    /// RFC 3339.
    pub(crate) iso: String,
    /// To the minute, with the date.
    pub(crate) exact: String,
    /// `14:05`, `2 h ago`.
    pub(crate) text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PriorityLabel {
    pub(crate) text: String,
    /// CSS class.
    pub(crate) class: &'static str,
}

impl LocalClock<'_> {
    pub(crate) fn timestamp(&self) -> Timestamp {
        self.now.timestamp()
    }

    pub(crate) fn local(&self, at: Timestamp) -> ZonedDateTime {
        at.to_zoned_datetime(self.now.time_zone().clone())
    }

    /// The time of day, with the day unless it is today.
    pub(crate) fn absolute(&self, at: Timestamp) -> TimeLabel {
        let local = self.local(at);
        label(&local, text::clock(&local, self.now))
    }

    /// `2 h ago`.
    pub(crate) fn relative(&self, at: Timestamp) -> TimeLabel {
        label(&self.local(at), text::relative(self.timestamp(), at))
    }
}

fn label(local: &ZonedDateTime, text: String) -> TimeLabel {
    TimeLabel {
        iso: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        exact: local.strftime("%A %Y-%m-%d %H:%M").to_string(),
        text,
    }
}

impl From<Priority> for PriorityLabel {
    fn from(priority: Priority) -> Self {
        Self { text: text::capitalize(priority.as_str()), class: priority.as_str() }
    }
}

/// `Fri 20 Nov`.
pub(crate) fn short_date(date: Date) -> String {
    date.strftime("%a %-d %b").to_string()
}

pub(crate) fn short_title(title: &str) -> String {
    text::truncate(title, MAX_TITLE_CHARS)
}

pub(crate) fn short_message(message: &str) -> String {
    text::truncate(message, MAX_MESSAGE_CHARS)
}

/// A phrase for a decision of the journal. A word that this version does not know is shown as it is.
pub(crate) fn decision_text(word: &str) -> String {
    word.parse::<Decision>().map_or_else(|_| short_title(word), |decision| decision.meaning().into())
}

/// The same for a reason.
pub(crate) fn reason_text(word: &str) -> String {
    word.parse::<Reason>().map_or_else(|_| short_title(word), |reason| reason.meaning().into())
}

/// ` ×3`, or nothing for a single decision.
pub(crate) fn repeat_suffix(times: u64) -> String {
    if times > 1 { format!(" ×{times}") } else { String::new() }
}

/// `10 000`, with no-break spaces.
pub(crate) fn group_thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// A stable element id for an alert key, which may contain characters that an id may not (64-bit FNV-1a).
pub(crate) fn element_id(key: &str) -> String {
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
