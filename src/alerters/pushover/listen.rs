//! While an emergency rings its receipt is asked for: what the person acknowledges on the phone is acknowledged here.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::api::{Api, Emergency};
use super::ringing::Ringing;
use crate::alerters::failures::Failures;
use crate::alerters::{ActionButton, Failure, Inbound, UserAction};
use crate::core::channel::Channel;

/// How often is asked while something rings. The API wants no more than once in five seconds.
const PAUSE: Duration = Duration::from_secs(30);

/// Listen until the task is dropped.
pub(super) async fn listen(
    api: &Api,
    ringing: &watch::Sender<Ringing>,
    bookmark: Option<String>,
    engine: &mpsc::Sender<Inbound>,
) {
    let mut written = Ringing::from_text(&bookmark.unwrap_or_default());
    let mut changes = ringing.subscribe();
    let mut failures = Failures::of(Channel::Pushover);
    // What rang when the last process ended is asked for at once.
    ringing.send_modify(|now| now.join(written.clone()));
    let mut next = Instant::now();
    loop {
        let now = changes.borrow_and_update().clone();
        if now != written {
            if tell(engine, None, &now).await.is_err() {
                return; // the engine is gone
            }
            written.clone_from(&now);
        }
        let changed = async { changes.changed().await.is_err() };
        if now.is_empty() {
            if changed.await {
                return;
            }
            next = Instant::now() + PAUSE;
            continue;
        }
        tokio::select! {
            gone = changed => if gone { return },
            () = tokio::time::sleep_until(next) => {
                let pause = match ask(api, ringing, &mut written, engine).await {
                    Err(Gone) => return,
                    Ok(Some(failure)) => failures.pause(&failure),
                    Ok(None) => {
                        failures.over();
                        PAUSE
                    }
                };
                next = Instant::now() + pause.max(PAUSE);
            }
        }
    }
}

/// The engine is not there any more.
struct Gone;

/// Ask for all that ring, which are written down. Gives the first failure, after which the others are not asked for.
async fn ask(
    api: &Api,
    ringing: &watch::Sender<Ringing>,
    written: &mut Ringing,
    engine: &mpsc::Sender<Inbound>,
) -> Result<Option<Failure>, Gone> {
    for (receipt, message) in written.clone().iter() {
        let press = match api.look_at(receipt).await {
            Err(failure) => return Ok(Some(failure)),
            Ok(Emergency::Rings) => continue,
            Ok(Emergency::Over) => None,
            Ok(Emergency::Acknowledged) => {
                Some(UserAction { message: message.to_owned(), button: ActionButton::Acknowledge })
            }
        };
        let mut rest = ringing.borrow().clone();
        rest.end(receipt);
        tell(engine, press, &rest).await?;
        ringing.send_modify(|now| now.end(receipt));
        *written = rest;
    }
    Ok(None)
}

/// With everything goes what still rings, to be remembered.
async fn tell(engine: &mpsc::Sender<Inbound>, press: Option<UserAction>, rest: &Ringing) -> Result<(), Gone> {
    let (reply, done) = oneshot::channel();
    let heard = Inbound { channel: Channel::Pushover, press, bookmark: Some(rest.to_text()), reply };
    engine.send(heard).await.map_err(|_| Gone)?;
    done.await.map(drop).map_err(|_| Gone)
}
