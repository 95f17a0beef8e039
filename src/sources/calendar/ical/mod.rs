//! Reads iCalendar text (RFC 5545) chunk by chunk: memory stays low, and an invalid component costs only itself.

mod event;
mod property;
mod recurrence;
mod split;
mod todo;
mod vtimezone;
mod zones;

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use jiff::civil::DateTime;

use self::event::{may_end_after, parse_event};
use self::property::{ComponentError, find_uid, parse_components};
use self::split::{Component, ComponentKind, ComponentSplitter};
use self::todo::parse_todo;
use self::vtimezone::define_zone;
use self::zones::Zones;
use crate::core::calendar::event::Event;
use crate::core::calendar::todo::Todo;

/// Events and to-dos of one calendar. Further ones are skipped.
const MAX_COMPONENTS: usize = 50_000;

/// The text of components whose time zone is not defined yet.
const MAX_DEFERRED_BYTES: usize = 4_000_000;

/// Further notes are only counted.
const MAX_NOTES: usize = 5;

#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Events that ended before this local time are dropped.
    pub since: DateTime,
    /// The events that the user declined are not busy.
    pub user_addresses: Vec<String>,
    pub todos: bool,
    pub now: Timestamp,
}

#[derive(Debug, Default)]
pub struct Content {
    pub events: Vec<Event>,
    pub todos: Vec<Todo>,
    /// UIDs of to-dos that exist but are invalid.
    pub unreadable: Vec<String>,
    /// Sentences about skipped components.
    pub notes: Vec<String>,
}

/// Why the text as a whole is unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    NotACalendar,
    /// `END:VCALENDAR` is missing, and with it an unknown number of components.
    Truncated,
    /// A to-do is invalid and its UID is unknown: any missing task may be this to-do.
    MissingUid,
}

/// Reads one or several calendars in sequence.
#[derive(Debug)]
pub struct Reader {
    options: ReadOptions,
    splitter: ComponentSplitter,
    zones: Zones,
    /// Components whose time zone is not defined yet.
    deferred: Vec<(ComponentKind, Vec<u8>)>,
    deferred_bytes: usize,
    is_uid_missing: bool,
    content: Content,
    skipped: usize,
}

impl Reader {
    pub fn new(options: ReadOptions) -> Self {
        Self {
            options,
            splitter: ComponentSplitter::default(),
            zones: Zones::default(),
            deferred: Vec::new(),
            deferred_bytes: 0,
            is_uid_missing: false,
            content: Content::default(),
            skipped: 0,
        }
    }

    /// A chunk may end anywhere.
    pub fn push(&mut self, chunk: &[u8]) {
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.push(chunk, &mut |component| self.handle(component));
        self.splitter = splitter;
    }

    pub fn finish(mut self) -> Result<Content, Error> {
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.finish(&mut |component| self.handle(component));
        if !splitter.has_calendar() {
            return Err(Error::NotACalendar);
        }
        if splitter.is_truncated() {
            return Err(Error::Truncated);
        }
        self.zones.set_complete();
        for (kind, text) in std::mem::take(&mut self.deferred) {
            self.accept(kind, &text);
        }
        if self.is_uid_missing {
            return Err(Error::MissingUid);
        }
        let more = self.skipped.saturating_sub(MAX_NOTES);
        if more > 0 {
            self.content.notes.push(format!("{more} more components were skipped"));
        }
        self.content.notes.extend(self.zones.note());
        Ok(self.content)
    }

    fn handle(&mut self, component: Component<'_>) {
        match component {
            Component::CalendarName(name) if name.contains('@') => self.options.user_addresses.push(name),
            Component::CalendarName(_) => {}
            Component::Complete(ComponentKind::Todo, _)
            | Component::Truncated(ComponentKind::Todo, _)
            | Component::TooLong(ComponentKind::Todo, _)
                if !self.options.todos => {}
            Component::TooLong(kind, text) => self.skip_incomplete(kind, text, "it is over 1 MB"),
            Component::Truncated(kind, text) => self.skip_incomplete(kind, text, "it has no END"),
            Component::Complete(kind, text) => self.accept(kind, text),
        }
    }

    fn accept(&mut self, kind: ComponentKind, text: &[u8]) {
        // `calcard` may panic on invalid text.
        let added = catch_unwind(AssertUnwindSafe(|| self.add(kind, text)));
        match added.unwrap_or(Err(ComponentError::Invalid("it is invalid"))) {
            Ok(()) => {}
            Err(ComponentError::Invalid(reason)) => self.skip(kind, text, reason),
            Err(ComponentError::UnknownZone) if self.deferred_bytes < MAX_DEFERRED_BYTES => {
                self.deferred_bytes += text.len();
                self.deferred.push((kind, text.to_vec()));
            }
            Err(ComponentError::UnknownZone) => self.skip(kind, text, "its time zone is not defined"),
        }
    }

    fn add(&mut self, kind: ComponentKind, text: &[u8]) -> Result<(), ComponentError> {
        if kind == ComponentKind::TimeZone {
            define_zone(&parse_components(text), self.options.now, &mut self.zones);
            return Ok(());
        }
        if self.content.events.len() + self.content.todos.len() >= MAX_COMPONENTS {
            return Err(ComponentError::Invalid("there are too many"));
        }
        let components = parse_components(text);
        let component = components.first().ok_or(ComponentError::Invalid("it is empty"))?;
        if kind == ComponentKind::Todo {
            self.content.todos.push(parse_todo(component, &mut self.zones)?);
        } else {
            let event = parse_event(component, &mut self.zones, &self.options.user_addresses)?;
            if may_end_after(&event, self.options.since) {
                self.content.events.push(event);
            }
        }
        Ok(())
    }

    /// A complete to-do without UID never was a task.
    fn skip(&mut self, kind: ComponentKind, text: &[u8], reason: &str) {
        if kind == ComponentKind::Todo {
            if self.content.unreadable.len() < MAX_COMPONENTS {
                self.content.unreadable.extend(find_uid(text));
            } else {
                self.is_uid_missing = true;
            }
        }
        self.skipped += 1;
        if self.skipped <= MAX_NOTES {
            self.content.notes.push(format!("{} was skipped: {reason}", kind.label()));
        }
    }

    /// The missing text may hold the UID.
    fn skip_incomplete(&mut self, kind: ComponentKind, text: &[u8], reason: &str) {
        let known_uids = self.content.unreadable.len();
        self.skip(kind, text, reason);
        self.is_uid_missing |= kind == ComponentKind::Todo && self.content.unreadable.len() == known_uids;
    }
}
