//! User actions that arrive on a channel: a button applies to every alert of its message.

use jiff::Timestamp;

use super::batch_message::batch_id_from;
use crate::alerters::{ActionButton, Inbound, UserAction};
use crate::core::alert::AlertKey;
use crate::core::text;
use crate::engine::commands::{self, Command};
use crate::store::{self, Store};

/// Apply the action and reply, then save the read position: after a crash in between, the action comes again and changes nothing.
pub(crate) fn handle(inbound: Inbound, database_id: Option<&str>, store: &mut Store, now: Timestamp) {
    let Inbound { channel, action, cursor, reply } = inbound;
    let answer = action.map_or_else(String::new, |action| {
        let answer =
            apply(&action, database_id, store, now).unwrap_or_else(|error| format!("Not possible now: {error}"));
        tracing::info!(%channel, "{answer}");
        answer
    });
    if let Some(Err(error)) = cursor.map(|cursor| store.set_cursor(channel, &cursor)) {
        tracing::warn!(%channel, %error, "read position not saved");
    }
    // Fails only if the listener has ended.
    let _ = reply.send(answer);
}

fn apply(
    action: &UserAction,
    database_id: Option<&str>,
    store: &mut Store,
    now: Timestamp,
) -> Result<String, store::Error> {
    let keys = match database_id.and_then(|database_id| batch_id_from(&action.message_id, database_id)) {
        Some(batch) => store.open_keys_in_batch(batch)?,
        // Some desktops return only the name of the banner, which is the alert's key.
        None => action.message_id.parse::<AlertKey>().into_iter().collect(),
    };
    let until = now.saturating_add(ActionButton::SNOOZE_DURATION).unwrap_or(now);
    let command = |key: AlertKey| match action.button {
        ActionButton::Acknowledge => Command::Acknowledge { key },
        ActionButton::Snooze => Command::Snooze { key, until },
    };
    let replies: Vec<_> = keys.into_iter().filter_map(|key| commands::apply(store, &command(key), &[], now)).collect();
    let done = replies.iter().filter(|reply| reply.ok).count();
    Ok(match (replies.as_slice(), action.button) {
        ([], _) => "None of these alerts is open any more.".into(),
        ([reply], _) => reply.message.clone(),
        (_, ActionButton::Acknowledge) => format!("Acknowledged: {}.", text::count(done, "alert")),
        (_, ActionButton::Snooze) => format!("Snoozed for an hour: {}.", text::count(done, "alert")),
    })
}
