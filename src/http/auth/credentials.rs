//! The token, the one-time tickets that the dashboard link carries, and the session cookies that tickets are exchanged for.
//!
//! Tickets and sessions are signed with the token (HMAC-SHA256) and not stored: sessions outlive a restart, and all of them end
//! when the token changes.

use std::collections::BTreeMap;
use std::io;

use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::sys::random::{random_hex, to_hex};

const TICKET_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// Loading the dashboard with a session older than `RENEW_AFTER` starts a new one.
pub const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 7);

const RENEW_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The system clock may be set back a little between issue and use.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

pub struct Credentials {
    token: SecretString,
    key: hmac::Key,
    /// Older tickets are refused: they may have been used before this start.
    started_at: Timestamp,
    /// Used tickets with their time of issue, until they expire.
    used: BTreeMap<String, Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Forged or expired.
    Invalid,
    Valid,
    /// Valid, and old enough for a new cookie.
    RenewalDue,
}

impl Credentials {
    #[must_use]
    pub fn new(token: &SecretString, now: Timestamp) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, token.expose_secret().as_bytes());
        // Tickets carry milliseconds.
        let started_at = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        Self { token: token.clone(), key, started_at, used: BTreeMap::new() }
    }

    /// Compares in constant time; only the token's length, which is public, can be learned from the time.
    #[must_use]
    pub fn is_token(&self, given: &str) -> bool {
        self.token.expose_secret().as_bytes().ct_eq(given.as_bytes()).into()
    }

    pub fn new_ticket(&self, now: Timestamp) -> io::Result<String> {
        self.sign("ticket", now)
    }

    /// Whether the ticket is valid and unused. It counts as used from now on.
    pub fn redeem_ticket(&mut self, ticket: &str, now: Timestamp) -> bool {
        self.used.retain(|_, issued| now.duration_since(*issued) <= TICKET_LIFETIME + CLOCK_TOLERANCE);
        let Some(issued) = self.verify("ticket", ticket) else { return false };
        let age = now.duration_since(issued);
        let is_current = age >= -CLOCK_TOLERANCE && age <= TICKET_LIFETIME && issued >= self.started_at;
        is_current && self.used.insert(ticket.to_owned(), issued).is_none()
    }

    /// The value of a new session cookie.
    pub fn new_session(&self, now: Timestamp) -> io::Result<String> {
        self.sign("session", now)
    }

    #[must_use]
    pub fn check_session(&self, session: &str, now: Timestamp) -> SessionState {
        let Some(issued) = self.verify("session", session) else { return SessionState::Invalid };
        match now.duration_since(issued) {
            age if age < -CLOCK_TOLERANCE || age > SESSION_LIFETIME => SessionState::Invalid,
            age if age > RENEW_AFTER => SessionState::RenewalDue,
            _ => SessionState::Valid,
        }
    }

    /// `milliseconds.random.signature`; the purpose is signed too.
    fn sign(&self, purpose: &str, now: Timestamp) -> io::Result<String> {
        let body = format!("{}.{}", now.as_millisecond(), random_hex()?);
        let signature = hmac::sign(&self.key, format!("{purpose}:{body}").as_bytes());
        Ok(format!("{body}.{}", to_hex(signature.as_ref())))
    }

    /// The time of issue, if the signature is ours and for this purpose.
    fn verify(&self, purpose: &str, signed: &str) -> Option<Timestamp> {
        let (body, signature) = signed.rsplit_once('.')?;
        let signature = parse_hex(signature)?;
        hmac::verify(&self.key, format!("{purpose}:{body}").as_bytes(), &signature).ok()?;
        let (issued, _) = body.split_once('.')?;
        Timestamp::from_millisecond(issued.parse().ok()?).ok()
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Accepts only what `to_hex` writes: a used ticket in upper case would pass for another ticket.
fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect::<Option<Vec<u8>>>().filter(|bytes| to_hex(bytes) == text)
}

#[cfg(test)]
mod tests;
