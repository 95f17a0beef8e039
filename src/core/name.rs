//! User-given names for one of several exec plugins or calendars.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

/// Qualifies the name of an exec plugin in monitor and source names, so that no plugin shadows a built-in one.
pub const EXEC_PREFIX: &str = "exec:";

/// Qualifies the name of a calendar in source names.
pub const CALENDAR_PREFIX: &str = "calendar:";

/// 1 to 32 lower-case ASCII letters, digits, `-` and `_`: safe in keys, metric labels and terminals. Stored inline, so it is `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(ArrayString<{ Self::MAX_BYTES }>);

impl Name {
    pub const MAX_BYTES: usize = 32;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        match ArrayString::from(text) {
            Ok(name) if !text.is_empty() && text.bytes().all(is_allowed) => Ok(Self(name)),
            _ => Err("a name is 1 to 32 lower-case letters, digits, - and _".into()),
        }
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn name_keeps_its_text_and_order(one in "[a-z0-9_-]{1,32}", other in "[a-z0-9_-]{1,32}") {
            let (name, second): (Name, Name) = (one.parse().unwrap(), other.parse().unwrap());
            prop_assert_eq!((name.as_str(), name.to_string()), (one.as_str(), one.clone()));
            prop_assert_eq!(serde_json::to_value(name).unwrap(), serde_json::Value::from(one.clone()));
            prop_assert_eq!(name.cmp(&second), one.cmp(&other));
        }

        #[test]
        fn invalid_text_is_rejected(text in "[a-z]{0,5}[^a-z0-9_-][a-z]{0,5}|[a-z]{33,40}|") {
            prop_assert!(text.parse::<Name>().is_err());
        }
    }
}
