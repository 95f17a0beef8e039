//! Checks beyond types: ranges, values that conflict, and keys that are missing.

use std::collections::BTreeSet;

use garde::Validate;

use super::error::{Diagnostic, Position};
use super::schema::Config;
use super::tree::{Node, Value};
use crate::core::alert::Priority;

/// Add numbers out of range. A number that the deserializer reported already is reported in these better words instead.
pub(super) fn ranges(config: &Config, root: &Node, diagnostics: &mut BTreeSet<Diagnostic>) {
    let Err(report) = config.validate() else { return };
    for (path, error) in report.iter() {
        let path = path.to_string();
        // In a list of values the error belongs to the list; in a list of sections, to the key of one section.
        let item = path.rsplit_once('[').filter(|(_, index)| !index.contains('.'));
        let (key, index) = item.map_or((path.as_str(), None), |(key, index)| (key, Some(index)));
        let at = nearest_position(root, key);
        let shown = display_value(root, key, index.and_then(|rest| rest.trim_end_matches(']').parse().ok()));
        let prefix = format!("{path}: {shown} ");
        diagnostics.retain(|diagnostic| !(diagnostic.at == Some(at) && diagnostic.sentence.starts_with(&prefix)));
        diagnostics.insert(Diagnostic::new(at, format!("{path}: {}", range_sentence(&shown, error.message()))));
    }
}

/// `'5' is lower than 10, the least allowed`, from garde's `lower than 10`.
fn range_sentence(shown: &str, garde_message: &str) -> String {
    if let Some(min) = garde_message.strip_prefix("length is lower than ") {
        format!("the list is too short: give at least {min}")
    } else if let Some(max) = garde_message.strip_prefix("length is greater than ") {
        format!("the list is too long: give at most {max}")
    } else if garde_message.starts_with("lower") {
        format!("{shown} is {garde_message}, the least allowed")
    } else {
        format!("{shown} is {garde_message}, the most allowed")
    }
}

fn display_value(root: &Node, key: &str, index: Option<usize>) -> String {
    let node = root.entry(key).map(|entry| &entry.node);
    let node = match (node.map(|node| &node.value), index) {
        (Some(Value::List(items)), Some(index)) => items.get(index),
        _ => node,
    };
    match node.map(|node| &node.value) {
        Some(Value::Scalar(scalar)) => scalar.display(),
        _ => "this".into(),
    }
}

/// The position of the key, or of the nearest section around it that the file has.
fn nearest_position(root: &Node, path: &str) -> Position {
    let mut path = path;
    loop {
        if let Some(at) = root.position(path) {
            return at;
        }
        let Some((parent, _)) = path.rsplit_once('.') else { return root.at };
        path = parent;
    }
}

/// Values that conflict with each other, and keys that are missing or fixed.
pub(super) fn conflicts(config: &Config, root: &Node) -> Vec<Diagnostic> {
    let mut validator = Validator { root, diagnostics: Vec::new() };
    validator.quiet_hours(config);
    validator.health(config);
    validator.goal(config);
    validator.journal(config);
    validator.secrets(config);
    validator.sources(config);
    validator.calendars(config);
    validator.exec_plugins(config);
    validator.channels(config);
    validator.diagnostics
}

struct Validator<'a> {
    root: &'a Node,
    diagnostics: Vec<Diagnostic>,
}

impl Validator<'_> {
    fn add(&mut self, path: &str, sentence: &str) {
        self.diagnostics.push(Diagnostic::new(nearest_position(self.root, path), format!("{path}: {sentence}")));
    }

    fn quiet_hours(&mut self, config: &Config) {
        let hours = &config.quiet_hours;
        if hours.enabled && hours.start == hours.end {
            let sentence =
                format!("quiet hours begin and end at {}: give two times, or set enabled to false", hours.end);
            self.add("quiet_hours.end", &sentence);
        }
    }

    fn health(&mut self, config: &Config) {
        let t = &config.monitors.health.thresholds;
        let readiness = [
            ("readiness_critical", t.readiness_critical),
            ("readiness_high", t.readiness_high),
            ("readiness_medium", t.readiness_medium),
        ];
        self.ascending("monitors.health.thresholds", &readiness);
        for pair in [
            [("sleep_hours_high", t.sleep_hours_high), ("sleep_hours_medium", t.sleep_hours_medium)],
            [("hrv_drop_medium", t.hrv_drop_medium), ("hrv_drop_high", t.hrv_drop_high)],
            [("stress_medium", t.stress_medium), ("stress_high", t.stress_high)],
            [
                ("hrv_baseline_min_nights", f64::from(t.hrv_baseline_min_nights)),
                ("hrv_baseline_days", f64::from(t.hrv_baseline_days)),
            ],
        ] {
            self.ascending("monitors.health.thresholds", &pair);
        }
    }

    fn goal(&mut self, config: &Config) {
        let t = &config.monitors.tasks.thresholds;
        let hours = [
            ("goal_none_hour", f64::from(t.goal_none_hour)),
            ("goal_half_hour", f64::from(t.goal_half_hour)),
            ("goal_late_hour", f64::from(t.goal_late_hour)),
        ];
        self.ascending("monitors.tasks.thresholds", &hours);
    }

    /// No value may exceed the next one. The diagnostic points at the one of the two that the file gives.
    fn ascending(&mut self, section: &str, values: &[(&str, f64)]) {
        for ((low, low_value), (high, high_value)) in values.iter().zip(values.iter().skip(1)) {
            if low_value <= high_value {
                continue;
            }
            let (low_path, high_path) = (format!("{section}.{low}"), format!("{section}.{high}"));
            if self.root.entry(&low_path).is_some() {
                self.add(&low_path, &format!("{low_value} is over {high} ({high_value}): it must not be"));
            } else {
                self.add(&high_path, &format!("{high_value} is under {low} ({low_value}): it must not be"));
            }
        }
    }

    fn journal(&mut self, config: &Config) {
        let journal = &config.alerters.journal;
        if !journal.enabled {
            self.add("alerters.journal.enabled", "must stay true: 'operator why' answers from the journal");
        }
        if journal.min_priority != Priority::Low {
            self.add("alerters.journal.min_priority", "must stay low: the journal takes every alert");
        }
    }

    fn secrets(&mut self, config: &Config) {
        if config.http.heartbeat_url.is_some() && config.http.heartbeat_url_file.is_some() {
            self.given_twice("http", "heartbeat_url");
        }
        let sources = config.sources.sections().map(|(name, section)| (format!("sources.{name}"), section));
        let channels = config.alerters.sections().map(|it| (format!("alerters.{}", it.channel), it.section));
        for (path, section) in sources.into_iter().chain(channels) {
            for secret in section.secrets.iter().filter(|secret| secret.is_given_twice) {
                self.given_twice(&path, secret.key);
            }
        }
    }

    fn given_twice(&mut self, section: &str, key: &str) {
        self.add(&format!("{section}.{key}_file"), &format!("'{key}' is given too: keep only one of the two"));
    }

    fn sources(&mut self, config: &Config) {
        for (name, section) in config.sources.sections() {
            if let Some((key, why)) = section.conflict {
                self.add(&format!("sources.{name}.{key}"), why);
            }
        }
    }

    fn calendars(&mut self, config: &Config) {
        let calendars = &config.sources.calendars;
        for (index, calendar) in calendars.iter().enumerate().filter(|(_, calendar)| calendar.enabled) {
            let path = format!("sources.calendars[{index}]");
            if let Some(keys) = calendar.missing_keys() {
                self.add(&path, &format!("a calendar cannot be read without {keys}"));
            }
            if let Some((key, why)) = calendar.conflict() {
                self.add(&format!("{path}.{key}"), &why);
            }
            let first = calendars.iter().position(|other| other.name.is_some() && other.name == calendar.name);
            self.duplicate_name("sources.calendars", first, index);
        }
    }

    fn exec_plugins(&mut self, config: &Config) {
        let plugins = &config.monitors.exec;
        for (index, plugin) in plugins.iter().enumerate() {
            if let Some(key) = plugin.missing_key().filter(|_| plugin.enabled) {
                self.add(&format!("monitors.exec[{index}]"), &format!("an exec plugin cannot run without a {key}"));
            }
            let first = plugins.iter().position(|other| other.name.is_some() && other.name == plugin.name);
            self.duplicate_name("monitors.exec", first, index);
        }
    }

    fn duplicate_name(&mut self, list: &str, first: Option<usize>, index: usize) {
        if let Some(first) = first.filter(|first| *first < index) {
            let sentence = format!("{list}[{first}] has the same name: give each its own");
            self.add(&format!("{list}[{index}].name"), &sentence);
        }
    }

    fn channels(&mut self, config: &Config) {
        for channel in config.alerters.sections().into_iter().filter(|section| section.enabled) {
            let path = format!("alerters.{}", channel.channel);
            if let Some(keys) = channel.missing_keys {
                let sentence = format!("{} cannot be on without {keys}", channel.label);
                self.add(&format!("{path}.enabled"), &sentence);
            }
            if let Some((key, why)) = channel.section.conflict {
                self.add(&format!("{path}.{key}"), why);
            }
        }
    }
}
