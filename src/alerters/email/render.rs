//! A message as an e-mail: plain text and HTML with the same content, with headers that thread updates under their first message.

use std::time::{Duration, SystemTime};

use lettre::Message as Mail;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use crate::alerters::plain_text;
use crate::alerters::text::{
    escape, headline, omitted, origin, priority_and_title, sanitize, time_of_day, title, truncate_chars,
};
use crate::core::delivery::message::{Message, MessageItem, MessageKind};
use crate::core::text::capitalize;

const MAX_SUBJECT_CHARS: usize = 200;
const MAX_TITLE_CHARS: usize = 400;
const MAX_BODY_CHARS: usize = 20_000;

pub(super) fn render(message: &Message, from: &Mailbox, to: &[Mailbox]) -> Result<Mail, lettre::error::Error> {
    let mut mail = Mail::builder()
        .from(from.clone())
        .subject(subject(message))
        // The same at every attempt: a mail client shows duplicates once.
        .message_id(Some(message_id(message, from)))
        .date(system_time(message))
        // Suppresses out-of-office replies.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()));
    for recipient in to {
        mail = mail.to(recipient.clone());
    }
    if let Some(first) = &message.replaces {
        mail = mail.in_reply_to(first.clone()).references(first.clone());
    }
    mail.multipart(MultiPart::alternative_plain_html(text(message), html(message)))
}

fn system_time(message: &Message) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(message.at.timestamp().as_second().unsigned_abs())
}

/// `<operator.1f2e-17@example.org>`.
pub(super) fn message_id(message: &Message, from: &Mailbox) -> String {
    format!("<operator.{}@{}>", message.id, from.email.domain())
}

fn subject(message: &Message) -> String {
    // A mail client would decode text that looks like an encoded word: a zero-width space prevents it.
    let line = truncate_chars(&headline(message), MAX_SUBJECT_CHARS).replace("=?", "=\u{200b}?");
    match message.kind {
        MessageKind::New => format!("[{}] {line}", capitalize(message.priority.as_str())),
        MessageKind::Update | MessageKind::Test => line,
    }
}

fn text(message: &Message) -> String {
    let title = truncate_chars(&headline(message), MAX_TITLE_CHARS);
    format!("{title}\n\n{}\n", plain_text::render(message, MAX_BODY_CHARS, |_| 1))
}

fn html(message: &Message) -> String {
    let mut body: String = message.items.iter().map(|item| html_item(message, item)).collect();
    if message.omitted > 0 {
        body += &format!("<p>… {}</p>\n", omitted(message.omitted));
    }
    if message.is_digest() {
        body += &format!("<p><small>{}</small></p>\n", time_of_day(&message.at, &message.at));
    }
    format!("<!DOCTYPE html>\n<html><body style=\"font-family: sans-serif\">\n{body}</body></html>\n")
}

fn html_item(message: &Message, item: &MessageItem) -> String {
    let title = if message.is_digest() { priority_and_title(item) } else { title(item) };
    format!(
        "<h3>{}</h3>\n<p style=\"white-space: pre-wrap\">{}</p>\n<p><small>{}</small></p>\n",
        escape(&truncate_chars(&title, MAX_TITLE_CHARS)),
        escape(&truncate_chars(&sanitize(&item.message), MAX_BODY_CHARS)),
        escape(&origin(message, item)),
    )
}
