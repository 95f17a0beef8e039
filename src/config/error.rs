//! A mistake in `config.yaml`: where it stands, what is wrong, what is allowed.

/// More than these are neither looked for nor shown.
pub(super) const MOST_MISTAKES: usize = 20;

/// A place in the file, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Position {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// One mistake; its place is found later when a value, which does not know where it stands, refuses itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{sentence}")]
pub(super) struct Mistake {
    pub(super) at: Option<Position>,
    pub(super) sentence: String,
}

impl Mistake {
    pub(super) fn new(at: Position, sentence: impl Into<String>) -> Self {
        Self { at: Some(at), sentence: sentence.into() }
    }
}

/// Why there is no configuration. Each line of its text is one mistake: `path/config.yaml:LINE:COLUMN: sentence`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines.join("\n"))]
pub struct ConfigError {
    lines: Vec<String>,
}

impl ConfigError {
    /// Something about the file, or about the lack of it, as a whole.
    pub(super) fn whole(sentence: impl AsRef<str>) -> Self {
        Self { lines: vec![one_line(sentence.as_ref())] }
    }

    /// A person mends a few at a time: of many, the first are shown.
    pub(super) fn of(file: &str, mistakes: impl IntoIterator<Item = Mistake>) -> Self {
        let mut mistakes = mistakes.into_iter();
        let shown = mistakes.by_ref().take(MOST_MISTAKES);
        let mut lines: Vec<String> = shown.map(|mistake| located(file, mistake.at, &mistake.sentence)).collect();
        match mistakes.count() {
            0 => {}
            more => lines.push(format!("{file}: and {more} more")),
        }
        Self { lines }
    }
}

/// `path/config.yaml:LINE:COLUMN: sentence`.
pub(super) fn located(file: &str, at: Option<Position>, sentence: &str) -> String {
    let Position { line, column } = at.unwrap_or(Position::START);
    one_line(&format!("{file}:{line}:{column}: {sentence}"))
}

/// What a file says must not start a new line in a terminal or a log, nor fill it.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 600;
    let mut line: String =
        text.chars().take(LONGEST).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
