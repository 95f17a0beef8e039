//! Alert keys and their categories.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// The subject of an alert; the first part of its key.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::EnumString, strum::IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Category {
    Health,
    Task,
    Pattern,
    /// Operator itself and its sources.
    System,
    Exec,
}

impl Category {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

/// Identifies a condition: `"{category}:{type}[:{entity}]"`, for example `task:deadline_overdue:123`.
///
/// The type is not empty, and no part holds a control character. The entity is the source's identifier and may contain colons.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct AlertKey(String);

impl AlertKey {
    /// The key of a rule with one subject.
    pub fn new(category: Category, kind: &str) -> Self {
        Self(format!("{}:{kind}", category.as_str()))
    }

    /// The key of a rule with many subjects. Control characters in `entity` become `_`.
    pub fn with_entity(category: Category, kind: &str, entity: &str) -> Self {
        let entity: String = entity.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
        Self(format!("{}:{kind}:{entity}", category.as_str()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn category(&self) -> Category {
        self.0.split(':').next().and_then(|word| word.parse().ok()).unwrap_or(Category::System)
    }

    /// `"{category}:{type}"`: the rule that raised the alert.
    pub fn rule(&self) -> &str {
        match self.0.match_indices(':').nth(1) {
            Some((end, _)) => &self.0[..end],
            None => &self.0,
        }
    }

    pub fn entity(&self) -> Option<&str> {
        self.0.splitn(3, ':').nth(2)
    }
}

impl FromStr for AlertKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let category = parts.next().unwrap_or_default().parse::<Category>();
        let kind = parts.next().unwrap_or_default();
        if category.is_err() || kind.is_empty() || text.chars().any(char::is_control) {
            return Err(format!(
                "'{text}' is not an alert key: keys look like health:readiness_low or task:deadline_overdue:123"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for AlertKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<AlertKey> for String {
    fn from(key: AlertKey) -> Self {
        key.0
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
