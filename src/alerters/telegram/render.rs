//! A message in Telegram's HTML: priority emoji, bold title, message, source and time.

use crate::alerters::text::{digest, escape, headline, origin, sanitize, time_of_day, title, truncate};
use crate::core::alert::Priority;
use crate::core::delivery::message::{AlertState, Message, MessageItem};

/// The API's limit, in UTF-16 code units without markup. Here markup counts too, which is stricter.
const MAX_TEXT_UTF16: usize = 4_096;
const MAX_TITLE_UTF16: usize = 400;
const MAX_ITEM_UTF16: usize = 300;

pub(super) fn render(message: &Message) -> String {
    match message.items.first() {
        _ if message.is_digest() => {
            let footer = format!("\n\n<i>{}</i>", time_of_day(&message.at, &message.at));
            digest(message, (bold(&headline(message)), &footer), (MAX_TEXT_UTF16, width), |item| {
                format!(
                    "\n\n{} {}\n{}",
                    emoji(item),
                    bold(&title(item)),
                    html(&sanitize(&item.message), MAX_ITEM_UTF16)
                )
            })
        }
        Some(item) => {
            let head = format!("{} {}\n\n", emoji(item), bold(&title(item)));
            let footer = format!("\n\n<i>{}</i>", html(&origin(message, item), MAX_TEXT_UTF16));
            let available = MAX_TEXT_UTF16.saturating_sub(width(&head) + width(&footer));
            format!("{head}{}{footer}", html(&sanitize(&item.message), available))
        }
        None => String::new(),
    }
}

fn emoji(item: &MessageItem) -> &'static str {
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
    format!("<b>{}</b>", html(text, MAX_TITLE_UTF16))
}

/// Truncates, then escapes: no entity is cut.
fn html(text: &str, max_width: usize) -> String {
    let escaped_width = |c: char| match c {
        '&' => "&amp;".len(),
        '<' | '>' => "&lt;".len(),
        c => c.len_utf16(),
    };
    escape(&truncate(text, max_width, escaped_width)).into_owned()
}

fn width(text: &str) -> usize {
    text.encode_utf16().count()
}
