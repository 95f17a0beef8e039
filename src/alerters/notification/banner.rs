//! The content of a banner on any desktop.

use crate::alerters::text::{headline, omitted, priority_and_title, sanitize, truncate_chars};
use crate::core::alert::Priority;
use crate::core::delivery::message::{Message, MessageKind};

const MAX_BODY_CHARS: usize = 1_000;

/// A digest lists this many alerts.
const MAX_LISTED: usize = 8;

/// Plain text, without markup.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Banner {
    /// One line.
    pub(super) title: String,
    pub(super) body: String,
    pub(super) urgency: Urgency,
    /// The alert's category: the desktop groups banners by it.
    pub(super) thread: &'static str,
    pub(super) has_buttons: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    Silent,
    Audible,
    /// Audible, and breaks through a Focus or Do Not Disturb if the desktop permits.
    Critical,
}

impl Banner {
    pub(super) fn new(message: &Message) -> Self {
        let urgency = match (message.kind, message.priority) {
            (MessageKind::Update, _) | (_, Priority::Low | Priority::Medium) => Urgency::Silent,
            (_, Priority::High) => Urgency::Audible,
            (_, Priority::Critical) => Urgency::Critical,
        };
        let body = match message.items.first() {
            _ if message.is_digest() => list(message),
            Some(item) => truncate_chars(&sanitize(&item.message), MAX_BODY_CHARS),
            None => String::new(),
        };
        Self {
            title: headline(message),
            body,
            urgency,
            thread: message.items.first().map_or("system", |item| item.key.category().as_str()),
            has_buttons: message.can_be_answered(),
        }
    }
}

fn list(message: &Message) -> String {
    let listed = message.items.iter().take(MAX_LISTED).map(priority_and_title);
    let rest = message.omitted + message.items.len().saturating_sub(MAX_LISTED);
    listed.chain((rest > 0).then(|| omitted(rest))).collect::<Vec<_>>().join("\n")
}
