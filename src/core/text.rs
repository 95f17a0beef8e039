//! Text helpers: truncation, relative times, durations, numbers, slugs and display names.

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::name::EXEC_PREFIX;

/// One line of at most `max_chars` characters. Control characters and runs of white space become one space. A long text is cut
/// after a word and gets `…`; a word is cut inside only if the whole words before it fill less than a third of the line.
pub fn truncate(text: &str, max_chars: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max_chars {
        return line;
    }
    let Some(room) = max_chars.checked_sub(1) else { return String::new() };
    let cut: String = line.chars().take(room).collect();
    // Includes the next character, so that a word that just fits stays whole.
    let word_end = line.chars().take(max_chars).collect::<String>().rfind(' ');
    let whole_words = word_end.and_then(|end| cut.get(..end)).filter(|words| words.chars().count() * 3 >= room);
    format!("{}…", whole_words.unwrap_or(&cut).trim_end())
}

/// `just now`, `35 min ago`, `2 h ago`, `3 days ago`. A moment in the future is `just now`.
pub fn relative(now: Timestamp, then: Timestamp) -> String {
    let elapsed = now.duration_since(then);
    if elapsed < SignedDuration::from_mins(1) { "just now".into() } else { format!("{} ago", humanize(elapsed)) }
}

/// The time of day, with the day unless it is today: `14:05`, `Mon 14:05`, from six days on `2026-11-20 14:05`.
pub fn clock(at: &ZonedDateTime, now: &ZonedDateTime) -> String {
    let near = at.timestamp().duration_since(now.timestamp()).abs() < SignedDuration::from_hours(24 * 6);
    let format = match at.date() == now.date() {
        true => "%H:%M",
        false if near => "%a %H:%M",
        false => "%Y-%m-%d %H:%M",
    };
    at.strftime(format).to_string()
}

/// A duration in its largest unit, rounded down: `45 s`, `35 min`, `2 h`, `1 day`, `3 days`. A negative one is `0 s`.
pub fn humanize(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match (seconds / 60, seconds / 3600, seconds / 86_400) {
        (0, ..) => format!("{seconds} s"),
        (minutes, 0, _) => format!("{minutes} min"),
        (_, hours, 0) => format!("{hours} h"),
        (_, _, 1) => "1 day".into(),
        (_, _, days) => format!("{days} days"),
    }
}

/// Hours and minutes, rounded down: `5 h 40`.
pub fn hours_minutes(seconds: u32) -> String {
    format!("{} h {:02}", seconds / 3600, seconds % 3600 / 60)
}

/// At most one decimal: `48`, `13.5`.
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// `1 task`, `3 tasks`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Lower case, with `_` between runs of letters and digits of any script, at most 60 characters: `Write report!` → `write_report`.
pub fn slug(title: &str) -> String {
    let lower = title.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("_").chars().take(60).collect();
    slug.trim_end_matches('_').to_owned()
}

/// The display name of a source: `oura_api` → `Oura`, `exec:disk` → `Exec plugin disk`, `state_store` → `State store`.
pub fn source_name(source: &str) -> String {
    match source {
        "oura" | "oura_cache" | "oura_api" => "Oura".into(),
        "workos" => "WorkOS".into(),
        "ics" => "Calendar".into(),
        other if other.starts_with(EXEC_PREFIX) => other.replacen(EXEC_PREFIX, "Exec plugin ", 1),
        other => capitalize(&other.replace('_', " ")),
    }
}

/// The first letter in upper case.
pub fn capitalize(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::short("Write report", 60, "Write report")]
    #[case::exact("Write report", 12, "Write report")]
    #[case::after_a_word("Write report today", 14, "Write report…")]
    #[case::word_just_fits("Write report today", 13, "Write report…")]
    #[case::inside_a_word("Write report today", 12, "Write…")]
    #[case::one_long_word("Donaudampfschifffahrt", 8, "Donauda…")]
    #[case::short_word_first("A Donaudampfschifffahrt", 10, "A Donauda…")]
    #[case::folded("  Write\n\nthe\treport\u{7} ", 60, "Write the report")]
    #[case::characters_not_bytes("Größe für Ärzte", 15, "Größe für Ärzte")]
    #[case::empty("", 60, "")]
    #[case::no_room("Write report", 0, "")]
    #[case::room_for_one("Write report", 1, "…")]
    fn truncate_cuts_after_a_word(#[case] text: &str, #[case] max: usize, #[case] expected: &str) {
        assert_eq!(truncate(text, max), expected);
    }

    #[rstest]
    #[case(-60, "just now")]
    #[case(0, "just now")]
    #[case(59, "just now")]
    #[case(60, "1 min ago")]
    #[case(35 * 60 + 59, "35 min ago")]
    #[case(3599, "59 min ago")]
    #[case(3600, "1 h ago")]
    #[case(2 * 3600 + 3599, "2 h ago")]
    #[case(24 * 3600 - 1, "23 h ago")]
    #[case(24 * 3600, "1 day ago")]
    #[case(48 * 3600 - 1, "1 day ago")]
    #[case(3 * 24 * 3600, "3 days ago")]
    fn relative_uses_the_largest_unit(#[case] seconds: i64, #[case] expected: &str) {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        assert_eq!(relative(now, now - SignedDuration::from_secs(seconds)), expected);
    }

    #[rstest]
    #[case(-5, "0 s")]
    #[case(45, "45 s")]
    #[case(60, "1 min")]
    #[case(7200, "2 h")]
    fn humanize_uses_the_largest_unit(#[case] seconds: i64, #[case] expected: &str) {
        assert_eq!(humanize(SignedDuration::from_secs(seconds)), expected);
    }

    #[rstest]
    #[case(0, "0 h 00")]
    #[case(20_400, "5 h 40")]
    #[case(21_599, "5 h 59")]
    #[case(21_600, "6 h 00")]
    #[case(18_300, "5 h 05")]
    fn hours_minutes_rounds_down(#[case] seconds: u32, #[case] expected: &str) {
        assert_eq!(hours_minutes(seconds), expected);
    }

    #[rstest]
    #[case(48.0, "48")]
    #[case(13.5, "13.5")]
    #[case(33.333, "33.3")]
    #[case(0.0, "0")]
    fn number_has_at_most_one_decimal(#[case] value: f64, #[case] expected: &str) {
        assert_eq!(number(value), expected);
    }

    #[rstest]
    #[case("Write report!", "write_report")]
    #[case("  --Call   Mum & Dad?? ", "call_mum_dad")]
    #[case("ÄRZTE für 2026", "ärzte_für_2026")]
    #[case("報告を書く!", "報告を書く")]
    #[case("!!!", "")]
    #[case("", "")]
    #[case(&"a".repeat(80), &"a".repeat(60))]
    #[case(&format!("{} b", "a".repeat(59)), &"a".repeat(59))]
    fn slug_keeps_letters_and_digits(#[case] title: &str, #[case] expected: &str) {
        assert_eq!(slug(title), expected);
    }

    proptest! {
        #[test]
        fn truncated_text_is_one_line_that_fits(text in any::<String>(), max in 0usize..80) {
            let truncated = truncate(&text, max);
            prop_assert!(truncated.chars().count() <= max);
            prop_assert!(!truncated.chars().any(char::is_control));
            prop_assert_eq!(truncate(&truncated, max), truncated);
        }

        #[test]
        fn slug_is_idempotent(text in any::<String>()) {
            let once = slug(&text);
            prop_assert!(once.chars().count() <= 60);
            prop_assert!(!once.starts_with('_') && !once.ends_with('_') && !once.contains("__"));
            prop_assert_eq!(slug(&once), once);
        }
    }
}
