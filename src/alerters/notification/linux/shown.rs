//! Which banner is meant: its number, and the server that gave it, for a number means nothing to any other.

use std::collections::VecDeque;
use std::fmt;

/// So many closed banners are remembered, those of other programs included.
const REMEMBERED: usize = 1_000;

/// A banner that stood, or stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// The bus, by its GUID.
    pub(super) bus: String,
    /// The server on it, by its unique name, which is never given twice: `:1.23`.
    pub(super) owner: String,
    /// What the server calls the banner.
    pub(super) number: u32,
}

impl Shown {
    /// Reads what `to_string` wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (bus, owner, number) = (parts.next()?.to_owned(), parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self { bus, owner, number })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.bus, self.owner, self.number)
    }
}

/// What the servers said is closed, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Closed(VecDeque<Shown>);

impl Closed {
    pub(super) fn has(&self, shown: &Shown) -> bool {
        self.0.contains(shown)
    }

    pub(super) fn remember(&mut self, shown: Shown) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(shown);
    }

    /// Its number is shown again.
    pub(super) fn forget(&mut self, shown: &Shown) {
        self.0.retain(|closed| closed != shown);
    }
}

/// A number of our own for a notice that takes no other's place, the same at every try: a server that keeps the number which it
/// was asked to replace shows the notice once, however often it comes. Servers count from 1 and do not get so far.
///
/// FNV-1a with 32 bits, folded to 30: <https://www.rfc-editor.org/rfc/rfc9923.html>
pub(super) fn number_of(message: &str) -> u32 {
    const OURS: u32 = 0x4000_0000;
    let hash = fnv_1a(message.as_bytes());
    OURS | ((hash >> 30) ^ (hash & (OURS - 1)))
}

fn fnv_1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // From the test vectors of its authors.
        assert_eq!([fnv_1a(b""), fnv_1a(b"a"), fnv_1a(b"foobar")], [0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968]);
        assert_eq!(number_of("a"), 0x640c_292f);
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let shown = Shown { bus: "0af1".into(), owner: ":1.23".into(), number: 7 };
        assert_eq!(Shown::parse(&shown.to_string()), Some(shown));
        for other in ["", "7", "a/b", "a/b/c", "a/b/7/d", "a/b/-7", "a/b/4294967296"] {
            assert_eq!(Shown::parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_oldest_closed_ones_are_forgotten() {
        let shown = |number| Shown { bus: "b".into(), owner: "o".into(), number };
        let mut closed = Closed::default();
        for number in 0..5_000 {
            closed.remember(shown(number));
        }
        assert_eq!(closed.0.len(), REMEMBERED);
        assert!(closed.has(&shown(4_999)) && !closed.has(&shown(0)));
        closed.forget(&shown(4_999));
        assert!(!closed.has(&shown(4_999)));
    }
}
