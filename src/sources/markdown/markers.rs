//! Parses the markers of a task: the emoji of Obsidian Tasks, and Dataview's fields.

use jiff::civil::{Date, DateTime, Time};

use crate::core::alert::Priority;
use crate::core::facts::Due;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Markers {
    /// The title: the line without markers and without the tags around it.
    pub(crate) text: String,
    pub(crate) due: Option<Due>,
    pub(crate) start: Option<Date>,
    pub(crate) priority: Option<Priority>,
    pub(crate) is_recurring: bool,
    pub(crate) has_invalid_due: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Due,
    Start,
    /// Scheduled, created, done, cancelled: read and ignored.
    OtherDate,
    Recurrence,
    Priority(Option<Priority>),
    /// An id, a dependency, an action on completion: a word to ignore.
    IgnoredWord,
}

impl Marker {
    const fn from_emoji(emoji: char) -> Option<Self> {
        Some(match emoji {
            '📅' | '📆' | '🗓' => Self::Due,
            '🛫' => Self::Start,
            '⏳' | '⌛' | '➕' | '✅' | '❌' => Self::OtherDate,
            '🔁' => Self::Recurrence,
            '🔺' => Self::Priority(Some(Priority::Critical)),
            '⏫' => Self::Priority(Some(Priority::High)),
            '🔼' => Self::Priority(Some(Priority::Medium)),
            '🔽' | '⏬' => Self::Priority(Some(Priority::Low)),
            '🆔' | '⛔' | '🏁' => Self::IgnoredWord,
            _ => return None,
        })
    }

    fn from_field(field: &str, value: &str) -> Option<Self> {
        Some(match field.trim().to_ascii_lowercase().as_str() {
            "due" => Self::Due,
            "start" => Self::Start,
            "scheduled" | "created" | "completion" | "cancelled" => Self::OtherDate,
            "repeat" => Self::Recurrence,
            "priority" => Self::Priority(match value.trim().to_ascii_lowercase().as_str() {
                "highest" => Some(Priority::Critical),
                "high" => Some(Priority::High),
                "medium" => Some(Priority::Medium),
                "low" | "lowest" => Some(Priority::Low),
                _ => None,
            }),
            "id" | "dependson" | "oncompletion" => Self::IgnoredWord,
            _ => return None,
        })
    }
}

/// Parses `[due:: 2026-11-20]` or `(due:: 2026-11-20)` to the marker, its value, and the text after it.
fn parse_field(text: &str) -> Option<(Marker, &str, &str)> {
    let (inside, end) = match text.strip_prefix('[') {
        Some(inside) => (inside, ']'),
        None => (text.strip_prefix('(')?, ')'),
    };
    let (inside, after) = inside.split_once(end)?;
    let (name, value) = inside.split_once("::")?;
    Some((Marker::from_field(name, value)?, value, after))
}

impl Markers {
    pub(crate) fn parse(line: &str) -> Self {
        let mut markers = Self::default();
        let mut text = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let after = rest.get(first.len_utf8()..).unwrap_or_default();
            rest = if let Some(marker) = Marker::from_emoji(first) {
                text.push(' ');
                markers.apply(marker, after.strip_prefix('\u{fe0f}').unwrap_or(after).trim_start())
            } else if let Some((marker, value, after)) = parse_field(rest) {
                text.push(' ');
                markers.apply(marker, value.trim());
                after
            } else {
                text.push(first);
                after
            };
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        markers.text = strip_tags(&text).to_owned();
        markers
    }

    /// Applies a marker with the text behind it, and returns the rest of the text.
    fn apply<'a>(&mut self, marker: Marker, text: &'a str) -> &'a str {
        match marker {
            Marker::Due => {
                let (due, rest) = split_due(text);
                self.has_invalid_due = due.is_none();
                self.due = due;
                rest
            }
            Marker::Start => {
                let (start, rest) = split_date(text);
                self.start = start;
                rest
            }
            Marker::OtherDate => split_date(text).1,
            Marker::Recurrence => {
                self.is_recurring = true;
                // The rule ends at the next marker: `every week when done`.
                let is_end = |c| Marker::from_emoji(c).is_some() || matches!(c, '#' | '[' | '(');
                text.get(text.find(is_end).unwrap_or(text.len())..).unwrap_or_default()
            }
            Marker::Priority(priority) => {
                self.priority = priority;
                text
            }
            Marker::IgnoredWord => skip_word(text),
        }
    }
}

/// Splits off a date. An invalid one is dropped with the marker: the title identifies the task and must not change with it.
fn split_date(text: &str) -> (Option<Date>, &str) {
    match text.get(..10).and_then(|date| date.parse().ok()) {
        Some(date) => (Some(date), text.get(10..).unwrap_or_default()),
        None => (None, if text.starts_with(['#', '[', '(']) { text } else { skip_word(text) }),
    }
}

fn skip_word(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_whitespace() && Marker::from_emoji(c).is_none())
}

/// Splits off a date with an optional time: `2026-11-20 14:00`, `2026-11-20T14:00`.
fn split_due(text: &str) -> (Option<Due>, &str) {
    let (day, after) = split_date(text);
    let Some(day) = day else { return (None, after) };
    let time = after.strip_prefix([' ', 'T']).and_then(|after| {
        let clock = after.get(..5).filter(|clock| clock.as_bytes().get(2) == Some(&b':'))?;
        Some((clock.parse::<Time>().ok()?, after.get(5..)?))
    });
    match time {
        Some((time, after)) => (Some(Due::At(DateTime::from_parts(day, time))), after),
        // `2026-11-20T9:00`
        None if after.starts_with(char::is_alphanumeric) => (None, skip_word(after)),
        None => (Some(Due::Day(day)), after),
    }
}

/// The text without leading and trailing tags and without a trailing block id.
fn strip_tags(text: &str) -> &str {
    let mut text = text.trim();
    while let Some((_, rest)) = first_word(text).filter(|(first, _)| is_tag(first)) {
        text = rest.trim_start();
    }
    while let Some(at) = text.rfind(char::is_whitespace) {
        let (before, last) = text.split_at(at);
        let last = last.trim_start();
        let is_block = last.starts_with('^') && last.len() > 1;
        if !is_tag(last) && !is_block {
            break;
        }
        text = before.trim_end();
    }
    text
}

fn first_word(text: &str) -> Option<(&str, &str)> {
    let end = text.find(char::is_whitespace)?; // a text that is nothing but a tag stays
    Some(text.split_at(end))
}

/// `#errands` is a tag, `#42` is not.
fn is_tag(word: &str) -> bool {
    word.strip_prefix('#').is_some_and(|name| name.chars().any(|c| !c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn shown(line: &str) -> String {
        let markers = Markers::parse(line);
        let due = markers.due.map_or_else(String::new, |due| format!(" due {due}"));
        let start = markers.start.map_or_else(String::new, |start| format!(" from {start}"));
        let priority = markers.priority.map_or_else(String::new, |priority| format!(" {priority}"));
        let flags = [(markers.is_recurring, " recurs"), (markers.has_invalid_due, " unclear")];
        let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
        format!("{}|{due}{start}{priority}{flags}", markers.text)
    }

    #[rstest]
    #[case("Pay rent", "Pay rent|")]
    #[case("Pay rent 📅 2026-11-20", "Pay rent| due 2026-11-20")]
    #[case("Pay rent 🗓️2026-11-20", "Pay rent| due 2026-11-20")]
    #[case("Pay rent 📅 2026-11-20 14:30", "Pay rent| due 2026-11-20 14:30")]
    #[case(
        "Pay rent ⏫ 🔁 every month when done 🛫 2026-11-01 ⏳ 2026-11-18 📅 2026-11-20",
        "Pay rent| due 2026-11-20 from 2026-11-01 high recurs"
    )]
    #[case("Pay rent 🔁 every month #home", "Pay rent| recurs")]
    #[case("Pay rent ➕ 2026-11-01 ✅ 2026-11-19 ❌ 2026-11-19", "Pay rent|")]
    #[case("Pay rent 🔺", "Pay rent| critical")]
    #[case("Pay rent 🔼", "Pay rent| medium")]
    #[case("Pay rent 🔽", "Pay rent| low")]
    #[case("Pay rent ⏬", "Pay rent| low")]
    #[case("Pay rent 🆔 abc1 ⛔ def2,ghi3 📅 2026-11-20", "Pay rent| due 2026-11-20")]
    #[case("Pay rent [due:: 2026-11-20] (priority:: highest)", "Pay rent| due 2026-11-20 critical")]
    #[case("Pay rent [Due::2026-11-20T14:30] [repeat:: every week]", "Pay rent| due 2026-11-20 14:30 recurs")]
    #[case("Pay rent [start:: 2026-11-21] [id:: x] [scheduled:: 2026-11-18]", "Pay rent| from 2026-11-21")]
    #[case("Ask [[Ana]] (again) [mood:: low]", "Ask [[Ana]] (again) [mood:: low]|")]
    #[case("#task Pay rent #home/flat 📅 2026-11-20 ^a1b2", "Pay rent| due 2026-11-20")]
    #[case("Fix bug #42", "Fix bug #42|")]
    #[case("Pay rent 📅 tomorrow #home", "Pay rent| unclear")]
    #[case("Pay rent 📅 2026-02-30 ⏫", "Pay rent| high unclear")]
    #[case("Pay rent 📅 2026-11-20T9:00", "Pay rent| unclear")]
    #[case("Pay rent 🔁 every day 📅 soon⏫", "Pay rent| high recurs unclear")]
    #[case("Pay rent 🛫 soon ⏳ 20.11.", "Pay rent|")]
    #[case("Pay rent 📅 #home", "Pay rent| unclear")]
    #[case("(Pay rent 📅 2026-11-20)", "(Pay rent )| due 2026-11-20")]
    #[case("Pay rent [due:: soon]", "Pay rent| unclear")]
    #[case("Pay rent 📅", "Pay rent| unclear")]
    #[case("Pay⏫rent", "Pay rent| high")]
    #[case("📅 2026-11-20", "| due 2026-11-20")]
    #[case("#task", "#task|")]
    fn line_splits_into_text_and_markers(#[case] line: &str, #[case] expected: &str) {
        assert_eq!(shown(line), expected);
    }

    proptest! {
        #[test]
        fn any_line_parses(line in "(📅|🔁|⏫|🆔|#|\\[due::|\\]|\\(|\\)| |2026-11-2[0-9]|\\PC){0,30}") {
            let markers = Markers::parse(&line);
            prop_assert!(markers.text.len() <= line.len());
        }

        #[test]
        fn due_date_is_found_among_other_markers(before in "[a-z]{1,5}( [a-z]{1,5}){0,2} ?", day in 1..=28_i8, after in "(⏫|🔁 every day| #x| ✅ 2026-01-01){0,3}") {
            let date = jiff::civil::date(2026, 2, day);
            let markers = Markers::parse(&format!("{before}📅 {date}{after}"));
            prop_assert_eq!(markers.due, Some(Due::Day(date)));
            prop_assert_eq!(markers.text, before.trim());
        }
    }
}
