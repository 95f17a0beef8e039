//! Items of the user's login Keychain (macOS). No other file uses the Security framework.

use security_framework::base::{Error, Result};
use security_framework::passwords::{delete_generic_password, get_generic_password, set_generic_password};

/// Keychain Access lists our items under this name.
const SERVICE: &str = "com.thanos.operator";

/// `errSecItemNotFound`.
const NOT_FOUND: i32 = -25_300;

/// The item's content, or `None` if there is no such item.
pub(crate) fn load(account: &str) -> std::result::Result<Option<Vec<u8>>, String> {
    ignore_missing(get_generic_password(SERVICE, account))
}

/// Create or replace the item.
pub(crate) fn save(account: &str, content: &[u8]) -> std::result::Result<(), String> {
    set_generic_password(SERVICE, account, content).map_err(describe)
}

/// Delete the item. A missing item is no error.
pub(crate) fn delete(account: &str) -> std::result::Result<(), String> {
    ignore_missing(delete_generic_password(SERVICE, account)).map(drop)
}

fn ignore_missing<T>(result: Result<T>) -> std::result::Result<Option<T>, String> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == NOT_FOUND => Ok(None),
        Err(error) => Err(describe(error)),
    }
}

fn describe(error: Error) -> String {
    format!("{error}; allow access in Keychain Access, or set sources.oura.token_store to file")
}
