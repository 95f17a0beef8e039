//! What stands behind the text of a task: the emoji of Obsidian Tasks, and Dataview's fields.

use jiff::civil::{Date, DateTime, Time};

use crate::core::alert::Priority;
use crate::core::facts::Due;

/// A task's text and what its signs say.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Signs {
    /// What is left: the title, without tags around it.
    pub(crate) text: String,
    pub(crate) due: Option<Due>,
    pub(crate) start: Option<Date>,
    pub(crate) priority: Option<Priority>,
    pub(crate) recurs: bool,
    /// Whether it has a due date that is none.
    pub(crate) is_unclear: bool,
}

/// What a sign or a field is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Due,
    Start,
    /// Scheduled, created, done, cancelled: dates that tell us nothing.
    OtherDate,
    Recurs,
    Priority(Option<Priority>),
    /// An id, what it depends on, what happens when it is done.
    Word,
}

impl Sign {
    const fn of(emoji: char) -> Option<Self> {
        Some(match emoji {
            '📅' | '📆' | '🗓' => Self::Due,
            '🛫' => Self::Start,
            '⏳' | '⌛' | '➕' | '✅' | '❌' => Self::OtherDate,
            '🔁' => Self::Recurs,
            '🔺' => Self::Priority(Some(Priority::Critical)),
            '⏫' => Self::Priority(Some(Priority::High)),
            '🔼' => Self::Priority(Some(Priority::Medium)),
            '🔽' | '⏬' => Self::Priority(Some(Priority::Low)),
            '🆔' | '⛔' | '🏁' => Self::Word,
            _ => return None,
        })
    }

    fn named(field: &str, value: &str) -> Option<Self> {
        Some(match field.trim().to_ascii_lowercase().as_str() {
            "due" => Self::Due,
            "start" => Self::Start,
            "scheduled" | "created" | "completion" | "cancelled" => Self::OtherDate,
            "repeat" => Self::Recurs,
            "priority" => Self::Priority(match value.trim().to_ascii_lowercase().as_str() {
                "highest" => Some(Priority::Critical),
                "high" => Some(Priority::High),
                "medium" => Some(Priority::Medium),
                "low" | "lowest" => Some(Priority::Low),
                _ => None,
            }),
            "id" | "dependson" | "oncompletion" => Self::Word,
            _ => return None,
        })
    }
}

/// Take a task's line apart.
pub(crate) fn read(line: &str) -> Signs {
    let mut signs = Signs::default();
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        rest = if let Some(sign) = Sign::of(first) {
            text.push(' ');
            signs.take(sign, after.strip_prefix('\u{fe0f}').unwrap_or(after).trim_start())
        } else if let Some((sign, value, after)) = field(rest) {
            text.push(' ');
            signs.take(sign, value.trim());
            after
        } else {
            text.push(first);
            after
        };
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    signs.text = without_tags(&text).to_owned();
    signs
}

/// `[due:: 2026-11-20]` or `(due:: 2026-11-20)`: what it is about, its value, and what comes after it.
fn field(text: &str) -> Option<(Sign, &str, &str)> {
    let (inside, end) = match text.strip_prefix('[') {
        Some(inside) => (inside, ']'),
        None => (text.strip_prefix('(')?, ')'),
    };
    let (inside, after) = inside.split_once(end)?;
    let (name, value) = inside.split_once("::")?;
    Some((Sign::named(name, value)?, value, after))
}

impl Signs {
    /// Note what a sign says with the text behind it, and give back what is not part of that.
    fn take<'a>(&mut self, sign: Sign, text: &'a str) -> &'a str {
        match sign {
            Sign::Due => {
                let (due, rest) = due(text);
                self.is_unclear = due.is_none();
                self.due = due;
                rest
            }
            Sign::Start => {
                let (start, rest) = date(text);
                self.start = start;
                rest
            }
            Sign::OtherDate => date(text).1,
            Sign::Recurs => {
                self.recurs = true;
                // Up to the next sign: `every week when done`.
                let end = text.find(|c| Sign::of(c).is_some() || matches!(c, '#' | '[' | '(')).unwrap_or(text.len());
                text.get(end..).unwrap_or_default()
            }
            Sign::Priority(priority) => {
                self.priority = priority;
                text
            }
            Sign::Word => after_word(text),
        }
    }
}

/// A date at the beginning, and what comes after it. What stands there and is none belongs to the sign, not to the title: a
/// task goes by that.
fn date(text: &str) -> (Option<Date>, &str) {
    match text.get(..10).and_then(|date| date.parse().ok()) {
        Some(date) => (Some(date), text.get(10..).unwrap_or_default()),
        None => (None, if text.starts_with(['#', '[', '(']) { text } else { after_word(text) }),
    }
}

/// What comes after the word at the beginning.
fn after_word(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_whitespace() && Sign::of(c).is_none())
}

/// The same with a time behind it: `2026-11-20 14:00`, `2026-11-20T14:00`.
fn due(text: &str) -> (Option<Due>, &str) {
    let (day, after) = date(text);
    let Some(day) = day else { return (None, after) };
    let time = after.strip_prefix([' ', 'T']).and_then(|after| {
        let clock = after.get(..5).filter(|clock| clock.as_bytes().get(2) == Some(&b':'))?;
        Some((clock.parse::<Time>().ok()?, after.get(5..)?))
    });
    match time {
        Some((time, after)) => (Some(Due::At(DateTime::from_parts(day, time))), after),
        // `2026-11-20T9:00`
        None if after.starts_with(char::is_alphanumeric) => (None, after_word(after)),
        None => (Some(Due::Day(day)), after),
    }
}

/// Without the tags before and behind it, and without the name of the block.
fn without_tags(text: &str) -> &str {
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

/// `#errands`; a number with a hash is none.
fn is_tag(word: &str) -> bool {
    word.strip_prefix('#').is_some_and(|name| name.chars().any(|c| !c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn shown(line: &str) -> String {
        let signs = read(line);
        let due = signs.due.map_or_else(String::new, |due| format!(" due {due}"));
        let start = signs.start.map_or_else(String::new, |start| format!(" from {start}"));
        let priority = signs.priority.map_or_else(String::new, |priority| format!(" {priority}"));
        let flags = [(signs.recurs, " recurs"), (signs.is_unclear, " unclear")];
        let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
        format!("{}|{due}{start}{priority}{flags}", signs.text)
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
    fn a_line_is_its_text_and_its_signs(#[case] line: &str, #[case] expected: &str) {
        assert_eq!(shown(line), expected);
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "(📅|🔁|⏫|🆔|#|\\[due::|\\]|\\(|\\)| |2026-11-2[0-9]|\\PC){0,30}") {
            let signs = read(&line);
            prop_assert!(signs.text.len() <= line.len());
        }

        #[test]
        fn a_due_date_is_found_among_other_signs(before in "[a-z]{1,5}( [a-z]{1,5}){0,2} ?", day in 1..=28_i8, after in "(⏫|🔁 every day| #x| ✅ 2026-01-01){0,3}") {
            let date = jiff::civil::date(2026, 2, day);
            let signs = read(&format!("{before}📅 {date}{after}"));
            prop_assert_eq!(signs.due, Some(Due::Day(date)));
            prop_assert_eq!(signs.text, before.trim());
        }
    }
}
