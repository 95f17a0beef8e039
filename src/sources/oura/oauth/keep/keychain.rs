//! macOS: an item of the person's login Keychain. Nothing else knows the Security framework.

use security_framework::base::{Error, Result as Done};
use security_framework::passwords::{delete_generic_password, get_generic_password, set_generic_password};

/// What Keychain Access calls our items.
const SERVICE: &str = "com.thanos.operator";

/// `errSecItemNotFound`.
const NOT_FOUND: i32 = -25_300;

pub(crate) fn read(name: &str) -> Result<Option<Vec<u8>>, String> {
    found(get_generic_password(SERVICE, name))
}

pub(crate) fn write(name: &str, text: &[u8]) -> Result<(), String> {
    set_generic_password(SERVICE, name, text).map_err(said)
}

pub(crate) fn remove(name: &str) -> Result<(), String> {
    found(delete_generic_password(SERVICE, name)).map(drop)
}

/// An item that is not there is no failure.
fn found<T>(done: Done<T>) -> Result<Option<T>, String> {
    match done {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == NOT_FOUND => Ok(None),
        Err(error) => Err(said(error)),
    }
}

fn said(error: Error) -> String {
    let advice = "allow it in Keychain Access, or set sources.oura.token_store to file";
    format!("{error}; {advice}")
}
