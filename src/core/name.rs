//! What a person calls one of several things of a kind.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A short name that keys, labels and terminals carry as it is: 1 to 32 lower-case letters, digits, `-` and `_`.
///
/// It lies in itself, so that what is known by a name can be copied like what is known by a word of ours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Name {
    /// Zero behind the last letter: names sort as their texts do.
    bytes: [u8; Self::LONGEST],
}

impl Name {
    /// The most letters that a name has.
    pub const LONGEST: usize = 32;

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let letters = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(Self::LONGEST);
        // They are ASCII: nothing else becomes a name.
        self.bytes.get(..letters).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let mut bytes = [0; Self::LONGEST];
        match bytes.get_mut(..text.len()) {
            Some(room) if !text.is_empty() && text.bytes().all(fits) => room.copy_from_slice(text.as_bytes()),
            _ => return Err("a name is 1 to 32 lower-case letters, digits, - and _".into()),
        }
        Ok(Self { bytes })
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_its_text(one in "[a-z0-9_-]{1,32}", other in "[a-z0-9_-]{1,32}") {
            let (name, second): (Name, Name) = (one.parse().unwrap(), other.parse().unwrap());
            prop_assert_eq!((name.as_str(), name.to_string(), String::from(name)), (one.as_str(), one.clone(), one.clone()));
            prop_assert_eq!(name.cmp(&second), one.cmp(&other));
        }

        #[test]
        fn nothing_else_is_one(text in "[a-z]{0,5}[^a-z0-9_-][a-z]{0,5}|[a-z]{33,40}|") {
            prop_assert!(text.parse::<Name>().is_err());
        }
    }
}
