//! The cache of one calendar. It survives a new configuration if the calendar stays the same.

use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::caldav::Discovery;
use super::ical::Content;
use super::{CalDavAccount, Calendar, Location, ReadResult, file, ics};
use crate::core::calendar::reading::CalendarReading;
use crate::sources::Error;

/// Unchanged content is fetched again after this time: a zone that the calendar defines may have changed its offset.
const MAX_CONTENT_AGE: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Default)]
pub struct SharedCache(OnceLock<Arc<Mutex<Cache>>>);

impl SharedCache {
    pub(super) fn get(&self) -> &Arc<Mutex<Cache>> {
        self.0.get_or_init(Arc::default)
    }
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    /// With the time of the fetch: two callers at the same time cause one request.
    last: Option<(Timestamp, ReadResult)>,
    pub(super) last_success: Option<Arc<CalendarReading>>,
    /// The end of the delay that the server asked for, and the error that it answered.
    retry_after: Option<(Timestamp, Error)>,
    pub(super) content: Option<CachedContent>,
    pub(super) discovery: Discovery,
}

impl Cache {
    /// The result for `now` without a request: from another caller, or the error of a server that asked for a delay.
    pub(super) fn result_at(&self, now: Timestamp) -> Option<ReadResult> {
        if let Some((_, result)) = self.last.as_ref().filter(|(at, _)| *at == now) {
            return Some(result.clone());
        }
        let (until, error) = self.retry_after.as_ref()?;
        let delay = until.duration_since(now);
        (delay > SignedDuration::ZERO).then(|| Err(Error { retry_after: Some(delay), ..error.clone() }))
    }

    pub(super) fn record(&mut self, now: Timestamp, result: &ReadResult) {
        match result {
            Ok(reading) => {
                self.last_success = Some(Arc::clone(reading));
                self.retry_after = None;
            }
            Err(error) => {
                let until = error.retry_after.and_then(|delay| now.checked_add(delay).ok());
                self.retry_after = until.map(|until| (until, error.clone()));
            }
        }
        self.last = Some((now, result.clone()));
    }
}

#[derive(Debug)]
pub(super) struct CachedContent {
    pub(super) content: Arc<Content>,
    pub(super) validator: Validator,
    /// Events that ended before this time are missing.
    pub(super) since: Timestamp,
}

impl CachedContent {
    /// After the clock was set back, the content lacks events.
    pub(super) fn is_usable(&self, since: Timestamp) -> bool {
        (SignedDuration::ZERO..=MAX_CONTENT_AGE).contains(&since.duration_since(self.since))
    }
}

/// Identifies one version of a file or a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Validator {
    File(file::Mtime),
    Ics(ics::ETag),
}

impl Calendar {
    /// Takes over the cache of this calendar under the previous configuration. A delay that the server asked for stays in force, even
    /// if other content is fetched now.
    pub fn inherit_cache(&self, previous: &Self) {
        let cache = if self.same_config(previous) {
            Arc::clone(previous.cache.get())
        } else if self.same_location(previous) {
            // A fetch in progress holds the lock, and has no delay yet.
            let retry_after = previous.cache.get().try_lock().ok().and_then(|cache| cache.retry_after.clone());
            Arc::new(Mutex::new(Cache { retry_after, ..Cache::default() }))
        } else {
            return;
        };
        // Fails if this calendar was fetched before: its own cache is newer.
        let _ = self.cache.0.set(cache);
    }

    /// Whether both fetch the same content from the same location.
    pub fn same_config(&self, other: &Self) -> bool {
        self.same_location(other) && (self.busy, self.tasks, &self.email) == (other.busy, other.tasks, &other.email)
    }

    /// Whether both have the same location and credentials.
    pub fn same_location(&self, other: &Self) -> bool {
        match (&self.location, &other.location) {
            (Location::File(one), Location::File(other)) => one == other,
            (Location::Ics(one), Location::Ics(other)) => {
                same_secret(one.url.as_ref(), other.url.as_ref()) && one.url_file == other.url_file
            }
            (Location::CalDav(one), Location::CalDav(other)) => {
                let public = |account: &CalDavAccount| {
                    let CalDavAccount { url, user, password_file, calendars, .. } = account.clone();
                    (url, user, password_file, calendars)
                };
                public(one) == public(other) && same_secret(one.password.as_ref(), other.password.as_ref())
            }
            _ => false,
        }
    }
}

fn same_secret(one: Option<&SecretString>, other: Option<&SecretString>) -> bool {
    one.map(ExposeSecret::expose_secret) == other.map(ExposeSecret::expose_secret)
}
