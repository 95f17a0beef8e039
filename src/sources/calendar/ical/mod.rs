//! Calendars as text (RFC 5545): read piece by piece, so that a long one needs little memory and a broken part costs only itself.

mod cut;
mod event;
mod property;
mod rule;
mod todo;
mod zones;

use std::panic::{AssertUnwindSafe, catch_unwind};

use calcard::icalendar::ICalendarComponent;
use calcard::{Entry, Parser};
use jiff::Timestamp;
use jiff::civil::DateTime;

use self::cut::{Cutter, Kind, Part};
use self::property::uid_in;
use self::zones::Zones;
use crate::core::calendar::event::Event;
use crate::core::calendar::todo::Todo;
use crate::core::text::truncate;

/// More events and to-dos of one calendar are not kept.
const MOST_KEPT: usize = 50_000;

/// So much text (bytes) may wait for a time zone that is defined after it is used.
const MOST_WAITING: usize = 4_000_000;

/// More than these notes are only counted.
const MOST_NOTES: usize = 5;

/// What is wanted of a calendar.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What is over before this is not kept.
    pub since: DateTime,
    /// The person's own addresses: what they declined takes no time.
    pub own: Vec<String>,
    /// Whether to-dos are.
    pub todos: bool,
    /// The moment as of which it is read: zones whose rules cannot be followed are taken as they are then.
    pub now: Timestamp,
}

/// What a calendar holds.
#[derive(Debug, Default)]
pub struct Content {
    /// Its events, as far as they may still matter.
    pub events: Vec<Event>,
    /// Its to-dos.
    pub todos: Vec<Todo>,
    /// Names of to-dos that are there and could not be read.
    pub unreadable: Vec<String>,
    /// What was passed over, in sentences.
    pub notes: Vec<String>,
}

/// Why nothing follows from what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is no calendar.
    NoCalendar,
    /// It ends in the middle: what is not in it may have been in the rest.
    CutOff,
    /// There are to-dos in it of which not even the names can be told.
    Nameless,
}

/// Why a part of a calendar is not used.
#[derive(Debug)]
enum Refusal {
    /// It names a time zone that is not known yet.
    Zone(String),
    /// It cannot be read.
    Broken(&'static str),
}

/// Reads one calendar, or several one after the other.
#[derive(Debug)]
pub struct Reader {
    wanted: Wanted,
    cutter: Cutter,
    zones: Zones,
    waiting: Vec<(Kind, Vec<u8>)>,
    waiting_bytes: usize,
    is_nameless: bool,
    content: Content,
    passed_over: usize,
}

impl Reader {
    /// One that keeps what is wanted.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self {
            zones: Zones::as_of(wanted.now),
            wanted,
            cutter: Cutter::default(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            is_nameless: false,
            content: Content::default(),
            passed_over: 0,
        }
    }

    /// Take in the next piece, of any length.
    pub fn push(&mut self, piece: &[u8]) {
        let mut cutter = std::mem::take(&mut self.cutter);
        cutter.push(piece, &mut |part| self.take(part));
        self.cutter = cutter;
    }

    /// What came of it.
    ///
    /// # Errors
    /// When none of it was a calendar, or not all of it is there.
    pub fn finish(mut self) -> Result<Content, Unfit> {
        let mut cutter = std::mem::take(&mut self.cutter);
        cutter.finish(&mut |part| self.take(part));
        if !cutter.has_calendar() {
            return Err(Unfit::NoCalendar);
        }
        if cutter.is_cut_off() {
            return Err(Unfit::CutOff);
        }
        self.zones.settle();
        for (kind, text) in std::mem::take(&mut self.waiting) {
            self.take(Part::Whole(kind, &text));
        }
        if self.is_nameless {
            return Err(Unfit::Nameless);
        }
        let more = self.passed_over.saturating_sub(MOST_NOTES);
        if more > 0 {
            self.content.notes.push(format!("and {more} more parts were passed over"));
        }
        self.content.notes.extend(self.zones.complaint());
        Ok(self.content)
    }

    fn take(&mut self, part: Part<'_>) {
        match part {
            Part::Name(name) if name.contains('@') => self.wanted.own.push(name),
            Part::Name(_) => {}
            Part::Whole(Kind::Todo, _) | Part::CutOff(Kind::Todo, _) | Part::TooLong(Kind::Todo, _)
                if !self.wanted.todos => {}
            Part::TooLong(kind, text) => self.pass_over_piece(kind, text, "it is over 1 MB"),
            Part::CutOff(kind, text) => self.pass_over_piece(kind, text, "it has no end"),
            Part::Whole(Kind::Zone, text) => {
                let zones = &mut self.zones;
                // The library is not ours: what it stumbles over is passed over.
                let learnt = catch_unwind(AssertUnwindSafe(|| zones.learn(&components(text))));
                if learnt.is_err() {
                    self.note(Kind::Zone, "it cannot be read");
                }
            }
            Part::Whole(kind, text) => self.take_in(kind, text),
        }
    }

    fn take_in(&mut self, kind: Kind, text: &[u8]) {
        if self.content.events.len() + self.content.todos.len() >= MOST_KEPT {
            return self.pass_over(kind, text, "there are too many");
        }
        let read = catch_unwind(AssertUnwindSafe(|| self.read(kind, text)));
        match read.unwrap_or(Err(Refusal::Broken("it cannot be read"))) {
            Ok(()) => {}
            Err(Refusal::Broken(why)) => self.pass_over(kind, text, why),
            Err(Refusal::Zone(_)) if self.waiting_bytes < MOST_WAITING => {
                self.waiting_bytes += text.len();
                self.waiting.push((kind, text.to_vec()));
            }
            Err(Refusal::Zone(_)) => self.pass_over(kind, text, "its time zone is not defined"),
        }
    }

    fn read(&mut self, kind: Kind, text: &[u8]) -> Result<(), Refusal> {
        let components = components(text);
        let component = components.first().ok_or(Refusal::Broken("it is empty"))?;
        if kind == Kind::Todo {
            self.content.todos.push(todo::of(component, &mut self.zones)?);
        } else {
            let event = event::of(component, &mut self.zones, &self.wanted.own)?;
            if event::may_matter(&event, self.wanted.since) {
                self.content.events.push(event);
            }
        }
        Ok(())
    }

    /// A to-do that has no name at all never was a task.
    fn pass_over(&mut self, kind: Kind, text: &[u8], why: &str) {
        if kind == Kind::Todo {
            match self.content.unreadable.len() < MOST_KEPT {
                true => self.content.unreadable.extend(uid_in(text)),
                false => self.is_nameless = true,
            }
        }
        self.note(kind, why);
    }

    /// The name may stand in what is missing.
    fn pass_over_piece(&mut self, kind: Kind, text: &[u8], why: &str) {
        let known = self.content.unreadable.len();
        self.pass_over(kind, text, why);
        self.is_nameless |= kind == Kind::Todo && self.content.unreadable.len() == known;
    }

    fn note(&mut self, kind: Kind, why: &str) {
        self.passed_over += 1;
        if self.passed_over <= MOST_NOTES {
            self.content.notes.push(format!("{} was passed over: {why}", kind.name()));
        }
    }
}

/// A component and those in it.
fn components(text: &[u8]) -> Vec<ICalendarComponent> {
    match Parser::new(&String::from_utf8_lossy(text)).entry() {
        Entry::ICalendar(calendar) => calendar.components,
        _ => Vec::new(),
    }
}

/// Text from outside in a note: short, and on one line.
fn shown(text: &str) -> String {
    truncate(text, 60)
}
