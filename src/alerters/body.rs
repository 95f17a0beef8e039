//! What stands under a message's title where plain text is shown: the sentences or a list, and where they come from.

use super::words::{clock, fit, more, origin, plain, title};
use crate::core::delivery::message::{Message, MessageItem};
use crate::core::text::capitalize;

/// In a digest a message takes no more characters.
const LISTED: usize = 300;

/// A line that names an alert in a digest takes no more characters.
const LINE: usize = 200;

/// The text, no heavier than `room`; `weigh` says what a character takes on the channel.
pub(super) fn body(message: &Message, room: usize, weigh: impl Fn(char) -> usize + Copy) -> String {
    if message.is_digest() {
        digest(message, room, weigh)
    } else {
        message.items.first().map_or_else(String::new, |item| one(message, item, room, weigh))
    }
}

fn one(message: &Message, item: &MessageItem, room: usize, weigh: impl Fn(char) -> usize + Copy) -> String {
    let foot = format!("\n\n{}", origin(message, item));
    let text = fit(&plain(&item.message), room.saturating_sub(weight(&foot, weigh)), weigh);
    (text + &foot).trim().to_owned()
}

fn digest(message: &Message, room: usize, weigh: impl Fn(char) -> usize + Copy) -> String {
    let foot = format!("\n\n{}", clock(&message.at, &message.at));
    let all = message.items.len() + message.omitted;
    // The longest way to say how many are missing.
    let room = room.saturating_sub(weight(&foot, weigh) + weight(&rest(all), weigh));
    let (mut text, mut shown) = (String::new(), 0);
    for item in &message.items {
        let line = fit(&format!("{} – {}", capitalize(item.priority.as_str()), title(item)), LINE, |_| 1);
        let gap = if text.is_empty() { "" } else { "\n\n" };
        let listed = format!("{gap}{line}\n{}", fit(&plain(&item.message), LISTED, |_| 1));
        if weight(&text, weigh) + weight(&listed, weigh) > room {
            break;
        }
        text.push_str(&listed);
        shown += 1;
    }
    if shown < all {
        text.push_str(&rest(all - shown));
    }
    (text + &foot).trim().to_owned()
}

fn rest(omitted: usize) -> String {
    format!("\n\n… {}", more(omitted))
}

fn weight(text: &str, weigh: impl Fn(char) -> usize) -> usize {
    text.chars().map(weigh).sum()
}
