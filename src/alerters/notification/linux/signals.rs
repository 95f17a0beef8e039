//! Signals of the notification server: pressed buttons and closed banners.

use std::pin::pin;
use std::time::Duration;

use futures_lite::StreamExt;
use jiff::SignedDuration;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, sleep};
use zbus::{Connection, Message, MessageStream};

use super::banner_id::{BannerId, DismissedBanners};
use super::bus::{Bus, service_owner};
use crate::alerters::{ActionButton, Inbound};
use crate::core::backoff::Backoff;
use crate::core::channel::Channel;

/// Between attempts to connect to the bus. The jitter only lengthens a delay.
const BACKOFF: Backoff =
    Backoff::new(SignedDuration::from_secs(5), SignedDuration::from_secs(300)).with_jitter(1.0, 1.2);

/// A connection that lasted this long resets the backoff.
const STABLE_AFTER: Duration = Duration::from_secs(300);

/// Runs until the engine stops. Nothing wakes while the bus is connected, or while there is none.
pub(super) async fn listen(bus: &Bus, dismissed: &Mutex<DismissedBanners>, engine: &mpsc::Sender<Inbound>) {
    let mut failures = 0;
    while !engine.is_closed() {
        let connected_at = Instant::now();
        match bus.signals().await {
            Ok(signals) => {
                if receive(bus, signals, dismissed, engine).await == Disconnected::Replaced {
                    continue;
                }
            }
            Err(failure) => tracing::debug!(channel = "notification", %failure, "buttons do not work"),
        }
        failures = if connected_at.elapsed() > STABLE_AFTER { 1 } else { failures + 1 };
        let delay = Duration::try_from(BACKOFF.delay(failures, fastrand::f64())).unwrap_or_default();
        // A message that reaches the bus ends every wait.
        let reconnected = bus.reconnected();
        if bus.may_exist() {
            tokio::select! { () = reconnected => {}, () = sleep(delay) => {} }
        } else {
            reconnected.await;
        }
    }
}

#[derive(PartialEq, Eq)]
enum Disconnected {
    /// The connection broke, or the engine stopped.
    Lost,
    /// There is a new connection.
    Replaced,
}

async fn receive(
    bus: &Bus,
    mut signals: MessageStream,
    dismissed: &Mutex<DismissedBanners>,
    engine: &mpsc::Sender<Inbound>,
) -> Disconnected {
    let connection = Connection::from(&signals);
    let mut reconnected = pin!(bus.reconnected());
    loop {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = &mut reconnected => return Disconnected::Replaced,
        };
        let Some(Ok(signal)) = signal else { return Disconnected::Lost };
        if let Some(id) = closed_banner(&connection, &signal) {
            dismissed.lock().await.insert(id);
        }
        if let Some(inbound) = pressed_button(&connection, &signal).await
            && engine.send(inbound).await.is_err()
        {
            return Disconnected::Lost;
        }
    }
}

fn closed_banner(connection: &Connection, signal: &Message) -> Option<BannerId> {
    let header = signal.header();
    if header.member()?.as_str() != "NotificationClosed" {
        return None;
    }
    let (number, _reason): (u32, u32) = signal.body().deserialize().ok()?;
    let owner = header.sender()?.to_string();
    Some(BannerId { bus: connection.server_guid().to_string(), owner, number })
}

/// Any program on the bus can send this signal: only the notification server is trusted.
async fn pressed_button(connection: &Connection, signal: &Message) -> Option<Inbound> {
    let header = signal.header();
    if header.member()?.as_str() != "ActionInvoked" {
        return None;
    }
    let (_number, data): (u32, String) = signal.body().deserialize().ok()?;
    let action = ActionButton::parse_callback(&data)?;
    let owner = service_owner(connection).await.ok()??;
    if header.sender()?.as_str() != owner {
        return None;
    }
    // The banner disappears with the press: there is no place for the reply.
    let (reply, _) = oneshot::channel();
    Some(Inbound { channel: Channel::Notification, action: Some(action), cursor: None, reply })
}
