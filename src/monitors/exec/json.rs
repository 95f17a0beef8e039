//! Alerts that an exec plugin prints as JSON: a list, or objects one after the other.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Deserializer, Value};

use super::MAX_OUTPUT_BYTES;
use crate::core::alert::Priority;
use crate::core::rules::exec::ExecAlert;
use crate::core::text::truncate;
use crate::sys::process::Output;

/// More alerts are a bug in the plugin.
const MAX_ALERTS: usize = 1_000;

/// The limit of a key and of an occasion.
const MAX_KEY_CHARS: usize = 200;

/// The limit of a quoted parse error.
const MAX_ERROR_CHARS: usize = 200;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// One alert as printed. Unknown fields are allowed.
#[derive(Deserialize)]
struct JsonAlert {
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

/// Whether the output is JSON. A check plugin's line such as `[OK] all is well` is not.
pub(super) fn is_json(printed: &str) -> bool {
    let text = printed.trim_start_matches(BYTE_ORDER_MARK).trim_start();
    match text.strip_prefix('[') {
        Some(rest) => rest.trim_start().starts_with(['{', ']']),
        None => text.starts_with('{'),
    }
}

/// Whether JSON begins on any line.
pub(super) fn has_json_after_text(printed: &str) -> bool {
    let is_object = |text: &str| text.starts_with('{');
    printed.lines().map(str::trim_start).any(|line| {
        let list = line.strip_prefix('[').map(str::trim_start);
        is_object(line) || list.is_some_and(is_object)
    })
}

pub(super) fn parse(printed: &Output) -> Result<Vec<ExecAlert>, String> {
    if printed.is_truncated {
        return Err(format!("printed more than {} KiB", MAX_OUTPUT_BYTES / 1024));
    }
    let bytes = printed.bytes.strip_prefix(BYTE_ORDER_MARK.to_string().as_bytes()).unwrap_or(&printed.bytes);
    let mut values = Vec::new();
    for value in Deserializer::from_slice(bytes).into_iter::<Value>() {
        match value.map_err(|error| format!("printed invalid JSON: {}", short(&error)))? {
            Value::Array(list) => values.extend(list),
            object => values.push(object),
        }
    }
    if values.len() > MAX_ALERTS {
        return Err(format!("printed {} alerts: the limit is {MAX_ALERTS}", values.len()));
    }
    let alerts = values
        .into_iter()
        .zip(1..)
        .map(|(value, number)| alert(value).map_err(|error| format!("alert {number}: {error}")))
        .collect::<Result<Vec<_>, _>>()?;
    ensure_distinct_keys(&alerts)?;
    Ok(alerts)
}

/// Two alerts with one key would become one, and the other would be lost.
fn ensure_distinct_keys(alerts: &[ExecAlert]) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for (alert, number) in alerts.iter().zip(1..) {
        if let Some(first) = seen.insert(&alert.entity, number) {
            return Err(match alert.entity {
                Some(_) => format!("alert {number} has the key of alert {first}"),
                None => format!("alert {number} has no key, and neither has alert {first}"),
            });
        }
    }
    Ok(())
}

fn alert(value: Value) -> Result<ExecAlert, String> {
    let printed: JsonAlert = serde_json::from_value(value).map_err(|error| short(&error))?;
    let entity = printed.key.filter(|key| !key.is_empty());
    for (field, text) in [("key", &entity), ("occasion", &printed.occasion)] {
        if text.as_ref().is_some_and(|text| text.chars().nth(MAX_KEY_CHARS).is_some()) {
            return Err(format!("its {field} has more than {MAX_KEY_CHARS} characters"));
        }
    }
    if truncate(&printed.title, 1).is_empty() {
        return Err("its title is empty".into());
    }
    let JsonAlert { priority, title, message, occasion, .. } = printed;
    Ok(ExecAlert { entity, priority, title, message, occasion })
}

fn short(error: &serde_json::Error) -> String {
    truncate(&error.to_string(), MAX_ERROR_CHARS)
}
