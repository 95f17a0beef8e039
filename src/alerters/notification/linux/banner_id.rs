//! Ids of banners, and the banners that the user dismissed.

use std::collections::VecDeque;
use std::fmt;

/// Includes the banners of other programs.
const MAX_DISMISSED: usize = 1_000;

/// A banner number is valid only at the server that issued it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BannerId {
    /// The GUID of the bus.
    pub(super) bus: String,
    /// The server's unique name, which the bus never reuses: `:1.23`.
    pub(super) owner: String,
    pub(super) number: u32,
}

impl BannerId {
    /// The inverse of `to_string`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (bus, owner, number) = (parts.next()?.to_owned(), parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self { bus, owner, number })
    }
}

impl fmt::Display for BannerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.bus, self.owner, self.number)
    }
}

/// Oldest first.
#[derive(Debug, Default)]
pub(super) struct DismissedBanners(VecDeque<BannerId>);

impl DismissedBanners {
    pub(super) fn contains(&self, id: &BannerId) -> bool {
        self.0.contains(id)
    }

    pub(super) fn insert(&mut self, id: BannerId) {
        if self.0.len() >= MAX_DISMISSED {
            self.0.pop_front();
        }
        self.0.push_back(id);
    }

    pub(super) fn remove(&mut self, id: &BannerId) {
        self.0.retain(|dismissed| dismissed != id);
    }
}

/// A banner number that is the same at every attempt: a server that keeps the number it was asked to replace shows a repeated
/// message once. Servers count from 1 and never reach these numbers.
///
/// FNV-1a with 32 bits, folded to 30: <https://www.rfc-editor.org/rfc/rfc9923.html>
pub(super) fn stable_id(message_id: &str) -> u32 {
    const FIRST: u32 = 0x4000_0000;
    let hash = fnv_1a(message_id.as_bytes());
    FIRST | ((hash >> 30) ^ (hash & (FIRST - 1)))
}

fn fnv_1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_matches_published_test_vectors() {
        assert_eq!([fnv_1a(b""), fnv_1a(b"a"), fnv_1a(b"foobar")], [0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968]);
        assert_eq!(stable_id("a"), 0x640c_292f);
    }

    #[test]
    fn id_survives_a_round_trip() {
        let id = BannerId { bus: "0af1".into(), owner: ":1.23".into(), number: 7 };
        assert_eq!(BannerId::parse(&id.to_string()), Some(id));
        for invalid in ["", "7", "a/b", "a/b/c", "a/b/7/d", "a/b/-7", "a/b/4294967296"] {
            assert_eq!(BannerId::parse(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn oldest_dismissed_banners_are_dropped() {
        let id = |number| BannerId { bus: "b".into(), owner: "o".into(), number };
        let mut dismissed = DismissedBanners::default();
        for number in 0..5_000 {
            dismissed.insert(id(number));
        }
        assert_eq!(dismissed.0.len(), MAX_DISMISSED);
        assert!(dismissed.contains(&id(4_999)) && !dismissed.contains(&id(0)));
        dismissed.remove(&id(4_999));
        assert!(!dismissed.contains(&id(4_999)));
    }
}
