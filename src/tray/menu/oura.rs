//! Connecting Oura and disconnecting it: at the top while that is what is to be done, else beside the source.

use super::{Entry, nothing_is_connected};
use crate::core::status::{OuraConnection, Status};
use crate::tray::action::Action;

/// For whoever has connected nothing yet, and for whoever has to do it again.
pub(crate) fn at_the_top(status: &Status) -> Option<Entry> {
    let label = match status.oura_connection? {
        OuraConnection::Off if nothing_is_connected(status) => "Connect Oura…",
        OuraConnection::Revoked => "Connect Oura Again…",
        _ => return None,
    };
    Some(Entry::item(label, Action::ConnectOura))
}

/// Somebody without a ring is not asked about one at the top.
pub(crate) fn beside_the_source(status: &Status) -> Option<Entry> {
    match status.oura_connection? {
        OuraConnection::Off if !nothing_is_connected(status) => Some(Entry::item("Connect Oura…", Action::ConnectOura)),
        OuraConnection::Connected | OuraConnection::Revoked => {
            Some(Entry::item("Disconnect Oura", Action::DisconnectOura))
        }
        OuraConnection::Off | OuraConnection::Token => None,
    }
}
