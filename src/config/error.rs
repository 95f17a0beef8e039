//! Errors of `config.yaml`: position, what is wrong, what is allowed.

/// More diagnostics are neither collected nor shown.
pub(super) const MAX_DIAGNOSTICS: usize = 20;

/// A position in the file. Line and column count from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Position {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong. A value that rejects itself does not know its position: the deserializer adds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{sentence}")]
pub(super) struct Diagnostic {
    pub(super) at: Option<Position>,
    pub(super) sentence: String,
}

impl Diagnostic {
    pub(super) fn new(at: Position, sentence: impl Into<String>) -> Self {
        Self { at: Some(at), sentence: sentence.into() }
    }
}

/// Why there is no configuration: one line per diagnostic, `path/config.yaml:LINE:COLUMN: sentence`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines.join("\n"))]
pub struct Error {
    lines: Vec<String>,
}

impl Error {
    /// An error of the file as a whole.
    pub(super) fn file_level(sentence: impl AsRef<str>) -> Self {
        Self { lines: vec![one_line(sentence.as_ref())] }
    }

    pub(super) fn from_diagnostics(file: &str, diagnostics: impl IntoIterator<Item = Diagnostic>) -> Self {
        let mut diagnostics = diagnostics.into_iter();
        let shown = diagnostics.by_ref().take(MAX_DIAGNOSTICS);
        let mut lines: Vec<String> = shown.map(|it| with_position(file, it.at, &it.sentence)).collect();
        match diagnostics.count() {
            0 => {}
            more => lines.push(format!("{file}: and {more} more")),
        }
        Self { lines }
    }
}

/// `path/config.yaml:LINE:COLUMN: sentence`.
pub(super) fn with_position(file: &str, at: Option<Position>, sentence: &str) -> String {
    let Position { line, column } = at.unwrap_or(Position::START);
    one_line(&format!("{file}:{line}:{column}: {sentence}"))
}

/// Text from the file must not start a new line in a terminal or a log, nor fill it.
fn one_line(text: &str) -> String {
    const MAX_CHARS: usize = 600;
    let mut line: String =
        text.chars().take(MAX_CHARS).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        line.push('…');
    }
    line
}
