//! What a mail looks like: plain text and HTML that say the same, under headers by which updates follow their first message.

use std::time::{Duration, SystemTime};

use lettre::Message as Mail;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use crate::alerters::body::body;
use crate::alerters::words::{clock, fit, headline, more, origin, plain, title};
use crate::core::delivery::message::{Message, MessageItem, MessageKind};
use crate::core::text::capitalize;

/// A subject takes no more characters.
const SUBJECT: usize = 200;

/// A title takes no more.
const TITLE: usize = 400;

/// A message takes no more, and its plain text in all.
const LONGEST: usize = 20_000;

/// The mail; what the library says when it cannot be put together.
pub(super) fn mail(message: &Message, from: &Mailbox, to: &[Mailbox]) -> Result<Mail, lettre::error::Error> {
    let mut mail = Mail::builder()
        .from(from.clone())
        .subject(subject(message))
        // The same at every try: who gets it twice may show it once.
        .message_id(Some(name(message, from)))
        .date(moment(message))
        // No "I am on holiday" comes back.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()));
    for reader in to {
        mail = mail.to(reader.clone());
    }
    if let Some(first) = &message.replaces {
        mail = mail.in_reply_to(first.clone()).references(first.clone());
    }
    mail.multipart(MultiPart::alternative_plain_html(text(message), html(message)))
}

fn moment(message: &Message) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(message.at.timestamp().as_second().unsigned_abs())
}

/// `<operator.1f2e-17@example.org>`.
pub(super) fn name(message: &Message, from: &Mailbox) -> String {
    format!("<operator.{}@{}>", message.id, from.email.domain())
}

fn subject(message: &Message) -> String {
    // What looks like an encoded word would be read as one: something between the signs, which nobody sees, keeps them apart.
    let line = fit(&headline(message), SUBJECT, |_| 1).replace("=?", "=\u{200b}?");
    match message.kind {
        MessageKind::New => format!("[{}] {line}", capitalize(message.priority.as_str())),
        MessageKind::Update | MessageKind::Test => line,
    }
}

fn text(message: &Message) -> String {
    format!("{}\n\n{}\n", fit(&headline(message), TITLE, |_| 1), body(message, LONGEST, |_| 1))
}

fn html(message: &Message) -> String {
    let items: String = message.items.iter().map(|item| one(message, item)).collect();
    let rest = (message.omitted > 0).then(|| format!("<p>… {}</p>\n", escaped(&more(message.omitted))));
    let foot = message.is_digest().then(|| format!("<p><small>{}</small></p>\n", clock(&message.at, &message.at)));
    format!(
        "<!DOCTYPE html>\n<html><body style=\"font-family: sans-serif\">\n{items}{}{}</body></html>\n",
        rest.unwrap_or_default(),
        foot.unwrap_or_default()
    )
}

fn one(message: &Message, item: &MessageItem) -> String {
    let head = fit(&title(item), TITLE, |_| 1);
    let head = if message.is_digest() { format!("{} – {head}", capitalize(item.priority.as_str())) } else { head };
    format!(
        "<h3>{}</h3>\n<p style=\"white-space: pre-wrap\">{}</p>\n<p><small>{}</small></p>\n",
        escaped(&head),
        escaped(&fit(&plain(&item.message), LONGEST, |_| 1)),
        escaped(&origin(message, item)),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
