//! The self-audit: what became of every alert that fired, and whether that is all of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::AlertKey;

/// What the database says became of every alert that fired, over all that the journal keeps. A reminder that fires again counts again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// When it was made.
    pub at: Timestamp,
    /// What the rules found.
    pub fired: u64,
    /// TaskIdentities, on a channel of its own or in the journal alone.
    pub delivered: u64,
    /// Waits to be told.
    pub pending: u64,
    /// Not told, with a reason: acknowledged, snoozed, a duplicate, or over before it went out.
    pub suppressed: u64,
    /// Waits for the end of quiet hours or a pause.
    pub held: u64,
    /// TaskIdentities in a digest.
    pub coalesced: u64,
    /// Refused for good.
    pub failed: u64,
    /// Keys of which something is missing, at most `MAX_UNACCOUNTED_NAMED`.
    pub unaccounted: Vec<AlertKey>,
    /// How many such keys there are.
    pub unaccounted_count: u64,
}

/// An audit names so many keys; the others are counted.
pub const MAX_UNACCOUNTED_NAMED: usize = 20;

/// What became of a decision: each term of the equation but the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was told.
    Delivered,
    /// It waits to be told.
    Pending,
    /// It was not told, with a reason.
    Suppressed,
    /// It waits for the end of a silence.
    Held,
    /// It is told in a digest.
    Coalesced,
    /// It was refused for good.
    Failed,
}

/// A decision as the journal has it, with the messages that the outbox has of it.
#[derive(Debug, Clone, Default)]
pub struct DecisionRecord<'a> {
    /// The journal's word for what was decided.
    pub decision: &'a str,
    /// Where it was to be told.
    pub channels: Vec<&'a str>,
    /// Its messages, or those of its digest: where, and in which state.
    pub messages: Vec<(&'a str, &'a str)>,
    /// Whether its messages may have been forgotten before it.
    pub may_lack_messages: bool,
}

/// What became of a message, the most telling of several last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sent {
    Superseded,
    Delivered,
    Failed,
    Pending,
}

impl DecisionRecord<'_> {
    /// What became of it; none when nobody can say.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self.decision {
            "suppress" => Some(Outcome::Suppressed),
            "hold" => Some(Outcome::Held),
            "coalesce" => self.sent().map(|_| Outcome::Coalesced),
            "deliver" => self.sent().map(|sent| match sent {
                Sent::Pending => Outcome::Pending,
                Sent::Failed => Outcome::Failed,
                Sent::Delivered => Outcome::Delivered,
                // It was over, answered or told anew before it went out.
                Sent::Superseded => Outcome::Suppressed,
            }),
            _ => None,
        }
    }

    /// The most telling of its messages; none when a channel has none, or one in a state that is not known. The journal needs no
    /// message: the decision itself stands in it.
    fn sent(&self) -> Option<Sent> {
        let mut most = None;
        for channel in self.channels.iter().filter(|channel| **channel != "journal") {
            let mut there = self.messages.iter().filter(|(place, _)| place == channel).peekable();
            if there.peek().is_none() && !self.may_lack_messages {
                return None;
            }
            for (_, state) in there {
                most = most.max(Some(sent(state)?));
            }
        }
        Some(most.unwrap_or(Sent::Delivered))
    }
}

fn sent(state: &str) -> Option<Sent> {
    match state {
        "pending" => Some(Sent::Pending),
        "failed" => Some(Sent::Failed),
        "delivered" => Some(Sent::Delivered),
        "superseded" => Some(Sent::Superseded),
        _ => None,
    }
}

impl Audit {
    /// Whether every alert that fired has come to something that is known.
    #[must_use]
    pub const fn is_consistent(&self) -> bool {
        self.fired == self.accounted() && self.unaccounted_count == 0
    }

    /// The alerts of which it is known what became of them.
    #[must_use]
    pub const fn accounted(&self) -> u64 {
        let told = self.delivered.saturating_add(self.coalesced);
        let waiting = self.pending.saturating_add(self.held);
        told.saturating_add(waiting).saturating_add(self.suppressed).saturating_add(self.failed)
    }

    /// So often the same became of an alert.
    pub const fn count(&mut self, outcome: Outcome, times: u64) {
        let term = match outcome {
            Outcome::Delivered => &mut self.delivered,
            Outcome::Pending => &mut self.pending,
            Outcome::Suppressed => &mut self.suppressed,
            Outcome::Held => &mut self.held,
            Outcome::Coalesced => &mut self.coalesced,
            Outcome::Failed => &mut self.failed,
        };
        *term = term.saturating_add(times);
    }

    /// Whether an audit made at another time came to the same.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        Self { at: other.at, ..self.clone() } == *other
    }

    /// What is wrong and what to do about it, in sentences; none while it adds up.
    #[must_use]
    pub fn error_message(&self) -> Option<String> {
        let (fired, known) = (self.fired, self.accounted());
        (!self.is_consistent()).then(|| {
            format!(
                "The self-audit does not add up: {fired} alerts fired, {known} are accounted for; unaccounted: {}; `operator why KEY` \
                 tells what is known of one, please report it",
                self.unaccounted_names()
            )
        })
    }

    /// The keys that are unaccounted: `health:readiness_low, task:pileup and 3 more`.
    #[must_use]
    pub fn unaccounted_names(&self) -> String {
        let names: Vec<&str> = self.unaccounted.iter().map(AlertKey::as_str).collect();
        let more = self.unaccounted_count.saturating_sub(self.unaccounted.len() as u64);
        match (names.is_empty(), more) {
            (true, 0) => "no key".into(),
            (true, more) => format!("{more} without a proper key"),
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

    #[rstest]
    #[case::acknowledged("suppress", "journal", "", Some(Outcome::Suppressed))]
    #[case::night("hold", "journal", "", Some(Outcome::Held))]
    #[case::told_in_the_journal_alone("deliver", "journal", "", Some(Outcome::Delivered))]
    #[case::told("deliver", "journal a b", "a:delivered b:delivered", Some(Outcome::Delivered))]
    #[case::waits_on_one("deliver", "journal a b", "a:delivered b:pending", Some(Outcome::Pending))]
    #[case::waits_and_was_refused("deliver", "journal a b", "a:failed b:pending", Some(Outcome::Pending))]
    #[case::was_refused_on_one("deliver", "journal a b", "a:failed b:delivered", Some(Outcome::Failed))]
    #[case::told_on_one("deliver", "journal a b", "a:superseded b:delivered", Some(Outcome::Delivered))]
    #[case::over_before("deliver", "journal a b", "a:superseded b:superseded", Some(Outcome::Suppressed))]
    #[case::written_twice_at_one_moment("deliver", "journal a", "a:superseded a:pending", Some(Outcome::Pending))]
    #[case::in_a_digest("coalesce", "journal a", "a:pending", Some(Outcome::Coalesced))]
    #[case::in_a_digest_of_the_journal("coalesce", "journal", "", Some(Outcome::Coalesced))]
    #[case::nothing_on_one("deliver", "journal a b", "a:delivered", None)]
    #[case::nothing_at_all("deliver", "journal a b", "", None)]
    #[case::elsewhere("deliver", "journal a", "b:delivered", None)]
    #[case::a_digest_without_a_message("coalesce", "journal a b", "b:pending", None)]
    #[case::a_strange_state("deliver", "journal a b", "a:delivered b:lost", None)]
    #[case::a_strange_state_of_a_digest("coalesce", "journal a", "a:", None)]
    #[case::a_strange_decision("forget", "journal", "", None)]
    #[case::no_decision("", "", "", None)]
    fn what_became_of_a_decision(
        #[case] decision: &str,
        #[case] channels: &str,
        #[case] messages: &str,
        #[case] expected: Option<Outcome>,
    ) {
        let record = DecisionRecord {
            decision,
            channels: channels.split(' ').collect(),
            messages: messages.split_whitespace().map(|message| message.split_once(':').unwrap()).collect(),
            may_lack_messages: false,
        };
        assert_eq!(record.outcome(), expected);
    }

    #[rstest]
    #[case("a:pending", Some(Outcome::Pending))]
    #[case("", Some(Outcome::Delivered))]
    #[case("a:lost", None)]
    fn what_was_forgotten_early_is_not_missed(#[case] messages: &str, #[case] expected: Option<Outcome>) {
        let messages = messages.split_whitespace().map(|message| message.split_once(':').unwrap()).collect();
        let record =
            DecisionRecord { decision: "deliver", channels: vec!["a", "b"], messages, may_lack_messages: true };
        assert_eq!(record.outcome(), expected);
    }

    #[test]
    fn every_term_counts() {
        let mut audit = Audit { fired: 21, ..Audit::default() };
        let outcomes = [
            Outcome::Delivered,
            Outcome::Pending,
            Outcome::Suppressed,
            Outcome::Held,
            Outcome::Coalesced,
            Outcome::Failed,
        ];
        for (outcome, times) in outcomes.into_iter().zip(1..) {
            assert!(!audit.is_consistent());
            audit.count(outcome, times);
        }
        assert!(audit.is_consistent() && audit.error_message().is_none());
        assert!(!Audit { unaccounted_count: 1, ..audit.clone() }.is_consistent(), "two differences do not cancel out");
        audit.count(Outcome::Held, u64::MAX);
        assert!(!audit.is_consistent());
    }

    #[test]
    fn the_time_makes_no_difference() {
        let audit = Audit { fired: 1, ..Audit::default() };
        assert!(audit.agrees_with(&Audit { at: Timestamp::MAX, ..audit.clone() }));
        assert!(!audit.agrees_with(&Audit::default()));
    }

    #[test]
    fn a_complaint_names_the_keys() {
        let unaccounted = vec!["health:readiness_low".parse().unwrap(), "task:pileup".parse().unwrap()];
        let audit = Audit { fired: 3, held: 1, unaccounted, unaccounted_count: 5, ..Audit::default() };
        let error_message = audit.error_message().unwrap();
        assert!(error_message.contains("3 alerts fired, 1 are accounted for"), "{error_message}");
        assert!(
            error_message.contains("unaccounted: health:readiness_low, task:pileup and 3 more;"),
            "{error_message}"
        );
        assert!(error_message.contains("operator why KEY") && error_message.contains("report"), "{error_message}");
    }
}
