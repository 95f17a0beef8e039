//! Splits the text of a calendar into components while holding only one of them.
//!
//! Only whole lines such as `BEGIN:VEVENT` count, with any line ending. A component without `END` ends where the next one begins.

/// Skips longer components: they hold a picture, or no calendar at all.
const MAX_COMPONENT_BYTES: usize = 1_000_000;

/// A line buffer that grew beyond this size is not reused.
const MAX_REUSED_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComponentKind {
    Event,
    Todo,
    TimeZone,
}

impl ComponentKind {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Event => "an event",
            Self::Todo => "a to-do",
            Self::TimeZone => "a time zone",
        }
    }

    fn from_name(name: &[u8]) -> Option<Self> {
        let kinds = [(b"VEVENT".as_slice(), Self::Event), (b"VTODO", Self::Todo), (b"VTIMEZONE", Self::TimeZone)];
        kinds.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, kind)| kind)
    }
}

#[derive(Debug)]
pub(super) enum Component<'a> {
    /// From `BEGIN` to `END`, inclusive.
    Complete(ComponentKind, &'a [u8]),
    /// Without `END`.
    Truncated(ComponentKind, &'a [u8]),
    /// Over `MAX_COMPONENT_BYTES`, with the text up to there.
    TooLong(ComponentKind, &'a [u8]),
    /// The name of the calendar. Google uses the owner's address.
    CalendarName(String),
}

#[derive(Debug, Default)]
pub(super) struct ComponentSplitter {
    has_calendar: bool,
    open_calendars: usize,
    line: Vec<u8>,
    line_is_truncated: bool,
    kind: Option<ComponentKind>,
    component: Vec<u8>,
    is_too_long: bool,
}

impl ComponentSplitter {
    pub(super) const fn has_calendar(&self) -> bool {
        self.has_calendar
    }

    /// Whether a calendar has begun and not ended.
    pub(super) const fn is_truncated(&self) -> bool {
        self.open_calendars > 0
    }

    /// A chunk may end anywhere.
    pub(super) fn push(&mut self, chunk: &[u8], emit: &mut dyn FnMut(Component<'_>)) {
        for run in chunk.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, ends) = match run.split_last() {
                Some((b'\n' | b'\r', text)) => (text, true),
                _ => (run, false),
            };
            let room = MAX_COMPONENT_BYTES.saturating_sub(self.line.len());
            self.line_is_truncated |= text.len() > room;
            self.line.extend_from_slice(text.get(..room).unwrap_or(text));
            if ends {
                self.end_line(emit);
            }
        }
    }

    pub(super) fn finish(&mut self, emit: &mut dyn FnMut(Component<'_>)) {
        self.end_line(emit);
        self.end_component(false, emit);
    }

    fn end_line(&mut self, emit: &mut dyn FnMut(Component<'_>)) {
        let mut line = std::mem::take(&mut self.line);
        let is_truncated = std::mem::take(&mut self.line_is_truncated);
        // CRLF ends twice: a folded line continues after the empty line in between.
        if !line.is_empty() {
            self.handle_line(&line, is_truncated, emit);
        }
        if line.capacity() <= MAX_REUSED_BYTES {
            line.clear();
            self.line = line;
        }
    }

    fn handle_line(&mut self, line: &[u8], is_truncated: bool, emit: &mut dyn FnMut(Component<'_>)) {
        let bare = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii_end();
        if let Some(name) = strip_prefix_ignore_case(bare, b"BEGIN:") {
            if name.eq_ignore_ascii_case(b"VCALENDAR") {
                self.has_calendar = true;
                self.open_calendars += 1;
                self.end_component(false, emit);
            }
            if let Some(kind) = ComponentKind::from_name(name) {
                self.end_component(false, emit);
                self.kind = Some(kind);
            }
        }
        if self.kind.is_some() {
            self.is_too_long |= is_truncated || self.component.len() + line.len() > MAX_COMPONENT_BYTES;
            if !self.is_too_long {
                self.component.extend_from_slice(line);
                self.component.push(b'\n');
            }
        } else if let Some(name) = strip_prefix_ignore_case(bare, b"X-WR-CALNAME:") {
            emit(Component::CalendarName(String::from_utf8_lossy(name).trim().chars().take(200).collect()));
        }
        if let Some(name) = strip_prefix_ignore_case(bare, b"END:") {
            if name.eq_ignore_ascii_case(b"VCALENDAR") {
                self.open_calendars = self.open_calendars.saturating_sub(1);
                self.end_component(false, emit);
            } else if self.kind.is_some() && ComponentKind::from_name(name) == self.kind {
                self.end_component(true, emit);
            }
        }
    }

    fn end_component(&mut self, has_end: bool, emit: &mut dyn FnMut(Component<'_>)) {
        if let Some(kind) = self.kind.take() {
            emit(match (self.is_too_long, has_end) {
                (true, _) => Component::TooLong(kind, &self.component),
                (false, true) => Component::Complete(kind, &self.component),
                (false, false) => Component::Truncated(kind, &self.component),
            });
        }
        self.component.clear();
        self.is_too_long = false;
    }
}

fn strip_prefix_ignore_case<'a>(line: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| rest.trim_ascii())
}
