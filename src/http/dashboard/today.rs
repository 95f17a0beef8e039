//! The open alerts, most urgent first, each with its decisions and messages.

use super::text::{
    LocalClock, PriorityLabel, TimeLabel, element_id, group_thousands, repeat_suffix, short_message, short_title,
};
use crate::core::channel::Channel;
use crate::core::delivery::lifecycle::OutboxState;
use crate::core::delivery::message::MessageKind;
use crate::core::policy::incident_state::{Incident, NotificationRecord};
use crate::core::status::{OpenAlert, Status};
use crate::core::text::capitalize;
use crate::store::journal::JournalEntry;
use crate::store::outbox::OutboxEntry;
use crate::store::{self, Store};

/// For each alert; `operator why` shows all.
const MAX_DECISIONS: u32 = 8;

pub(crate) struct TodayView {
    pub(crate) alerts: Vec<AlertCard>,
    /// How many open alerts are not shown, in words; empty for none.
    pub(crate) others: String,
    pub(crate) never_checked: bool,
}

pub(crate) struct AlertCard {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) priority: PriorityLabel,
    pub(crate) title: String,
    pub(crate) message: String,
    pub(crate) since: TimeLabel,
    pub(crate) status: String,
    /// CSS class: `unanswered`, or `answered` for an acknowledged or snoozed alert.
    pub(crate) class: &'static str,
    pub(crate) acknowledged: bool,
    /// RFC 3339.
    pub(crate) next_morning: Option<String>,
    pub(crate) decisions: Vec<DecisionRow>,
    pub(crate) messages: Vec<MessageRow>,
}

pub(crate) struct DecisionRow {
    pub(crate) at: TimeLabel,
    pub(crate) decision: String,
    pub(crate) reason: String,
    pub(crate) channels: String,
}

pub(crate) struct MessageRow {
    pub(crate) at: TimeLabel,
    pub(crate) channel: String,
    pub(crate) state: String,
    pub(crate) reason: String,
}

impl TodayView {
    pub(crate) fn load(status: &Status, store: &Store, clock: &LocalClock<'_>) -> Result<Self, store::Error> {
        let next_morning = status.next_morning.map(|at| at.to_string());
        let alerts = status.open.iter().map(|open| AlertCard::load(open, store, next_morning.clone(), clock));
        let alerts = alerts.collect::<Result<Vec<_>, _>>()?;
        let others = match status.open_alerts.saturating_sub(alerts.len()) {
            0 => String::new(),
            1 => "1 more is open".into(),
            others => format!("{} more are open", group_thousands(others as u64)),
        };
        Ok(Self { alerts, others, never_checked: status.last_run.is_none() })
    }
}

impl AlertCard {
    fn load(
        open: &OpenAlert,
        store: &Store,
        next_morning: Option<String>,
        clock: &LocalClock<'_>,
    ) -> Result<Self, store::Error> {
        let (incident, entries) = (store.incident(&open.key)?, store.journal_for(&open.key, MAX_DECISIONS)?);
        let mut messages = Vec::new();
        for entry in &entries {
            messages.extend(store.outbox_entries_of_decision(entry)?);
        }
        Ok(Self {
            id: element_id(open.key.as_str()),
            key: open.key.as_str().into(),
            priority: open.priority.into(),
            title: short_title(&open.title),
            message: incident.as_ref().map(|incident| short_message(&incident.alert.message)).unwrap_or_default(),
            since: clock.relative(open.since),
            status: status_text(open, incident.as_ref(), entries.first(), &messages, clock),
            class: if open.is_unanswered() { "unanswered" } else { "answered" },
            acknowledged: open.acknowledged,
            next_morning,
            decisions: entries.iter().map(|entry| DecisionRow::new(entry, clock)).collect(),
            messages: messages.iter().map(|message| MessageRow::new(message, clock)).collect(),
        })
    }
}

/// The user's answer, or else the last decision and the delivery of its messages.
fn status_text(
    open: &OpenAlert,
    incident: Option<&Incident>,
    last: Option<&JournalEntry>,
    messages: &[OutboxEntry],
    clock: &LocalClock<'_>,
) -> String {
    if open.acknowledged {
        return "Acknowledged".into();
    }
    if let Some(until) = open.snoozed_until {
        return format!("Snoozed until {}", clock.absolute(until).text);
    }
    let held = incident.is_some_and(|incident| incident.held);
    match (incident.and_then(|incident| incident.last_notified.as_ref()), last) {
        (_, Some(last)) if held => format!("Held back: {}", last.reason.meaning()),
        (_, None) if held => "Held back".into(),
        (Some(notified), _) => delivery_text(notified, messages, clock),
        (None, Some(last)) => capitalize(&format!("{}: {}", last.decision.meaning(), last.reason.meaning())),
        (None, None) => "Not notified yet".into(),
    }
}

/// `messages` are newest first; the newest of each channel counts.
fn delivery_text(notified: &NotificationRecord, messages: &[OutboxEntry], clock: &LocalClock<'_>) -> String {
    let ago = clock.relative(notified.at).text;
    if notified.channels.iter().all(|channel| *channel == Channel::Journal) {
        return format!("Notified {ago}, in the journal only");
    }
    let mut states: Vec<(Channel, OutboxState)> = Vec::new();
    for message in messages.iter().filter(|message| message.kind.message_kind() == MessageKind::New) {
        if states.iter().all(|(channel, _)| *channel != message.channel) {
            states.push((message.channel, message.state));
        }
    }
    if states.is_empty() {
        return format!("Notified {ago}");
    }
    let any = |wanted: OutboxState| states.iter().any(|(_, state)| *state == wanted);
    let summary = match (any(OutboxState::Delivered), any(OutboxState::Pending)) {
        (true, _) => format!("Notified {ago}"),
        (_, true) => "Not delivered yet".into(),
        _ => "Not delivered".into(),
    };
    let states: Vec<String> = states.iter().map(|(channel, state)| format!("{channel} {state}")).collect();
    format!("{summary}: {}", states.join(", "))
}

impl DecisionRow {
    fn new(entry: &JournalEntry, clock: &LocalClock<'_>) -> Self {
        Self {
            at: clock.absolute(entry.first_at),
            decision: format!("{}{}", capitalize(entry.decision.meaning()), repeat_suffix(entry.times)),
            reason: entry.reason.meaning().into(),
            channels: entry.channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(", "),
        }
    }
}

impl MessageRow {
    fn new(message: &OutboxEntry, clock: &LocalClock<'_>) -> Self {
        let pending = message.state == OutboxState::Pending;
        let at = if pending { Some(message.next_attempt_at) } else { message.finished_at };
        Self {
            at: clock.absolute(at.unwrap_or(message.created_at)),
            channel: capitalize(message.channel.as_str()),
            state: if pending {
                format!("next attempt of the {}", message.kind)
            } else {
                format!("{} {}", message.kind, message.state)
            },
            reason: short_message(message.reason.as_deref().unwrap_or_default()),
        }
    }
}
