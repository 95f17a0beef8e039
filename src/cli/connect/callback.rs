//! The OAuth redirect: parsing and validation.

use std::{fmt, io};

use hyper::StatusCode;
use reqwest::Url;
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use crate::sources::oura::oauth::requests::is_error_code;
use crate::sys::random::random_hex;

const MAX_CODE_BYTES: usize = 4096;

/// The OAuth `state`: random, so that no other page can forge a redirect.
pub(super) struct State {
    pub(super) text: String,
}

/// A redirect with our state.
#[derive(Debug)]
pub(super) enum Callback {
    /// The user agreed.
    Code {
        code: SecretString,
        /// The `iss` parameter, if there is one.
        issuer: Option<String>,
    },
    /// An OAuth error code.
    Denied(String),
}

/// The result of parsing a request.
#[derive(Debug)]
pub(super) enum CallbackResult {
    Accepted(Callback),
    /// Status and message for the browser.
    Rejected(StatusCode, &'static str),
}

impl State {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { text: random_hex()? })
    }

    /// Compares in constant time.
    fn matches(&self, given: &str) -> bool {
        self.text.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State(…)")
    }
}

/// Parse a request for `target`, a path with its query.
pub(super) fn parse_callback(is_get: bool, target: &str, state: &State) -> CallbackResult {
    let Ok(url) = Url::parse(&format!("http://localhost{target}")) else {
        return CallbackResult::Rejected(StatusCode::BAD_REQUEST, "Invalid address.");
    };
    if url.path() != "/callback" {
        return CallbackResult::Rejected(StatusCode::NOT_FOUND, "Not found.");
    }
    if !is_get {
        return CallbackResult::Rejected(StatusCode::METHOD_NOT_ALLOWED, "Only GET is allowed.");
    }
    let foreign = CallbackResult::Rejected(
        StatusCode::FORBIDDEN,
        "This redirect does not belong to the current request. Operator keeps waiting.",
    );
    let [Ok(given), Ok(code), Ok(error), Ok(issuer)] =
        ["state", "code", "error", "iss"].map(|name| single_value(&url, name))
    else {
        return foreign;
    };
    if !given.is_some_and(|given| state.matches(&given)) {
        return foreign;
    }
    match (error, code) {
        (Some(word), _) if is_error_code(&word) => CallbackResult::Accepted(Callback::Denied(word)),
        (Some(_), _) => CallbackResult::Accepted(Callback::Denied("an unknown error".into())),
        (None, Some(code)) if (1..=MAX_CODE_BYTES).contains(&code.len()) => {
            CallbackResult::Accepted(Callback::Code { code: code.into(), issuer })
        }
        _ => {
            CallbackResult::Rejected(StatusCode::BAD_REQUEST, "Oura's redirect is incomplete. Operator keeps waiting.")
        }
    }
}

/// The value of a parameter; an error if it occurs twice.
fn single_value(url: &Url, name: &str) -> Result<Option<String>, ()> {
    let mut values = url.query_pairs().filter(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    let value = values.next();
    if values.next().is_some() { Err(()) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use rstest::rstest;
    use secrecy::ExposeSecret;

    use super::*;

    fn state() -> State {
        State { text: "ours".into() }
    }

    #[test]
    fn code_is_accepted_with_its_issuer() {
        let CallbackResult::Accepted(Callback::Code { code, issuer }) =
            parse_callback(true, "/callback?code=a%2Fb+c&more=1&state=ours&iss=https%3A%2F%2Fx.y", &state())
        else {
            panic!("expected a callback")
        };
        assert_eq!((code.expose_secret(), issuer.as_deref()), ("a/b c", Some("https://x.y")));
    }

    #[rstest]
    #[case("/callback?error=access_denied&state=ours", "access_denied")]
    #[case("/callback?error=access_denied&code=x&state=ours", "access_denied")]
    #[case("/callback?error=%3Cscript%3E&state=ours", "an unknown error")]
    #[case("/callback?error=&state=ours", "an unknown error")]
    fn oauth_error_is_denied(#[case] target: &str, #[case] word: &str) {
        let CallbackResult::Accepted(Callback::Denied(denied)) = parse_callback(true, target, &state()) else {
            panic!("expected a callback")
        };
        assert_eq!(denied, word);
    }

    #[rstest]
    #[case::elsewhere(true, "/?code=x&state=ours", 404)]
    #[case::deeper(true, "/callback/?code=x&state=ours", 404)]
    #[case::icon(true, "/favicon.ico", 404)]
    #[case::posted(false, "/callback?code=x&state=ours", 405)]
    #[case::bare(true, "/callback", 403)]
    #[case::no_state(true, "/callback?code=x", 403)]
    #[case::wrong_state(true, "/callback?code=x&state=theirs", 403)]
    #[case::longer_state(true, "/callback?code=x&state=ours2", 403)]
    #[case::error_of_others(true, "/callback?error=access_denied&state=theirs", 403)]
    #[case::two_states(true, "/callback?code=x&state=theirs&state=ours", 403)]
    #[case::two_codes(true, "/callback?code=x&code=y&state=ours", 403)]
    #[case::no_code(true, "/callback?state=ours", 400)]
    #[case::empty_code(true, "/callback?code=&state=ours", 400)]
    fn other_request_is_rejected(#[case] is_get: bool, #[case] target: &str, #[case] status: u16) {
        let CallbackResult::Rejected(found, _) = parse_callback(is_get, target, &state()) else {
            panic!("expected a rejection")
        };
        assert_eq!(found.as_u16(), status);
    }

    #[test]
    fn state_is_unique_and_hidden() {
        let (one, other) = (State::new().unwrap(), State::new().unwrap());
        assert!(one.text.len() == 64 && !one.matches(&other.text) && one.matches(&one.text));
        assert!(!format!("{one:?}").contains(&one.text));
    }
}
