//! Today at a glance: what is open, the most urgent first, and why each was told or not.

use super::words::{self, Clock, Moment, Urgency, times};
use crate::core::channel::Channel;
use crate::core::delivery::lifecycle::OutboxState;
use crate::core::delivery::message::MessageKind;
use crate::core::policy::incident_state::{Incident, NotificationRecord};
use crate::core::status::{OpenAlert, Status};
use crate::store::journal::JournalEntry;
use crate::store::outbox::OutboxEntry;
use crate::store::{self, Store};

/// A story has so many decisions and messages; `operator why` has them all.
const STORY: u32 = 8;

/// What is open.
pub(crate) struct Today {
    pub(crate) alerts: Vec<Alert>,
    /// How many more there are.
    pub(crate) others: String,
    /// Nothing was ever checked.
    pub(crate) nothing_known: bool,
}

/// One open alert.
pub(crate) struct Alert {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) urgency: Urgency,
    pub(crate) title: String,
    pub(crate) message: String,
    pub(crate) since: Moment,
    /// Whether it was told, and if not, why.
    pub(crate) standing: String,
    /// `waits`, or `answered`: acknowledged or snoozed.
    pub(crate) class: &'static str,
    pub(crate) acknowledged: bool,
    /// RFC 3339.
    pub(crate) tomorrow: Option<String>,
    pub(crate) decisions: Vec<Decided>,
    pub(crate) messages: Vec<Sent>,
}

/// One decision of its story.
pub(crate) struct Decided {
    pub(crate) at: Moment,
    pub(crate) what: String,
    pub(crate) why: String,
    pub(crate) channels: String,
}

/// One message of its story.
pub(crate) struct Sent {
    pub(crate) at: Moment,
    pub(crate) channel: String,
    pub(crate) what: String,
    pub(crate) reason: String,
}

impl Today {
    pub(crate) fn read(status: &Status, store: &Store, clock: &Clock<'_>) -> Result<Self, store::Error> {
        let tomorrow = status.next_morning.map(|at| at.to_string());
        let alerts = status.open.iter().map(|open| Alert::read(open, store, tomorrow.clone(), clock));
        let alerts = alerts.collect::<Result<Vec<_>, _>>()?;
        let others = match status.open_alerts.saturating_sub(alerts.len()) {
            0 => String::new(),
            1 => "1 more is open".into(),
            others => format!("{} more are open", words::thousands(others as u64)),
        };
        Ok(Self { alerts, others, nothing_known: status.last_run.is_none() })
    }
}

impl Alert {
    fn read(
        open: &OpenAlert,
        store: &Store,
        tomorrow: Option<String>,
        clock: &Clock<'_>,
    ) -> Result<Self, store::Error> {
        let (incident, entries) = (store.incident(&open.key)?, store.journal_for(&open.key, STORY)?);
        let mut messages = Vec::new();
        for entry in &entries {
            messages.extend(store.outbox_entries_of_decision(entry)?);
        }
        let message = incident.as_ref().map(|incident| words::message(&incident.alert.message)).unwrap_or_default();
        Ok(Self {
            id: words::id_of(open.key.as_str()),
            key: open.key.as_str().into(),
            urgency: Urgency::of(open.priority),
            title: words::title(&open.title),
            message,
            since: clock.ago(open.since),
            standing: Standing { open, incident: incident.as_ref(), last: entries.first(), messages: &messages }
                .words(clock),
            class: if open.is_unanswered() { "waits" } else { "answered" },
            acknowledged: open.acknowledged,
            tomorrow,
            decisions: entries.iter().map(|entry| Decided::of(entry, clock)).collect(),
            messages: messages.iter().map(|dispatch| Sent::of(dispatch, clock)).collect(),
        })
    }
}

/// How an alert stands.
struct Standing<'a> {
    open: &'a OpenAlert,
    incident: Option<&'a Incident>,
    last: Option<&'a JournalEntry>,
    messages: &'a [OutboxEntry],
}

impl Standing<'_> {
    /// What the person said comes first, then what the last decision did, and what became of that.
    fn words(&self, clock: &Clock<'_>) -> String {
        if self.open.acknowledged {
            return "Acknowledged: you said that you know".into();
        }
        if let Some(until) = self.open.snoozed_until {
            return format!("Snoozed until {}", clock.at(until).words);
        }
        let held = self.incident.is_some_and(|incident| incident.held);
        match (self.incident.and_then(|incident| incident.last_notified.as_ref()), self.last) {
            (_, Some(last)) if held => format!("Held back: {}", last.reason.meaning()),
            (_, None) if held => "Held back".into(),
            (Some(told), _) => self.told(told, clock),
            (None, Some(last)) => words::sentence(&format!("{}: {}", last.decision.meaning(), last.reason.meaning())),
            (None, None) => "Not told yet".into(),
        }
    }

    /// It was decided to tell it; whether it arrived is another matter.
    fn told(&self, told: &NotificationRecord, clock: &Clock<'_>) -> String {
        let ago = clock.ago(told.at).words;
        if told.channels.iter().all(|channel| *channel == Channel::Journal) {
            return format!("Notified {ago}, in the journal alone");
        }
        let mut fates: Vec<(Channel, OutboxState)> = Vec::new();
        for message in self.messages.iter().filter(|message| message.kind.message_kind() == MessageKind::New) {
            // The newest come first.
            if fates.iter().all(|(channel, _)| *channel != message.channel) {
                fates.push((message.channel, message.state));
            }
        }
        if fates.is_empty() {
            return format!("Notified {ago}");
        }
        let any = |wanted: OutboxState| fates.iter().any(|(_, state)| *state == wanted);
        let what = match (any(OutboxState::Delivered), any(OutboxState::Pending)) {
            (true, _) => format!("Notified {ago}"),
            (_, true) => "Not arrived yet".into(),
            _ => "Did not arrive".into(),
        };
        let fates: Vec<String> =
            fates.iter().map(|(channel, state)| format!("{channel} {}", words::became(*state))).collect();
        format!("{what}: {}", fates.join(", "))
    }
}

impl Decided {
    fn of(entry: &JournalEntry, clock: &Clock<'_>) -> Self {
        Self {
            at: clock.at(entry.first_at),
            what: format!("{}{}", words::sentence(entry.decision.meaning()), times(entry.times)),
            why: entry.reason.meaning().into(),
            channels: entry.channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(", "),
        }
    }
}

impl Sent {
    fn of(dispatch: &OutboxEntry, clock: &Clock<'_>) -> Self {
        let waits = dispatch.state == OutboxState::Pending;
        let at = if waits { Some(dispatch.next_attempt_at) } else { dispatch.finished_at };
        Self {
            at: clock.at(at.unwrap_or(dispatch.created_at)),
            channel: words::sentence(dispatch.channel.as_str()),
            what: format!(
                "{} {}{}",
                dispatch.kind,
                words::became(dispatch.state),
                if waits { " for its next try" } else { "" }
            ),
            reason: words::message(dispatch.reason.as_deref().unwrap_or_default()),
        }
    }
}
