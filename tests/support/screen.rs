//! What was logged, as a user would read it on the screen.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use operator::config::schema::LogLevel;
use operator::telemetry::logging::subscriber;
use tracing::subscriber::{DefaultGuard, set_default};

#[derive(Clone, Default)]
pub(crate) struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    /// Shows what this thread logs until the guard is dropped.
    pub(crate) fn watch() -> (Self, DefaultGuard) {
        let screen = Self::default();
        let guard = set_default(subscriber(LogLevel::Debug, false, screen.clone(), None));
        (screen, guard)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines without their time, which is checked for its shape.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.text().lines().map(without_time).collect()
    }

    /// Those of the lines that speak of something.
    pub(crate) fn lines_with(&self, word: &str) -> Vec<String> {
        self.lines().into_iter().filter(|line| line.contains(word)).collect()
    }
}

pub(crate) fn without_time(line: &str) -> String {
    let (time, rest) = line.split_at(19);
    jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", time).unwrap();
    rest.to_owned()
}
