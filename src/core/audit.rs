//! The self-audit: the outcome of every alert that fired, and whether any is missing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::AlertKey;
use super::channel::Channel;
use super::delivery::lifecycle::{OutboxState, message_channels};
use super::policy::decision::Decision;

/// The outcome of all alerts in the journal. A condition that fires again counts again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    pub at: Timestamp,
    /// How many alerts the rules produced; the numbers below add up to it.
    pub fired: u64,
    /// Sent in a message of its own, or meant for the journal alone.
    pub delivered: u64,
    pub pending: u64,
    /// Not sent, with a reason: acknowledged, snoozed, a duplicate, or over before it was sent.
    pub suppressed: u64,
    /// Waits for the end of quiet hours or of a pause.
    pub held: u64,
    pub coalesced: u64,
    /// A channel refused it for good.
    pub failed: u64,
    /// Keys with something missing, at most `MAX_UNACCOUNTED_NAMED`.
    pub unaccounted: Vec<AlertKey>,
    pub unaccounted_count: u64,
}

pub const MAX_UNACCOUNTED_NAMED: usize = 20;

/// The outcome of one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    Pending,
    Suppressed,
    Held,
    Coalesced,
    Failed,
}

/// A decision of the journal with its messages in the outbox.
#[derive(Debug, Clone)]
pub struct DecisionRecord {
    pub decision: Decision,
    pub channels: Vec<Channel>,
    /// Its messages, or those of its digest.
    pub messages: Vec<(Channel, OutboxState)>,
    /// An older version may have deleted its messages before it.
    pub may_lack_messages: bool,
}

impl DecisionRecord {
    /// `None` when a message is missing.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self.decision {
            Decision::Suppress => Some(Outcome::Suppressed),
            Decision::Hold => Some(Outcome::Held),
            Decision::Coalesce => self.state().map(|_| Outcome::Coalesced),
            Decision::Deliver => self.state().map(|state| match state {
                OutboxState::Pending => Outcome::Pending,
                OutboxState::Failed => Outcome::Failed,
                OutboxState::Delivered => Outcome::Delivered,
                // Over, answered or replaced before it was sent.
                OutboxState::Superseded => Outcome::Suppressed,
            }),
            Decision::Resolve => None,
        }
    }

    /// The most significant state of its messages; delivered for a decision that needs none.
    fn state(&self) -> Option<OutboxState> {
        let mut states = Vec::new();
        for channel in message_channels(&self.channels) {
            let before = states.len();
            states.extend(self.messages.iter().filter(|(on, _)| *on == channel).map(|(_, state)| *state));
            if states.len() == before && !self.may_lack_messages {
                return None;
            }
        }
        Some(states.into_iter().max_by_key(|state| significance(*state)).unwrap_or(OutboxState::Delivered))
    }
}

const fn significance(state: OutboxState) -> u8 {
    match state {
        OutboxState::Superseded => 0,
        OutboxState::Delivered => 1,
        OutboxState::Failed => 2,
        OutboxState::Pending => 3,
    }
}

impl Audit {
    /// Whether the outcome of every alert that fired is known.
    #[must_use]
    pub const fn is_consistent(&self) -> bool {
        self.fired == self.accounted() && self.unaccounted_count == 0
    }

    /// The alerts with a known outcome.
    #[must_use]
    pub const fn accounted(&self) -> u64 {
        let sent = self.delivered.saturating_add(self.coalesced);
        let waiting = self.pending.saturating_add(self.held);
        sent.saturating_add(waiting).saturating_add(self.suppressed).saturating_add(self.failed)
    }

    pub const fn add(&mut self, outcome: Outcome, count: u64) {
        let term = match outcome {
            Outcome::Delivered => &mut self.delivered,
            Outcome::Pending => &mut self.pending,
            Outcome::Suppressed => &mut self.suppressed,
            Outcome::Held => &mut self.held,
            Outcome::Coalesced => &mut self.coalesced,
            Outcome::Failed => &mut self.failed,
        };
        *term = term.saturating_add(count);
    }

    /// Equal but for the time.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        Self { at: other.at, ..self.clone() } == *other
    }

    /// What is wrong and what the user can do; `None` while the audit is consistent.
    #[must_use]
    pub fn error_message(&self) -> Option<String> {
        let (fired, accounted) = (self.fired, self.accounted());
        (!self.is_consistent()).then(|| {
            format!(
                "The self-audit is inconsistent: {fired} alerts fired, {accounted} are accounted for; unaccounted: {}; \
                 `operator why KEY` shows what is known of one, please report it",
                self.unaccounted_names()
            )
        })
    }

    /// `health:readiness_low, task:pileup and 3 more`.
    #[must_use]
    pub fn unaccounted_names(&self) -> String {
        let names: Vec<&str> = self.unaccounted.iter().map(AlertKey::as_str).collect();
        let more = self.unaccounted_count.saturating_sub(self.unaccounted.len() as u64);
        match (names.is_empty(), more) {
            (true, 0) => "no key".into(),
            (true, more) => format!("{more} without a valid key"),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    fn record(decision: Decision, channels: &str, messages: &str) -> DecisionRecord {
        let message = |text: &str| {
            let (channel, state) = text.split_once(':').unwrap();
            (channel.parse().unwrap(), state.parse().unwrap())
        };
        DecisionRecord {
            decision,
            channels: channels.split_whitespace().map(|name| name.parse().unwrap()).collect(),
            messages: messages.split_whitespace().map(message).collect(),
            may_lack_messages: false,
        }
    }

    const BOTH: &str = "journal ntfy email";

    #[rstest]
    #[case::acknowledged(Decision::Suppress, "journal", "", Some(Outcome::Suppressed))]
    #[case::at_night(Decision::Hold, "journal", "", Some(Outcome::Held))]
    #[case::journal_alone(Decision::Deliver, "journal", "", Some(Outcome::Delivered))]
    #[case::sent(Decision::Deliver, BOTH, "ntfy:delivered email:delivered", Some(Outcome::Delivered))]
    #[case::one_pending(Decision::Deliver, BOTH, "ntfy:delivered email:pending", Some(Outcome::Pending))]
    #[case::pending_and_failed(Decision::Deliver, BOTH, "ntfy:failed email:pending", Some(Outcome::Pending))]
    #[case::one_failed(Decision::Deliver, BOTH, "ntfy:failed email:delivered", Some(Outcome::Failed))]
    #[case::one_superseded(Decision::Deliver, BOTH, "ntfy:superseded email:delivered", Some(Outcome::Delivered))]
    #[case::all_superseded(Decision::Deliver, BOTH, "ntfy:superseded email:superseded", Some(Outcome::Suppressed))]
    #[case::twice_at_once(Decision::Deliver, "journal ntfy", "ntfy:superseded ntfy:pending", Some(Outcome::Pending))]
    #[case::in_a_digest(Decision::Coalesce, "journal ntfy", "ntfy:pending", Some(Outcome::Coalesced))]
    #[case::in_a_journal_digest(Decision::Coalesce, "journal", "", Some(Outcome::Coalesced))]
    #[case::one_missing(Decision::Deliver, BOTH, "ntfy:delivered", None)]
    #[case::all_missing(Decision::Deliver, BOTH, "", None)]
    #[case::elsewhere(Decision::Deliver, "journal ntfy", "email:delivered", None)]
    #[case::digest_without_message(Decision::Coalesce, BOTH, "email:pending", None)]
    #[case::not_an_alert(Decision::Resolve, "journal", "", None)]
    fn outcome_follows_the_messages(
        #[case] decision: Decision,
        #[case] channels: &str,
        #[case] messages: &str,
        #[case] expected: Option<Outcome>,
    ) {
        assert_eq!(record(decision, channels, messages).outcome(), expected);
    }

    #[rstest]
    #[case("ntfy:pending", Outcome::Pending)]
    #[case("", Outcome::Delivered)]
    fn messages_deleted_early_are_not_missed(#[case] messages: &str, #[case] expected: Outcome) {
        let record = DecisionRecord { may_lack_messages: true, ..record(Decision::Deliver, BOTH, messages) };
        assert_eq!(record.outcome(), Some(expected));
    }

    #[test]
    fn every_outcome_counts() {
        let mut audit = Audit { fired: 21, ..Audit::default() };
        let outcomes = [
            Outcome::Delivered,
            Outcome::Pending,
            Outcome::Suppressed,
            Outcome::Held,
            Outcome::Coalesced,
            Outcome::Failed,
        ];
        for (outcome, count) in outcomes.into_iter().zip(1..) {
            assert!(!audit.is_consistent());
            audit.add(outcome, count);
        }
        assert!(audit.is_consistent() && audit.error_message().is_none());
        assert!(!Audit { unaccounted_count: 1, ..audit.clone() }.is_consistent(), "two differences do not cancel out");
        audit.add(Outcome::Held, u64::MAX);
        assert!(!audit.is_consistent());
    }

    #[test]
    fn audits_agree_at_different_times() {
        let audit = Audit { fired: 1, ..Audit::default() };
        assert!(audit.agrees_with(&Audit { at: Timestamp::MAX, ..audit.clone() }));
        assert!(!audit.agrees_with(&Audit::default()));
    }

    #[test]
    fn error_message_names_the_keys() {
        let unaccounted = vec!["health:readiness_low".parse().unwrap(), "task:pileup".parse().unwrap()];
        let audit = Audit { fired: 3, held: 1, unaccounted, unaccounted_count: 5, ..Audit::default() };
        let message = audit.error_message().unwrap();
        assert!(message.contains("3 alerts fired, 1 are accounted for"), "{message}");
        assert!(message.contains("unaccounted: health:readiness_low, task:pileup and 3 more;"), "{message}");
        assert!(message.contains("operator why KEY") && message.contains("report"), "{message}");
    }
}
