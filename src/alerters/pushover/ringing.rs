//! The emergencies that ring, by receipt, each with the message that it was sent for. As a text they are the channel's bookmark:
//! what rings outlives a restart.

use std::collections::BTreeMap;

use super::api::is_receipt;

/// Receipts and notices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ringing(BTreeMap<String, String>);

impl Ringing {
    /// As it was written down. What cannot be read is left out.
    pub(super) fn from_text(text: &str) -> Self {
        let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.filter(|(receipt, message)| is_receipt(receipt) && !message.is_empty());
        Self(pairs.map(|(receipt, message)| (receipt.to_owned(), message.to_owned())).collect())
    }

    /// To be written down.
    pub(super) fn to_text(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(receipt, message)| format!("{receipt}={message}")).collect();
        pairs.join(" ")
    }

    pub(super) fn begin(&mut self, receipt: &str, message: &str) {
        self.0.insert(receipt.to_owned(), message.to_owned());
    }

    pub(super) fn end(&mut self, receipt: &str) {
        self.0.remove(receipt);
    }

    /// Those of another time as well.
    pub(super) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(receipt, message)| (receipt.as_str(), message.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_back_and_nothing_else() {
        let mut ringing = Ringing::default();
        ringing.begin("r1", "1f2e-17");
        ringing.begin("r2", "1f2e-18");
        assert_eq!(ringing.to_text(), "r1=1f2e-17 r2=1f2e-18");
        assert_eq!(Ringing::from_text(&ringing.to_text()), ringing);
        for strange in ["", " ", "r1", "r1=", "=x", "../x=1f2e-17", "500"] {
            assert!(Ringing::from_text(strange).is_empty(), "{strange}");
        }
    }
}
