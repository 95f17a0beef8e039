//! Words that all parts of the page share: moments, urgencies, names, and the ids that parts are known by.

use jiff::civil::Date;
use jiff::{Timestamp, ZonedDateTime};

use crate::core::alert::Priority;
use crate::core::policy::decision::{Decision, Reason};
use crate::core::text;

/// A title takes no more of the page (characters).
const TITLE: usize = 160;

/// Nor does a message.
const MESSAGE: usize = 1_000;

/// The moment, in the person's zone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock<'a> {
    pub(crate) now: &'a ZonedDateTime,
}

/// A moment as a person reads it, with what a machine and a closer look want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// RFC 3339.
    pub(crate) iso: String,
    /// To the minute, with the date.
    pub(crate) exact: String,
    /// In the text: `14:05`, `2 h ago`.
    pub(crate) words: String,
}

/// How urgent, as a word and as the name of its colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Urgency {
    pub(crate) word: String,
    pub(crate) class: &'static str,
}

impl<'a> Clock<'a> {
    pub(crate) const fn new(now: &'a ZonedDateTime) -> Self {
        Self { now }
    }

    pub(crate) fn timestamp(&self) -> Timestamp {
        self.now.timestamp()
    }

    pub(crate) fn local(&self, at: Timestamp) -> ZonedDateTime {
        at.to_zoned_datetime(self.now.time_zone().clone())
    }

    /// The time of day; with the day where it is not today's.
    pub(crate) fn at(&self, at: Timestamp) -> Moment {
        let local = self.local(at);
        self.moment(&local, text::clock(&local, self.now))
    }

    /// How long ago.
    pub(crate) fn ago(&self, at: Timestamp) -> Moment {
        self.moment(&self.local(at), text::relative(self.timestamp(), at))
    }

    fn moment(&self, local: &ZonedDateTime, words: String) -> Moment {
        Moment {
            iso: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            exact: local.strftime("%A %Y-%m-%d %H:%M").to_string(),
            words,
        }
    }
}

impl Urgency {
    pub(crate) fn of(priority: Priority) -> Self {
        Self { word: text::capitalize(priority.as_str()), class: priority.as_str() }
    }

    /// Of a word in the database.
    pub(crate) fn named(word: &str) -> Self {
        Self::of(word.parse().unwrap_or(Priority::Low))
    }
}

/// `Fri 20 Nov`.
pub(crate) fn day(date: Date) -> String {
    date.strftime("%a %-d %b").to_string()
}

/// One line, and not too long a one.
pub(crate) fn title(text: &str) -> String {
    text::truncate(text, TITLE)
}

/// The same for a message.
pub(crate) fn message(message: &str) -> String {
    text::truncate(message, MESSAGE)
}

/// A word of the database for what was decided, as a person says it.
pub(crate) fn decided(word: &str) -> String {
    word.parse::<Decision>().ok().map_or_else(|| title(word), |decision| decision.meaning().into())
}

/// The same for why.
pub(crate) fn because(word: &str) -> String {
    word.parse::<Reason>().ok().map_or_else(|| title(word), |reason| reason.meaning().into())
}

/// A word of the database for what became of a message, as a person says it.
pub(crate) fn became(state: &str) -> &str {
    match state {
        "delivered" => "arrived",
        "pending" => "waits",
        "failed" => "refused",
        "superseded" => "not sent",
        other => other,
    }
}

/// ` ×3`, or nothing for once.
pub(crate) fn times(times: u64) -> String {
    if times > 1 { format!(" ×{times}") } else { String::new() }
}

/// A number with its thousands apart: `10 000`, by a space that does not break.
pub(crate) fn thousands(number: u64) -> String {
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

/// With a capital letter.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What an element is known by for as long as its key lives: keys hold characters that an id may not (FNV-1a).
pub(crate) fn id_of(key: &str) -> String {
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
