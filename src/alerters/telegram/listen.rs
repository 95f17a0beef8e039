//! Long polling: passes buttons pressed in the configured chat to the engine and ignores every other chat.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::api::{Bot, Error, REQUEST_TIMEOUT};
use super::offset::Offset;
use crate::alerters::poll_backoff::PollBackoff;
use crate::alerters::text::truncate;
use crate::alerters::{ActionButton, EngineStopped, Failure, Inbound};
use crate::core::channel::Channel;

/// How long the server holds a poll open; its own limit is 50.
const POLL_SECONDS: u64 = 50;

/// Few enough that foreign messages of the maximum length fit into the response that is read.
const MAX_UPDATES: u64 = 5;

/// A server that answers sooner without updates does not hold the poll open: the next poll waits `IDLE_INTERVAL`.
const MIN_POLL_DURATION: Duration = Duration::from_secs(1);
const IDLE_INTERVAL: Duration = Duration::from_secs(5);

/// Each unknown chat is logged once, up to this number.
const MAX_LOGGED_CHATS: usize = 1_000;

/// The API's limit for the answer to a button.
const MAX_ANSWER_UTF16: usize = 200;

#[derive(Default, Deserialize)]
struct Update {
    message: Option<ChatMessage>,
    callback_query: Option<CallbackQuery>,
}

#[derive(Deserialize)]
struct ChatMessage {
    chat: Chat,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
    username: Option<String>,
}

#[derive(Deserialize)]
struct CallbackQuery {
    id: String,
    message: Option<ChatMessage>,
    data: Option<String>,
}

/// Runs until the task is dropped or the engine stops.
pub(super) async fn listen(bot: &Bot, chat: &str, cursor: Option<String>, engine: &mpsc::Sender<Inbound>) {
    let mut offset = Offset::from_cursor(cursor);
    let mut handler = UpdateHandler { bot, chat, engine, logged_chats: HashSet::new() };
    let mut backoff = PollBackoff::new(Channel::Telegram);
    loop {
        let polled_at = Instant::now();
        let updates = match poll(bot, offset.get()).await {
            Ok(updates) => updates,
            Err(error) => {
                tokio::time::sleep(backoff.on_failure(&error.failure)).await;
                continue;
            }
        };
        backoff.on_success();
        let mut has_updates = false;
        for update in updates {
            let Some(next) = offset.advance(&update) else { continue };
            has_updates = true;
            if handler.handle(update, next).await.is_err() {
                return;
            }
        }
        if !has_updates && polled_at.elapsed() < MIN_POLL_DURATION {
            tokio::time::sleep(IDLE_INTERVAL).await;
        }
    }
}

async fn poll(bot: &Bot, offset: Option<i64>) -> Result<Vec<Value>, Error> {
    let mut arguments =
        json!({ "timeout": POLL_SECONDS, "limit": MAX_UPDATES, "allowed_updates": ["message", "callback_query"] });
    if let Some(offset) = offset {
        arguments["offset"] = offset.into();
    }
    let timeout = Duration::from_secs(POLL_SECONDS) + REQUEST_TIMEOUT;
    match bot.call_within(timeout, "getUpdates", &arguments).await? {
        Value::Array(updates) => Ok(updates),
        _ => Err(Failure::retryable("the answer to getUpdates is not a list").into()),
    }
}

struct UpdateHandler<'a> {
    bot: &'a Bot,
    chat: &'a str,
    engine: &'a mpsc::Sender<Inbound>,
    logged_chats: HashSet<i64>,
}

impl UpdateHandler<'_> {
    /// Delivers an action, or only the new offset if the update is of another kind or from another chat.
    async fn handle(&mut self, update: Value, next: i64) -> Result<(), EngineStopped> {
        let update: Update = serde_json::from_value(update).unwrap_or_default();
        let query = update.callback_query;
        let message = query.as_ref().map_or(update.message.as_ref(), |query| query.message.as_ref());
        let chat = message.map(|message| &message.chat);
        let is_configured = chat.is_some_and(|chat| chat.is(self.chat));
        if let Some(chat) = chat.filter(|_| !is_configured) {
            self.warn_unknown_chat(chat.id);
        }
        let query = query.filter(|_| is_configured);
        let action = query.as_ref().and_then(|query| ActionButton::parse_callback(query.data.as_deref()?));
        let result = Inbound::deliver(self.engine, Channel::Telegram, action, next.to_string()).await?;
        if let Some(query) = query {
            self.answer(&query.id, if result.is_empty() { "This button no longer has an effect." } else { &result })
                .await;
        }
        Ok(())
    }

    /// Shows the result of a press. A failure is harmless: the action is done, and only the button's spinner remains.
    async fn answer(&self, query_id: &str, text: &str) {
        let text = truncate(text, MAX_ANSWER_UTF16, char::len_utf16);
        let arguments = json!({ "callback_query_id": query_id, "text": text });
        if let Err(error) = self.bot.call("answerCallbackQuery", &arguments).await {
            tracing::debug!(channel = "telegram", failure = %error.failure, "button press not answered");
        }
    }

    fn warn_unknown_chat(&mut self, chat: i64) {
        if self.logged_chats.len() < MAX_LOGGED_CHATS && self.logged_chats.insert(chat) {
            tracing::warn!(channel = "telegram", chat, "update ignored, the chat is not alerters.telegram.chat_id");
        }
    }
}

impl Chat {
    /// `configured` is a number or `@name`.
    fn is(&self, configured: &str) -> bool {
        match configured.strip_prefix('@') {
            Some(name) => self.username.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name)),
            None => configured.parse() == Ok(self.id),
        }
    }
}
