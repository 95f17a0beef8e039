//! A message as JSON, for whatever takes it: `docs/webhook.md` describes it.

use jiff::ZonedDateTime;
use serde::Serialize;

use super::Failure;
use super::words::{headline, more, plain, title};
use crate::core::delivery::message::{Item, Notice, NoticeKind, Standing};

/// What is handed over.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    id: &'a str,
    kind: NoticeKind,
    at: String,
    priority: &'static str,
    title: String,
    /// The whole message in words, for those that show one text.
    text: String,
    alerts: Vec<Alert<'a>>,
    left_out: usize,
    replaces: Option<&'a str>,
}

#[derive(Serialize)]
struct Alert<'a> {
    key: &'a str,
    priority: &'static str,
    standing: &'static str,
    snoozed_until: Option<String>,
    title: &'a str,
    message: &'a str,
    source: Option<&'a str>,
    at: String,
}

impl<'a> Message<'a> {
    pub(super) fn of(notice: &'a Notice) -> Self {
        Self {
            id: &notice.id,
            kind: notice.kind,
            at: moment(&notice.at),
            priority: notice.priority.as_str(),
            title: headline(notice),
            text: text(notice),
            alerts: notice.items.iter().map(Alert::of).collect(),
            left_out: notice.left_out,
            replaces: notice.replaces.as_deref(),
        }
    }

    /// The text of it.
    pub(super) fn json(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(self).map_err(|error| Failure::refused(error.to_string(), ""))
    }
}

impl<'a> Alert<'a> {
    fn of(item: &'a Item) -> Self {
        let (standing, snoozed_until) = match &item.standing {
            Standing::Open => ("open", None),
            Standing::Acknowledged => ("acknowledged", None),
            Standing::Snoozed { until } => ("snoozed", Some(moment(until))),
            Standing::Resolved => ("resolved", None),
        };
        Self {
            key: item.key.as_str(),
            priority: item.priority.as_str(),
            standing,
            snoozed_until,
            title: &item.title,
            message: &item.message,
            source: item.source.as_deref(),
            at: moment(&item.at),
        }
    }
}

/// RFC 3339 with the person's offset.
fn moment(at: &ZonedDateTime) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn text(notice: &Notice) -> String {
    let one = |item: &Item| plain(&item.message);
    let listed = |item: &Item| format!("{}: {}", title(item), plain(&item.message));
    let rest = (notice.left_out > 0).then(|| more(notice.left_out));
    let items = notice.items.iter().map(|item| if notice.is_digest() { listed(item) } else { one(item) });
    items.chain(rest).collect::<Vec<_>>().join("\n")
}
