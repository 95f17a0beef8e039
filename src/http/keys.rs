//! What opens the door: the token itself, tickets that are good once, and the cookies that a ticket is exchanged for.
//!
//! Tickets and cookies are signed with the token and need not be remembered: a cookie stays good over a restart, and all of them
//! end when the token is changed.

use std::collections::BTreeMap;
use std::io;

use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

/// A ticket is good for so long, once.
const TICKET: SignedDuration = SignedDuration::from_mins(10);

/// A browser is let in for so long; each visit of the page after a day renews it.
pub const SESSION: SignedDuration = SignedDuration::from_hours(24 * 7);

const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Two clocks of one machine do not differ, but one clock may be set.
const SLACK: SignedDuration = SignedDuration::from_secs(5);

/// What opens the door.
pub struct Keys {
    key: hmac::Key,
    bearer: hmac::Tag,
    /// Tickets from before may have been used.
    since: Timestamp,
    /// Tickets that were used, until they would be too old anyway.
    used: BTreeMap<String, Timestamp>,
}

/// What a session is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Nothing: forged, or its time is over.
    None,
    /// Good.
    Good,
    /// Good, and worth a new cookie.
    Aging,
}

impl Keys {
    /// The keys that belong to a token, from `now` on.
    #[must_use]
    pub fn new(token: &SecretString, now: Timestamp) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose_secret().as_bytes());
        let bearer = hmac::sign(&key, bearer(token.expose_secret()).as_bytes());
        Self { key, bearer, since: whole(now), used: BTreeMap::new() }
    }

    /// Whether this is the token. Takes as long whatever it is.
    #[must_use]
    pub fn is_token(&self, given: &str) -> bool {
        hmac::verify(&self.key, bearer(given).as_bytes(), self.bearer.as_ref()).is_ok()
    }

    /// A new ticket.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn ticket(&self, now: Timestamp) -> io::Result<String> {
        self.signed("ticket", now)
    }

    /// Whether a ticket is ours, young, and was not used; it is used now.
    pub fn redeem(&mut self, ticket: &str, now: Timestamp) -> bool {
        self.used.retain(|_, at| now.duration_since(*at) <= TICKET + SLACK);
        let Some(issued) = self.verified("ticket", ticket) else { return false };
        let age = now.duration_since(issued);
        let is_young = age >= -SLACK && age <= TICKET && issued >= self.since;
        is_young && self.used.insert(ticket.to_owned(), issued).is_none()
    }

    /// The value of a new cookie.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn session(&self, now: Timestamp) -> io::Result<String> {
        self.signed("session", now)
    }

    /// What the value of a cookie is worth.
    #[must_use]
    pub fn judge(&self, session: &str, now: Timestamp) -> Session {
        let Some(issued) = self.verified("session", session) else { return Session::None };
        match now.duration_since(issued) {
            age if age < -SLACK || age > SESSION => Session::None,
            age if age > RENEWED_AFTER => Session::Aging,
            _ => Session::Good,
        }
    }

    /// `milliseconds.chance.signature`
    fn signed(&self, purpose: &str, now: Timestamp) -> io::Result<String> {
        let body = format!("{}.{}", now.as_millisecond(), random_hex()?);
        let signature = hmac::sign(&self.key, format!("{purpose}:{body}").as_bytes());
        Ok(format!("{body}.{}", hex(signature.as_ref())))
    }

    /// When it was signed, if it was signed by us for this purpose.
    fn verified(&self, purpose: &str, signed: &str) -> Option<Timestamp> {
        let (body, signature) = signed.rsplit_once('.')?;
        let signature = bytes(signature)?;
        hmac::verify(&self.key, format!("{purpose}:{body}").as_bytes(), &signature).ok()?;
        let (issued, _) = body.split_once('.')?;
        Timestamp::from_millisecond(issued.parse().ok()?).ok()
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// What is signed says milliseconds.
fn whole(moment: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(moment.as_millisecond()).unwrap_or(moment)
}

fn bearer(token: &str) -> String {
    format!("bearer:{token}")
}

/// 32 random bytes, as hexadecimal digits.
///
/// # Errors
/// When the system has no random numbers.
pub(crate) fn random_hex() -> io::Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system has no random numbers"))?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As `hex` writes them and not otherwise: a ticket in other letters would pass for another ticket.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect::<Option<Vec<u8>>>().filter(|bytes| hex(bytes) == text)
}
