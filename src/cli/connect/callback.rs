//! What the browser brings back: an answer to our own question, or something to be refused.

use std::{fmt, io};

use hyper::StatusCode;
use reqwest::Url;
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use crate::sources::oura::oauth::requests::is_error_code;
use crate::sys::random::random_hex;

/// No code is longer (bytes).
const LONGEST_CODE: usize = 4096;

/// What our question is known by: nobody can guess it, and so nobody else can bring an answer to it.
pub(super) struct State {
    pub(super) text: String,
}

/// What Oura said.
#[derive(Debug)]
pub(super) enum Answer {
    /// The person said yes.
    Code {
        /// What tokens are given out for, once.
        code: SecretString,
        /// Who says so, if they say.
        issuer: Option<String>,
    },
    /// No, and the word for why.
    No(String),
}

/// What a request is worth.
#[derive(Debug)]
pub(super) enum Judged {
    /// It answers our question.
    Answer(Answer),
    /// It does not.
    Refused(StatusCode, &'static str),
}

impl State {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no random numbers.
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

/// What a request for `target`, a path with its query, is worth.
pub(super) fn judge(is_get: bool, target: &str, state: &State) -> Judged {
    let Ok(url) = Url::parse(&format!("http://localhost{target}")) else {
        return Judged::Refused(StatusCode::BAD_REQUEST, "This cannot be read.");
    };
    if url.path() != "/callback" {
        return Judged::Refused(StatusCode::NOT_FOUND, "There is nothing here.");
    }
    if !is_get {
        return Judged::Refused(StatusCode::METHOD_NOT_ALLOWED, "This is only to be looked at.");
    }
    let not_ours = Judged::Refused(
        StatusCode::FORBIDDEN,
        "This does not answer the question that Operator has put to Oura. Operator goes on waiting for the one that does.",
    );
    let [Ok(given), Ok(code), Ok(error), Ok(issuer)] = ["state", "code", "error", "iss"].map(|name| only(&url, name))
    else {
        return not_ours;
    };
    if !given.is_some_and(|given| state.matches(&given)) {
        return not_ours;
    }
    match (error, code) {
        (Some(word), _) if is_error_code(&word) => Judged::Answer(Answer::No(word)),
        (Some(_), _) => Judged::Answer(Answer::No("an error without a name".into())),
        (None, Some(code)) if (1..=LONGEST_CODE).contains(&code.len()) => {
            Judged::Answer(Answer::Code { code: code.into(), issuer })
        }
        _ => Judged::Refused(
            StatusCode::BAD_REQUEST,
            "Oura's answer is not whole. Operator goes on waiting for one that is.",
        ),
    }
}

/// The value of a parameter; one that is there twice says nothing.
fn only(url: &Url, name: &str) -> Result<Option<String>, ()> {
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
    fn a_code_is_taken_with_whoever_gave_it() {
        let Judged::Answer(Answer::Code { code, issuer }) =
            judge(true, "/callback?code=a%2Fb+c&more=1&state=ours&iss=https%3A%2F%2Fx.y", &state())
        else {
            panic!("an answer")
        };
        assert_eq!((code.expose_secret(), issuer.as_deref()), ("a/b c", Some("https://x.y")));
    }

    #[rstest]
    #[case("/callback?error=access_denied&state=ours", "access_denied")]
    #[case("/callback?error=access_denied&code=x&state=ours", "access_denied")]
    #[case("/callback?error=%3Cscript%3E&state=ours", "an error without a name")]
    #[case("/callback?error=&state=ours", "an error without a name")]
    fn a_no_is_heard(#[case] target: &str, #[case] word: &str) {
        let Judged::Answer(Answer::No(said)) = judge(true, target, &state()) else { panic!("an answer") };
        assert_eq!(said, word);
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
    fn anything_else_is_refused(#[case] is_get: bool, #[case] target: &str, #[case] status: u16) {
        let Judged::Refused(found, _) = judge(is_get, target, &state()) else { panic!("refused") };
        assert_eq!(found.as_u16(), status);
    }

    #[test]
    fn every_question_has_a_state_of_its_own() {
        let (one, other) = (State::new().unwrap(), State::new().unwrap());
        assert!(one.text.len() == 64 && !one.matches(&other.text) && one.matches(&one.text));
        assert!(!format!("{one:?}").contains(&one.text));
    }
}
