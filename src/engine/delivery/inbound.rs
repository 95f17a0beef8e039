//! What comes in on a channel: a button that was pressed under a message is an answer to every alert that it told of.

use crate::alerters::{ActionButton, Inbound, UserAction};
use crate::core::alert::AlertKey;
use crate::core::text;
use crate::engine::command::{self, Command};
use crate::engine::delivery::batch_message;
use crate::engine::event_loop::EventLoop;
use crate::store;

impl EventLoop {
    /// Carry out what was pressed, then remember how far the channel has been read: after a crash in between the press comes
    /// again, which changes nothing more.
    pub(crate) fn hear(&mut self, heard: Inbound) {
        let sentence = heard.action.map_or_else(String::new, |press| {
            let sentence = self.answer(&press).unwrap_or_else(|error| format!("Not possible now: {error}"));
            tracing::info!("{}: {sentence}", heard.channel);
            sentence
        });
        let kept = heard.cursor.map(|bookmark| self.engine.store.set_cursor(heard.channel, &bookmark));
        if let Some(Err(error)) = kept {
            tracing::warn!("{} may tell the same again after a restart: {error}", heard.channel);
        }
        // The listener may have gone away.
        let _ = heard.reply.send(sentence);
        self.publish();
    }

    fn answer(&mut self, press: &UserAction) -> Result<String, store::Error> {
        let engine = &mut self.engine;
        let now = engine.clock.now();
        let keys = match engine.dispatcher.mark().and_then(|mark| batch_message::parcel_of(&press.message_id, mark)) {
            Some(parcel) => engine.store.open_keys_in_batch(parcel)?,
            // Some desktops give back nothing but the name of the banner, which is the key of its alert.
            None => press.message_id.parse::<AlertKey>().into_iter().collect(),
        };
        let until = now.saturating_add(ActionButton::SNOOZE_DURATION).unwrap_or(now);
        let command = |key: AlertKey| match press.button {
            ActionButton::Acknowledge => Command::Acknowledge { key },
            ActionButton::Snooze => Command::Snooze { key, until },
        };
        let replies = keys.into_iter().map(|key| command::remember(&mut engine.store, &command(key), &[], now));
        let replies: Vec<_> = replies.flatten().collect();
        let done = replies.iter().filter(|reply| reply.ok).count();
        Ok(match (replies.as_slice(), press.button) {
            ([], _) => "Nothing of it is open any more.".into(),
            ([reply], _) => reply.message.clone(),
            (_, ActionButton::Acknowledge) => format!("Acknowledged: {}.", text::count(done, "alert")),
            (_, ActionButton::Snooze) => format!("Snoozed for an hour: {}.", text::count(done, "alert")),
        })
    }
}
