//! Listens to what becomes of banners: buttons that were pressed, and banners that were closed.

use std::pin::pin;
use std::time::Duration;

use futures_lite::StreamExt;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, sleep};
use zbus::{Connection, Message, MessageStream};

use super::bus::{Bus, owner_of_service};
use super::shown::{Closed, Shown};
use crate::alerters::{ActionButton, Inbound};
use crate::core::channel::Channel;

/// The pause before the bus is looked for again; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Listen for as long as the engine does. While the bus is there, and while there is none, nothing wakes.
pub(super) async fn listen(bus: &Bus, closed: &Mutex<Closed>, engine: &mpsc::Sender<Inbound>) {
    let mut pause = FIRST_PAUSE;
    while !engine.is_closed() {
        let began = Instant::now();
        match bus.signals().await {
            Ok(signals) => {
                if hear(bus, signals, closed, engine).await == End::Renewed {
                    continue;
                }
            }
            Err(failure) => tracing::debug!("Buttons on banners are not heard: {failure}"),
        }
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        // A message that gets through to the bus ends every wait.
        let renewed = bus.renewed();
        if bus.exists() {
            tokio::select! { () = renewed => {}, () = sleep(pause) => {} }
        } else {
            renewed.await;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Why a connection is not listened to any longer.
#[derive(PartialEq, Eq)]
enum End {
    /// It broke, or the engine is gone.
    Lost,
    /// Another one has taken its place.
    Renewed,
}

async fn hear(bus: &Bus, mut signals: MessageStream, closed: &Mutex<Closed>, engine: &mpsc::Sender<Inbound>) -> End {
    let connection = Connection::from(&signals);
    let mut renewed = pin!(bus.renewed());
    loop {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            () = &mut renewed => return End::Renewed,
        };
        let Some(Ok(signal)) = signal else { return End::Lost };
        if let Some(shown) = closed_one(&connection, &signal) {
            closed.lock().await.remember(shown);
        }
        if let Some(heard) = pressed_one(&connection, &signal).await
            && engine.send(heard).await.is_err()
        {
            return End::Lost;
        }
    }
}

fn closed_one(connection: &Connection, signal: &Message) -> Option<Shown> {
    let header = signal.header();
    if header.member()?.as_str() != "NotificationClosed" {
        return None;
    }
    let (number, _reason): (u32, u32) = signal.body().deserialize().ok()?;
    let owner = header.sender()?.to_string();
    Some(Shown { bus: connection.server_guid().to_string(), owner, number })
}

/// A button of ours. Anybody on the bus can send us such a signal: only the server of banners is believed.
async fn pressed_one(connection: &Connection, signal: &Message) -> Option<Inbound> {
    let header = signal.header();
    if header.member()?.as_str() != "ActionInvoked" {
        return None;
    }
    let (_number, handle): (u32, String) = signal.body().deserialize().ok()?;
    let press = ActionButton::pressed(&handle)?;
    let owner = owner_of_service(connection).await.ok()??;
    if header.sender()?.as_str() != owner {
        return None;
    }
    // A banner goes when it is pressed: there is nowhere to show what came of it.
    let (reply, _) = oneshot::channel();
    Some(Inbound { channel: Channel::Notification, press: Some(press), bookmark: None, reply })
}
