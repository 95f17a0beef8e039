//! The output of rules: alert drafts, and the collector that turns them into an evaluation.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::{Timestamp, ZonedDateTime};
use serde_json::Value;

use super::Evaluation;
use crate::core::alert::{Alert, AlertKey, Category, Facts, Monitor, Priority};
use crate::core::text::truncate;

const MAX_TITLE_CHARS: usize = 60;

/// An alert without the key, monitor and time that the collector adds.
pub(super) struct AlertDraft {
    priority: Priority,
    title: String,
    message: String,
    entity: Option<String>,
    occasion: Option<String>,
    facts: Facts,
}

/// The result of a rule with one subject. None: the value is unknown. `Some(None)`: evaluated, and no alert.
pub(super) type RuleResult = Option<Option<AlertDraft>>;

impl AlertDraft {
    pub(super) fn new(priority: Priority, title: &str, message: String) -> Self {
        let title = truncate(title, MAX_TITLE_CHARS);
        Self { priority, title, message, entity: None, occasion: None, facts: Facts::new() }
    }

    /// The third part of the key, for rules with many subjects.
    pub(super) fn entity(mut self, entity: impl Into<String>) -> Self {
        self.entity = Some(entity.into());
        self
    }

    /// The reminder slot.
    pub(super) fn occasion(mut self, occasion: &str) -> Self {
        self.occasion = Some(occasion.to_owned());
        self
    }

    pub(super) fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.insert(Cow::Borrowed(name), value.into());
        self
    }

    /// The facts `source` and `as_of`.
    pub(super) fn source(self, source: &str, as_of: Option<Timestamp>) -> Self {
        self.fact("source", source).fact("as_of", as_of.map(|at| at.to_string()))
    }
}

/// The highest priority whose limit is crossed, with that limit.
pub(super) fn highest_level(levels: &[(Priority, f64)], is_crossed: impl Fn(f64) -> bool) -> Option<(Priority, f64)> {
    levels.iter().copied().filter(|(_, limit)| is_crossed(*limit)).max_by_key(|(priority, _)| *priority)
}

/// Whether a computed percentage reaches its limit, within the rounding error of a quotient: 100·(1 − 52/65) counts as 20.
pub(super) fn reaches(percent: f64, limit: f64) -> bool {
    percent >= limit - 1e-9
}

pub(super) fn at_least(count: usize, limit: u32) -> bool {
    u32::try_from(count).map_or(true, |count| count >= limit)
}

/// Collects the drafts of one monitor's rules at one moment.
pub(super) struct Collector {
    monitor: Monitor,
    at: Timestamp,
    evaluation: Evaluation,
}

impl Collector {
    pub(super) fn new(monitor: Monitor, now: &ZonedDateTime) -> Self {
        Self { monitor, at: now.timestamp(), evaluation: Evaluation::default() }
    }

    /// Add the drafts of `rule` (`"{category}:{type}"`). If it was not fully `evaluated`, its drafts count, but a missing alert does
    /// not resolve anything.
    pub(super) fn add(
        &mut self,
        rule: impl Into<Cow<'static, str>>,
        evaluated: bool,
        drafts: impl IntoIterator<Item = AlertDraft>,
    ) {
        let rule = rule.into();
        for draft in drafts {
            let alert = self.alert(&rule, draft);
            self.evaluation.alerts.push(alert);
        }
        if evaluated {
            self.evaluation.evaluated.insert(rule);
        }
    }

    pub(super) fn add_result(&mut self, rule: &'static str, result: RuleResult) {
        self.add(rule, result.is_some(), result.flatten());
    }

    pub(super) fn add_unknown_entities(&mut self, entities: impl IntoIterator<Item = String>) {
        self.evaluation.unknown_entities.extend(entities);
    }

    fn alert(&self, rule: &str, draft: AlertDraft) -> Alert {
        let category = match self.monitor {
            Monitor::Health => Category::Health,
            Monitor::Tasks => Category::Task,
            Monitor::Patterns => Category::Pattern,
            Monitor::System => Category::System,
            Monitor::Exec(_) => Category::Exec,
        };
        let kind = rule.split_once(':').map_or(rule, |(_, kind)| kind);
        Alert {
            key: match draft.entity {
                Some(entity) => AlertKey::with_entity(category, kind, &entity),
                None => AlertKey::new(category, kind),
            },
            priority: draft.priority,
            title: draft.title,
            message: draft.message,
            facts: draft.facts,
            monitor: self.monitor,
            at: self.at,
            occasion: draft.occasion,
        }
    }

    /// The highest priority of each key, by priority, in an order that does not depend on the order of the facts.
    pub(super) fn finish(mut self) -> Evaluation {
        let alerts = &mut self.evaluation.alerts;
        // Only compared when one key fired twice with the same priority.
        let all_fields = |alert: &Alert| format!("{alert:?}");
        alerts.sort_by(|a, b| {
            let by_priority = b.priority.cmp(&a.priority).then_with(|| a.key.cmp(&b.key));
            by_priority.then_with(|| all_fields(a).cmp(&all_fields(b)))
        });
        let mut seen = BTreeSet::new();
        alerts.retain(|alert| seen.insert(alert.key.clone()));
        self.evaluation
    }
}
