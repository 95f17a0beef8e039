//! The receipts of open emergencies, each with the message it was sent for. Their text form is the cursor of the channel: open
//! emergencies survive a restart.

use std::collections::BTreeMap;
use std::fmt;

use super::api::is_receipt;

/// Message id by receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OpenReceipts(pub(super) BTreeMap<String, String>);

impl OpenReceipts {
    /// Skips invalid entries.
    pub(super) fn from_cursor(cursor: &str) -> Self {
        let pairs = cursor.split(' ').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.filter(|(receipt, message_id)| is_receipt(receipt) && !message_id.is_empty());
        Self(pairs.map(|(receipt, message_id)| (receipt.to_owned(), message_id.to_owned())).collect())
    }
}

impl fmt::Display for OpenReceipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<String> = self.0.iter().map(|(receipt, message_id)| format!("{receipt}={message_id}")).collect();
        f.write_str(&pairs.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_survives_a_round_trip() {
        let receipts = OpenReceipts([("r1", "1f2e-17"), ("r2", "1f2e-18")].map(|(r, m)| (r.into(), m.into())).into());
        assert_eq!(receipts.to_string(), "r1=1f2e-17 r2=1f2e-18");
        assert_eq!(OpenReceipts::from_cursor(&receipts.to_string()), receipts);
        for invalid in ["", " ", "r1", "r1=", "=x", "../x=1f2e-17", "500"] {
            assert_eq!(OpenReceipts::from_cursor(invalid), OpenReceipts::default(), "{invalid}");
        }
    }
}
