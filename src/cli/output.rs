//! Output on stdout: tables, JSON, and colour on a terminal only.

use std::io::{self, BufWriter, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::core::alert::Priority;

/// Write to stdout. A closed pipe (`operator journal | head`) is no error.
pub fn emit(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Stream one JSON value and a newline to stdout.
pub fn emit_json<T: Serialize>(value: &T) {
    let mut out = BufWriter::new(io::stdout().lock());
    // Our own values always serialise, and a closed pipe is no error.
    let _ = serde_json::to_writer_pretty(&mut out, value);
    let _ = writeln!(out).and_then(|()| out.flush());
}

/// Terminal styles; plain text without a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    is_enabled: bool,
}

impl Palette {
    /// Enabled if stdout is a terminal and `NO_COLOR` is unset.
    #[must_use]
    pub fn for_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { is_enabled: wanted && io::stdout().is_terminal() }
    }

    #[must_use]
    pub fn style(self, style: Style, text: &str) -> String {
        if self.is_enabled { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.style(Style::new().bold(), text)
    }

    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.style(Style::new().dimmed(), text)
    }

    #[must_use]
    pub fn priority(self, priority: Priority, text: &str) -> String {
        let style = match priority {
            Priority::Low => Style::new(),
            Priority::Medium => AnsiColor::Cyan.on_default(),
            Priority::High => AnsiColor::Yellow.on_default(),
            Priority::Critical => AnsiColor::Red.on_default().bold(),
        };
        self.style(style, text)
    }

    /// Green if `ok`, else red.
    #[must_use]
    pub fn result(self, ok: bool, text: &str) -> String {
        let colour = if ok { AnsiColor::Green } else { AnsiColor::Red };
        self.style(colour.on_default(), text)
    }
}

/// Rows of cells; each column is as wide as its widest cell.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

/// Text that may hold escape codes, and its width on screen.
#[derive(Debug)]
pub struct Cell {
    styled: String,
    width: usize,
}

impl Cell {
    /// `styled` is `text` with escape codes.
    #[must_use]
    pub fn styled(text: &str, styled: String) -> Self {
        Self { styled, width: text.chars().count() }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        let styled = text.into();
        Self { width: styled.chars().count(), styled }
    }
}

impl Table {
    pub fn add_row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// One line per row; the last cell is not padded.
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
                text.push_str(&cell.styled);
                if !is_last {
                    text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width) + 2));
                }
            }
            text.push('\n');
        }
        text
    }
}
