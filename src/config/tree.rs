//! The file as a tree of values with positions.
//!
//! The tree is between text and types for three reasons. An empty value leaves its key at the default. `${NAME}` is filled in
//! where it can no longer change the YAML. One error does not hide the next.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, Spanned};

use super::error::{Diagnostic, Position};

#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// The key keeps its default.
    Empty,
    Scalar(Scalar),
    List(Vec<Node>),
    Section(Vec<Entry>),
}

/// Text as written, without its quotes.
#[derive(Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// The variables in the text, as `${NAME}`. Invariant: text with variables is never shown.
    pub(super) from: Option<String>,
}

impl Scalar {
    /// The text for an error, or its variables.
    pub(super) fn display(&self) -> String {
        match &self.from {
            Some(names) => format!("the value of {names}"),
            None if self.text.chars().nth(60).is_some() => "this long text".into(),
            None => format!("'{}'", self.text),
        }
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) node: Node,
}

impl Node {
    /// The entry at a path such as `monitors.health.enabled` or `monitors.exec[0].name`, if it is in the file.
    pub(super) fn entry(&self, path: &str) -> Option<&Entry> {
        let Value::Section(entries) = &self.value else { return None };
        let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
        let (key, index) = key.split_once('[').map_or((key, None), |(key, index)| (key, Some(index)));
        let entry = entries.iter().find(|entry| entry.key == key)?;
        let Some(rest) = rest else { return Some(entry) };
        match index {
            Some(index) => entry.node.item(index)?.entry(rest),
            None => entry.node.entry(rest),
        }
    }

    /// The position of the key or list item at this path, if the file has it.
    pub(super) fn position(&self, path: &str) -> Option<Position> {
        match path.rsplit_once('[').filter(|(_, index)| !index.contains('.')) {
            Some((list, index)) => Some(self.entry(list)?.node.item(index)?.at),
            None => self.entry(path).map(|entry| entry.at),
        }
    }

    /// An item of this list, by an index such as `0]`.
    fn item(&self, index: &str) -> Option<&Self> {
        match &self.value {
            Value::List(items) => items.get(index.trim_end_matches(']').parse::<usize>().ok()?),
            _ => None,
        }
    }
}

/// Parse text without a byte order mark. Depth, nodes and alias expansion are bounded.
pub(super) fn parse(text: &str) -> Result<Node, Diagnostic> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: 16, max_nodes: 20_000, max_documents: 2 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 20_000 },
        // The deserializer reports duplicates together with the other errors.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::PassThrough,
        // A snippet could show a secret.
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Shape>>(text, options) {
        Ok(root) => Ok(node(root, text)),
        Err(Error::Eof { .. }) => Ok(Node { at: Position::START, value: Value::Empty }),
        Err(error) => Err(Diagnostic { at: error.location().map(position), sentence: explain(&error) }),
    }
}

/// A value as the library returns it.
enum Shape {
    Null,
    /// A number or boolean. Its source text counts, not the library's reading.
    Plain,
    Text(String),
    List(Vec<Spanned<Self>>),
    Section(Vec<(Spanned<String>, Spanned<Self>)>),
}

fn node(shape: Spanned<Shape>, source: &str) -> Node {
    let at = position(shape.defined);
    let value = match shape.value {
        Shape::Null => Value::Empty,
        Shape::Plain => Value::Scalar(Scalar { text: slice(source, shape.defined), from: None }),
        Shape::Text(text) => Value::Scalar(Scalar { text, from: None }),
        Shape::List(items) => Value::List(items.into_iter().map(|item| node(item, source)).collect()),
        Shape::Section(entries) => Value::Section(entries.into_iter().map(|entry| entry_from(entry, source)).collect()),
    };
    Node { at, value }
}

fn entry_from((key, value): (Spanned<String>, Spanned<Shape>), source: &str) -> Entry {
    Entry { at: position(key.defined), key: key.value, node: node(value, source) }
}

fn slice(source: &str, location: Location) -> String {
    let bytes = || {
        let from = usize::try_from(location.span().byte_offset()?).ok()?;
        let length = usize::try_from(location.span().byte_len()?).ok()?;
        source.get(from..from.checked_add(length)?)
    };
    bytes().unwrap_or_default().trim().to_owned()
}

fn position(location: Location) -> Position {
    Position { line: location.line().max(1), column: location.column().max(1) }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

macro_rules! plain_values {
    ($($method:ident $type:ty),*) => {
        $(fn $method<E: de::Error>(self, _: $type) -> Result<Shape, E> {
            Ok(Shape::Plain)
        })*
    };
}

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    plain_values!(visit_bool bool, visit_i64 i64, visit_u64 u64, visit_i128 i128, visit_u128 u128, visit_f64 f64);

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Shape, E> {
        Ok(Shape::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Shape::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Shape, A::Error> {
        let mut section = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            section.push(entry);
        }
        Ok(Shape::Section(section))
    }
}

/// In our words. Invariant: repeats nothing of the file, which may hold secrets.
fn explain(error: &Error) -> String {
    let sentence = match error {
        Error::ExternalMessage { msg, .. } => return explain_syntax(msg),
        Error::MultipleDocuments { .. } => "a second document begins here: the file must hold only one",
        Error::UnknownAnchor { .. } => "this refers to an anchor (&name) that the file does not define",
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "this is nested too deeply or repeated too often to be a configuration"
        }
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => return explain(error),
        _ => "this is not valid YAML: expected lines of the form 'key: value', indented with spaces",
    };
    sentence.into()
}

/// Common mistakes in plain words, others in the parser's words, which repeat nothing of the file.
fn explain_syntax(message: &str) -> String {
    let has = |words| message.contains(words);
    if has("tab") {
        "a tab stands where only spaces may: indent with spaces".into()
    } else if has("unclosed quote") {
        "this quote is never closed".into()
    } else if has("unclosed bracket") {
        "this bracket is never closed".into()
    } else if has("did not find expected key") || has("indentation") {
        "no key is expected here: is the line indented like its neighbours?".into()
    } else if has("simple key expected") {
        "a ':' is missing after this key".into()
    } else if has("mapping values are not allowed") {
        "a ':' is missing on the line above, or text with ': ' in it needs quotes".into()
    } else {
        format!("this is not valid YAML ({message})")
    }
}
