//! What a mail looks like: plain text and HTML that say the same, under headers by which updates follow their first message.

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use crate::alerters::body::body;
use crate::alerters::words::{clock, fit, headline, more, origin, plain, title};
use crate::core::delivery::message::{Item, Notice, NoticeKind};

/// A subject takes no more characters.
const SUBJECT: usize = 200;

/// A title takes no more.
const TITLE: usize = 400;

/// A message takes no more, and its plain text in all.
const LONGEST: usize = 20_000;

/// The mail; what the library says when it cannot be put together.
pub(super) fn mail(notice: &Notice, from: &Mailbox, to: &[Mailbox]) -> Result<Message, lettre::error::Error> {
    let mut mail = Message::builder()
        .from(from.clone())
        .subject(subject(notice))
        // The same at every try: who gets it twice may show it once.
        .message_id(Some(name(notice, from)))
        .date(moment(notice))
        // No "I am on holiday" comes back.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()));
    for reader in to {
        mail = mail.to(reader.clone());
    }
    if let Some(first) = &notice.replaces {
        mail = mail.in_reply_to(first.clone()).references(first.clone());
    }
    mail.multipart(MultiPart::alternative_plain_html(text(notice), html(notice)))
}

fn moment(notice: &Notice) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(notice.at.timestamp().as_second().unsigned_abs())
}

/// `<operator.1f2e-17@example.org>`.
pub(super) fn name(notice: &Notice, from: &Mailbox) -> String {
    format!("<operator.{}@{}>", notice.id, from.email.domain())
}

fn subject(notice: &Notice) -> String {
    // What looks like an encoded word would be read as one: something between the signs, which nobody sees, keeps them apart.
    let line = fit(&headline(notice), SUBJECT, |_| 1).replace("=?", "=\u{200b}?");
    match notice.kind {
        NoticeKind::News => format!("[{}] {line}", notice.priority.capital()),
        NoticeKind::Update | NoticeKind::Test => line,
    }
}

fn text(notice: &Notice) -> String {
    format!("{}\n\n{}\n", fit(&headline(notice), TITLE, |_| 1), body(notice, LONGEST, |_| 1))
}

fn html(notice: &Notice) -> String {
    let items: String = notice.items.iter().map(|item| one(notice, item)).collect();
    let rest = (notice.left_out > 0).then(|| format!("<p>… {}</p>\n", escaped(&more(notice.left_out))));
    let foot = notice.is_digest().then(|| format!("<p><small>{}</small></p>\n", clock(&notice.at, &notice.at)));
    format!(
        "<!DOCTYPE html>\n<html><body style=\"font-family: sans-serif\">\n{items}{}{}</body></html>\n",
        rest.unwrap_or_default(),
        foot.unwrap_or_default()
    )
}

fn one(notice: &Notice, item: &Item) -> String {
    let head = fit(&title(item), TITLE, |_| 1);
    let head = if notice.is_digest() { format!("{} – {head}", item.priority.capital()) } else { head };
    format!(
        "<h3>{}</h3>\n<p style=\"white-space: pre-wrap\">{}</p>\n<p><small>{}</small></p>\n",
        escaped(&head),
        escaped(&fit(&plain(&item.message), LONGEST, |_| 1)),
        escaped(&origin(notice, item)),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
