//! LogTarget, one event a line, to stderr and to `operator.log`:
//! `2026-01-20 20:22:27 - operator - INFO - Check cycle complete: 3 alerts sent (0.5s)`.
//!
//! Lines are written at once, under a lock: they are few, and so no thread has to be kept for them and none is lost at exit.

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

use super::rotate::Rotating;
use crate::config::paths::private_dir;
use crate::config::schema::Level;

/// Our own name in the log, and the prefix of our modules' targets.
const OURS: &str = "operator";

/// The size of a full log file, and how many are kept with it.
const LARGEST: u64 = 10_000_000;
const FILES: u32 = 5;

/// Start logging: our own events from `level` on (from debug on if `verbose`), those of libraries only when they warn.
///
/// Without a folder, logs go to stderr alone. A folder that cannot be written to is warned of there, and that is all.
///
/// # Errors
/// When logging was started before.
pub fn init(level: Level, verbose: bool, log_dir: Option<&Path>) -> io::Result<()> {
    let (file, failure) = match log_dir.map(open).transpose() {
        Ok(file) => (file, None),
        Err(error) => (None, Some(error)),
    };
    tracing::subscriber::set_global_default(subscriber(level, verbose, io::stderr(), file))
        .map_err(io::Error::other)?;
    if let (Some(error), Some(folder)) = (failure, log_dir) {
        tracing::warn!("{}: logs cannot be kept here: {error}; they go to stderr only", folder.display());
    }
    Ok(())
}

fn open(folder: &Path) -> io::Result<Rotating> {
    private_dir(folder)?;
    Rotating::open(&folder.join("operator.log"), LARGEST, FILES)
}

/// What `init` installs, with any writer in the place of stderr.
pub fn subscriber(
    level: Level,
    verbose: bool,
    screen: impl Write + Send + 'static,
    file: Option<Rotating>,
) -> impl Subscriber + Send + Sync {
    let ours = if verbose { LevelFilter::DEBUG } else { filter(level) };
    let targets = Targets::new()
        .with_default(ours.min(LevelFilter::WARN))
        .with_target(OURS, ours)
        .with_target("zbus", LevelFilter::ERROR);
    let lines = Lines(Mutex::new(Sinks { screen, file, file_failed: false }));
    tracing_subscriber::registry().with(lines.with_filter(targets))
}

const fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    }
}

struct Lines<W>(Mutex<Sinks<W>>);

struct Sinks<W> {
    screen: W,
    file: Option<Rotating>,
    file_failed: bool,
}

impl<S: Subscriber, W: Write + Send + 'static> Layer<S> for Lines<W> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = line(event, &ZonedDateTime::now());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(&line);
    }
}

impl<W: Write> Sinks<W> {
    /// A screen that is gone or a disk that is full is no reason to stop: each is tried on its own, and a file that fails is
    /// told of once.
    fn write(&mut self, line: &str) {
        let _ = self.screen.write_all(line.as_bytes());
        let Some(file) = &mut self.file else { return };
        let result = file.write_all(line.as_bytes());
        if let (Err(error), false) = (&result, self.file_failed) {
            let _ = writeln!(self.screen, "the log file cannot be written: {error}");
        }
        self.file_failed = result.is_err();
    }
}

fn line(event: &Event<'_>, now: &ZonedDateTime) -> String {
    let mut parts = Parts::default();
    event.record(&mut parts);
    let level = match *event.metadata().level() {
        tracing::Level::ERROR => "ERROR",
        tracing::Level::WARN => "WARNING",
        tracing::Level::INFO => "INFO",
        _ => "DEBUG",
    };
    let name = event.metadata().target().split("::").next().unwrap_or(OURS);
    format!("{} - {name} - {level} - {}{}\n", now.strftime("%Y-%m-%d %H:%M:%S"), parts.message, parts.fields)
}

/// An event's message, and its fields as ` key=value`.
#[derive(Default)]
struct Parts {
    message: String,
    fields: String,
}

impl Parts {
    fn add(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = escaped(value);
        } else if value.is_empty() || value.contains([' ', '=', '"']) {
            let value = escaped(&value.replace('"', "\\\""));
            let _ = write!(self.fields, " {field}=\"{value}\""); // a String takes everything
        } else {
            let _ = write!(self.fields, " {field}={}", escaped(value));
        }
    }
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

/// One event is one line, whatever text it repeats from outside, and no text can steer a terminal.
fn escaped(text: &str) -> String {
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
