//! What of a calendar outlives a new configuration: as much as still is true where it is now.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::{Calendar, Kept, Memory, Place};

impl Memory {
    pub(crate) fn kept(&self) -> &Arc<Mutex<Kept>> {
        self.kept.get_or_init(Arc::default)
    }
}

impl Calendar {
    /// Go on from what was known of it under the configuration before. Its server is left alone for as long as it asked, whatever else
    /// is read of it now.
    pub fn follow(&self, before: &Self) {
        let kept = if self.is_as(before) {
            Arc::clone(before.memory.kept())
        } else if self.is_where(before) {
            // Whoever is asked at this moment has not asked for anything yet.
            let rest = before.memory.kept().try_lock().ok().and_then(|kept| kept.rest.clone());
            Arc::new(Mutex::new(Kept { rest, ..Kept::default() }))
        } else {
            return;
        };
        // Whoever has been read already knows better.
        let _ = self.memory.kept.set(kept);
    }

    /// Whether the same is read of it, from the same place.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        let what = |one: &Self| (one.busy, one.tasks, one.email.clone());
        self.is_where(other) && what(self) == what(other)
    }

    /// Whether it is at the same place, and for the same person.
    #[must_use]
    pub fn is_where(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::File(one), Place::File(other)) => one == other,
            (Place::Address(one), Place::Address(other)) => {
                is_same(one.url.as_ref(), other.url.as_ref()) && one.url_file == other.url_file
            }
            (Place::Account(one), Place::Account(other)) => {
                let open = |one: &super::Account| {
                    (one.url.clone(), one.user.clone(), one.password_file.clone(), one.only.clone())
                };
                open(one) == open(other) && is_same(one.password.as_ref(), other.password.as_ref())
            }
            _ => false,
        }
    }
}

fn is_same(one: Option<&SecretString>, other: Option<&SecretString>) -> bool {
    one.map(ExposeSecret::expose_secret) == other.map(ExposeSecret::expose_secret)
}
