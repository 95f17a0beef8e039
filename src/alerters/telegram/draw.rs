//! What a message looks like: priority sign, bold title, message, source and time, in Telegram's HTML.

use crate::alerters::words::{clock, fit, headline, more, origin, plain, title};
use crate::core::alert::Priority;
use crate::core::delivery::message::{AlertState, Message, MessageItem};

/// Telegram takes 4,096 characters, as UTF-16 counts them, and counts them without markup. Counted with it, no measure is
/// exceeded.
const LONGEST: usize = 4_096;

/// A title takes no more.
const TITLE: usize = 400;

/// In a digest a message takes no more.
const LISTED: usize = 300;

/// The whole message.
pub(super) fn text(message: &Message) -> String {
    if message.is_digest() {
        digest(message)
    } else {
        message.items.first().map_or_else(String::new, |item| one(message, item))
    }
}

fn one(message: &Message, item: &MessageItem) -> String {
    let head = format!("{} {}\n\n", sign(item), bold(&title(item)));
    let foot = format!("\n\n<i>{}</i>", escaped(&origin(message, item), LONGEST));
    let room = LONGEST.saturating_sub(width(&head) + width(&foot));
    format!("{head}{}{foot}", escaped(&plain(&item.message), room))
}

fn digest(message: &Message) -> String {
    let mut text = bold(&headline(message));
    let foot = format!("\n\n<i>{}</i>", clock(&message.at, &message.at));
    let all = message.items.len() + message.omitted;
    // The longest way to say how many are missing.
    let room = LONGEST.saturating_sub(width(&foot) + width(&rest(all)));
    let mut shown = 0;
    for item in &message.items {
        let listed = format!("\n\n{} {}\n{}", sign(item), bold(&title(item)), escaped(&plain(&item.message), LISTED));
        if width(&text) + width(&listed) > room {
            break;
        }
        text.push_str(&listed);
        shown += 1;
    }
    if shown < all {
        text.push_str(&rest(all - shown));
    }
    text + &foot
}

fn rest(omitted: usize) -> String {
    format!("\n\n… {}", more(omitted))
}

fn sign(item: &MessageItem) -> &'static str {
    match (&item.state, item.priority) {
        (AlertState::Resolved, _) => "✅",
        (AlertState::Acknowledged, _) => "👌",
        (AlertState::Snoozed { .. }, _) => "💤",
        (AlertState::Open, Priority::Critical) => "🚨",
        (AlertState::Open, Priority::High) => "🔴",
        (AlertState::Open, Priority::Medium) => "🟡",
        (AlertState::Open, Priority::Low) => "🔵",
    }
}

fn bold(text: &str) -> String {
    format!("<b>{}</b>", escaped(text, TITLE))
}

/// Cut to its room, then made harmless: `<`, `>` and `&` are all that HTML mode gives a meaning.
fn escaped(text: &str, room: usize) -> String {
    let cut = fit(text, room, |c| match c {
        '&' => "&amp;".len(),
        '<' | '>' => "&lt;".len(),
        c => c.len_utf16(),
    });
    cut.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn width(text: &str) -> usize {
    text.encode_utf16().count()
}
