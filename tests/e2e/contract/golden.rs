//! Stored expectations, and the values in an output that differ from run to run.

use std::path::PathBuf;
use std::{env, fs};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::RENAMED;
use super::fixture::Fixture;

/// A moment this close to the present was taken from the clock and not from the fixture.
const PRESENT: SignedDuration = SignedDuration::from_hours(24 * 10);

/// More differences than this are not printed.
const MAX_DIFFERENCES: usize = 40;

/// What a name in the table of renames is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A field of a JSON object.
    Field,
    /// A metric.
    Metric,
    /// A label of metrics.
    Label,
    /// A value: of a JSON field or of a label.
    Word,
}

/// Fails unless `actual` equals the stored file.
pub(super) fn compare(name: &str, actual: &Value) {
    compare_by(name, actual, Value::clone);
}

/// The same where the order in lists says nothing.
pub(super) fn compare_unordered(name: &str, actual: &Value) {
    compare_by(name, actual, sorted);
}

fn compare_by(name: &str, actual: &Value, prepare: fn(&Value) -> Value) {
    let actual = &prepare(actual);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contract/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, lines(actual)).expect("the golden file can be written");
        return;
    }
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let expected = prepare(&renamed(&serde_json::from_str(&text).expect("a golden file is JSON")));
    let mut differences = Vec::new();
    differ(&expected, actual, "", &mut differences);
    let count = differences.len();
    differences.truncate(MAX_DIFFERENCES);
    assert!(differences.is_empty(), "{name}: {count} differences\n{}", differences.join("\n"));
}

/// JSON with one line for each field or element of the outermost two levels.
fn lines(value: &Value) -> String {
    let line = |name: Option<&String>, value: &Value| {
        let name = name.map_or_else(String::new, |name| format!("{}: ", json!(name)));
        let text = match value {
            Value::Array(values) if values.iter().any(Value::is_object) => {
                let values: Vec<String> = values.iter().map(|value| format!("  {value}")).collect();
                format!("[\n{}]", values.join(",\n"))
            }
            other => other.to_string(),
        };
        format!("{name}{text}")
    };
    let (open, lines, close): (_, Vec<String>, _) = match value {
        Value::Object(fields) => ('{', fields.iter().map(|(name, value)| line(Some(name), value)).collect(), '}'),
        Value::Array(values) => ('[', values.iter().map(|value| line(None, value)).collect(), ']'),
        leaf => return format!("{leaf}\n"),
    };
    format!("{open}\n{}\n{close}\n", lines.join(",\n"))
}

/// The golden value in today's names.
fn renamed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kinds = [Kind::Field, Kind::Metric, Kind::Label];
            let pairs = fields.iter().map(|(name, value)| (today(&kinds, name), renamed(value)));
            Value::Object(pairs.collect())
        }
        Value::Array(values) => values.iter().map(renamed).collect(),
        Value::String(text) => json!(today(&[Kind::Word], text)),
        other => other.clone(),
    }
}

/// Today's name of a public name.
pub(super) fn today(kinds: &[Kind], name: &str) -> String {
    let known = RENAMED.iter().find(|(kind, golden, _)| kinds.contains(kind) && *golden == name);
    known.map_or(name, |(_, _, today)| today).to_owned()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        Value::Array(values) => {
            let mut values: Vec<Value> = values.iter().map(sorted).collect();
            values.sort_by_key(Value::to_string);
            Value::Array(values)
        }
        leaf => leaf.clone(),
    }
}

fn differ(expected: &Value, actual: &Value, place: &str, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before {
                match after.get(name) {
                    Some(now) => differ(value, now, &format!("{place}/{name}"), found),
                    None => found.push(format!("{place}/{name}: missing, expected {value}")),
                }
            }
            let new = after.iter().filter(|(name, _)| !before.contains_key(*name));
            found.extend(new.map(|(name, value)| format!("{place}/{name}: new, {value}")));
        }
        (Value::Array(before), Value::Array(after)) => {
            if before.len() != after.len() {
                found.push(format!("{place}: {} elements, expected {}", after.len(), before.len()));
            }
            for (index, (value, now)) in before.iter().zip(after).enumerate() {
                differ(value, now, &format!("{place}/{index}"), found);
            }
        }
        _ if expected == actual => {}
        _ => found.push(format!("{place}: {actual}, expected {expected}")),
    }
}

/// The output without what differs from run to run: places, durations, process numbers and the present.
pub(super) fn stable(fixture: &Fixture, value: &Value) -> Value {
    map_leaves(value, "", &|name, leaf| match leaf {
        Value::Number(_) if ["pid", "duration_ms", "uptime_seconds"].contains(&name) => json!("<number>"),
        Value::String(text) if is_present(text) => json!("<now>"),
        Value::String(text) => json!(fixture.without_places(text)),
        other => other.clone(),
    })
}

/// Fields that hold prose even when it is one word.
const PROSE: [&str; 4] = ["about", "message", "text", "title"];

/// The same without prose: sentences of the program are no contract. The facts of an alert are data.
pub(super) fn without_prose(value: &Value) -> Value {
    map_leaves(value, "", &|name, leaf| match leaf {
        Value::String(text) if text.contains(' ') || PROSE.contains(&name) && !text.is_empty() => json!("<text>"),
        other => other.clone(),
    })
}

fn map_leaves(value: &Value, name: &str, change: &impl Fn(&str, &Value) -> Value) -> Value {
    match value {
        Value::Object(fields) => {
            let change_field = |(name, value): (&String, &Value)| {
                let is_data = name == "facts";
                (name.clone(), if is_data { facts(value) } else { map_leaves(value, name, change) })
            };
            Value::Object(fields.iter().map(change_field).collect())
        }
        Value::Array(values) => values.iter().map(|value| map_leaves(value, name, change)).collect(),
        leaf => change(name, leaf),
    }
}

/// The next try of a failing source is spread at random.
fn facts(value: &Value) -> Value {
    let mut facts = value.clone();
    if let Some(retry_at) = facts.get_mut("retry_at") {
        *retry_at = json!("<random>");
    }
    facts
}

fn is_present(text: &str) -> bool {
    let Ok(moment) = text.parse::<Timestamp>() else { return false };
    moment.duration_since(Timestamp::now()).abs() < PRESENT
}

/// The one field that is left out where it has no value: whether it appears depends on the day.
const OPTIONAL: &str = "occasion";

/// The names of all fields: the elements of a list are laid over each other, and a value is `value`.
pub(super) fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                (name.clone(), if name == "facts" { json!("value") } else { shape(value) })
            };
            Value::Object(fields.iter().filter(|(name, _)| *name != OPTIONAL).map(field).collect())
        }
        Value::Array(values) => {
            let element = values.iter().map(shape).reduce(overlay);
            json!([element.unwrap_or_else(|| json!("none"))])
        }
        _ => json!("value"),
    }
}

fn overlay(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            for (name, value) in other {
                let known = one.remove(&name).unwrap_or_else(|| json!("value"));
                one.insert(name, overlay(known, value));
            }
            Value::Object(one)
        }
        (Value::Array(one), Value::Array(other)) => {
            json!([one.into_iter().chain(other).reduce(overlay)])
        }
        (Value::String(_), other) => other,
        (one, _) => one,
    }
}

/// An object made of named outputs.
pub(super) fn object(parts: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(parts.into_iter().collect::<Map<_, _>>())
}
