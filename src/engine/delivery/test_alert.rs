//! A test through everything that an alert goes through: outbox, lane, alerter.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::core::channel::Channel;
use crate::engine::Engine;
use crate::engine::command::Reply;
use crate::engine::delivery::dispatcher::SendResult;

/// A channel that has said nothing by then is told as silent.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a channel's test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestOutcome {
    /// Where.
    pub channel: Channel,
    /// Whether it was taken.
    pub ok: bool,
    /// What went wrong and what to do about it.
    pub about: String,
}

/// Tests under way.
pub struct Tests {
    journal: Option<TestOutcome>,
    outcomes: Vec<(Channel, oneshot::Receiver<SendResult>)>,
}

impl Engine {
    /// Put a test on its way, on one channel or on all that are switched on.
    ///
    /// # Errors
    /// The reply, when the channel is off or nothing may be sent.
    pub fn begin_test(&mut self, channel: Option<Channel>) -> Result<Tests, Reply> {
        if self.dry_run || self.store.is_ephemeral() {
            return Err(Reply::refused("this is a dry run: nothing is sent; switch it off first"));
        }
        let on = self.dispatcher.channels();
        let channels = match channel {
            Some(Channel::Journal) => Vec::new(),
            Some(channel) if !on.contains(&channel) => {
                return Err(Reply::refused(format!("{channel} is off: set alerters.{channel}.enabled to true")));
            }
            Some(channel) => vec![channel],
            None => on,
        };
        let outcomes = self.begin_tests(&channels).map_err(|error| Reply::refused(error.to_string()))?;
        // The tests stand in the same database as the journal: it takes what is written.
        let journal = matches!(channel, None | Some(Channel::Journal));
        let journal =
            journal.then(|| TestOutcome { channel: Channel::Journal, ok: true, about: "it can be written".into() });
        Ok(Tests { journal, outcomes })
    }
}

impl Engine {
    /// The same without a loop around it: what waits goes out on the way.
    pub async fn test_alone(&mut self, channel: Option<Channel>) -> Reply {
        match self.begin_test(channel) {
            Err(refused) => refused,
            Ok(tests) => {
                self.deliver(PATIENCE).await;
                // Who has not answered by now does not any more.
                self.give_up_tests();
                tests.outcome().await
            }
        }
    }
}

impl Tests {
    /// What became of them, as the body of a reply.
    pub async fn outcome(self) -> Reply {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut all: Vec<TestOutcome> = self.journal.into_iter().collect();
        for (channel, outcome) in self.outcomes {
            let (ok, about) = match tokio::time::timeout_at(deadline, outcome).await {
                Ok(Ok(Ok(_))) => (true, "sent".to_owned()),
                Ok(Ok(Err(failure))) => (false, failure.to_string()),
                _ => (false, "no outcome in time; see the log".to_owned()),
            };
            all.push(TestOutcome { channel, ok, about });
        }
        Reply::with(&all)
    }
}
