//! Banners over D-Bus, for every desktop that serves `org.freedesktop.Notifications`.
//!
//! <https://specifications.freedesktop.org/notification-spec/latest/>

mod bus;
mod ears;
mod shown;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use zbus::zvariant::Value;

use self::bus::{Bus, Server};
use self::shown::{Closed, Shown};
use super::banner::{Banner, Loudness};
use crate::alerters::{ActionButton, Alerter, BoxFuture, Failure, Inbound};
use crate::config::Env;
use crate::core::channel::Channel;
use crate::core::delivery::message::{AlertState, Message, MessageKind};

/// The alerter of the desktop that `env` tells of; without one it says so whenever it is asked.
pub(super) fn alerter(env: &Env) -> Arc<dyn Alerter> {
    Arc::new(Banners { bus: Bus::of(env), closed: Mutex::default() })
}

#[derive(Debug)]
struct Banners {
    bus: Option<Bus>,
    closed: Mutex<Closed>,
}

impl Alerter for Banners {
    fn channel(&self) -> Channel {
        Channel::Notification
    }

    fn is_local(&self) -> bool {
        true
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(self.show(message))
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            let (name, version) = self.bus()?.server_information().await?;
            Ok(format!("{name} {version} shows banners"))
        })
    }

    fn listen(self: Arc<Self>, _bookmark: Option<String>, engine: mpsc::Sender<Inbound>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Some(bus) = &self.bus {
                ears::listen(bus, &self.closed, &engine).await;
            }
        })
    }

    /// There is nothing to set.
    fn settings(&self) -> u64 {
        0
    }
}

impl Banners {
    fn bus(&self) -> Result<&Bus, Failure> {
        self.bus.as_ref().ok_or_else(bus::no_bus)
    }

    async fn show(&self, message: &Message) -> Result<Option<String>, Failure> {
        let server = self.bus()?.server().await?;
        let mut closed = self.closed.lock().await;
        let earlier = message.replaces.as_deref().and_then(Shown::parse);
        let standing = earlier.filter(|shown| server.drew(shown) && !closed.has(shown));
        // What the person put away, or what went with the service that showed it, does not come back to say that it is over.
        // Where no earlier banner is named one may have been seen all the same: that is taken back.
        if message.kind == MessageKind::Update && message.replaces.is_some() && standing.is_none() {
            return Ok(None);
        }
        let number = standing.map_or_else(|| shown::number_of(&message.id), |shown| shown.number);
        closed.forget(&server.shown(number));
        drop(closed);
        let number = draw(&server, message, number).await?;
        Ok(Some(server.shown(number).to_string()))
    }
}

/// Show a notice in place of the banner with this number, if there is one; gives the number that it has now.
async fn draw(server: &Server, message: &Message, replaces: u32) -> Result<u32, Failure> {
    let banner = Banner::of(message);
    let body = if server.reads_markup { escaped(&banner.body) } else { banner.body.clone() };
    let handles = ActionButton::ALL.map(|button| (button.handle(message), button.label()));
    let has_buttons = banner.can_be_answered && server.has_buttons;
    let actions: Vec<&str> = match has_buttons {
        true => handles.iter().flat_map(|(handle, label)| [handle.as_str(), label]).collect(),
        false => Vec::new(),
    };
    // How long it stays: as the desktop likes it, and what is critical until it is seen.
    let expires_ms = if banner.loudness == Loudness::Urgent { 0 } else { -1 };
    let hints = hints(&banner, message);
    server.notify(&("Operator", replaces, "", banner.title.as_str(), body.as_str(), actions, hints, expires_ms)).await
}

fn hints(banner: &Banner, message: &Message) -> HashMap<&'static str, Value<'static>> {
    let (urgency, sound) = match banner.loudness {
        Loudness::Silent => (0_u8, None),
        Loudness::Audible => (1, Some("message-new-instant")),
        Loudness::Urgent => (2, Some("dialog-warning")),
    };
    let mut hints = HashMap::from([
        ("urgency", Value::from(urgency)),
        ("category", Value::from(format!("x-operator.{}", banner.thread))),
        ("desktop-entry", Value::from("operator")),
    ]);
    match sound {
        Some(name) => hints.insert("sound-name", Value::from(name)),
        None => hints.insert("suppress-sound", Value::from(true)),
    };
    // What is over is seen where it stood, and then gone: nothing of it is left to be put away.
    let is_over = message.items.iter().all(|item| item.state != AlertState::Open);
    if message.kind == MessageKind::Update && is_over {
        hints.insert("transient", Value::from(true));
    }
    hints
}

/// Plain text for a server that reads markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn markup_is_shown_as_it_was_typed() {
        assert_eq!(super::escaped(r#"<b>"Q&A"</b> isn't &amp;"#), "&lt;b&gt;\"Q&amp;A\"&lt;/b&gt; isn't &amp;amp;");
    }
}
