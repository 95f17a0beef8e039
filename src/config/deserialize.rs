//! From the tree to the types. Every error names its key, in words that need no knowledge of Rust.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::error::{Diagnostic, MAX_DIAGNOSTICS, Position};
use super::schema::Config;
use super::tree::{Entry, Node, Scalar, Value};

/// The configuration, with wrong keys left at their defaults, and the diagnostics of those keys.
pub(super) fn from_tree(root: &Node) -> (Config, BTreeSet<Diagnostic>) {
    let state = Diagnostics::default();
    loop {
        let reader = Reader { node: root, at: root.at, path: String::new(), state: &state };
        match Config::deserialize(reader) {
            Ok(config) => return (config, state.found.into_inner()),
            Err(diagnostic) => {
                // Serde stops at the first wrong value: omit that one, and start again to find the next.
                let is_new = diagnostic.at.is_some_and(|at| state.omitted.borrow_mut().insert(at));
                state.found.borrow_mut().insert(diagnostic);
                if !is_new || state.omitted.borrow().len() >= MAX_DIAGNOSTICS {
                    return (Config::default(), state.found.into_inner());
                }
            }
        }
    }
}

/// The diagnostics so far, and the keys to omit in the next pass.
#[derive(Default)]
struct Diagnostics {
    found: RefCell<BTreeSet<Diagnostic>>,
    omitted: RefCell<BTreeSet<Position>>,
}

impl Diagnostics {
    fn add(&self, at: Position, sentence: String) {
        self.found.borrow_mut().insert(Diagnostic::new(at, sentence));
    }
}

impl de::Error for Diagnostic {
    fn custom<T: fmt::Display>(sentence: T) -> Self {
        Self { at: None, sentence: sentence.to_string() }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format!("'{field}' is given twice, under two names"))
    }
}

/// A value, its key, and the shared diagnostics.
struct Reader<'a> {
    node: &'a Node,
    at: Position,
    path: String,
    state: &'a Diagnostics,
}

impl<'a> Reader<'a> {
    fn diagnostic(&self, sentence: impl fmt::Display) -> Diagnostic {
        locate(Diagnostic { at: None, sentence: sentence.to_string() }, self.at, &self.path)
    }

    fn scalar(&self, wanted: &str) -> Result<&'a Scalar, Diagnostic> {
        match &self.node.value {
            Value::Scalar(scalar) => Ok(scalar),
            Value::Empty => Err(self.diagnostic(format_args!("expected {wanted}, found nothing"))),
            Value::List(_) => Err(self.diagnostic(format_args!("expected {wanted}, found a list"))),
            Value::Section(_) => Err(self.diagnostic(format_args!("expected {wanted}, found a section with keys"))),
        }
    }

    /// A number that the type cannot hold is reported and clamped: the range check then words it better.
    fn whole<T: TryFrom<i64> + fmt::Display>(&self, min: T, max: T) -> Result<T, Diagnostic> {
        let scalar = self.scalar("a whole number")?;
        let text = scalar.text.strip_prefix(['-', '+']).unwrap_or(&scalar.text);
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.diagnostic(format_args!("{} is not a whole number", scalar.display())));
        }
        let negative = scalar.text.starts_with('-');
        let number = scalar.text.parse().unwrap_or(if negative { i64::MIN } else { i64::MAX });
        T::try_from(number).or_else(|_| {
            let sentence = match negative {
                true => format!("{} is lower than {min}, the least allowed", scalar.display()),
                false => format!("{} is greater than {max}, the most allowed", scalar.display()),
            };
            self.state.found.borrow_mut().insert(self.diagnostic(sentence));
            Ok(if negative { min } else { max })
        })
    }

    /// An error must not repeat a value from the environment.
    fn hide_env_value<V>(&self, scalar: &Scalar, wanted: &str, result: Result<V, Diagnostic>) -> Result<V, Diagnostic> {
        match result {
            Err(_) if scalar.from.is_some() => {
                Err(self.diagnostic(format_args!("{} does not fit: give {wanted}", scalar.display())))
            }
            result => result.map_err(|diagnostic| locate(diagnostic, self.at, &self.path)),
        }
    }

    fn section(&self) -> Result<&'a [Entry], Diagnostic> {
        match &self.node.value {
            Value::Section(entries) => Ok(entries),
            Value::Empty => Ok(&[]),
            Value::List(_) => Err(self.diagnostic("expected a section with keys, found a list")),
            Value::Scalar(_) => Err(self.diagnostic("expected a section with keys, found a single value")),
        }
    }

    /// Known keys, the first of each name, with a value, and without a diagnostic.
    fn usable(&self, known: &[&str]) -> Result<Vec<&'a Entry>, Diagnostic> {
        let mut usable: Vec<&Entry> = Vec::new();
        let mut seen: Vec<&Entry> = Vec::new();
        for entry in self.section()? {
            if !known.contains(&entry.key.as_str()) {
                self.state.add(entry.at, unknown_key(&entry.key, known));
            } else if let Some(first) = seen.iter().find(|first| first.key == entry.key) {
                let sentence = format!("'{}' is here twice: first on line {}", entry.key, first.at.line);
                self.state.add(entry.at, sentence);
            } else {
                seen.push(entry);
                let empty = matches!(entry.node.value, Value::Empty);
                if !empty && !self.state.omitted.borrow().contains(&entry.at) {
                    usable.push(entry);
                }
            }
        }
        Ok(usable)
    }

    fn child(&self, entry: &'a Entry) -> Self {
        let path = if self.path.is_empty() { entry.key.clone() } else { format!("{}.{}", self.path, entry.key) };
        Reader { node: &entry.node, at: entry.at, path, state: self.state }
    }
}

/// Add the position and the path, unless there is a position already.
fn locate(diagnostic: Diagnostic, at: Position, path: &str) -> Diagnostic {
    match diagnostic.at {
        Some(_) => diagnostic,
        None if path.is_empty() => Diagnostic::new(at, diagnostic.sentence),
        None => Diagnostic::new(at, format!("{path}: {}", diagnostic.sentence)),
    }
}

fn unknown_key(key: &str, known: &[&str]) -> String {
    // A text that does not look like a key can be a secret that lost its key.
    let plain = key.len() <= 40 && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c));
    let name = if plain { format!("unknown key '{key}'") } else { "this is not a known key".to_owned() };
    let nearest = known
        .iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(&key.to_lowercase(), known), known))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, nearest)) => format!("{name}: did you mean '{nearest}'?"),
        None => format!("{name}: allowed here are {}", known.join(", ")),
    }
}

/// `low, medium, high or critical`.
fn alternatives(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $number:ty),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
            visitor.$visit(self.whole(<$number>::MIN, <$number>::MAX)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Diagnostic;

    whole_numbers!(deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32);

    /// For types that accept a whole number or text.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
        let wanted = (&visitor as &dyn Expected).to_string();
        let scalar = self.scalar(&wanted)?;
        let result = match scalar.text.parse() {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => visitor.visit_str(&scalar.text),
        };
        self.hide_env_value(scalar, &wanted, result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
        let scalar = self.scalar("true or false")?;
        match scalar.text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => visitor.visit_bool(true),
            "false" | "no" | "off" => visitor.visit_bool(false),
            _ => Err(self.diagnostic(format_args!("{} is neither true nor false", scalar.display()))),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
        let scalar = self.scalar("a number")?;
        match scalar.text.parse::<f64>() {
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ => Err(self.diagnostic(format_args!("{} is not a number", scalar.display()))),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
        let scalar = self.scalar("text")?;
        let wanted = (&visitor as &dyn Expected).to_string();
        self.hide_env_value(scalar, &wanted, visitor.visit_str(&scalar.text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
        self.deserialize_str(visitor)
    }

    /// Empty text is unset: `token: ""`.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
        match &self.node.value {
            Value::Empty => visitor.visit_none(),
            Value::Scalar(scalar) if scalar.text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Diagnostic> {
        match &self.node.value {
            Value::List(items) => visitor.visit_seq(Items { items: items.iter().enumerate(), list: &self }),
            _ => Err(self.diagnostic("expected a list, such as [9, 14]")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Diagnostic> {
        let entries = self.usable(fields)?;
        let result = visitor.visit_map(Entries { entries: entries.into_iter(), value: None, section: &self });
        result.map_err(|diagnostic| locate(diagnostic, self.at, &self.path))
    }

    /// One of a few words, in any case.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Diagnostic> {
        let scalar = self.scalar(&alternatives(variants))?;
        let word = scalar.text.to_ascii_lowercase();
        if !variants.contains(&word.as_str()) {
            let allowed = alternatives(variants);
            return Err(self.diagnostic(format_args!("{} is not allowed: use {allowed}", scalar.display())));
        }
        let word: StrDeserializer<'_, Diagnostic> = word.as_str().into_deserializer();
        visitor.visit_enum(word)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u64 u128 f32 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct map
        identifier ignored_any
    }
}

struct Entries<'a, 'r> {
    entries: std::vec::IntoIter<&'a Entry>,
    value: Option<&'a Entry>,
    section: &'r Reader<'a>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Diagnostic;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Diagnostic> {
        self.value = self.entries.next();
        let Some(entry) = self.value else { return Ok(None) };
        let key: StrDeserializer<'_, Diagnostic> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Diagnostic> {
        let Some(entry) = self.value.take() else { return Err(self.section.diagnostic("expected a value")) };
        let reader = self.section.child(entry);
        let path = reader.path.clone();
        seed.deserialize(reader).map_err(|diagnostic| locate(diagnostic, entry.at, &path))
    }
}

struct Items<'a, 'r> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    list: &'r Reader<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Diagnostic;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Diagnostic> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        let path = format!("{}[{index}]", self.list.path);
        seed.deserialize(Reader { node, at: self.list.at, path, state: self.list.state }).map(Some)
    }
}
