//! Change one key of the file. Comments, order and layout stay.
//!
//! The result is parsed again with our own parser. Only this value may differ; otherwise the user must edit the file.

use std::collections::BTreeMap;
use std::str::FromStr;

use yaml_edit::path::YamlPath;
use yaml_edit::{Document, YamlFile};

use super::tree::{self, Node, Value};

/// The new value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// Quoted where necessary.
    Text(String),
    /// Unquoted: `true`, `22`.
    Bare(String),
    List(Vec<String>),
    /// A list of sections. A key such as `caldav.url` is in an inner section; its keys are adjacent.
    Sections(Vec<Vec<(String, String)>>),
}

/// Set the key at `path`, such as `sources.todoist.token`. The error is a sentence for the user.
pub fn set(text: &str, path: &str, setting: &Setting) -> Result<String, String> {
    let cannot = || format!("{path} cannot be changed automatically in this file: set it by hand");
    let before = tree::parse(text).map_err(|_| cannot())?;
    let changed = with_value(text, path, &setting.to_yaml()).ok_or_else(cannot)?;
    let after = tree::parse(&changed).map_err(|_| cannot())?;
    let (mut wanted, found) = (scalars(&before), scalars(&after));
    let below = format!("{path}.");
    wanted.retain(|key, _| key != path && !key.starts_with(&below));
    let (given, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
        found.into_iter().partition(|(key, _)| key == path || key.starts_with(&below));
    if rest == wanted && given == setting.scalars(path) { Ok(changed) } else { Err(cannot()) }
}

/// The value of a key as text: a scalar without its quotes, a list with commas.
#[must_use]
pub fn get(text: &str, path: &str) -> Option<String> {
    match &tree::parse(text).ok()?.entry(path)?.node.value {
        Value::Scalar(scalar) => Some(scalar.text.clone()),
        Value::List(items) if !items.is_empty() => {
            let texts = items.iter().map(|item| match &item.value {
                Value::Scalar(scalar) => scalar.text.as_str(),
                _ => "…",
            });
            Some(texts.collect::<Vec<_>>().join(", "))
        }
        _ => None,
    }
}

/// Whether the text has this key, even without a value.
#[must_use]
pub fn has_key(text: &str, path: &str) -> bool {
    tree::parse(text).is_ok_and(|root| root.entry(path).is_some())
}

impl Setting {
    fn to_yaml(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Bare(word) => word.clone(),
            Self::List(items) => format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")),
            Self::Sections(items) => {
                format!(
                    "[{}]",
                    items.iter().map(|keys| format!("{{{}}}", section(keys))).collect::<Vec<_>>().join(", ")
                )
            }
        }
    }

    /// The scalars that the file must hold afterwards.
    fn scalars(&self, path: &str) -> BTreeMap<String, String> {
        let escape_dollars = |text: &String| text.replace('$', "$$");
        match self {
            Self::Text(text) => [(path.to_owned(), escape_dollars(text))].into(),
            Self::Bare(word) => [(path.to_owned(), word.clone())].into(),
            Self::List(items) => {
                items.iter().enumerate().map(|(at, item)| (format!("{path}.{at}"), escape_dollars(item))).collect()
            }
            Self::Sections(items) => {
                let keys = items.iter().enumerate().flat_map(|(at, keys)| keys.iter().map(move |key| (at, key)));
                keys.map(|(at, (key, text))| (format!("{path}.{at}.{key}"), escape_dollars(text))).collect()
            }
        }
    }
}

/// Every scalar by its path. Duplicate keys collapse into one, and then the check in `set` fails.
fn scalars(root: &Node) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    collect(root, String::new(), &mut all);
    all
}

fn collect(node: &Node, path: String, all: &mut BTreeMap<String, String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match &node.value {
        Value::Empty => {}
        Value::Scalar(scalar) => drop(all.insert(path, scalar.text.clone())),
        Value::List(items) => {
            items.iter().enumerate().for_each(|(at, item)| collect(item, below(&at.to_string()), all));
        }
        Value::Section(entries) => entries.iter().for_each(|entry| collect(&entry.node, below(&entry.key), all)),
    }
}

fn section(keys: &[(String, String)]) -> String {
    let mut written = Vec::new();
    for part in keys.chunk_by(|one, other| outer(&one.0).is_some() && outer(&one.0) == outer(&other.0)) {
        match part {
            [(key, value)] if outer(key).is_none() => written.push(format!("{key}: {}", quoted(value))),
            _ => {
                let inner =
                    part.iter().filter_map(|(key, value)| Some((key.split_once('.')?.1.to_owned(), value.clone())));
                let name = part.first().and_then(|(key, _)| outer(key)).unwrap_or_default();
                written.push(format!("{name}: {{{}}}", section(&inner.collect::<Vec<_>>())));
            }
        }
    }
    written.join(", ")
}

fn outer(key: &str) -> Option<&str> {
    key.split_once('.').map(|(outer, _)| outer)
}

/// Text as YAML: bare where every parser reads it as text, else in double quotes as in JSON, which YAML reads. `$` is doubled,
/// because a single one begins a variable.
fn quoted(text: &str) -> String {
    let words = ["true", "false", "yes", "no", "on", "off", "null", "nan"];
    let is_bare = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./@-".contains(c))
        && !words.contains(&text.to_ascii_lowercase().as_str());
    if is_bare { text.to_owned() } else { serde_json::Value::from(text.replace('$', "$$")).to_string() }
}

/// The text with `value`, which is YAML, at `path`. None if it does not fit there, or if a comment would be lost.
fn with_value(text: &str, path: &str, value: &str) -> Option<String> {
    let file = YamlFile::from_str(text).ok()?;
    let old_comments = comments(&file);
    file.ensure_document().try_set_path(path, Document::from_str(value).ok()?).ok()?;
    let new_comments = comments(&file);
    let are_kept = old_comments.iter().map(|(_, comment)| comment).eq(new_comments.iter().map(|(_, comment)| comment));
    are_kept.then_some(())?;
    let mut edited = file.to_string();
    // A comment behind the changed value keeps its column, or is two spaces behind a longer value. The last comes first:
    // offsets before a change stay right.
    for ((old, _), (new, _)) in old_comments.iter().zip(&new_comments).rev() {
        let (old_line, new_line) = (line_up_to(text, *old)?, line_up_to(&edited, *new)?);
        let value = new_line.trim_end();
        if new_line != old_line && !value.is_empty() {
            let width = old_line.chars().count().max(value.chars().count() + 2);
            let aligned = format!("{value:<width$}");
            edited.replace_range(new - new_line.len()..*new, &aligned);
        }
    }
    Some(edited)
}

/// Each comment and the byte at which it begins.
fn comments(file: &YamlFile) -> Vec<(usize, String)> {
    file.comments().map(|comment| (comment.text_range().start().into(), comment.text().to_owned())).collect()
}

fn line_up_to(text: &str, end: usize) -> Option<&str> {
    text.get(..end)?.rsplit('\n').next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn text(value: &str) -> Setting {
        Setting::Text(value.into())
    }

    #[rstest]
    #[case::value("a:\n  b: 1   # why\n  c: 2\n", "a.b", "a:\n  b: new  # why\n  c: 2\n")]
    #[case::wide_column("b: 1           # why\n", "b", "b: new         # why\n")]
    #[case::empty_value("a:\n  b:      # why\n  c: 2\n", "a.b", "a:\n  b: new  # why\n  c: 2\n")]
    #[case::no_comment("b: 1\n", "b", "b: new\n")]
    #[case::quoted("b: \"x # y\" # why\n", "b", "b: new     # why\n")]
    #[case::single_quotes("b: 'it''s # y'   # why\n", "b", "b: new           # why\n")]
    #[case::list("b:\n- 1\n- 2\n# after\nc: 3\n", "b", "b: new\n# after\nc: 3\n")]
    #[case::block("b: |\n  one\n\n  two\nc: 3\n", "b", "b: new\nc: 3\n")]
    #[case::missing_key(
        "a:\n  c: 2   # two\n\n# Next\nd: 4\n",
        "a.b",
        "a:\n  c: 2   # two\n  b: new\n\n# Next\nd: 4\n"
    )]
    #[case::deeper_indents("a:\n    c: 2\n", "a.b.e", "a:\n    c: 2\n    b:\n      e: new\n")]
    #[case::empty_section("a:   # soon\nd: 4\n", "a.b", "a:   # soon\n  b: new\nd: 4\n")]
    #[case::missing_section("d: 4\n\n", "a.b", "d: 4\n\na:\n  b: new\n")]
    #[case::json("{\"a\": {\"b\": 1}}\n", "a.b", "{\"a\": {\"b\": new}}\n")]
    #[case::flow_section("a: {c: 2}\n", "a.b", "a: {c: 2, b: new}\n")]
    #[case::empty_file("", "a.b", "a:\n  b: new\n")]
    #[case::only_comments("# Hello\n", "a.b", "# Hello\na:\n  b: new\n")]
    #[case::windows_lines("a:\r\n  b: 1\r\n", "a.b", "a:\r\n  b: new\r\n")]
    #[case::mixed_lines("a: 1\r\nb: 1\nc: 1\r\n", "b", "a: 1\r\nb: new\nc: 1\r\n")]
    #[case::backslash_before_quote("b: \"C:\\\\x\\\\\"   # mine\n", "b", "b: new         # mine\n")]
    #[case::escaped_quote("b: \"x \\\" # y\" # mine\n", "b", "b: new        # mine\n")]
    #[case::no_final_newline("a: 1\nb: 1", "b", "a: 1\nb: new")]
    #[case::same_key_elsewhere("b: 1\na:\n  b: 2\n", "a.b", "b: 1\na:\n  b: new\n")]
    fn set_changes_one_value(#[case] before: &str, #[case] path: &str, #[case] after: &str) {
        assert_eq!(set(before, path, &text("new")).unwrap(), after);
    }

    #[rstest]
    #[case::alias("b: &n 1\nc: *n\n", "b")]
    #[case::aliased_section("x: &x\n  b: 1\na: *x\n", "a.b")]
    #[case::duplicate_inner_key("a:\n  b: 1\n  b: 2\n", "a.b")]
    #[case::comment_in_value("a:\n- 1 # the first\n- 2\n", "a")]
    #[case::comment_line_in_value("a:\n- 1\n# the second\n- 2\n", "a")]
    #[case::scalar_in_path("a: 1\n", "a.b")]
    #[case::duplicate_key("a: 1\na: 2\n", "a")]
    #[case::invalid_yaml("a: [\n", "a")]
    fn set_refuses_unsafe_edit(#[case] before: &str, #[case] path: &str) {
        assert!(set(before, path, &text("new")).unwrap_err().contains("by hand"));
    }

    #[test]
    fn set_writes_lists_on_one_line() {
        let before = "a: []   # none\n";
        let list = Setting::List(vec!["x".into(), "y z".into()]);
        assert_eq!(set(before, "a", &list).unwrap(), "a: [x, \"y z\"]  # none\n");
        let section =
            Setting::Sections(vec![vec![("name".into(), "work".into()), ("url".into(), "https://h/a?b".into())]]);
        assert_eq!(set(before, "a", &section).unwrap(), "a: [{name: work, url: \"https://h/a?b\"}]  # none\n");
        let deeper = ["name", "caldav.url", "caldav.user"].map(|key| (key.to_owned(), "x".to_owned())).to_vec();
        let written = "a: [{name: x, caldav: {url: x, user: x}}]  # none\n";
        assert_eq!(set(before, "a", &Setting::Sections(vec![deeper])).unwrap(), written);
        assert_eq!(set(before, "a", &Setting::Bare("true".into())).unwrap(), "a: true  # none\n");
    }

    #[test]
    fn set_keeps_comments_of_default_file() {
        for (path, _) in scalars(&tree::parse(super::super::DEFAULT).unwrap()) {
            let path = path.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            let changed = set(super::super::DEFAULT, path, &text("new # \"value\"")).unwrap();
            assert_eq!(changed.matches('#').count(), super::super::DEFAULT.matches('#').count() + 1, "{path}");
        }
    }

    proptest! {
        #[test]
        fn set_text_is_read_back_unchanged(value in any::<String>(), other in "[a-z #'\":]{0,12}") {
            let before = set("a:\n  c: 1 # one\n", "a.b", &text(&other)).unwrap();
            let after = set(&before, "a.b", &text(&value));
            // YAML forbids some characters, quoted or not.
            if let Ok(after) = after {
                let root = tree::parse(&after).unwrap();
                let Value::Scalar(scalar) = &root.entry("a.b").unwrap().node.value else { panic!("{after}") };
                prop_assert_eq!(&scalar.text, &value.replace('$', "$$"));
            } else {
                prop_assert!(value.is_empty() || !value.chars().all(|c| (' '..='~').contains(&c)), "{:?}", value);
            }
        }
    }
}
