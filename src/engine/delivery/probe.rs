//! A look at the channels of this machine before anything has to be sent: better now than when an alert waits.

use tokio::sync::mpsc;

use crate::alerters::{Failure, FailureKind};
use crate::core::channel::Channel;
use crate::engine::Engine;
use crate::engine::delivery::dispatcher::tell_change;
use crate::engine::event_loop::EventLoop;

/// What a look found.
#[derive(Debug)]
pub(crate) struct ProbeResult {
    channel: Channel,
    found: Result<String, Failure>,
}

impl Engine {
    /// Look at those whose state the system knows; nobody else is asked.
    pub(crate) fn look_at_channels(&self, looks: &mpsc::Sender<ProbeResult>) {
        if !self.may_send() {
            return;
        }
        for alerter in self.dispatcher.alerters().filter(|alerter| alerter.is_local()) {
            let looks = looks.clone();
            tokio::spawn(async move {
                let looked = ProbeResult { channel: alerter.channel(), found: alerter.probe().await };
                // Nobody wants to know any more when the engine stops.
                let _ = looks.send(looked).await;
            });
        }
    }
}

impl EventLoop {
    /// Only what the person can mend is worth telling before something waits.
    pub(crate) fn note_look(&mut self, looked: ProbeResult) {
        let Some(lane) = self.engine.dispatcher.lane_of(looked.channel) else { return };
        let before = lane.last_error.clone();
        match looked.found {
            Ok(_) => lane.last_error = None,
            Err(failure) if can_be_mended(&failure) => lane.last_error = Some(failure.to_string()),
            Err(_) => return,
        }
        tell_change(looked.channel, before.as_deref(), lane.last_error.as_deref());
        self.publish();
    }
}

/// A machine without a desktop is not broken.
fn can_be_mended(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Permanent | FailureKind::NoTransport) && !failure.hint.is_empty()
}
