//! The journal: every decision with its reason, filtered, the newest first.

use serde_json::Value;
use strum::VariantArray;

use super::query::Query;
use super::words::{self, Clock, Moment, Urgency, times};
use crate::core::alert::Priority;
use crate::core::channel::Channel;
use crate::core::delivery::lifecycle::message_channels;
use crate::core::policy::decision::Decision;
use crate::core::text::number;
use crate::store::journal::JournalEntry;
use crate::store::outbox::OutboxEntry;
use crate::store::{self, Store};

/// A page has so many entries.
const SHOWN: u32 = 100;

/// A page of the journal.
pub(crate) struct Journal {
    pub(crate) rows: Vec<Row>,
    /// Where the older ones are, if there are any.
    pub(crate) older: Option<String>,
    /// The first page, on every other.
    pub(crate) newest: Option<String>,
    /// Why nothing is here, if nothing is.
    pub(crate) empty: &'static str,
    pub(crate) days: u32,
    pub(crate) text: String,
    pub(crate) priorities: Vec<Choice>,
    pub(crate) decisions: Vec<Choice>,
    pub(crate) spans: Vec<Choice>,
}

/// What a filter offers.
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) chosen: bool,
}

/// One entry.
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) at: Moment,
    pub(crate) since: Option<Moment>,
    pub(crate) urgency: Urgency,
    pub(crate) decision: String,
    pub(crate) class: String,
    pub(crate) reason: String,
    pub(crate) times: String,
    pub(crate) title: String,
    pub(crate) key: String,
    pub(crate) message: String,
    pub(crate) channels: Vec<String>,
    pub(crate) facts: Vec<(String, String)>,
}

impl Journal {
    pub(crate) fn read(store: &Store, query: &Query, clock: &Clock<'_>) -> Result<Self, store::Error> {
        let filter = query.filter(clock.timestamp());
        let mut entries = store.query_journal(&filter, SHOWN + 1)?;
        let more = entries.len() > SHOWN as usize;
        entries.truncate(SHOWN as usize);
        let last = entries.last().filter(|_| more).map(|entry| entry.id);
        let rows =
            entries.into_iter().map(|entry| Ok(Row::of(&entry, &store.outbox_entries_of_decision(&entry)?, clock)));
        let from = |before| Query { before, ..query.clone() }.address();
        Ok(Self {
            rows: rows.collect::<Result<_, store::Error>>()?,
            older: last.map(|id| from(Some(id))),
            newest: query.before.map(|_| from(None)),
            empty: empty(query),
            days: query.days,
            text: query.text.clone(),
            priorities: priorities(query),
            decisions: decisions(query),
            spans: spans(query),
        })
    }
}

fn empty(query: &Query) -> &'static str {
    let without = Query { days: query.days, since_days: query.since_days, ..Query::default() };
    match query.since_days {
        _ if *query != without => "No decision passes this filter.",
        Some(_) => "Nothing was decided in this time. Every decision stands here with its reason, whatever it was.",
        None => "Nothing was decided yet. Every decision will stand here with its reason, whatever it was.",
    }
}

fn priorities(query: &Query) -> Vec<Choice> {
    let any = Choice { value: String::new(), label: "any".into(), chosen: query.priority.is_none() };
    let all = [Priority::Critical, Priority::High, Priority::Medium, Priority::Low];
    let each = all.map(|priority| Choice {
        value: priority.to_string(),
        label: priority.to_string(),
        chosen: query.priority == Some(priority),
    });
    std::iter::once(any).chain(each).collect()
}

fn decisions(query: &Query) -> Vec<Choice> {
    let any = Choice { value: String::new(), label: "any".into(), chosen: query.decision.is_none() };
    let each = Decision::VARIANTS.iter().map(|&decision| Choice {
        value: decision.as_str().into(),
        label: decision.meaning().into(),
        chosen: query.decision == Some(decision),
    });
    std::iter::once(any).chain(each).collect()
}

fn spans(query: &Query) -> Vec<Choice> {
    let spans = [("1", "1 day"), ("7", "7 days"), ("30", "30 days"), ("all", "all")];
    let choice = |(value, label): (&str, &str)| Choice {
        value: value.into(),
        label: label.into(),
        chosen: query.since() == value,
    };
    spans.map(choice).into()
}

impl Row {
    fn of(entry: &JournalEntry, sent: &[OutboxEntry], clock: &Clock<'_>) -> Self {
        Self {
            id: entry.id,
            at: clock.at(entry.last_at),
            since: (entry.times > 1).then(|| clock.at(entry.first_at)),
            urgency: Urgency::of(entry.priority),
            decision: words::sentence(entry.decision.meaning()),
            class: entry.decision.as_str().into(),
            reason: entry.reason.meaning().into(),
            times: times(entry.times),
            title: words::title(&entry.title),
            key: words::title(entry.key.as_str()),
            message: words::message(&entry.message),
            channels: channels(entry, sent),
            facts: entry
                .facts
                .iter()
                .map(|(name, value)| (words::title(&name.replace('_', " ")), fact(value, clock)))
                .collect(),
        }
    }
}

/// Each channel with what became of its message. The journal itself is told by being read.
fn channels(entry: &JournalEntry, sent: &[OutboxEntry]) -> Vec<String> {
    let fate = |channel: Channel| {
        let found = sent.iter().find(|dispatch| dispatch.channel == channel)?;
        let word = words::became(found.state);
        let reason = found.reason.as_deref().map_or_else(String::new, |why| format!(" ({})", words::title(why)));
        Some(format!("{channel}: {word}{reason}"))
    };
    message_channels(&entry.channels).map(|channel| fate(channel).unwrap_or_else(|| channel.to_string())).collect()
}

/// A fact as a person reads it.
fn fact(value: &Value, clock: &Clock<'_>) -> String {
    match value {
        Value::Null => "unknown".into(),
        Value::Number(known) => known.as_f64().map_or_else(|| known.to_string(), number),
        Value::String(text) => {
            let moment = text.parse::<jiff::Timestamp>().ok();
            moment.map_or_else(|| words::title(text), |at| clock.at(at).exact)
        }
        other => words::title(&other.to_string()),
    }
}
