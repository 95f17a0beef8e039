//! Values that fit their types but not the program: out of range, or at odds with each other.

use std::collections::BTreeSet;

use garde::Validate;

use super::error::{Mistake, Position};
use super::schema::Config;
use super::tree::{Node, Value};
use crate::core::alert::Priority;

/// Numbers out of their ranges. A number that was already noted as beyond its type is noted again in better words.
pub(super) fn ranges(config: &Config, root: &Node, mistakes: &mut BTreeSet<Mistake>) {
    let Err(report) = config.validate() else { return };
    for (path, error) in report.iter() {
        let path = path.to_string();
        // Of a list of values, the list; of a list of sections, the key in one of them.
        let item = path.rsplit_once('[').filter(|(_, index)| !index.contains('.'));
        let (key, index) = item.map_or((path.as_str(), None), |(key, index)| (key, Some(index)));
        let at = place(root, key);
        let shown = shown(root, key, index.and_then(|rest| rest.trim_end_matches(']').parse().ok()));
        let number = format!("{path}: {shown} ");
        mistakes.retain(|mistake| !(mistake.at == Some(at) && mistake.sentence.starts_with(&number)));
        mistakes.insert(Mistake::new(at, format!("{path}: {}", out_of_range(&shown, error.message()))));
    }
}

/// `'5' is lower than 10, the least allowed`, from the validator's `lower than 10`.
fn out_of_range(shown: &str, complaint: &str) -> String {
    if let Some(least) = complaint.strip_prefix("length is lower than ") {
        format!("the list is too short: give at least {least}")
    } else if let Some(most) = complaint.strip_prefix("length is greater than ") {
        format!("the list is too long: give at most {most}")
    } else if complaint.starts_with("lower") {
        format!("{shown} is {complaint}, the least allowed")
    } else {
        format!("{shown} is {complaint}, the most allowed")
    }
}

fn shown(root: &Node, key: &str, index: Option<usize>) -> String {
    let node = root.entry(key).map(|entry| &entry.node);
    let node = match (node.map(|node| &node.value), index) {
        (Some(Value::List(items)), Some(index)) => items.get(index),
        _ => node,
    };
    match node.map(|node| &node.value) {
        Some(Value::Scalar(scalar)) => scalar.shown(),
        _ => "this".into(),
    }
}

/// Where the key stands, or the nearest section around it that is in the file.
fn place(root: &Node, path: &str) -> Position {
    let mut path = path;
    loop {
        if let Some(at) = root.place(path) {
            return at;
        }
        let Some((parent, _)) = path.rsplit_once('.') else { return root.at };
        path = parent;
    }
}

/// Values that contradict each other, or what cannot be changed.
pub(super) fn contradictions(config: &Config, root: &Node) -> Vec<Mistake> {
    let mut found = Found { root, mistakes: Vec::new() };
    found.quiet_hours(config);
    found.health(config);
    found.goal(config);
    found.journal(config);
    found.secrets(config);
    found.sources(config);
    found.calendars(config);
    found.programs(config);
    found.channels(config);
    found.mistakes
}

struct Found<'a> {
    root: &'a Node,
    mistakes: Vec<Mistake>,
}

impl Found<'_> {
    fn add(&mut self, path: &str, sentence: &str) {
        self.mistakes.push(Mistake::new(place(self.root, path), format!("{path}: {sentence}")));
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
        self.ascending(
            "monitors.health.thresholds",
            &[
                ("readiness_critical", t.readiness_critical),
                ("readiness_high", t.readiness_high),
                ("readiness_medium", t.readiness_medium),
            ],
        );
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
        self.ascending(
            "monitors.tasks.thresholds",
            &[
                ("goal_none_hour", f64::from(t.goal_none_hour)),
                ("goal_half_hour", f64::from(t.goal_half_hour)),
                ("goal_late_hour", f64::from(t.goal_late_hour)),
            ],
        );
    }

    /// No value may be over the next one. The mistake is shown at the one of the two that the file gives.
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
            self.add("alerters.journal.enabled", "must stay true: the journal is what 'operator why' answers from");
        }
        if journal.min_priority != Priority::Low {
            self.add("alerters.journal.min_priority", "must stay low: the journal takes every alert");
        }
    }

    fn secrets(&mut self, config: &Config) {
        if config.http.heartbeat_url.is_some() && config.http.heartbeat_url_file.is_some() {
            self.given_twice("http", "heartbeat_url");
        }
        for section in config.sources.all() {
            for kept in section.secrets().iter().filter(|kept| kept.is_given_twice()) {
                self.given_twice(&format!("sources.{}", section.name()), kept.key);
            }
        }
        for section in config.alerters.all() {
            for kept in section.secrets().iter().filter(|kept| kept.is_given_twice()) {
                self.given_twice(&format!("alerters.{}", section.channel()), kept.key);
            }
        }
    }

    fn given_twice(&mut self, section: &str, key: &str) {
        self.add(&format!("{section}.{key}_file"), &format!("'{key}' is given too: keep only one of the two"));
    }

    fn sources(&mut self, config: &Config) {
        for section in config.sources.all() {
            if let Some((key, why)) = section.contradiction() {
                self.add(&format!("sources.{}.{key}", section.name()), why);
            }
        }
    }

    fn calendars(&mut self, config: &Config) {
        let calendars = &config.sources.calendars;
        for (index, calendar) in calendars.iter().enumerate().filter(|(_, calendar)| calendar.enabled) {
            let path = format!("sources.calendars[{index}]");
            if let Some(lack) = calendar.lack() {
                self.add(&path, &format!("a calendar cannot be read without {lack}"));
            }
            if let Some((key, why)) = calendar.contradiction() {
                self.add(&format!("{path}.{key}"), &why);
            }
            let first = calendars.iter().position(|other| other.name.is_some() && other.name == calendar.name);
            if let Some(first) = first.filter(|first| *first < index) {
                let sentence = format!("sources.calendars[{first}] has the same name: give each its own");
                self.add(&format!("{path}.name"), &sentence);
            }
        }
    }

    fn programs(&mut self, config: &Config) {
        let programs = &config.monitors.exec;
        for (index, program) in programs.iter().enumerate() {
            let path = format!("monitors.exec[{index}]");
            if let Some(lack) = program.lack().filter(|_| program.enabled) {
                self.add(&path, &format!("a program cannot be run without a {lack}"));
            }
            let first = programs.iter().position(|other| other.name.is_some() && other.name == program.name);
            if let Some(first) = first.filter(|first| *first < index) {
                self.add(
                    &format!("{path}.name"),
                    &format!("monitors.exec[{first}] has the same name: give each its own"),
                );
            }
        }
    }

    fn channels(&mut self, config: &Config) {
        for section in config.alerters.all().into_iter().filter(|section| section.is_on()) {
            if let Some(lack) = section.lack() {
                let path = format!("alerters.{}.enabled", section.channel());
                self.add(&path, &format!("{} cannot be on without {lack}", section.name()));
            }
            if let Some((key, why)) = section.contradiction() {
                self.add(&format!("alerters.{}.{key}", section.channel()), why);
            }
        }
    }
}
