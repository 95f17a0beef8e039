//! How rules hand in what they found: a finding, and the collector that stamps findings and notes which rules could judge.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::{Timestamp, ZonedDateTime};
use serde_json::Value;

use super::Evaluation;
use crate::core::alert::{Alert, AlertKey, Category, Facts, Monitor, Priority};
use crate::core::text::clip;

/// The longest a title may be (characters).
const TITLE_CHARS: usize = 60;

/// What one rule says about one thing.
pub(super) struct AlertDraft {
    priority: Priority,
    title: String,
    message: String,
    entity: Option<String>,
    occasion: Option<String>,
    facts: Facts,
}

impl AlertDraft {
    /// The title is clipped to one line that is short enough.
    pub(super) fn new(priority: Priority, title: &str, message: String) -> Self {
        let title = clip(title, TITLE_CHARS);
        Self { priority, title, message, entity: None, occasion: None, facts: Facts::new() }
    }

    /// Which thing it is about, where a rule speaks about many.
    pub(super) fn about(mut self, entity: impl Into<String>) -> Self {
        self.entity = Some(entity.into());
        self
    }

    /// The reminder slot it belongs to.
    pub(super) fn on(mut self, occasion: &str) -> Self {
        self.occasion = Some(occasion.to_owned());
        self
    }

    /// A number or word that it rests on.
    pub(super) fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.insert(Cow::Borrowed(name), value.into());
        self
    }

    /// Where its facts come from and when they were true.
    pub(super) fn read_from(self, source: &str, as_of: Option<Timestamp>) -> Self {
        self.fact("source", source).fact("as_of", as_of.map(|at| at.to_string()))
    }
}

/// The level that holds with the highest priority, and its limit.
pub(super) fn worst(levels: &[(Priority, f64)], holds: impl Fn(f64) -> bool) -> Option<(Priority, f64)> {
    levels.iter().copied().filter(|(_, limit)| holds(*limit)).max_by_key(|(priority, _)| *priority)
}

/// Whether a computed percentage reaches its limit. A quotient may miss its exact value by a rounding error: 100·(1 − 52/65)
/// has to count as 20.
pub(super) fn reaches(percent: f64, limit: f64) -> bool {
    percent >= limit - 1e-9
}

/// Whether there are as many as the limit says.
pub(super) fn at_least(count: usize, limit: u32) -> bool {
    u32::try_from(count).map_or(true, |count| count >= limit)
}

/// Gathers what the rules of one monitor find at one moment.
pub(super) struct Collector {
    monitor: Monitor,
    at: Timestamp,
    evaluation: Evaluation,
}

impl Collector {
    pub(super) fn new(monitor: Monitor, now: &ZonedDateTime) -> Self {
        Self { monitor, at: now.timestamp(), evaluation: Evaluation::default() }
    }

    /// What `rule` (`"{category}:{type}"`) found, and whether it could judge: if not, what it found counts, but its silence
    /// about the rest means nothing.
    pub(super) fn rule(
        &mut self,
        rule: impl Into<Cow<'static, str>>,
        judged: bool,
        findings: impl IntoIterator<Item = AlertDraft>,
    ) {
        let rule = rule.into();
        for finding in findings {
            let alert = self.stamp(&rule, finding);
            self.evaluation.alerts.push(alert);
        }
        if judged {
            self.evaluation.judged.insert(rule);
        }
    }

    /// What a rule about one thing said: None if its value is unknown, `Some(None)` if all is well.
    pub(super) fn verdict(&mut self, rule: &'static str, verdict: Option<Option<AlertDraft>>) {
        self.rule(rule, verdict.is_some(), verdict.flatten());
    }

    /// Entities about which nothing is known.
    pub(super) fn except(&mut self, entities: impl IntoIterator<Item = String>) {
        self.evaluation.except.extend(entities);
    }

    fn stamp(&self, rule: &str, finding: AlertDraft) -> Alert {
        let category = match self.monitor {
            Monitor::Health => Category::Health,
            Monitor::Tasks => Category::Task,
            Monitor::Patterns => Category::Pattern,
            Monitor::System => Category::System,
            Monitor::Exec(_) => Category::Exec,
        };
        let kind = rule.split_once(':').map_or(rule, |(_, kind)| kind);
        Alert {
            key: match finding.entity {
                Some(entity) => AlertKey::with_entity(category, kind, &entity),
                None => AlertKey::new(category, kind),
            },
            priority: finding.priority,
            title: finding.title,
            message: finding.message,
            facts: finding.facts,
            monitor: self.monitor,
            at: self.at,
            occasion: finding.occasion,
        }
    }

    /// The evaluation: the worst alert of each key, the worst first, in an order that does not depend on that of the facts.
    pub(super) fn finish(mut self) -> Evaluation {
        let alerts = &mut self.evaluation.alerts;
        // The whole of it is looked at only where one thing was found twice with the same priority.
        let whole = |alert: &Alert| format!("{alert:?}");
        alerts.sort_by(|a, b| {
            b.priority.cmp(&a.priority).then_with(|| a.key.cmp(&b.key)).then_with(|| whole(a).cmp(&whole(b)))
        });
        let mut seen = BTreeSet::new();
        alerts.retain(|alert| seen.insert(alert.key.clone()));
        self.evaluation
    }
}
