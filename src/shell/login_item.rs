//! Starting with the person's session.
use crate::app::house::House;
pub(super) fn starts_at_login(_house: &House) -> Option<bool> {
    None
}
pub(super) fn toggle(_house: &House) {}
