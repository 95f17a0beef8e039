//! Putting results on stdout: tables for people, JSON for scripts, colour only on a terminal.

use std::io::{self, BufWriter, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::core::alert::Priority;

/// Write to stdout. A reader that has gone away (`operator journal | head`) is no failure.
pub fn emit(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Write one JSON value and a newline, as it is put together: it may be long.
pub fn emit_json<T: Serialize>(value: &T) {
    let mut out = BufWriter::new(io::stdout().lock());
    // Our own values always serialise; a reader that has gone away is no failure.
    let _ = serde_json::to_writer_pretty(&mut out, value);
    let _ = writeln!(out).and_then(|()| out.flush());
}

/// Colour, if stdout is a terminal that wants it.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Looks at stdout and `NO_COLOR`.
    #[must_use]
    pub fn for_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { on: wanted && io::stdout().is_terminal() }
    }

    /// `text` in `style`.
    #[must_use]
    pub fn style(self, style: Style, text: &str) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A heading.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.style(Style::new().bold(), text)
    }

    /// Something of less weight.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.style(Style::new().dimmed(), text)
    }

    /// The colour of an urgency.
    #[must_use]
    pub fn urgency(self, priority: Priority, text: &str) -> String {
        let style = match priority {
            Priority::Low => Style::new(),
            Priority::Medium => AnsiColor::Cyan.on_default(),
            Priority::High => AnsiColor::Yellow.on_default(),
            Priority::Critical => AnsiColor::Red.on_default().bold(),
        };
        self.style(style, text)
    }

    /// Good, or not.
    #[must_use]
    pub fn verdict(self, good: bool, text: &str) -> String {
        let colour = if good { AnsiColor::Green } else { AnsiColor::Red };
        self.style(colour.on_default(), text)
    }
}

/// Rows of cells, each column as wide as its widest cell; what a cell looks like may hold colour.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

/// What stands in a cell and how wide it is on screen.
#[derive(Debug)]
pub struct Cell {
    shown: String,
    width: usize,
}

impl Cell {
    /// `text`, drawn as `shown`.
    #[must_use]
    pub fn drawn(text: &str, shown: String) -> Self {
        Self { shown, width: text.chars().count() }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        let shown = text.into();
        Self { width: shown.chars().count(), shown }
    }
}

impl Table {
    /// Add a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The rows as lines; the last cell of a row is not padded.
    #[must_use]
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell: &Cell| cell.width).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.rows {
            for (cell, (width, is_last)) in
                row.iter().zip(widths.iter().zip((0..row.len()).map(|index| index + 1 == row.len())))
            {
                text.push_str(&cell.shown);
                if !is_last {
                    text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width) + 2));
                }
            }
            text.push('\n');
        }
        text
    }
}
