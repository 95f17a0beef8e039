//! Cutting a calendar's text into its parts, without holding more than one of them.
//!
//! Only whole lines such as `BEGIN:VEVENT` count, however they end; what a line means is the library's business. A part that never
//! ends is over where the next begins, and was cut off.

/// A longer part (bytes) is passed over: it holds a picture, or nothing sensible.
const LONGEST: usize = 1_000_000;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Event,
    Todo,
    Zone,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Event => "an event",
            Self::Todo => "a to-do",
            Self::Zone => "a time zone",
        }
    }

    fn of(component: &[u8]) -> Option<Self> {
        [(b"VEVENT".as_slice(), Self::Event), (b"VTODO", Self::Todo), (b"VTIMEZONE", Self::Zone)]
            .into_iter()
            .find(|(name, _)| component.eq_ignore_ascii_case(name))
            .map(|(_, kind)| kind)
    }
}

/// What was cut out.
#[derive(Debug)]
pub(crate) enum Part<'a> {
    /// From its `BEGIN` to its `END`, both included.
    Whole(Kind, &'a [u8]),
    /// It has no `END`: something of it is missing.
    CutOff(Kind, &'a [u8]),
    /// It was too long; this is how it begins.
    TooLong(Kind, &'a [u8]),
    /// The calendar's name; Google gives the owner's address.
    Name(String),
}

/// Cuts.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    has_calendar: bool,
    /// Calendars that have begun and not ended.
    open: usize,
    line: Vec<u8>,
    /// The line is longer than a part may be.
    line_is_cut: bool,
    inside: Option<Kind>,
    part: Vec<u8>,
    is_too_long: bool,
}

impl Cutter {
    /// Whether there was the beginning of a calendar.
    pub(crate) const fn has_calendar(&self) -> bool {
        self.has_calendar
    }

    /// Whether a calendar has begun that did not end.
    pub(crate) const fn is_cut_off(&self) -> bool {
        self.open > 0
    }

    /// Take in a piece, which may end anywhere.
    pub(crate) fn push(&mut self, piece: &[u8], found: &mut dyn FnMut(Part<'_>)) {
        for run in piece.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, ends) = match run.split_last() {
                Some((b'\n' | b'\r', text)) => (text, true),
                _ => (run, false),
            };
            let room = LONGEST.saturating_sub(self.line.len());
            self.line_is_cut |= text.len() > room;
            self.line.extend_from_slice(text.get(..room).unwrap_or(text));
            if ends {
                self.end_line(found);
            }
        }
    }

    /// There is no more.
    pub(crate) fn finish(&mut self, found: &mut dyn FnMut(Part<'_>)) {
        self.end_line(found);
        self.end_part(false, found);
    }

    fn end_line(&mut self, found: &mut dyn FnMut(Part<'_>)) {
        let line = std::mem::take(&mut self.line);
        let is_cut = std::mem::take(&mut self.line_is_cut);
        self.read(&line, is_cut, found);
        // Its room is used again, unless it was a monster.
        self.line = if line.capacity() > 64 * 1024 { Vec::new() } else { line };
        self.line.clear();
    }

    /// An empty line is none, or what stands between the two ends of one: what is folded goes on after it.
    fn read(&mut self, line: &[u8], is_cut: bool, found: &mut dyn FnMut(Part<'_>)) {
        if line.is_empty() {
            return;
        }
        let bare = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii_end();
        if let Some(component) = after(bare, b"BEGIN:") {
            if component.eq_ignore_ascii_case(b"VCALENDAR") {
                self.has_calendar = true;
                self.open += 1;
                self.end_part(false, found);
            }
            if let Some(kind) = Kind::of(component) {
                self.end_part(false, found);
                self.inside = Some(kind);
            }
        }
        if self.inside.is_some() {
            self.is_too_long |= is_cut || self.part.len() + line.len() > LONGEST;
            if !self.is_too_long {
                self.part.extend_from_slice(line);
                self.part.push(b'\n');
            }
        } else if let Some(name) = after(bare, b"X-WR-CALNAME:") {
            found(Part::Name(String::from_utf8_lossy(name).trim().chars().take(200).collect()));
        }
        if let Some(component) = after(bare, b"END:") {
            if component.eq_ignore_ascii_case(b"VCALENDAR") {
                self.open = self.open.saturating_sub(1);
                self.end_part(false, found);
            } else if Kind::of(component).is_some_and(|kind| self.inside == Some(kind)) {
                self.end_part(true, found);
            }
        }
    }

    fn end_part(&mut self, is_whole: bool, found: &mut dyn FnMut(Part<'_>)) {
        if let Some(kind) = self.inside.take() {
            found(match (self.is_too_long, is_whole) {
                (true, _) => Part::TooLong(kind, &self.part),
                (false, true) => Part::Whole(kind, &self.part),
                (false, false) => Part::CutOff(kind, &self.part),
            });
        }
        self.part.clear();
        self.is_too_long = false;
    }
}

fn after<'a>(line: &'a [u8], beginning: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(beginning.len())?;
    head.eq_ignore_ascii_case(beginning).then(|| rest.trim_ascii())
}
