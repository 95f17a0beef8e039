//! Test messages: they take the way of an alert, through outbox, backoff and alerter.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::dispatcher::Dispatcher;
use super::worker::SendResult;
use crate::core::channel::Channel;
use crate::engine::commands::Reply;
use crate::store::Store;

/// A channel without a result after this time has failed its test.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The result of one channel's test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestOutcome {
    pub channel: Channel,
    pub ok: bool,
    /// `sent`, or the failure with what to do about it.
    pub about: String,
}

/// Tests under way.
#[derive(Debug)]
pub(crate) struct TestAlerts {
    journal: Option<TestOutcome>,
    results: Vec<(Channel, oneshot::Receiver<SendResult>)>,
}

impl TestAlerts {
    /// Queue a test on one channel, or on all that are enabled. The error is the reply to the user.
    pub(crate) fn start(
        channel: Option<Channel>,
        dispatcher: &mut Dispatcher,
        store: &mut Store,
        now: Timestamp,
    ) -> Result<Self, Reply> {
        let enabled = dispatcher.channels();
        let channels = match channel {
            Some(Channel::Journal) => Vec::new(),
            Some(channel) if !enabled.contains(&channel) => {
                return Err(Reply::refused(format!("{channel} is off: set alerters.{channel}.enabled to true")));
            }
            Some(channel) => vec![channel],
            None => enabled,
        };
        let mut results = Vec::new();
        for channel in channels {
            let result = dispatcher.queue_test(channel, store, now);
            results.push((channel, result.map_err(|error| Reply::refused(error.to_string()))?));
        }
        // The outbox and the journal are in one database: a queued test shows that both can be written.
        let journal = matches!(channel, None | Some(Channel::Journal));
        let journal =
            journal.then(|| TestOutcome { channel: Channel::Journal, ok: true, about: "it can be written".into() });
        Ok(Self { journal, results })
    }

    /// Wait for the results. The reply's body lists them.
    pub(crate) async fn outcomes(self) -> Reply {
        let deadline = tokio::time::Instant::now() + TEST_TIMEOUT;
        let mut outcomes: Vec<TestOutcome> = self.journal.into_iter().collect();
        for (channel, result) in self.results {
            let (ok, about) = match tokio::time::timeout_at(deadline, result).await {
                Ok(Ok(Ok(_))) => (true, "sent".to_owned()),
                Ok(Ok(Err(failure))) => (false, failure.to_string()),
                _ => (false, "no result in time; see the log".to_owned()),
            };
            outcomes.push(TestOutcome { channel, ok, about });
        }
        Reply::with(&outcomes)
    }
}
