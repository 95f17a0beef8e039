//! Alerts that a program prints as JSON: objects one after the other, or a list of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Deserializer, Value};

use super::CAP;
use crate::core::alert::Priority;
use crate::core::rules::exec::Complaint;
use crate::core::text::clip;
use crate::sys::process::Output;

/// The most alerts at once; more are a mistake of the program.
const MOST: usize = 1_000;

/// The longest key and the longest occasion (characters).
const LONGEST: usize = 200;

/// No more is shown of what cannot be read (characters).
const SHOWN: usize = 200;

/// The mark that some put before text in UTF-8.
const MARK: char = '\u{feff}';

/// One alert as it is printed. What else is there is for others.
#[derive(Deserialize)]
struct Printed {
    key: Option<String>,
    #[serde(default = "medium")]
    priority: Priority,
    title: String,
    #[serde(default)]
    message: String,
    occasion: Option<String>,
}

fn medium() -> Priority {
    Priority::Medium
}

/// Whether this is to be read as JSON: check plugins print lines such as `[OK] all is well` too.
pub(crate) fn is_meant(printed: &str) -> bool {
    let text = printed.trim_start_matches(MARK).trim_start();
    match text.strip_prefix('[') {
        Some(rest) => rest.trim_start().starts_with(['{', ']']),
        None => text.starts_with('{'),
    }
}

/// Whether alerts begin on a line after the first.
pub(crate) fn is_late(printed: &str) -> bool {
    let is_alert = |text: &str| text.starts_with('{');
    printed.lines().map(str::trim_start).any(|line| {
        let list = line.strip_prefix('[').map(str::trim_start);
        is_alert(line) || list.is_some_and(is_alert)
    })
}

/// What is wrong, or why it cannot be understood.
pub(crate) fn complaints(printed: &Output) -> Result<Vec<Complaint>, String> {
    if printed.is_truncated {
        return Err(format!("printed more than {} KiB", CAP / 1024));
    }
    let bytes = printed.bytes.strip_prefix(MARK.to_string().as_bytes()).unwrap_or(&printed.bytes);
    let mut all = Vec::new();
    for value in Deserializer::from_slice(bytes).into_iter::<Value>() {
        match value.map_err(|error| format!("printed what is not JSON: {}", shown(&error)))? {
            Value::Array(list) => all.extend(list),
            one => all.push(one),
        }
    }
    if all.len() > MOST {
        return Err(format!("printed {} alerts: more than {MOST} are not taken", all.len()));
    }
    let complaints = all.into_iter().zip(1..);
    let complaints = complaints
        .map(|(value, number)| complaint(value).map_err(|why| format!("alert {number}: {why}")))
        .collect::<Result<Vec<_>, _>>()?;
    one_of_each_key(&complaints)?;
    Ok(complaints)
}

/// Two of one key would be one alert, and nobody would be told of the other.
fn one_of_each_key(complaints: &[Complaint]) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for (complaint, number) in complaints.iter().zip(1..) {
        if let Some(first) = seen.insert(&complaint.entity, number) {
            return Err(match complaint.entity {
                Some(_) => format!("alert {number} has the key of alert {first}"),
                None => format!("alert {number} has no key, and neither has alert {first}"),
            });
        }
    }
    Ok(())
}

fn complaint(value: Value) -> Result<Complaint, String> {
    let printed: Printed = serde_json::from_value(value).map_err(|error| shown(&error))?;
    let entity = printed.key.filter(|key| !key.is_empty());
    for (name, text) in [("key", &entity), ("occasion", &printed.occasion)] {
        if text.as_ref().is_some_and(|text| text.chars().nth(LONGEST).is_some()) {
            return Err(format!("its {name} has more than {LONGEST} characters"));
        }
    }
    if clip(&printed.title, 1).is_empty() {
        return Err("its title is empty".into());
    }
    let Printed { priority, title, message, occasion, .. } = printed;
    Ok(Complaint { entity, priority, title, message, occasion })
}

fn shown(error: &serde_json::Error) -> String {
    clip(&error.to_string(), SHOWN)
}
