//! The body under a message's title as plain text: sentences or a list, then source and time.

use super::text::{digest, origin, priority_and_title, sanitize, time_of_day, truncate, truncate_chars};
use crate::core::delivery::message::Message;

const MAX_ITEM_CHARS: usize = 300;
const MAX_ITEM_TITLE_CHARS: usize = 200;

/// At most `max_width` wide, where `width` is the width of a character in the unit of the channel.
pub(super) fn render(message: &Message, max_width: usize, width: impl Fn(char) -> usize + Copy) -> String {
    let text_width = |text: &str| text.chars().map(width).sum::<usize>();
    let text = match message.items.first() {
        _ if message.is_digest() => {
            let footer = format!("\n\n{}", time_of_day(&message.at, &message.at));
            digest(message, (String::new(), &footer), (max_width, text_width), |item| {
                let title = truncate_chars(&priority_and_title(item), MAX_ITEM_TITLE_CHARS);
                format!("\n\n{title}\n{}", truncate_chars(&sanitize(&item.message), MAX_ITEM_CHARS))
            })
        }
        Some(item) => {
            let footer = format!("\n\n{}", origin(message, item));
            truncate(&sanitize(&item.message), max_width.saturating_sub(text_width(&footer)), width) + &footer
        }
        None => String::new(),
    };
    text.trim().to_owned()
}
