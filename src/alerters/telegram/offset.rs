//! The `offset` of `getUpdates`: every update is handled once, and an invalid one does not block the rest.

use std::ops::Range;

use serde_json::Value;

/// Valid update ids. The API gives a negative offset another meaning.
const UPDATE_IDS: Range<i64> = 0..1 << 52;

/// An update at most this far behind the offset is a repetition.
const MAX_REPEATED: i64 = 10;

/// The id of the next update.
pub(super) struct Offset(Option<i64>);

impl Offset {
    pub(super) fn from_cursor(cursor: Option<String>) -> Self {
        Self(cursor.and_then(|next| next.parse().ok()).filter(|next| UPDATE_IDS.contains(next)))
    }

    pub(super) fn get(&self) -> Option<i64> {
        self.0
    }

    /// Moves past an update and returns the new offset. `None` for a repetition or an update without a valid id.
    ///
    /// Ids start anew after a week without updates, with another bot and on another server. The stored offset is then too high,
    /// and the server answers with its oldest update: an id far behind the offset is new, not old.
    pub(super) fn advance(&mut self, update: &Value) -> Option<i64> {
        let id = update["update_id"].as_i64().filter(|id| UPDATE_IDS.contains(id))?;
        if self.0.is_some_and(|next| (1..=MAX_REPEATED).contains(&(next - id))) {
            return None;
        }
        self.0 = Some(id + 1);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::next(json!(100), Some(101))]
    #[case::later(json!(104), Some(105))]
    #[case::repeated(json!(99), None)]
    #[case::repeated_in_the_same_response(json!(90), None)]
    #[case::ids_start_anew(json!(7), Some(8))]
    #[case::negative(json!(-5), None)]
    #[case::too_large(json!(i64::MAX), None)]
    #[case::not_an_integer(json!(1e300), None)]
    #[case::text(json!("100"), None)]
    #[case::absent(json!(null), None)]
    fn update_is_passed_once(#[case] id: Value, #[case] expected: Option<i64>) {
        let mut offset = Offset::from_cursor(Some("100".into()));
        assert_eq!(offset.advance(&json!({ "update_id": id })), expected);
        assert_eq!(offset.get(), expected.or(Some(100)));
    }

    #[rstest]
    #[case("100", Some(100))]
    #[case("-4", None)]
    #[case("9223372036854775807", None)]
    #[case("soon", None)]
    fn invalid_cursor_is_ignored(#[case] cursor: &str, #[case] expected: Option<i64>) {
        assert_eq!(Offset::from_cursor(Some(cursor.into())).get(), expected);
    }
}
