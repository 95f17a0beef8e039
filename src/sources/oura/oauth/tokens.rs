//! The tokens of a connection with Oura: how long they hold, and how they are written down.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

/// A token is renewed so long before its end, or after half of its time where that is less.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);

/// No token is believed to hold for longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);

/// A connection with Oura.
#[derive(Debug, Clone, Deserialize)]
pub struct Tokens {
    /// The application that it was made for.
    pub client_id: String,
    /// The application's secret, if it was typed in; otherwise the configuration has it.
    #[serde(default)]
    pub client_secret: Option<SecretString>,
    /// What the API is asked with.
    pub access_token: SecretString,
    /// What the next pair is asked for with, once.
    pub refresh_token: SecretString,
    /// When this pair came, by our own clock: the server's may be wrong.
    pub obtained_at: Timestamp,
    /// How long `access_token` holds from then on (seconds); none if the server did not say.
    #[serde(default)]
    pub lifetime_seconds: Option<i64>,
    /// Where the next pair is asked for.
    pub token_url: String,
    /// Where the connection is ended.
    pub revoke_url: String,
    /// When the person made the connection.
    pub connected_at: Timestamp,
    /// Whether Oura has refused to renew it: only the person can go on.
    #[serde(default)]
    pub lapsed: bool,
    /// The server wants to be left alone until then.
    #[serde(default)]
    pub wait_until: Option<Timestamp>,
}

/// What a server gives out.
#[derive(Debug, Deserialize)]
pub struct Granted {
    /// What the API is asked with.
    pub access_token: SecretString,
    /// What the next pair is asked for with; none: the last one still holds.
    #[serde(default)]
    pub refresh_token: Option<SecretString>,
    #[serde(default)]
    expires_in: Value,
}

impl Granted {
    /// How long the access token holds (seconds), if the server says so in a way that can be read.
    #[must_use]
    pub fn lifetime_seconds(&self) -> Option<i64> {
        let said = match &self.expires_in {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds within a year")]
        said.filter(|seconds| *seconds >= 1.0).map(|seconds| seconds.min(LONGEST.as_secs_f64()) as i64)
    }
}

impl Tokens {
    /// Whether a new pair should be asked for. Never where the server did not say how long this one holds: it says so by refusing it.
    #[must_use]
    pub fn are_due(&self, now: Timestamp) -> bool {
        self.lifetime().is_some_and(|lifetime| self.age(now) >= lifetime - MARGIN.min(lifetime / 2))
    }

    /// Whether the access token has come to its end.
    #[must_use]
    pub fn are_over(&self, now: Timestamp) -> bool {
        self.lifetime().is_some_and(|lifetime| self.age(now) >= lifetime)
    }

    /// The pair that follows this one.
    #[must_use]
    pub fn followed_by(self, granted: Granted, now: Timestamp) -> Self {
        Self {
            lifetime_seconds: granted.lifetime_seconds(),
            access_token: granted.access_token,
            refresh_token: granted.refresh_token.unwrap_or(self.refresh_token),
            obtained_at: now,
            wait_until: None,
            ..self
        }
    }

    /// As it is written down: with its secrets.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = json!({
            "client_id": self.client_id,
            "client_secret": self.client_secret.as_ref().map(ExposeSecret::expose_secret),
            "access_token": self.access_token.expose_secret(),
            "refresh_token": self.refresh_token.expose_secret(),
            "obtained_at": self.obtained_at,
            "lifetime_seconds": self.lifetime_seconds,
            "token_url": self.token_url,
            "revoke_url": self.revoke_url,
            "connected_at": self.connected_at,
            "lapsed": self.lapsed,
            "wait_until": self.wait_until,
        });
        text.to_string()
    }

    /// What was written down. None if it is something else; why is not told, for it may hold a secret.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    fn lifetime(&self) -> Option<SignedDuration> {
        self.lifetime_seconds.map(SignedDuration::from_secs)
    }

    fn age(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.obtained_at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn tokens(lifetime_seconds: Option<i64>) -> Tokens {
        Tokens {
            client_id: "app".into(),
            client_secret: None,
            access_token: "a".into(),
            refresh_token: "r".into(),
            obtained_at: at(0),
            lifetime_seconds,
            token_url: "https://api.ouraring.com/oauth/token".into(),
            revoke_url: "https://api.ouraring.com/oauth/revoke".into(),
            connected_at: at(0),
            lapsed: false,
            wait_until: None,
        }
    }

    #[rstest]
    #[case::new(Some(86_400), 0, (false, false))]
    #[case::before_its_margin(Some(86_400), 85_799, (false, false))]
    #[case::within_its_margin(Some(86_400), 85_800, (true, false))]
    #[case::at_its_end(Some(86_400), 86_400, (true, true))]
    #[case::short_lived(Some(60), 29, (false, false))]
    #[case::half_of_a_short_life(Some(60), 30, (true, false))]
    #[case::clock_set_back(Some(86_400), -90_000, (false, false))]
    #[case::nothing_said(None, 9_999_999, (false, false))]
    fn a_pair_is_renewed_before_its_end(
        #[case] life: Option<i64>,
        #[case] age: i64,
        #[case] due_and_over: (bool, bool),
    ) {
        let tokens = tokens(life);
        assert_eq!((tokens.are_due(at(age)), tokens.are_over(at(age))), due_and_over);
    }

    #[rstest]
    #[case("3600", Some(3600))]
    #[case("\"3600\"", Some(3600))]
    #[case("3600.9", Some(3600))]
    #[case("1e300", Some(366 * 86_400))]
    #[case("0", None)]
    #[case("-5", None)]
    #[case("\"soon\"", None)]
    #[case("null", None)]
    #[case("[]", None)]
    fn a_lifetime_is_whatever_can_be_read_as_one(#[case] said: &str, #[case] seconds: Option<i64>) {
        let text = format!(r#"{{"access_token":"a","token_type":"bearer","expires_in":{said},"more":{{}}}}"#);
        assert_eq!(serde_json::from_str::<Granted>(&text).unwrap().lifetime_seconds(), seconds);
    }

    #[test]
    fn what_is_written_down_is_read_back_and_debugging_shows_no_secret() {
        let written =
            Tokens { client_secret: Some("s3cret".into()), lapsed: true, wait_until: Some(at(9)), ..tokens(Some(60)) };
        let read = Tokens::from_json(written.to_json().as_bytes()).unwrap();
        assert_eq!(read.to_json(), written.to_json());
        assert!(!format!("{read:?}").contains("s3cret"));
        for strange in ["", "{}", "[]", "null", r#"{"access_token":"a"}"#] {
            assert!(Tokens::from_json(strange.as_bytes()).is_none(), "{strange}");
        }
    }

    #[test]
    fn a_server_that_gives_no_new_refresh_token_lets_the_last_one_hold() {
        let granted = |text: &str| serde_json::from_str::<Granted>(text).unwrap();
        let next = tokens(Some(60)).followed_by(granted(r#"{"access_token":"b"}"#), at(50));
        assert_eq!((next.access_token.expose_secret(), next.refresh_token.expose_secret()), ("b", "r"));
        assert_eq!((next.obtained_at, next.lifetime_seconds, next.connected_at), (at(50), None, at(0)));
        let next = next.followed_by(granted(r#"{"access_token":"c","refresh_token":"r2"}"#), at(60));
        assert_eq!(next.refresh_token.expose_secret(), "r2");
    }
}
