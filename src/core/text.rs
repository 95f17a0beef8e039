//! Words for people: short titles, ages, durations, and the slug that an entity is known by.

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::name::EXEC_PREFIX;

/// One line of at most `max_chars` characters: control characters and runs of white space become one space, and what is too
/// long is cut at a word, with `…`. A word is cut inside only if whole words would fill less than a third of the line.
#[must_use]
pub fn clip(text: &str, max_chars: usize) -> String {
    let folded = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = folded.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max_chars {
        return line;
    }
    let Some(room) = max_chars.checked_sub(1) else { return String::new() };
    let kept: String = line.chars().take(room).collect();
    // With the character after it, so that a word that just fits is kept whole.
    let word_end = line.chars().take(max_chars).collect::<String>().rfind(' ');
    let whole_words = word_end.and_then(|end| kept.get(..end)).filter(|words| words.chars().count() * 3 >= room);
    format!("{}…", whole_words.unwrap_or(&kept).trim_end())
}

/// How long ago: `just now`, `35 min ago`, `2 h ago`, `3 days ago`. A moment in the future is `just now`.
#[must_use]
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    let elapsed = now.duration_since(then);
    if elapsed < SignedDuration::from_mins(1) { "just now".into() } else { format!("{} ago", span(elapsed)) }
}

/// The time of day; with the day where it is not that of `now`: `14:05`, `Mon 14:05`, and from six days on `2026-11-20 14:05`.
#[must_use]
pub fn clock(at: &ZonedDateTime, now: &ZonedDateTime) -> String {
    let near = at.timestamp().duration_since(now.timestamp()).abs() < SignedDuration::from_hours(24 * 6);
    let form = match at.date() == now.date() {
        true => "%H:%M",
        false if near => "%a %H:%M",
        false => "%Y-%m-%d %H:%M",
    };
    at.strftime(form).to_string()
}

/// A length of time in its largest unit, rounded down: `45 s`, `35 min`, `2 h`, `1 day`, `3 days`. A negative one is `0 s`.
#[must_use]
pub fn span(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (minutes, hours, days) {
        (0, ..) => format!("{seconds} s"),
        (_, 0, _) => format!("{minutes} min"),
        (_, _, 0) => format!("{hours} h"),
        (_, _, 1) => "1 day".into(),
        _ => format!("{days} days"),
    }
}

/// Seconds as hours and whole minutes, rounded down: `5 h 40`.
#[must_use]
pub fn hours(seconds: u32) -> String {
    format!("{} h {:02}", seconds / 3600, seconds % 3600 / 60)
}

/// A number with at most one decimal: `48`, `13.5`.
#[must_use]
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// The number with its noun: `1 task`, `3 tasks`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What an entity without an id is known by: lower case, letters and digits of any script kept, all else one `_`, at most
/// 60 characters: `Write report!` → `write_report`. Empty if nothing is left.
#[must_use]
pub fn slug(title: &str) -> String {
    let lower = title.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("_").chars().take(60).collect();
    slug.trim_end_matches('_').to_owned()
}

/// A source as a person calls it: its word with a capital, where it has no other name.
#[must_use]
pub fn source_name(source: &str) -> String {
    match source {
        "oura" | "oura_cache" | "oura_api" => "Oura".into(),
        "workos" => "WorkOS".into(),
        "ics" => "Calendar".into(),
        other if other.starts_with(EXEC_PREFIX) => other.replacen(EXEC_PREFIX, "Program ", 1),
        other => capitalize(&other.replace('_', " ")),
    }
}

/// The text with its first letter in upper case.
pub fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
