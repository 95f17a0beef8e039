//! From the tree to the types, with every mistake at its key and in words that need no knowledge of Rust.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::error::{MOST_MISTAKES, Mistake, Position};
use super::schema::Config;
use super::tree::{Entry, Node, Scalar, Value};

/// The configuration, with keys that hold mistakes left at their defaults, and those mistakes.
pub(super) fn read(root: &Node) -> (Config, BTreeSet<Mistake>) {
    let notes = Notes::default();
    loop {
        let reader = Reader { node: root, at: root.at, path: String::new(), notes: &notes };
        match Config::deserialize(reader) {
            Ok(config) => return (config, notes.mistakes.into_inner()),
            Err(mistake) => {
                // Serde stops at the first value that does not fit: leave that one out and read again for the next.
                let fresh = mistake.at.is_some_and(|at| notes.omitted.borrow_mut().insert(at));
                notes.mistakes.borrow_mut().insert(mistake);
                if !fresh || notes.omitted.borrow().len() >= MOST_MISTAKES {
                    return (Config::default(), notes.mistakes.into_inner());
                }
            }
        }
    }
}

/// What is known of the file's mistakes while it is read.
#[derive(Default)]
struct Notes {
    mistakes: RefCell<BTreeSet<Mistake>>,
    omitted: RefCell<BTreeSet<Position>>,
}

impl Notes {
    fn add(&self, at: Position, sentence: String) {
        self.mistakes.borrow_mut().insert(Mistake::new(at, sentence));
    }
}

impl de::Error for Mistake {
    fn custom<T: fmt::Display>(sentence: T) -> Self {
        Self { at: None, sentence: sentence.to_string() }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format!("'{field}' is given twice, under two names"))
    }
}

/// A value, the key it belongs to, and the mistakes so far.
struct Reader<'a> {
    node: &'a Node,
    at: Position,
    path: String,
    notes: &'a Notes,
}

impl<'a> Reader<'a> {
    fn mistake(&self, sentence: impl fmt::Display) -> Mistake {
        place(Mistake { at: None, sentence: sentence.to_string() }, self.at, &self.path)
    }

    fn scalar(&self, wanted: &str) -> Result<&'a Scalar, Mistake> {
        match &self.node.value {
            Value::Scalar(scalar) => Ok(scalar),
            Value::Empty => Err(self.mistake(format_args!("expected {wanted}, found nothing"))),
            Value::List(_) => Err(self.mistake(format_args!("expected {wanted}, found a list"))),
            Value::Section(_) => Err(self.mistake(format_args!("expected {wanted}, found a section with keys"))),
        }
    }

    /// A number beyond what the type holds is noted and read as the nearest: then its range has the last word.
    fn whole<T: TryFrom<i64> + fmt::Display>(&self, least: T, most: T) -> Result<T, Mistake> {
        let scalar = self.scalar("a whole number")?;
        let text = scalar.text.strip_prefix(['-', '+']).unwrap_or(&scalar.text);
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.mistake(format_args!("{} is not a whole number", scalar.shown())));
        }
        let negative = scalar.text.starts_with('-');
        let number = scalar.text.parse().unwrap_or(if negative { i64::MIN } else { i64::MAX });
        T::try_from(number).or_else(|_| {
            let sentence = match negative {
                true => format!("{} is lower than {least}, the least allowed", scalar.shown()),
                false => format!("{} is greater than {most}, the most allowed", scalar.shown()),
            };
            self.notes.mistakes.borrow_mut().insert(self.mistake(sentence));
            Ok(if negative { least } else { most })
        })
    }

    /// A value that came from the environment is not repeated by whoever refuses it.
    fn guarded<V>(&self, scalar: &Scalar, wanted: &str, result: Result<V, Mistake>) -> Result<V, Mistake> {
        match result {
            Err(_) if scalar.from.is_some() => {
                Err(self.mistake(format_args!("{} does not fit: give {wanted}", scalar.shown())))
            }
            result => result.map_err(|mistake| place(mistake, self.at, &self.path)),
        }
    }

    fn section(&self) -> Result<&'a [Entry], Mistake> {
        match &self.node.value {
            Value::Section(entries) => Ok(entries),
            Value::Empty => Ok(&[]),
            Value::List(_) => Err(self.mistake("expected a section with keys, found a list")),
            Value::Scalar(_) => Err(self.mistake("expected a section with keys, found a single value")),
        }
    }

    /// The entries that can be read: known, first of their name, with a value, and without a known mistake.
    fn usable(&self, known: &[&str]) -> Result<Vec<&'a Entry>, Mistake> {
        let mut usable: Vec<&Entry> = Vec::new();
        let mut seen: Vec<&Entry> = Vec::new();
        for entry in self.section()? {
            if !known.contains(&entry.key.as_str()) {
                self.notes.add(entry.at, unknown(&entry.key, known));
            } else if let Some(first) = seen.iter().find(|first| first.key == entry.key) {
                let sentence = format!("'{}' stands here twice: first on line {}", entry.key, first.at.line);
                self.notes.add(entry.at, sentence);
            } else {
                seen.push(entry);
                let empty = matches!(entry.node.value, Value::Empty);
                if !empty && !self.notes.omitted.borrow().contains(&entry.at) {
                    usable.push(entry);
                }
            }
        }
        Ok(usable)
    }

    fn child(&self, entry: &'a Entry) -> Self {
        let path = if self.path.is_empty() { entry.key.clone() } else { format!("{}.{}", self.path, entry.key) };
        Reader { node: &entry.node, at: entry.at, path, notes: self.notes }
    }
}

/// Where a mistake stands, unless that is known already.
fn place(mistake: Mistake, at: Position, path: &str) -> Mistake {
    match mistake.at {
        Some(_) => mistake,
        None if path.is_empty() => Mistake::new(at, mistake.sentence),
        None => Mistake::new(at, format!("{path}: {}", mistake.sentence)),
    }
}

fn unknown(key: &str, known: &[&str]) -> String {
    // What does not look like a key may be a secret that lost its key.
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
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
            visitor.$visit(self.whole(<$number>::MIN, <$number>::MAX)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Mistake;

    whole_numbers!(deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32);

    /// Whole numbers and texts: for types that take either.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let wanted = (&visitor as &dyn Expected).to_string();
        let scalar = self.scalar(&wanted)?;
        let result = match scalar.text.parse() {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => visitor.visit_str(&scalar.text),
        };
        self.guarded(scalar, &wanted, result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let scalar = self.scalar("true or false")?;
        match scalar.text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => visitor.visit_bool(true),
            "false" | "no" | "off" => visitor.visit_bool(false),
            _ => Err(self.mistake(format_args!("{} is neither true nor false", scalar.shown()))),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let scalar = self.scalar("a number")?;
        match scalar.text.parse::<f64>() {
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ => Err(self.mistake(format_args!("{} is not a number", scalar.shown()))),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let scalar = self.scalar("text")?;
        let wanted = (&visitor as &dyn Expected).to_string();
        self.guarded(scalar, &wanted, visitor.visit_str(&scalar.text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    /// Empty text is none: `token: ""`.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::Empty => visitor.visit_none(),
            Value::Scalar(scalar) if scalar.text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::List(items) => visitor.visit_seq(Items { items: items.iter().enumerate(), list: &self }),
            _ => Err(self.mistake("expected a list, such as [9, 14]")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let entries = self.usable(fields)?;
        let result = visitor.visit_map(Entries { entries: entries.into_iter(), value: None, section: &self });
        result.map_err(|mistake| place(mistake, self.at, &self.path))
    }

    /// A word out of a few, in capitals or not.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let scalar = self.scalar(&alternatives(variants))?;
        let word = scalar.text.to_ascii_lowercase();
        if !variants.contains(&word.as_str()) {
            let allowed = alternatives(variants);
            return Err(self.mistake(format_args!("{} is not allowed: use {allowed}", scalar.shown())));
        }
        let word: StrDeserializer<'_, Mistake> = word.as_str().into_deserializer();
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
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        self.value = self.entries.next();
        let Some(entry) = self.value else { return Ok(None) };
        let key: StrDeserializer<'_, Mistake> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        let Some(entry) = self.value.take() else { return Err(self.section.mistake("expected a value")) };
        let reader = self.section.child(entry);
        let path = reader.path.clone();
        seed.deserialize(reader).map_err(|mistake| place(mistake, entry.at, &path))
    }
}

struct Items<'a, 'r> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    list: &'r Reader<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Mistake;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        let path = format!("{}[{index}]", self.list.path);
        seed.deserialize(Reader { node, at: self.list.at, path, notes: self.list.notes }).map(Some)
    }
}
