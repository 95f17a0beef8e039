//! What a banner says, whatever the desktop.

use crate::alerters::words::{fit, headline, more, plain, title};
use crate::core::alert::Priority;
use crate::core::delivery::message::{Message, MessageItem, MessageKind};
use crate::core::text::capitalize;

/// Longer texts are cut: a banner is a glance (characters).
const LONGEST: usize = 1_000;

/// A digest names so many alerts one by one.
const NAMED: usize = 8;

/// A banner before it is drawn. Plain text: no markup.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Banner {
    /// One line.
    pub(super) title: String,
    /// A few lines.
    pub(super) body: String,
    /// How it comes up.
    pub(super) loudness: Loudness,
    /// Banners of one thread are stacked: the alert's category.
    pub(super) thread: &'static str,
    /// Whether Acknowledge and Snooze stand on it.
    pub(super) can_be_answered: bool,
}

/// How a banner comes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loudness {
    /// Without a sound.
    Silent,
    /// With a sound.
    Audible,
    /// With a sound, and through a Focus or Do Not Disturb where the desktop lets it.
    Urgent,
}

impl Banner {
    pub(super) fn of(message: &Message) -> Self {
        let loudness = match (message.kind, message.priority) {
            (MessageKind::Update, _) | (_, Priority::Low | Priority::Medium) => Loudness::Silent,
            (_, Priority::High) => Loudness::Audible,
            (_, Priority::Critical) => Loudness::Urgent,
        };
        Self {
            title: headline(message),
            body: if message.is_digest() { list(message) } else { sentences(message.items.first()) },
            loudness,
            thread: message.items.first().map_or("system", |item| item.key.category().as_str()),
            can_be_answered: message.can_be_answered(),
        }
    }
}

fn sentences(item: Option<&MessageItem>) -> String {
    item.map_or_else(String::new, |item| fit(&plain(&item.message), LONGEST, |_| 1))
}

fn list(message: &Message) -> String {
    let named = message
        .items
        .iter()
        .take(NAMED)
        .map(|item| format!("{} – {}", capitalize(item.priority.as_str()), title(item)));
    let omitted = message.omitted + message.items.len().saturating_sub(NAMED);
    let rest = (omitted > 0).then(|| more(omitted));
    named.chain(rest).collect::<Vec<_>>().join("\n")
}
