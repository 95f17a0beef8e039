//! Changing a key of the file and nothing else: comments, order and layout stay.
//!
//! The text is edited by lines, and the outcome is read again: it must say what it said before, with this one value changed.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::tree::{self, Entry, Node, Value};

/// What a key is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// Text, which is quoted where it must be.
    Text(String),
    /// Something that is written bare: `true`, `22`.
    Bare(String),
    /// A list of texts.
    List(Vec<String>),
    /// A list of sections, by key; `caldav.url` is a key of a section in one, whose keys stand together.
    Sections(Vec<Vec<(String, String)>>),
}

/// Give the key at `path`, such as `sources.todoist.token`, this value.
///
/// # Errors
/// In a sentence, where the file is written in a way that this cannot change: then the person has to.
pub fn set(text: &str, path: &str, setting: &Setting) -> Result<String, String> {
    let cannot = || format!("{path} cannot be changed in the way this file is written: set it by hand");
    let before = tree::parse(text).map_err(|_| cannot())?;
    let changed = Lines::of(text).set(&before, path, &setting.written()).ok_or_else(cannot)?;
    let after = tree::parse(&changed).map_err(|_| cannot())?;
    let (mut wanted, found) = (said(&before), said(&after));
    let below = format!("{path}.");
    wanted.retain(|key, _| key != path && !key.starts_with(&below));
    let (given, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
        found.into_iter().partition(|(key, _)| key == path || key.starts_with(&below));
    if rest == wanted && given == setting.said(path) { Ok(changed) } else { Err(cannot()) }
}

/// What stands under a key, as the person wrote it: a scalar without its quotes, the items of a list with commas between them.
#[must_use]
pub fn get(text: &str, path: &str) -> Option<String> {
    match &tree::parse(text).ok()?.entry(path)?.node.value {
        Value::Scalar(scalar) => Some(scalar.text.clone()),
        Value::List(items) if !items.is_empty() => {
            let said = items.iter().map(|item| match &item.value {
                Value::Scalar(scalar) => scalar.text.as_str(),
                _ => "…",
            });
            Some(said.collect::<Vec<_>>().join(", "))
        }
        _ => None,
    }
}

/// Whether the text has this key, with a value or without.
#[must_use]
pub fn is_known(text: &str, path: &str) -> bool {
    tree::parse(text).is_ok_and(|root| root.entry(path).is_some())
}

impl Setting {
    fn written(&self) -> String {
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

    /// What the file must say afterwards, as `said` tells it.
    fn said(&self, path: &str) -> BTreeMap<String, String> {
        let dollars = |text: &String| text.replace('$', "$$");
        match self {
            Self::Text(text) => [(path.to_owned(), dollars(text))].into(),
            Self::Bare(word) => [(path.to_owned(), word.clone())].into(),
            Self::List(items) => {
                items.iter().enumerate().map(|(at, item)| (format!("{path}.{at}"), dollars(item))).collect()
            }
            Self::Sections(items) => {
                let keys = items.iter().enumerate().flat_map(|(at, keys)| keys.iter().map(move |key| (at, key)));
                keys.map(|(at, (key, text))| (format!("{path}.{at}.{key}"), dollars(text))).collect()
            }
        }
    }
}

/// Every scalar by its path. Two keys of one name are told apart by nothing: then the check above fails.
fn said(root: &Node) -> BTreeMap<String, String> {
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

/// A text in YAML: bare where nobody could take it for something else. `$` is doubled, for it begins a variable.
fn quoted(text: &str) -> String {
    let words = ["true", "false", "yes", "no", "on", "off", "null", "nan"];
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./@-".contains(c))
        && !words.contains(&text.to_ascii_lowercase().as_str());
    if bare {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '$' => quoted.push_str("$$"),
            c if c.is_control() => drop(write!(quoted, "\\u{:04x}", u32::from(c))), // controls are all under U+00A0
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The lines without their `\n`; a `\r` before it stays with its line.
struct Lines(Vec<String>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.split('\n').map(str::to_owned).collect())
    }

    fn set(mut self, root: &Node, path: &str, value: &str) -> Option<String> {
        let keys: Vec<&str> = path.split('.').collect();
        // The longest part of the path that is in the file.
        let known = (1..=keys.len()).rev().find_map(|length| {
            let entry = root.entry(&keys.get(..length)?.join("."))?;
            Some((length, entry))
        });
        match known {
            Some((length, entry)) if length == keys.len() => self.replace(entry, value)?,
            Some((length, section)) => {
                let at = self.line_of(section)?;
                let children = match &section.node.value {
                    Value::Section(entries) => entries.first().map(column)?,
                    Value::Empty => column(section) + 2,
                    Value::Scalar(_) | Value::List(_) => return None,
                };
                let end = self.end_of(at, column(section));
                self.insert(end, children, keys.get(length..)?, value);
            }
            None => {
                let end = self.0.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
                self.insert(end, 0, &keys, value);
            }
        }
        Some(self.0.join("\n"))
    }

    fn line_of(&self, entry: &Entry) -> Option<usize> {
        let at = usize::try_from(entry.at.line).ok()?.checked_sub(1)?;
        (at < self.0.len()).then_some(at)
    }

    /// The line after the last one that belongs to the key that stands on line `at`, `indent` columns in.
    fn end_of(&self, at: usize, indent: usize) -> usize {
        let mut end = at + 1;
        for (index, line) in self.0.iter().enumerate().skip(at + 1) {
            let content = line.trim();
            let depth = line.len() - line.trim_start().len();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let item = depth == indent && (content == "-" || content.starts_with("- "));
            if depth <= indent && !item {
                break;
            }
            end = index + 1;
        }
        end
    }

    fn replace(&mut self, entry: &Entry, value: &str) -> Option<()> {
        let at = self.line_of(entry)?;
        let end = self.end_of(at, column(entry));
        // What would go with the old value is the person's.
        if self.0.get(at + 1..end)?.iter().any(|line| comment(line).is_some()) {
            return None;
        }
        let (line, ending) = unended(self.0.get(at)?);
        let colon = column(entry) + line.get(column(entry)..)?.find(':')? + 1;
        let (head, rest) = line.split_at_checked(colon)?;
        let written = match comment(rest) {
            Some(from) => {
                let (old, comment) = rest.split_at_checked(from)?;
                let room = old.chars().count();
                let new = format!(" {value}");
                // The comment stays in its column where there is room for two blanks before it.
                let width = room.max(new.chars().count() + 2);
                format!("{head}{new:<width$}{comment}{ending}")
            }
            None => format!("{head} {value}{ending}"),
        };
        self.0.splice(at..end, [written]);
        Some(())
    }

    fn insert(&mut self, at: usize, indent: usize, keys: &[&str], value: &str) {
        let Some((last, sections)) = keys.split_last() else { return };
        let deep = |depth: usize| " ".repeat(indent + 2 * depth);
        let ending = at.checked_sub(1).and_then(|before| self.0.get(before)).map_or("", |before| unended(before).1);
        let mut lines: Vec<String> =
            sections.iter().enumerate().map(|(depth, key)| format!("{}{key}:{ending}", deep(depth))).collect();
        lines.push(format!("{}{last}: {value}{ending}", deep(sections.len())));
        self.0.splice(at..at, lines);
    }
}

fn column(entry: &Entry) -> usize {
    usize::try_from(entry.at.column).unwrap_or(1).saturating_sub(1)
}

/// A line, and what of its ending stands in it.
fn unended(line: &str) -> (&str, &'static str) {
    line.strip_suffix('\r').map_or((line, ""), |line| (line, "\r"))
}

/// Where the comment at the end of a line begins: a `#` after white space and outside of quotes.
fn comment(rest: &str) -> Option<usize> {
    let (mut quote, mut before, mut escaped) = (None, ' ', false);
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (Some('"'), _) if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (None, '"' | '\'') if " [{,".contains(before) || before == c => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, '#') if before.is_whitespace() => return Some(at),
            _ => {}
        }
        before = c;
    }
    None
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
    #[case::a_value("a:\n  b: 1   # why\n  c: 2\n", "a.b", "a:\n  b: new  # why\n  c: 2\n")]
    #[case::a_longer_column("b: 1           # why\n", "b", "b: new         # why\n")]
    #[case::nothing_yet("a:\n  b:      # why\n  c: 2\n", "a.b", "a:\n  b: new  # why\n  c: 2\n")]
    #[case::no_comment("b: 1\n", "b", "b: new\n")]
    #[case::quoted("b: \"x # y\" # why\n", "b", "b: new     # why\n")]
    #[case::single_quotes("b: 'it''s # y'   # why\n", "b", "b: new           # why\n")]
    #[case::a_list("b:\n- 1\n- 2\n# after\nc: 3\n", "b", "b: new\n# after\nc: 3\n")]
    #[case::a_block("b: |\n  one\n\n  two\nc: 3\n", "b", "b: new\nc: 3\n")]
    #[case::a_key_that_is_missing(
        "a:\n  c: 2   # two\n\n# Next\nd: 4\n",
        "a.b",
        "a:\n  c: 2   # two\n  b: new\n\n# Next\nd: 4\n"
    )]
    #[case::deeper_indents("a:\n    c: 2\n", "a.b.e", "a:\n    c: 2\n    b:\n      e: new\n")]
    #[case::an_empty_section("a:   # soon\nd: 4\n", "a.b", "a:   # soon\n  b: new\nd: 4\n")]
    #[case::a_section_that_is_missing("d: 4\n\n", "a.b", "d: 4\na:\n  b: new\n\n")]
    #[case::an_empty_file("", "a.b", "a:\n  b: new\n")]
    #[case::only_comments("# Hello\n", "a.b", "# Hello\na:\n  b: new\n")]
    #[case::windows_lines("a:\r\n  b: 1\r\n", "a.b", "a:\r\n  b: new\r\n")]
    #[case::mixed_lines("a: 1\r\nb: 1\nc: 1\r\n", "b", "a: 1\r\nb: new\nc: 1\r\n")]
    #[case::a_backslash_before_the_quote("b: \"C:\\\\x\\\\\"   # mine\n", "b", "b: new         # mine\n")]
    #[case::an_escaped_quote("b: \"x \\\" # y\" # mine\n", "b", "b: new        # mine\n")]
    #[case::no_last_line_end("a: 1\nb: 1", "b", "a: 1\nb: new")]
    #[case::a_key_of_the_same_name_elsewhere("b: 1\na:\n  b: 2\n", "a.b", "b: 1\na:\n  b: new\n")]
    fn one_value_changes(#[case] before: &str, #[case] path: &str, #[case] after: &str) {
        assert_eq!(set(before, path, &text("new")).unwrap(), after);
    }

    #[rstest]
    #[case::json("{\"a\": {\"b\": 1}}\n", "a.b")]
    #[case::a_flow_section("a: {c: 2}\n", "a.b")]
    #[case::a_comment_in_the_value("a:\n- 1 # the first\n- 2\n", "a")]
    #[case::a_line_of_comment_in_the_value("a:\n- 1\n# the second\n- 2\n", "a")]
    #[case::a_scalar_in_the_way("a: 1\n", "a.b")]
    #[case::two_of_a_name("a: 1\na: 2\n", "a")]
    #[case::no_yaml("a: [\n", "a")]
    fn what_cannot_be_changed_by_lines_is_left_to_the_person(#[case] before: &str, #[case] path: &str) {
        assert!(set(before, path, &text("new")).unwrap_err().contains("by hand"));
    }

    #[test]
    fn lists_and_sections_are_written_in_one_line() {
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

    /// Every key of the default can be set, whatever stands beside it.
    #[test]
    fn the_default_takes_every_value() {
        for (path, _) in said(&tree::parse(super::super::DEFAULT).unwrap()) {
            let path = path.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
            let changed = set(super::super::DEFAULT, path, &text("new # \"value\"")).unwrap();
            assert_eq!(changed.matches('#').count(), super::super::DEFAULT.matches('#').count() + 1, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was_given(value in any::<String>(), other in "[a-z #'\":]{0,12}") {
            let before = set("a:\n  c: 1 # one\n", "a.b", &text(&other)).unwrap();
            let after = set(&before, "a.b", &text(&value));
            // Some characters are in no YAML, quoted or not.
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
