//! The words that all channels share: headlines, how an alert stands, and how text from outside is made fit to be shown.

use jiff::ZonedDateTime;

use crate::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};
use crate::core::text;

/// A source's name takes no more characters.
const SOURCE: usize = 100;

/// No more of a server's own words is shown (characters).
const SAYING: usize = 200;

/// One line that says what the message is about: an alert's title, or how many there are.
pub(super) fn headline(message: &Message) -> String {
    let all = message.items.len() + message.omitted;
    match message.items.first() {
        Some(item) if all == 1 => title(item),
        _ if message.kind != MessageKind::Update => text::count(all, "alert"),
        _ => {
            let holding = message.items.iter().filter(|item| item.state != AlertState::Resolved).count();
            match (holding, message.omitted) {
                (0, _) => format!("All {all} alerts have resolved"),
                (_, 0) => format!("{holding} of {all} alerts still hold"),
                _ => format!("{all} alerts, some of them resolved"),
            }
        }
    }
}

/// An alert's title, with how it stands if that is not simply open.
pub(super) fn title(item: &MessageItem) -> String {
    let title = plain_line(&item.title);
    match &item.state {
        AlertState::Open => title,
        AlertState::Acknowledged => format!("Acknowledged: {title}"),
        AlertState::Snoozed { until } => format!("Snoozed until {}: {title}", clock(until, &item.at)),
        AlertState::Resolved => format!("Resolved: {title}"),
    }
}

/// The time of day, with the date where that is another than the reader's.
pub(super) fn clock(at: &ZonedDateTime, reader: &ZonedDateTime) -> String {
    let form = if at.date() == reader.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    at.strftime(form).to_string()
}

/// `Oura · 07:05`; of an update, when it was told first and when it changed.
pub(super) fn origin(message: &Message, item: &MessageItem) -> String {
    let mut parts: Vec<String> = item.source.iter().map(|source| fit(&plain_line(source), SOURCE, |_| 1)).collect();
    parts.push(clock(&item.at, &message.at));
    if message.kind == MessageKind::Update {
        parts.push(format!("updated {}", clock(&message.at, &message.at)));
    }
    parts.join(" · ")
}

/// What was not shown, and where it is.
pub(super) fn more(omitted: usize) -> String {
    format!("and {omitted} more: operator alerts")
}

/// Text from outside as any channel can carry it: line breaks stay, other control characters become spaces.
pub(super) fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.trim().chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// The same on one line.
pub(super) fn plain_line(text: &str) -> String {
    plain(text).replace('\n', " ")
}

/// A server's own words, fit to be shown: one that stands between us and the right one may repeat our question, and with it our
/// secrets.
pub(super) fn quoted(said: &str, secrets: &[impl AsRef<str>]) -> String {
    let known = secrets.iter().map(AsRef::as_ref).filter(|secret| !secret.is_empty());
    let clean = known.fold(said.to_owned(), |said, secret| said.replace(secret, "…"));
    fit(&plain_line(&clean), SAYING, |_| 1)
}

/// `text` where it weighs no more than `room`; else cut at a word, with how many characters were left out. `weigh` says what a
/// character takes on the channel.
pub(super) fn fit(text: &str, room: usize, weigh: impl Fn(char) -> usize) -> String {
    if text.chars().map(&weigh).sum::<usize>() <= room {
        return text.to_owned();
    }
    let all = text.chars().count();
    // With room for the longest way to say what is missing.
    let room = room.saturating_sub(format!("… ({all} more characters)").chars().count());
    let (mut weight, mut end, mut word_end) = (0, 0, None);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            word_end = Some(at);
        }
        weight += weigh(c);
        if weight > room {
            break;
        }
        end = at + c.len_utf8();
    }
    // A word is cut inside only if whole words would fill less than half of the room.
    let whole_words = word_end.filter(|at| *at <= end && *at * 2 >= end);
    let kept = text.get(..whole_words.unwrap_or(end)).unwrap_or_default().trim_end();
    format!("{kept}… ({} more characters)", all - kept.chars().count())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_cut_at_a_word_and_the_rest_is_counted() {
        let one = |_| 1;
        assert_eq!(fit("short", 5, one), "short");
        let text = "word ".repeat(20);
        assert_eq!(fit(text.trim(), 40, one), "word word word… (85 more characters)");
        let long = "x".repeat(100);
        assert_eq!(fit(&long, 40, one), format!("{}… (83 more characters)", "x".repeat(17)));
    }

    #[test]
    fn control_characters_become_spaces_and_lines_stay_lines() {
        assert_eq!(plain(" a\0b\r\nc\u{1b}[31m\t "), "a b\nc [31m");
        assert_eq!(plain_line("a\nb"), "a b");
    }

    proptest! {
        #[test]
        fn nothing_outgrows_its_room_and_nothing_goes_uncounted(text in "[a-z &<\n\u{1F600}\u{5d0}]{0,200}", room in 40..150_usize) {
            let weigh = |c: char| if c == '&' { 5 } else { c.len_utf16() };
            let cut = fit(&text, room, weigh);
            prop_assert!(cut.chars().map(weigh).sum::<usize>() <= room);
            match cut.rsplit_once("… (") {
                None => prop_assert_eq!(cut, text),
                Some((kept, rest)) => {
                    let missing: usize = rest.split(' ').next().unwrap().parse().unwrap();
                    prop_assert!(text.starts_with(kept));
                    prop_assert_eq!(kept.chars().count() + missing, text.chars().count());
                }
            }
        }
    }
}
