//! Log lines, one event each, to stderr and to `operator.log`:
//! `2026-01-20 20:22:27 - operator - INFO - check completed alerts=3 seconds=0.5`.
//!
//! A lock guards each write. Lines are few: a writer thread would cost more, and could lose lines at exit.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::ZonedDateTime;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::rotate::RotatingFile;
use crate::config::paths::private_dir;
use crate::config::schema::LogLevel;

/// The prefix of our modules' targets, and the program's name in a line.
const TARGET: &str = "operator";

/// The seed's log limits: `operator.log` and four predecessors, 50 MB in all.
const MAX_FILE_BYTES: u64 = 10_000_000;
const MAX_FILES: u32 = 5;

/// Install the global subscriber: our events from `level` on (from debug on if `verbose`), warnings of libraries.
///
/// Without a folder, or with one that cannot be written, lines go to stderr only. Fails when a subscriber is already set.
pub fn init(level: LogLevel, verbose: bool, log_dir: Option<&Path>) -> io::Result<()> {
    let (file, failure) = match log_dir.map(open).transpose() {
        Ok(file) => (file, None),
        Err(error) => (None, Some(error)),
    };
    tracing::subscriber::set_global_default(subscriber(level, verbose, io::stderr(), file))
        .map_err(io::Error::other)?;
    if let (Some(error), Some(folder)) = (failure, log_dir) {
        tracing::warn!(folder = %folder.display(), %error, "log file unavailable: logging to stderr only");
    }
    Ok(())
}

fn open(folder: &Path) -> io::Result<RotatingFile> {
    private_dir(folder)?;
    RotatingFile::open(&folder.join("operator.log"), MAX_FILE_BYTES, MAX_FILES)
}

/// The subscriber that `init` installs, with any writer in place of stderr.
pub fn subscriber(
    level: LogLevel,
    verbose: bool,
    screen: impl Write + Send + 'static,
    file: Option<RotatingFile>,
) -> impl Subscriber + Send + Sync {
    let own_level = if verbose { LevelFilter::DEBUG } else { filter(level) };
    let targets = Targets::new()
        .with_default(own_level.min(LevelFilter::WARN))
        .with_target(TARGET, own_level)
        .with_target("zbus", LevelFilter::ERROR);
    let layer = LogLayer(Mutex::new(LogWriters { screen, file, file_failed: false }));
    tracing_subscriber::registry().with(layer.with_filter(targets))
}

const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    }
}

struct LogLayer<W>(Mutex<LogWriters<W>>);

struct LogWriters<W> {
    screen: W,
    file: Option<RotatingFile>,
    file_failed: bool,
}

impl<S: Subscriber, W: Write + Send + 'static> Layer<S> for LogLayer<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = render(event, &ZonedDateTime::now());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(&line);
    }
}

impl<W: Write> LogWriters<W> {
    /// A closed stderr or a full disk must not stop the program. Each writer is tried on its own; a file error is reported once.
    fn write(&mut self, line: &str) {
        let _ = self.screen.write_all(line.as_bytes());
        let Some(file) = &mut self.file else { return };
        let result = file.write_all(line.as_bytes());
        if let (Err(error), false) = (&result, self.file_failed) {
            let _ = writeln!(self.screen, "log file not written: {error}");
        }
        self.file_failed = result.is_err();
    }
}

fn render(event: &Event<'_>, now: &ZonedDateTime) -> String {
    let mut text = EventText::default();
    event.record(&mut text);
    let level = match *event.metadata().level() {
        tracing::Level::ERROR => "ERROR",
        tracing::Level::WARN => "WARNING",
        tracing::Level::INFO => "INFO",
        _ => "DEBUG",
    };
    let name = event.metadata().target().split("::").next().unwrap_or(TARGET);
    format!("{} - {name} - {level} - {}{}\n", now.strftime("%Y-%m-%d %H:%M:%S"), text.message, text.fields)
}

/// An event's message, and its fields as ` key=value`.
#[derive(Default)]
struct EventText {
    message: String,
    fields: String,
}

impl EventText {
    fn add(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = escape(value);
        } else if value.is_empty() || value.contains([' ', '=', '"']) {
            let value = escape(&value.replace('"', "\\\""));
            let _ = write!(self.fields, " {field}=\"{value}\""); // writing to a String cannot fail
        } else {
            let _ = write!(self.fields, " {field}={}", escape(value));
        }
    }
}

impl Visit for EventText {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

/// Keep one event on one line, and keep foreign text from steering a terminal.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
