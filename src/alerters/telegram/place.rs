//! How far a bot's updates have been read: each is heard once, and none keeps the others from being heard.

use std::ops::Range;

use serde_json::Value;

/// The numbers that an update can have. A negative one would mean something else when it is asked for.
const NUMBERS: Range<i64> = 0..1 << 52;

/// What lies so far behind at most has been told before; a server takes no more as asked for too early.
const REPEATED: i64 = 10;

/// How far the updates have been read: the number of the next one.
pub(super) struct Place(Option<i64>);

impl Place {
    /// As it was left.
    pub(super) fn at(bookmark: Option<String>) -> Self {
        Self(bookmark.and_then(|next| next.parse().ok()).filter(|next| NUMBERS.contains(next)))
    }

    /// What to ask for.
    pub(super) fn next(&self) -> Option<i64> {
        self.0
    }

    /// Go past an update, which may be none that is understood: it must not come again for ever. None: it was passed before, or
    /// has no number.
    ///
    /// Numbers begin anew after a week without updates, with another bot and at another server; ours is then in the future, and
    /// the server begins with the oldest that it has. So what lies far back is not old but new.
    pub(super) fn pass(&mut self, update: &Value) -> Option<i64> {
        let number = update["update_id"].as_i64().filter(|number| NUMBERS.contains(number))?;
        if self.0.is_some_and(|next| (1..=REPEATED).contains(&(next - number))) {
            return None;
        }
        self.0 = Some(number + 1);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::the_next(json!(100), Some(101))]
    #[case::a_later_one(json!(104), Some(105))]
    #[case::told_before(json!(99), None)]
    #[case::told_before_in_the_same_answer(json!(90), None)]
    #[case::numbers_begin_anew(json!(7), Some(8))]
    #[case::negative(json!(-5), None)]
    #[case::beyond_all_numbers(json!(i64::MAX), None)]
    #[case::beyond_all_integers(json!(1e300), None)]
    #[case::no_number(json!("100"), None)]
    #[case::none(json!(null), None)]
    fn an_update_is_passed_once(#[case] number: Value, #[case] expected: Option<i64>) {
        let mut place = Place::at(Some("100".into()));
        assert_eq!(place.pass(&json!({ "update_id": number })), expected);
        assert_eq!(place.next(), expected.or(Some(100)));
    }

    #[rstest]
    #[case("100", Some(100))]
    #[case("-4", None)]
    #[case("9223372036854775807", None)]
    #[case("soon", None)]
    fn a_bookmark_that_is_none_is_not_asked_for(#[case] bookmark: &str, #[case] expected: Option<i64>) {
        assert_eq!(Place::at(Some(bookmark.into())).next(), expected);
    }
}
