//! The tokens of an Oura connection: their lifetime and their JSON format.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

/// A token is refreshed this long before it expires, or at half of its lifetime if that is later.
const REFRESH_MARGIN: SignedDuration = SignedDuration::from_mins(10);

/// A longer lifetime is clamped.
const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 366);

#[derive(Debug, Clone, Deserialize)]
pub struct Tokens {
    pub client_id: String,
    /// Only if the user typed it in; otherwise it is in the configuration.
    #[serde(default)]
    pub client_secret: Option<SecretString>,
    pub access_token: SecretString,
    /// Works once.
    pub refresh_token: SecretString,
    /// By our clock, because the server's may differ.
    pub obtained_at: Timestamp,
    /// From `obtained_at` on. `None` if the server did not say.
    #[serde(default)]
    pub lifetime_seconds: Option<i64>,
    pub token_url: String,
    pub revoke_url: String,
    pub connected_at: Timestamp,
    /// Oura has refused the refresh token: only a new connection helps.
    #[serde(default, alias = "lapsed")]
    pub revoked: bool,
    /// No refresh before: the server asked for a delay.
    #[serde(default)]
    pub wait_until: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub struct TokenResponse {
    pub access_token: SecretString,
    /// `None` if the last one stays valid.
    #[serde(default)]
    pub refresh_token: Option<SecretString>,
    #[serde(default)]
    expires_in: Value,
}

impl TokenResponse {
    /// `expires_in`, if it is a positive number or the text of one.
    #[must_use]
    pub fn lifetime_seconds(&self) -> Option<i64> {
        let seconds = match &self.expires_in {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds within a year")]
        seconds.filter(|seconds| *seconds >= 1.0).map(|seconds| seconds.min(MAX_LIFETIME.as_secs_f64()) as i64)
    }
}

impl Tokens {
    /// Never true without a lifetime: the API then refuses the expired token.
    #[must_use]
    pub fn needs_refresh(&self, now: Timestamp) -> bool {
        self.lifetime().is_some_and(|lifetime| self.age(now) >= lifetime - REFRESH_MARGIN.min(lifetime / 2))
    }

    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.lifetime().is_some_and(|lifetime| self.age(now) >= lifetime)
    }

    #[must_use]
    pub fn with_response(self, response: TokenResponse, now: Timestamp) -> Self {
        Self {
            lifetime_seconds: response.lifetime_seconds(),
            access_token: response.access_token,
            refresh_token: response.refresh_token.unwrap_or(self.refresh_token),
            obtained_at: now,
            wait_until: None,
            ..self
        }
    }

    /// Includes the secrets.
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
            "revoked": self.revoked,
            "wait_until": self.wait_until,
        });
        text.to_string()
    }

    /// `None` for anything but tokens. The reason is dropped, because it may quote a secret.
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
            revoked: false,
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
    #[case::unknown_lifetime(None, 9_999_999, (false, false))]
    fn token_is_refreshed_before_it_expires(
        #[case] life: Option<i64>,
        #[case] age: i64,
        #[case] refresh_and_expired: (bool, bool),
    ) {
        let tokens = tokens(life);
        assert_eq!((tokens.needs_refresh(at(age)), tokens.is_expired(at(age))), refresh_and_expired);
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
    fn lifetime_is_any_positive_number(#[case] expires_in: &str, #[case] seconds: Option<i64>) {
        let text = format!(r#"{{"access_token":"a","token_type":"bearer","expires_in":{expires_in},"more":{{}}}}"#);
        assert_eq!(serde_json::from_str::<TokenResponse>(&text).unwrap().lifetime_seconds(), seconds);
    }

    #[test]
    fn json_round_trips_and_debug_hides_secrets() {
        let written =
            Tokens { client_secret: Some("s3cret".into()), revoked: true, wait_until: Some(at(9)), ..tokens(Some(60)) };
        let read = Tokens::from_json(written.to_json().as_bytes()).unwrap();
        assert_eq!(read.to_json(), written.to_json());
        assert!(!format!("{read:?}").contains("s3cret"));
        for strange in ["", "{}", "[]", "null", r#"{"access_token":"a"}"#] {
            assert!(Tokens::from_json(strange.as_bytes()).is_none(), "{strange}");
        }
    }

    #[test]
    fn missing_refresh_token_keeps_the_last_one() {
        let response = |text: &str| serde_json::from_str::<TokenResponse>(text).unwrap();
        let next = tokens(Some(60)).with_response(response(r#"{"access_token":"b"}"#), at(50));
        assert_eq!((next.access_token.expose_secret(), next.refresh_token.expose_secret()), ("b", "r"));
        assert_eq!((next.obtained_at, next.lifetime_seconds, next.connected_at), (at(50), None, at(0)));
        let next = next.with_response(response(r#"{"access_token":"c","refresh_token":"r2"}"#), at(60));
        assert_eq!(next.refresh_token.expose_secret(), "r2");
    }
}
