//! Text shared by all channels: headlines, alert states, sanitizing, truncation and escaping.

use std::borrow::Cow;

use jiff::ZonedDateTime;

use crate::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};
use crate::core::text;
use crate::net::redact::redact;

const MAX_SOURCE_CHARS: usize = 100;

/// A server's error text is cut after this many characters.
const MAX_QUOTE_CHARS: usize = 200;

/// One line about the whole message: an alert's title, or the number of alerts.
pub(super) fn headline(message: &Message) -> String {
    let total = message.items.len() + message.omitted;
    match message.items.first() {
        Some(item) if total == 1 => title(item),
        _ if message.kind != MessageKind::Update => text::count(total, "alert"),
        _ => {
            let unresolved = message.items.iter().filter(|item| item.state != AlertState::Resolved).count();
            match (unresolved, message.omitted) {
                (0, _) => format!("All {total} alerts have resolved"),
                (_, 0) => format!("{unresolved} of {total} alerts still hold"),
                _ => format!("{total} alerts, some of them resolved"),
            }
        }
    }
}

/// An alert's title, prefixed with its state unless it is open.
pub(super) fn title(item: &MessageItem) -> String {
    let title = single_line(&item.title);
    match &item.state {
        AlertState::Open => title,
        AlertState::Acknowledged => format!("Acknowledged: {title}"),
        AlertState::Snoozed { until } => format!("Snoozed until {}: {title}", time_of_day(until, &item.at)),
        AlertState::Resolved => format!("Resolved: {title}"),
    }
}

/// `High – Slept 4 h 40`: an alert in a digest.
pub(super) fn priority_and_title(item: &MessageItem) -> String {
    format!("{} – {}", text::capitalize(item.priority.as_str()), title(item))
}

/// The time, with the date if it differs from the date of `reference`.
pub(super) fn time_of_day(at: &ZonedDateTime, reference: &ZonedDateTime) -> String {
    let format = if at.date() == reference.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    at.strftime(format).to_string()
}

/// `Oura · 07:05`; in an update also when it was updated.
pub(super) fn origin(message: &Message, item: &MessageItem) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(item.source.iter().map(|source| truncate_chars(&single_line(source), MAX_SOURCE_CHARS)));
    parts.push(time_of_day(&item.at, &message.at));
    if message.kind == MessageKind::Update {
        parts.push(format!("updated {}", time_of_day(&message.at, &message.at)));
    }
    parts.join(" · ")
}

/// The number of omitted alerts and the command that lists them.
pub(super) fn omitted(count: usize) -> String {
    format!("and {count} more: operator alerts")
}

/// `head`, as many rendered items as fit into `max_width` together with `footer`, and the number of omitted alerts.
pub(super) fn digest(
    message: &Message,
    (head, footer): (String, &str),
    (max_width, width): (usize, impl Fn(&str) -> usize),
    render_item: impl Fn(&MessageItem) -> String,
) -> String {
    let omitted_line = |count| format!("\n\n… {}", omitted(count));
    let total = message.items.len() + message.omitted;
    let available = max_width.saturating_sub(width(footer) + width(&omitted_line(total)));
    let (mut text, mut shown) = (head, 0);
    for item in &message.items {
        let rendered = render_item(item);
        if width(&text) + width(&rendered) > available {
            break;
        }
        text.push_str(&rendered);
        shown += 1;
    }
    if shown < total {
        text.push_str(&omitted_line(total - shown));
    }
    text + footer
}

/// Replaces control characters except line breaks by spaces, and trims.
pub(super) fn sanitize(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.trim().chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

pub(super) fn single_line(text: &str) -> String {
    sanitize(text).replace('\n', " ")
}

/// A server's own words on one line, without secrets.
pub(super) fn quote(text: &str, secrets: &[impl AsRef<str>]) -> String {
    truncate_chars(&single_line(&redact(text, secrets)), MAX_QUOTE_CHARS)
}

/// Escapes `&`, `<` and `>`: all that text content of HTML, XML and Telegram's HTML needs.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    quick_xml::escape::partial_escape(text)
}

pub(super) fn truncate_chars(text: &str, max_chars: usize) -> String {
    truncate(text, max_chars, |_| 1)
}

/// Cuts a text that is wider than `max_width` at a word, and appends how many characters are missing. `width` is the width of
/// a character in the unit of the channel.
pub(super) fn truncate(text: &str, max_width: usize, width: impl Fn(char) -> usize) -> String {
    if text.chars().map(&width).sum::<usize>() <= max_width {
        return text.to_owned();
    }
    let total = text.chars().count();
    // The longest possible suffix: its number never has more digits than `total`.
    let available = max_width.saturating_sub(format!("… ({total} more characters)").chars().count());
    let (mut used, mut end, mut word_end) = (0, 0, None);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            word_end = Some(at);
        }
        used += width(c);
        if used > available {
            break;
        }
        end = at + c.len_utf8();
    }
    // Cut inside a word only if whole words would fill less than half.
    let whole_words = word_end.filter(|at| *at <= end && *at * 2 >= end);
    let kept = text.get(..whole_words.unwrap_or(end)).unwrap_or_default().trim_end();
    format!("{kept}… ({} more characters)", total - kept.chars().count())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_text_is_cut_at_a_word_and_counted() {
        assert_eq!(truncate_chars("short", 5), "short");
        let text = "word ".repeat(20);
        assert_eq!(truncate_chars(text.trim(), 40), "word word word… (85 more characters)");
        let long = "x".repeat(100);
        assert_eq!(truncate_chars(&long, 40), format!("{}… (83 more characters)", "x".repeat(17)));
    }

    #[test]
    fn control_characters_become_spaces() {
        assert_eq!(sanitize(" a\0b\r\nc\u{1b}[31m\t "), "a b\nc [31m");
        assert_eq!(single_line("a\nb"), "a b");
    }

    #[test]
    fn markup_is_escaped_once() {
        assert_eq!(escape(r#"<b>"Q&A"</b> isn't &amp;"#), "&lt;b&gt;\"Q&amp;A\"&lt;/b&gt; isn't &amp;amp;");
    }

    proptest! {
        #[test]
        fn truncated_text_fits_and_counts_the_rest(text in "[a-z &<\n\u{1F600}\u{5d0}]{0,200}", max_width in 40..150_usize) {
            let width = |c: char| if c == '&' { 5 } else { c.len_utf16() };
            let cut = truncate(&text, max_width, width);
            prop_assert!(cut.chars().map(width).sum::<usize>() <= max_width);
            match cut.rsplit_once("… (") {
                None => prop_assert_eq!(cut, text),
                Some((kept, suffix)) => {
                    let missing: usize = suffix.split(' ').next().unwrap().parse().unwrap();
                    prop_assert!(text.starts_with(kept));
                    prop_assert_eq!(kept.chars().count() + missing, text.chars().count());
                }
            }
        }
    }
}
