//! Probes of the local channels at the start, so that a problem is known before an alert waits.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::alerters::{Alerter, Failure, FailureKind};
use crate::core::channel::Channel;

#[derive(Debug)]
pub(crate) struct ProbeResult {
    pub(crate) channel: Channel,
    pub(crate) result: Result<String, Failure>,
}

impl ProbeResult {
    /// Whether the user can fix the failure. A machine without a desktop is not broken.
    pub(crate) fn is_fixable(&self) -> bool {
        self.result.as_ref().is_err_and(|failure| {
            matches!(failure.kind, FailureKind::Permanent | FailureKind::NoTransport) && !failure.hint.is_empty()
        })
    }
}

/// Probe the channels of this machine. A remote server is not contacted without a message.
pub(crate) fn probe_channels(alerters: impl Iterator<Item = Arc<dyn Alerter>>, results: &mpsc::Sender<ProbeResult>) {
    for alerter in alerters.filter(|alerter| alerter.is_local()) {
        let results = results.clone();
        tokio::spawn(async move {
            let probe = ProbeResult { channel: alerter.channel(), result: alerter.probe().await };
            // Fails only when the engine has stopped.
            let _ = results.send(probe).await;
        });
    }
}
