//! The Telegram channel: a chat through the Bot API.

mod api;
mod listen;
mod offset;
mod render;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::api::Bot;
use super::text::single_line;
use super::{ActionButton, Alerter, BoxFuture, Failure, Inbound, hash_of};
use crate::config::schema::TelegramConfig;
use crate::core::alert::Priority;
use crate::core::channel::Channel;
use crate::core::delivery::message::{Message, MessageKind};
use crate::net::HttpClient;
use crate::sys::secret_file::Secret;

/// Per chat: <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Telegram {
    bot: Bot,
    /// A number, or `@name` of a public chat.
    chat: String,
}

impl Alerter for Telegram {
    fn channel(&self) -> Channel {
        Channel::Telegram
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            match (message.kind, &message.replaces) {
                (MessageKind::Update, Some(id)) => self.edit(message, id).await,
                _ => self.post(message).await,
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            let bot = self.bot.call("getMe", &json!({})).await?;
            // Any web page answers 200.
            let not_an_api = || Failure::permanent("the server is not a Bot API", "check alerters.telegram.api_url");
            let name = bot["username"].as_str().ok_or_else(not_an_api)?;
            let chat = self.bot.call("getChat", &json!({ "chat_id": self.chat })).await?;
            let chat = ["title", "username", "first_name"].into_iter().find_map(|key| chat[key].as_str());
            Ok(format!("@{} may write to {}", single_line(name), single_line(chat.unwrap_or("the chat"))))
        })
    }

    fn listen(self: Arc<Self>, cursor: Option<String>, engine: mpsc::Sender<Inbound>) -> BoxFuture<'static, ()> {
        Box::pin(async move { listen::listen(&self.bot, &self.chat, cursor, &engine).await })
    }

    fn min_interval(&self) -> Duration {
        MIN_INTERVAL
    }

    fn config_hash(&self) -> u64 {
        hash_of((&self.bot.token, &self.bot.base_url, &self.chat))
    }
}

impl Telegram {
    pub(super) fn new(config: &TelegramConfig, http: &Arc<HttpClient>) -> Self {
        let bot = Bot {
            http: Arc::clone(http),
            base_url: config.api_url.clone(),
            token: Secret::new(&config.token, &config.token_file),
        };
        Self { bot, chat: config.chat_id.clone().unwrap_or_default() }
    }

    async fn post(&self, message: &Message) -> Result<Option<String>, Failure> {
        let mut arguments = self.arguments(message);
        arguments["disable_notification"] = is_silent(message).into();
        let sent = self.bot.call("sendMessage", &arguments).await?;
        // Without an id the message was sent all the same; it only cannot be edited.
        Ok(sent["message_id"].as_i64().map(|id| id.to_string()))
    }

    async fn edit(&self, message: &Message, id: &str) -> Result<Option<String>, Failure> {
        let mut arguments = self.arguments(message);
        arguments["message_id"] = id.parse::<i64>().map_or_else(|_| id.into(), Value::from);
        match self.bot.call("editMessageText", &arguments).await {
            Ok(_) => Ok(Some(id.to_owned())),
            Err(error) if error.is_noop() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn arguments(&self, message: &Message) -> Value {
        let mut arguments = json!({
            "chat_id": self.chat,
            "text": render::render(message),
            "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true },
        });
        if message.can_be_answered() {
            let key = |button: &ActionButton| json!({ "text": button.label(), "callback_data": button.callback_data(message) });
            arguments["reply_markup"] =
                json!({ "inline_keyboard": [ActionButton::ALL.iter().map(key).collect::<Vec<_>>()] });
        }
        arguments
    }
}

fn is_silent(message: &Message) -> bool {
    message.kind == MessageKind::Update || message.priority < Priority::High
}
