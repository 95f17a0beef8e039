//! `${NAME}` and `${NAME:-default}` in values. They are filled in after parsing, so no value can be taken for YAML.

use super::error::{Mistake, Position};
use super::tree::{Node, Value};

/// The environment, as a function of a variable's name.
pub type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A key that stays at its default because a variable in it is not set.
#[derive(Debug)]
pub(super) struct Unset {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) at: Position,
}

/// What came of the whole file.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) unset: Vec<Unset>,
    pub(super) mistakes: Vec<Mistake>,
}

/// Fill in every value of the tree; one with an unset variable becomes empty.
pub(super) fn fill_in(root: &mut Node, env: &Env) -> Outcome {
    let mut outcome = Outcome::default();
    let at = root.at;
    fill(root, "", at, env, &mut outcome);
    outcome
}

/// `at` is the place of the key that the value belongs to.
fn fill(node: &mut Node, path: &str, at: Position, env: &Env, outcome: &mut Outcome) {
    match &mut node.value {
        Value::Empty => {}
        Value::Section(entries) => {
            for entry in entries {
                let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                fill(&mut entry.node, &path, entry.at, env, outcome);
            }
        }
        Value::List(items) => {
            let mut lacks = false;
            for (index, item) in items.iter_mut().enumerate() {
                let before = outcome.unset.len() + outcome.mistakes.len();
                match item.value {
                    // What is missing in one of several sections is missing there.
                    Value::Section(_) => fill(item, &format!("{path}[{index}]"), at, env, outcome),
                    _ => fill(item, path, at, env, outcome),
                }
                let after = outcome.unset.len() + outcome.mistakes.len();
                lacks |= after > before && !matches!(item.value, Value::Section(_));
            }
            if lacks {
                node.value = Value::Empty; // half a list is not what was meant
            }
        }
        Value::Scalar(scalar) => match expand(&scalar.text, env) {
            Expansion::Literal(text) => scalar.text = text,
            Expansion::Filled { text, .. } if text.is_empty() => node.value = Value::Empty,
            Expansion::Filled { text, names } => (scalar.text, scalar.from) = (text, Some(names)),
            Expansion::Unset(name) => {
                outcome.unset.push(Unset { name, path: path.to_owned(), at });
                node.value = Value::Empty;
            }
            Expansion::Malformed => {
                outcome.mistakes.push(Mistake::new(at, format!("{path}: {MALFORMED}")));
                node.value = Value::Empty;
            }
        },
    }
}

const MALFORMED: &str =
    "'${' begins a variable that does not end well: write ${NAME} or ${NAME:-default}, and $$ for a dollar";

#[derive(Debug, PartialEq)]
enum Expansion {
    /// No variable in it.
    Literal(String),
    Filled {
        text: String,
        names: String,
    },
    Unset(String),
    Malformed,
}

fn expand(text: &str, env: &Env) -> Expansion {
    let (mut out, mut names, mut rest) = (String::new(), Vec::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let Some((reference, after)) = after.split_once('}') else { return Expansion::Malformed };
            let (name, default) = reference.split_once(":-").map_or((reference, None), |(n, d)| (n, Some(d)));
            if !is_name(name) || default.is_some_and(|default| default.contains('$')) {
                return Expansion::Malformed;
            }
            let Some(value) = value(name, default, env) else { return Expansion::Unset(name.to_owned()) };
            out.push_str(&value);
            names.push(format!("${{{name}}}"));
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    if names.is_empty() { Expansion::Literal(out) } else { Expansion::Filled { text: out, names: names.join(" and ") } }
}

/// An empty variable is as good as none where there is a default.
fn value(name: &str, default: Option<&str>, env: &Env) -> Option<String> {
    match default {
        Some(default) => Some(env(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())),
        None => env(name),
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
