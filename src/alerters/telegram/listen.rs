//! Long polling: what is pressed in the configured chat reaches the engine; what comes from anywhere else changes nothing.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::api::{Bot, PATIENCE, Refusal};
use super::place::Place;
use crate::alerters::failures::{FIRST_PAUSE, Failures};
use crate::alerters::words::fit;
use crate::alerters::{ActionButton, Inbound, UserAction};
use crate::core::channel::Channel;

/// How long the server keeps a question open (seconds); its own limit is 50.
const POLL: u64 = 50;

/// So many at a time: what strangers write must not make an answer longer than what is read of it.
const BATCH: u64 = 5;

/// A server that has nothing new and says so sooner is not asked again at once.
const SOON: Duration = Duration::from_secs(1);

/// So many strangers are told apart.
const STRANGERS: usize = 1_000;

/// An answer to a button takes no more characters.
const ANSWER: usize = 200;

/// What happened in a chat.
#[derive(Default, Deserialize)]
struct Update {
    message: Option<Message>,
    callback_query: Option<Query>,
}

#[derive(Deserialize)]
struct Message {
    chat: Chat,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
    username: Option<String>,
}

#[derive(Deserialize)]
struct Query {
    id: String,
    message: Option<Message>,
    data: Option<String>,
}

/// Listen until the task is dropped.
pub(super) async fn listen(bot: &Bot, chat: &str, bookmark: Option<String>, engine: &mpsc::Sender<Inbound>) {
    let mut place = Place::at(bookmark);
    let mut ear = Ear { bot, chat, engine, strangers: HashSet::new() };
    let mut failures = Failures::of(Channel::Telegram);
    loop {
        let asked = Instant::now();
        let updates = match poll(bot, place.next()).await {
            Ok(updates) => updates,
            Err(refusal) => {
                tokio::time::sleep(failures.pause(&refusal.failure)).await;
                continue;
            }
        };
        failures.over();
        let mut news = false;
        for update in updates {
            let Some(next) = place.pass(&update) else { continue };
            news = true;
            if ear.hear(update, next).await.is_err() {
                return; // the engine is gone
            }
        }
        if !news && asked.elapsed() < SOON {
            tokio::time::sleep(FIRST_PAUSE).await;
        }
    }
}

async fn poll(bot: &Bot, offset: Option<i64>) -> Result<Vec<Value>, Refusal> {
    let mut question = json!({ "timeout": POLL, "limit": BATCH, "allowed_updates": ["message", "callback_query"] });
    if let Some(offset) = offset {
        question["offset"] = offset.into();
    }
    let patience = Duration::from_secs(POLL) + PATIENCE;
    match bot.call_for("getUpdates", &question, patience).await? {
        Value::Array(updates) => Ok(updates),
        _ => Err(crate::alerters::Failure::retryable("the answer to getUpdates cannot be read").into()),
    }
}

/// The engine is not there any more.
struct Gone;

struct Ear<'a> {
    bot: &'a Bot,
    chat: &'a str,
    engine: &'a mpsc::Sender<Inbound>,
    strangers: HashSet<i64>,
}

impl Ear<'_> {
    /// Pass on what is for us, and with everything the place where to read on.
    async fn hear(&mut self, update: Value, next: i64) -> Result<(), Gone> {
        // What is not understood is for nobody.
        let update: Update = serde_json::from_value(update).unwrap_or_default();
        let query = update.callback_query;
        let chat =
            query.as_ref().map_or(update.message.as_ref(), |query| query.message.as_ref()).map(|told| &told.chat);
        let is_ours = chat.is_some_and(|chat| chat.is(self.chat));
        if let Some(stranger) = chat.filter(|_| !is_ours) {
            self.note_stranger(stranger.id);
        }
        let query = query.filter(|_| is_ours);
        let press = query.as_ref().and_then(|query| ActionButton::pressed(query.data.as_deref()?));
        let sentence = self.tell(press, next).await?;
        if let Some(query) = query {
            let sentence = if sentence.is_empty() { "This button means nothing any more." } else { &sentence };
            let answer = json!({ "callback_query_id": query.id, "text": fit(sentence, ANSWER, char::len_utf16) });
            if let Err(refusal) = self.bot.call("answerCallbackQuery", &answer).await {
                // It was carried out; only the button goes on blinking for a while.
                tracing::debug!("telegram: an answer to a button: {}", refusal.failure);
            }
        }
        Ok(())
    }

    async fn tell(&self, press: Option<UserAction>, next: i64) -> Result<String, Gone> {
        let (reply, sentence) = oneshot::channel();
        let heard = Inbound { channel: Channel::Telegram, press, bookmark: Some(next.to_string()), reply };
        self.engine.send(heard).await.map_err(|_| Gone)?;
        sentence.await.map_err(|_| Gone)
    }

    fn note_stranger(&mut self, chat: i64) {
        if self.strangers.len() < STRANGERS && self.strangers.insert(chat) {
            tracing::warn!("telegram: chat {chat} is not alerters.telegram.chat_id: what comes from there is ignored");
        }
    }
}

impl Chat {
    /// Whether it is the configured one: a number, or `@name`.
    fn is(&self, configured: &str) -> bool {
        match configured.strip_prefix('@') {
            Some(name) => self.username.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name)),
            None => configured.parse() == Ok(self.id),
        }
    }
}
