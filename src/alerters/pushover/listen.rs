//! Polls the receipts of open emergencies: an acknowledgement on the phone acknowledges the alert here.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::api::{Api, ReceiptState};
use super::receipts::OpenReceipts;
use crate::alerters::poll_backoff::PollBackoff;
use crate::alerters::{ActionButton, EngineStopped, Failure, Inbound, UserAction};
use crate::core::channel::Channel;

/// The API asks for at most one poll in five seconds.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Runs until the task is dropped or the engine stops.
pub(super) async fn listen(
    api: &Api,
    open: &watch::Sender<OpenReceipts>,
    cursor: Option<String>,
    engine: &mpsc::Sender<Inbound>,
) {
    let mut saved = OpenReceipts::from_cursor(&cursor.unwrap_or_default());
    let mut changes = open.subscribe();
    let mut backoff = PollBackoff::new(Channel::Pushover);
    // Emergencies from before the restart are polled immediately.
    open.send_modify(|receipts| receipts.0.extend(saved.0.clone()));
    let mut next_poll = Instant::now();
    loop {
        let current = changes.borrow_and_update().clone();
        if current != saved {
            if deliver(engine, None, &current).await.is_err() {
                return;
            }
            saved.clone_from(&current);
        }
        let alerter_dropped = async { changes.changed().await.is_err() };
        if current.0.is_empty() {
            if alerter_dropped.await {
                return;
            }
            next_poll = Instant::now() + POLL_INTERVAL;
            continue;
        }
        tokio::select! {
            is_dropped = alerter_dropped => if is_dropped { return },
            () = tokio::time::sleep_until(next_poll) => {
                let delay = match poll(api, open, &mut saved, engine).await {
                    Err(EngineStopped) => return,
                    Ok(Some(failure)) => backoff.on_failure(&failure),
                    Ok(None) => {
                        backoff.on_success();
                        POLL_INTERVAL
                    }
                };
                next_poll = Instant::now() + delay.max(POLL_INTERVAL);
            }
        }
    }
}

/// Polls every saved receipt. Returns the first failure and skips the remaining receipts after it.
async fn poll(
    api: &Api,
    open: &watch::Sender<OpenReceipts>,
    saved: &mut OpenReceipts,
    engine: &mpsc::Sender<Inbound>,
) -> Result<Option<Failure>, EngineStopped> {
    for (receipt, message_id) in saved.clone().0 {
        let action = match api.receipt_state(&receipt).await {
            Err(failure) => return Ok(Some(failure)),
            Ok(ReceiptState::Pending) => continue,
            Ok(ReceiptState::Closed) => None,
            Ok(ReceiptState::Acknowledged) => Some(UserAction { message_id, button: ActionButton::Acknowledge }),
        };
        let mut remaining = open.borrow().clone();
        remaining.0.remove(&receipt);
        deliver(engine, action, &remaining).await?;
        open.send_modify(|receipts| drop(receipts.0.remove(&receipt)));
        *saved = remaining;
    }
    Ok(None)
}

async fn deliver(
    engine: &mpsc::Sender<Inbound>,
    action: Option<UserAction>,
    open: &OpenReceipts,
) -> Result<(), EngineStopped> {
    Inbound::deliver(engine, Channel::Pushover, action, open.to_string()).await.map(drop)
}
