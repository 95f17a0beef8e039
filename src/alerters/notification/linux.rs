//! Banners over D-Bus: <https://specifications.freedesktop.org/notification-spec/latest/>.

mod banner_id;
mod bus;
mod signals;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use zbus::zvariant::Value;

use self::banner_id::{BannerId, DismissedBanners, stable_id};
use self::bus::{Bus, Server};
use super::banner::{Banner, Urgency};
use crate::alerters::text::escape;
use crate::alerters::{ActionButton, Alerter, BoxFuture, Failure, Inbound};
use crate::config::Env;
use crate::core::channel::Channel;
use crate::core::delivery::message::{AlertState, Message, MessageKind};

/// The alerter of the session bus that `env` names. Without a bus every message fails as `NoTransport`.
#[must_use]
pub fn alerter(env: &Env) -> Arc<dyn Alerter> {
    Arc::new(DbusAlerter { bus: Bus::from_env(env), dismissed: Mutex::default() })
}

#[derive(Debug)]
struct DbusAlerter {
    bus: Option<Bus>,
    dismissed: Mutex<DismissedBanners>,
}

impl Alerter for DbusAlerter {
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

    fn listen(self: Arc<Self>, _cursor: Option<String>, engine: mpsc::Sender<Inbound>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Some(bus) = &self.bus {
                signals::listen(bus, &self.dismissed, &engine).await;
            }
        })
    }

    /// Nothing is configurable.
    fn config_hash(&self) -> u64 {
        0
    }
}

impl DbusAlerter {
    fn bus(&self) -> Result<&Bus, Failure> {
        self.bus.as_ref().ok_or_else(bus::no_bus)
    }

    async fn show(&self, message: &Message) -> Result<Option<String>, Failure> {
        let server = self.bus()?.server().await?;
        let mut dismissed = self.dismissed.lock().await;
        let earlier = message.replaces.as_deref().and_then(BannerId::parse);
        let visible = earlier.filter(|id| server.issued(id) && !dismissed.contains(id));
        // A dismissed banner, or one of a server that has gone, does not come back for an update. Without an earlier id the
        // user may still have seen a banner: the update is shown.
        if message.kind == MessageKind::Update && message.replaces.is_some() && visible.is_none() {
            return Ok(None);
        }
        let number = visible.map_or_else(|| stable_id(&message.id), |id| id.number);
        dismissed.remove(&server.banner_id(number));
        drop(dismissed);
        let number = notify(&server, message, number).await?;
        Ok(Some(server.banner_id(number).to_string()))
    }
}

/// Shows a banner in place of the one with the number `replaces`, if that is visible. Returns the number of the banner.
async fn notify(server: &Server, message: &Message, replaces: u32) -> Result<u32, Failure> {
    let banner = Banner::new(message);
    let body = if server.parses_markup { escape(&banner.body) } else { banner.body.as_str().into() };
    let mut actions: Vec<String> = Vec::new();
    if banner.has_buttons && server.supports_buttons {
        actions
            .extend(ActionButton::ALL.iter().flat_map(|button| [button.callback_data(message), button.label().into()]));
    }
    // Milliseconds: 0 stays until dismissed, -1 is the desktop's default.
    let expires_ms = if banner.urgency == Urgency::Critical { 0 } else { -1 };
    let hints = hints(&banner, message);
    server.notify(&("Operator", replaces, "", banner.title.as_str(), &*body, actions, hints, expires_ms)).await
}

fn hints(banner: &Banner, message: &Message) -> HashMap<&'static str, Value<'static>> {
    let (urgency, sound) = match banner.urgency {
        Urgency::Silent => (0_u8, None),
        Urgency::Audible => (1, Some("message-new-instant")),
        Urgency::Critical => (2, Some("dialog-warning")),
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
    // The last update of an alert replaces its banner and then disappears by itself.
    let is_settled = message.items.iter().all(|item| item.state != AlertState::Open);
    if message.kind == MessageKind::Update && is_settled {
        hints.insert("transient", Value::from(true));
    }
    hints
}
