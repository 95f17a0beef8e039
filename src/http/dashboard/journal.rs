//! The journal: decisions with their reasons, filtered, newest first.

use serde_json::Value;
use strum::VariantArray;

use super::query::DashboardQuery;
use super::text::{LocalClock, PriorityLabel, TimeLabel, repeat_suffix, short_message, short_title};
use crate::core::alert::Priority;
use crate::core::channel::Channel;
use crate::core::delivery::lifecycle::message_channels;
use crate::core::policy::decision::Decision;
use crate::core::text::{capitalize, number};
use crate::store::journal::JournalEntry;
use crate::store::outbox::OutboxEntry;
use crate::store::{self, Store};

const ROWS_PER_PAGE: u32 = 100;

pub(crate) struct JournalView {
    pub(crate) rows: Vec<JournalRow>,
    /// The address of the next page.
    pub(crate) older: Option<String>,
    /// The address of the first page, on all other pages.
    pub(crate) newest: Option<String>,
    /// The text in place of rows.
    pub(crate) empty: &'static str,
    /// Of the charts; the filter form keeps it.
    pub(crate) days: u32,
    pub(crate) text: String,
    pub(crate) priorities: Vec<FilterOption>,
    pub(crate) decisions: Vec<FilterOption>,
    pub(crate) spans: Vec<FilterOption>,
}

pub(crate) struct FilterOption {
    pub(crate) value: &'static str,
    pub(crate) label: &'static str,
    pub(crate) selected: bool,
}

pub(crate) struct JournalRow {
    pub(crate) id: i64,
    pub(crate) at: TimeLabel,
    /// The first time, if the decision was repeated.
    pub(crate) since: Option<TimeLabel>,
    pub(crate) priority: PriorityLabel,
    pub(crate) decision: String,
    /// CSS class.
    pub(crate) class: &'static str,
    pub(crate) reason: String,
    pub(crate) repeat: String,
    pub(crate) title: String,
    pub(crate) key: String,
    pub(crate) message: String,
    /// Each channel with the state of its message.
    pub(crate) channels: Vec<String>,
    pub(crate) facts: Vec<(String, String)>,
}

impl JournalView {
    pub(crate) fn load(store: &Store, query: &DashboardQuery, clock: &LocalClock<'_>) -> Result<Self, store::Error> {
        let mut entries = store.query_journal(&query.journal_filter(clock.timestamp()), ROWS_PER_PAGE + 1)?;
        let has_more = entries.len() > ROWS_PER_PAGE as usize;
        entries.truncate(ROWS_PER_PAGE as usize);
        let last_id = entries.last().filter(|_| has_more).map(|entry| entry.id);
        let rows = entries.iter().map(|entry| {
            let messages = store.outbox_entries_of_decision(entry)?;
            Ok(JournalRow::new(entry, &messages, clock))
        });
        let page_before = |before| DashboardQuery { before, ..query.clone() }.address();
        Ok(Self {
            rows: rows.collect::<Result<_, store::Error>>()?,
            older: last_id.map(|id| page_before(Some(id))),
            newest: query.before.map(|_| page_before(None)),
            empty: empty_text(query),
            days: query.days,
            text: query.text.clone(),
            priorities: options(
                [Priority::Critical, Priority::High, Priority::Medium, Priority::Low].map(|p| (p.as_str(), p.as_str())),
                query.priority.map(Priority::as_str),
            ),
            decisions: options(
                Decision::VARIANTS.iter().map(|decision| (decision.as_str(), decision.meaning())),
                query.decision.map(Decision::as_str),
            ),
            spans: [("1", "1 day"), ("7", "7 days"), ("30", "30 days"), ("all", "all")]
                .map(|(value, label)| FilterOption { value, label, selected: query.since() == value })
                .into(),
        })
    }
}

fn empty_text(query: &DashboardQuery) -> &'static str {
    let unfiltered = DashboardQuery { days: query.days, since_days: query.since_days, ..DashboardQuery::default() };
    match query.since_days {
        _ if *query != unfiltered => "No decision matches this filter.",
        Some(_) => "No decision in this time. The journal lists every decision with its reason.",
        None => "No decision yet. The journal will list every decision with its reason.",
    }
}

/// The options of a filter, after `any`.
fn options(
    values: impl IntoIterator<Item = (&'static str, &'static str)>,
    selected: Option<&'static str>,
) -> Vec<FilterOption> {
    let any = FilterOption { value: "", label: "any", selected: selected.is_none() };
    let values = values.into_iter();
    let values = values.map(|(value, label)| FilterOption { value, label, selected: selected == Some(value) });
    std::iter::once(any).chain(values).collect()
}

impl JournalRow {
    fn new(entry: &JournalEntry, messages: &[OutboxEntry], clock: &LocalClock<'_>) -> Self {
        let facts = entry.facts.iter();
        Self {
            id: entry.id,
            at: clock.absolute(entry.last_at),
            since: (entry.times > 1).then(|| clock.absolute(entry.first_at)),
            priority: entry.priority.into(),
            decision: capitalize(entry.decision.meaning()),
            class: entry.decision.as_str(),
            reason: entry.reason.meaning().into(),
            repeat: repeat_suffix(entry.times),
            title: short_title(&entry.title),
            key: short_title(entry.key.as_str()),
            message: short_message(&entry.message),
            channels: channels(entry, messages),
            facts: facts.map(|(name, value)| (short_title(&name.replace('_', " ")), fact_text(value, clock))).collect(),
        }
    }
}

/// The journal itself is no channel for the reader of the journal.
fn channels(entry: &JournalEntry, messages: &[OutboxEntry]) -> Vec<String> {
    let with_state = |channel: Channel| {
        let Some(message) = messages.iter().find(|message| message.channel == channel) else {
            return channel.to_string();
        };
        let reason = message.reason.as_deref().map_or_else(String::new, |why| format!(" ({})", short_title(why)));
        format!("{channel}: {}{reason}", message.state)
    };
    message_channels(&entry.channels).map(with_state).collect()
}

fn fact_text(value: &Value, clock: &LocalClock<'_>) -> String {
    match value {
        Value::Null => "unknown".into(),
        Value::Number(value) => value.as_f64().map_or_else(|| value.to_string(), number),
        Value::String(text) => {
            text.parse().map_or_else(|_| short_title(text), |at: jiff::Timestamp| clock.absolute(at).exact)
        }
        other => short_title(&other.to_string()),
    }
}
