//! `${NAME}` and `${NAME:-default}` in values. They are filled in after parsing: no value can change the YAML.

use super::error::{Diagnostic, Position};
use super::tree::{Node, Value};

/// Looks up an environment variable.
pub type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A key that stays at its default because a variable in it is not set.
#[derive(Debug)]
pub(super) struct Unset {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) at: Position,
}

#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) unset: Vec<Unset>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Fill in every value of the tree. A value with an unset variable becomes empty.
pub(super) fn fill_in(root: &mut Node, env: &Env) -> Filled {
    let mut filled = Filled::default();
    let at = root.at;
    fill(root, "", at, env, &mut filled);
    filled
}

/// `at` is the position of the key.
fn fill(node: &mut Node, path: &str, at: Position, env: &Env, filled: &mut Filled) {
    match &mut node.value {
        Value::Empty => {}
        Value::Section(entries) => {
            for entry in entries {
                let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                fill(&mut entry.node, &path, entry.at, env, filled);
            }
        }
        Value::List(items) => {
            let mut is_incomplete = false;
            for (index, item) in items.iter_mut().enumerate() {
                let before = filled.unset.len() + filled.diagnostics.len();
                match item.value {
                    // An unset variable in one of several sections affects that section only.
                    Value::Section(_) => fill(item, &format!("{path}[{index}]"), at, env, filled),
                    _ => fill(item, path, at, env, filled),
                }
                let after = filled.unset.len() + filled.diagnostics.len();
                is_incomplete |= after > before && !matches!(item.value, Value::Section(_));
            }
            if is_incomplete {
                node.value = Value::Empty; // half a list is not what the user meant
            }
        }
        Value::Scalar(scalar) => match expand(&scalar.text, env) {
            Expansion::Literal(text) => scalar.text = text,
            Expansion::Expanded { text, .. } if text.is_empty() => node.value = Value::Empty,
            Expansion::Expanded { text, names } => (scalar.text, scalar.from) = (text, Some(names)),
            Expansion::Unset(name) => {
                filled.unset.push(Unset { name, path: path.to_owned(), at });
                node.value = Value::Empty;
            }
            Expansion::Malformed => {
                filled.diagnostics.push(Diagnostic::new(at, format!("{path}: {MALFORMED}")));
                node.value = Value::Empty;
            }
        },
    }
}

const MALFORMED: &str =
    "'${' begins a variable that does not end well: write ${NAME} or ${NAME:-default}, and $$ for a dollar";

#[derive(Debug, PartialEq)]
enum Expansion {
    /// Without variables.
    Literal(String),
    Expanded {
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
    if names.is_empty() {
        Expansion::Literal(out)
    } else {
        Expansion::Expanded { text: out, names: names.join(" and ") }
    }
}

/// With a default, an empty variable counts as unset.
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
