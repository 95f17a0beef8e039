//! A Telegram chat, written to and listened to through the Bot API.

mod api;
mod draw;
mod listen;
mod place;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::api::{Bot, Refusal};
use super::words::plain_line;
use super::{ActionButton, Alerter, BoxFuture, Failure, Inbound};
use crate::config::schema::TelegramConfig;
use crate::core::alert::Priority;
use crate::core::channel::Channel;
use crate::core::delivery::message::{Message, MessageKind};
use crate::net::HttpClient;
use crate::sys::secret_file::Secret;

/// One message a second per chat: <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>.
const PACE: Duration = Duration::from_secs(1);

/// The alerter, if it is switched on.
#[must_use]
pub(super) fn alerter(config: &TelegramConfig, web: &Arc<HttpClient>) -> Option<Arc<dyn Alerter>> {
    let telegram = || Telegram {
        bot: Bot {
            web: Arc::clone(web),
            api_url: config.api_url.clone(),
            token: Secret::new(&config.token, &config.token_file),
        },
        chat: config.chat_id.clone().unwrap_or_default(),
    };
    config.enabled.then(|| Arc::new(telegram()) as Arc<dyn Alerter>)
}

#[derive(Debug)]
struct Telegram {
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
                _ => self.write(message).await,
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            let me = self.bot.call("getMe", &json!({})).await?;
            // Any web page answers something.
            let stranger = || Failure::permanent("what answers is no Bot API", "check alerters.telegram.api_url");
            let name = me["username"].as_str().ok_or_else(stranger)?;
            let chat = self.bot.call("getChat", &json!({ "chat_id": self.chat })).await?;
            let names = ["title", "username", "first_name"];
            let chat = names.into_iter().find_map(|name| chat[name].as_str()).unwrap_or("the chat");
            Ok(format!("@{} may write to {}", plain_line(name), plain_line(chat)))
        })
    }

    fn listen(self: Arc<Self>, bookmark: Option<String>, engine: mpsc::Sender<Inbound>) -> BoxFuture<'static, ()> {
        Box::pin(async move { listen::listen(&self.bot, &self.chat, bookmark, &engine).await })
    }

    fn pace(&self) -> Duration {
        PACE
    }

    fn settings(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.bot.token.hash(&mut hasher);
        (&self.bot.api_url, &self.chat).hash(&mut hasher);
        hasher.finish()
    }
}

impl Telegram {
    async fn write(&self, message: &Message) -> Result<Option<String>, Failure> {
        let mut request = self.request(message);
        request["disable_notification"] = is_silent(message).into();
        let sent = self.bot.call("sendMessage", &request).await?;
        // Without a number it was sent all the same; it only cannot be brought up to date.
        Ok(sent["message_id"].as_i64().map(|id| id.to_string()))
    }

    async fn edit(&self, message: &Message, id: &str) -> Result<Option<String>, Failure> {
        let mut request = self.request(message);
        request["message_id"] = id.parse::<i64>().map_or_else(|_| id.into(), Value::from);
        match self.bot.call("editMessageText", &request).await {
            Ok(_) => Ok(Some(id.to_owned())),
            Err(refusal) if refusal.is_settled() => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn request(&self, message: &Message) -> Value {
        let mut request = json!({
            "chat_id": self.chat,
            "text": draw::text(message),
            "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true },
        });
        if message.can_be_answered() {
            let button =
                |button: ActionButton| json!({ "text": button.label(), "callback_data": button.handle(message) });
            request["reply_markup"] = json!({ "inline_keyboard": [ActionButton::ALL.map(button)] });
        }
        request
    }
}

/// What is less than high, and what only brings up to date, comes without a sound.
fn is_silent(message: &Message) -> bool {
    message.kind == MessageKind::Update || message.priority < Priority::High
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        refusal.failure
    }
}
