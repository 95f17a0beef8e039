//! What stands under a message's title where plain text is shown: the sentences or a list, and where they come from.

use super::words::{clock, fit, more, origin, plain, title};
use crate::core::delivery::message::{Item, Notice};

/// In a digest a message takes no more characters.
const LISTED: usize = 300;

/// A line that names an alert in a digest takes no more characters.
const LINE: usize = 200;

/// The text, no heavier than `room`; `weigh` says what a character takes on the channel.
pub(super) fn body(notice: &Notice, room: usize, weigh: impl Fn(char) -> usize + Copy) -> String {
    if notice.is_digest() {
        digest(notice, room, weigh)
    } else {
        notice.items.first().map_or_else(String::new, |item| one(notice, item, room, weigh))
    }
}

fn one(notice: &Notice, item: &Item, room: usize, weigh: impl Fn(char) -> usize + Copy) -> String {
    let foot = format!("\n\n{}", origin(notice, item));
    let text = fit(&plain(&item.message), room.saturating_sub(weight(&foot, weigh)), weigh);
    (text + &foot).trim().to_owned()
}

fn digest(notice: &Notice, room: usize, weigh: impl Fn(char) -> usize + Copy) -> String {
    let foot = format!("\n\n{}", clock(&notice.at, &notice.at));
    let all = notice.items.len() + notice.left_out;
    // The longest way to say how many are missing.
    let room = room.saturating_sub(weight(&foot, weigh) + weight(&rest(all), weigh));
    let (mut text, mut shown) = (String::new(), 0);
    for item in &notice.items {
        let line = fit(&format!("{} – {}", item.priority.capital(), title(item)), LINE, |_| 1);
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

fn rest(left_out: usize) -> String {
    format!("\n\n… {}", more(left_out))
}

fn weight(text: &str, weigh: impl Fn(char) -> usize) -> usize {
    text.chars().map(weigh).sum()
}
