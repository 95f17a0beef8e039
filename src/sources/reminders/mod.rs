//! Apple Reminders through EventKit, on macOS only.
//!
//! Only `event_kit` calls EventKit. The decisions are here and in `reminder`, and are tested on every system.

#[cfg(target_os = "macos")]
mod event_kit;
mod reminder;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::ZonedDateTime;
use tokio::sync::oneshot;

use self::reminder::Reminder;
use super::{Error, FetchFuture, TaskSource};
use crate::core::facts::TaskReading;

const SOURCE: &str = "reminders";

const SETTINGS_ADVICE: &str = "allow it in System Settings › Privacy & Security › Reminders › Operator";
const DISABLE_ADVICE: &str = "set sources.reminders.enabled to false";

/// How long a check waits for the user's answer. A later answer counts from the next check on.
const PERMISSION_TIMEOUT: Duration = Duration::from_secs(30);

/// EventKit reads a database on this machine.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// The user's decision about access to reminders.
#[cfg_attr(not(any(test, target_os = "macos")), expect(dead_code, reason = "only EventKit constructs it"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permission {
    NotAsked,
    Granted,
    Denied,
    /// An administrator forbids access.
    Restricted,
}

trait EventStore: Debug + Send + Sync {
    /// Why this process cannot ask for access at all.
    fn unavailable(&self) -> Option<Error>;

    fn permission(&self) -> Permission;

    /// Ask the user for access. Receives true if the user agrees, after any time.
    fn request_permission(&self) -> oneshot::Receiver<bool>;

    /// Every incomplete reminder, or `None` if EventKit returns no list.
    fn incomplete_reminders(&self) -> oneshot::Receiver<Option<Vec<Reminder>>>;
}

#[derive(Debug)]
pub struct Reminders {
    /// `None` on other systems than macOS.
    store: Option<Arc<dyn EventStore>>,
    enabled: bool,
    lists: Vec<String>,
    permission_requested: AtomicBool,
}

impl Reminders {
    /// Without `lists`, the reminders of all lists are read.
    #[must_use]
    pub fn new(enabled: bool, lists: Vec<String>) -> Self {
        #[cfg(target_os = "macos")]
        let store: Option<Arc<dyn EventStore>> = Some(Arc::new(event_kit::EventKit));
        #[cfg(not(target_os = "macos"))]
        let store = None;
        Self { store, enabled, lists, permission_requested: AtomicBool::new(false) }
    }

    async fn fetch_reminders(&self, now: &ZonedDateTime) -> Result<TaskReading, Error> {
        if !self.enabled {
            return Err(Error::not_configured(SOURCE, "switched off", "set sources.reminders.enabled to true"));
        }
        let Some(store) = &self.store else {
            return Err(Error::action_required(SOURCE, "Apple Reminders exist on macOS only", DISABLE_ADVICE));
        };
        if let Some(error) = store.unavailable() {
            return Err(error);
        }
        match store.permission() {
            Permission::Granted => {}
            Permission::NotAsked => self.request_permission(store.as_ref()).await?,
            Permission::Denied => return Err(denied()),
            Permission::Restricted => {
                let advice = format!("ask the administrator of this Mac, or {DISABLE_ADVICE}");
                return Err(Error::action_required(SOURCE, "this Mac does not let apps read reminders", advice));
            }
        }
        let no_list = || Error::transient(SOURCE, "EventKit returned no reminders");
        let reminders = tokio::time::timeout(FETCH_TIMEOUT, store.incomplete_reminders()).await;
        let reminders = reminders.ok().and_then(Result::ok).flatten().ok_or_else(no_list)?;
        Ok(reminder::to_reading(reminders, &self.lists, now))
    }

    /// Asks once per process: macOS remembers the answer.
    async fn request_permission(&self, store: &dyn EventStore) -> Result<(), Error> {
        let pending =
            || Error::action_required(SOURCE, "macOS asks whether Operator may read reminders", SETTINGS_ADVICE);
        if self.permission_requested.swap(true, Ordering::Relaxed) {
            return Err(pending());
        }
        match tokio::time::timeout(PERMISSION_TIMEOUT, store.request_permission()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(_) => Err(denied()),
            Err(_) => Err(pending()),
        }
    }
}

fn denied() -> Error {
    Error::action_required(SOURCE, "Operator may not read reminders", SETTINGS_ADVICE)
}

impl TaskSource for Reminders {
    fn source_name(&self) -> &'static str {
        SOURCE
    }

    fn is_configured(&self) -> bool {
        self.enabled
    }

    fn is_local(&self) -> bool {
        true
    }

    fn fetch<'a>(&'a self, now: &'a ZonedDateTime) -> FetchFuture<'a> {
        Box::pin(self.fetch_reminders(now))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Mutex;

    use super::*;
    use crate::sources::ErrorKind;

    #[derive(Debug)]
    struct FakeEventStore {
        permission: Permission,
        /// `None` never answers.
        answer: Option<bool>,
        reminders: Option<Vec<Reminder>>,
        /// Requests without an answer.
        pending: Mutex<Vec<oneshot::Sender<bool>>>,
    }

    impl EventStore for FakeEventStore {
        fn unavailable(&self) -> Option<Error> {
            None
        }

        fn permission(&self) -> Permission {
            self.permission
        }

        fn request_permission(&self) -> oneshot::Receiver<bool> {
            let (sender, receiver) = oneshot::channel();
            match self.answer {
                Some(answer) => sender.send(answer).unwrap(),
                None => self.pending.lock().unwrap().push(sender),
            }
            receiver
        }

        fn incomplete_reminders(&self) -> oneshot::Receiver<Option<Vec<Reminder>>> {
            let (sender, receiver) = oneshot::channel();
            sender.send(self.reminders.clone()).unwrap();
            receiver
        }
    }

    fn reminders(permission: Permission, answer: Option<bool>) -> (Reminders, Arc<FakeEventStore>) {
        let milk = Reminder { id: "1".into(), title: "Milk".into(), ..Reminder::default() };
        let store =
            Arc::new(FakeEventStore { permission, answer, reminders: Some(vec![milk]), pending: Mutex::default() });
        let reminders = Reminders {
            store: Some(Arc::clone(&store) as Arc<dyn EventStore>),
            enabled: true,
            lists: Vec::new(),
            permission_requested: AtomicBool::new(false),
        };
        (reminders, store)
    }

    fn now() -> ZonedDateTime {
        "2026-11-20T09:00[America/Chicago]".parse().unwrap()
    }

    #[tokio::test]
    async fn granted_permission_reads_at_once() {
        for (permission, answer) in [(Permission::Granted, None), (Permission::NotAsked, Some(true))] {
            let (reminders, store) = reminders(permission, answer);
            assert_eq!(reminders.fetch(&now()).await.unwrap().tasks.len(), 1);
            assert!(store.pending.lock().unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn denied_permission_needs_the_user() {
        for (permission, answer) in [(Permission::Denied, None), (Permission::NotAsked, Some(false))] {
            let error = reminders(permission, answer).0.fetch(&now()).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::ActionRequired);
            assert!(error.message.contains("may not") && error.advice.contains("System Settings"), "{error}");
        }
        let error = reminders(Permission::Restricted, None).0.fetch(&now()).await.unwrap_err();
        assert!(error.kind == ErrorKind::ActionRequired && error.advice.contains("administrator"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn permission_is_requested_once() {
        let (reminders, store) = reminders(Permission::NotAsked, None);
        for _ in 0..3 {
            let error = reminders.fetch(&now()).await.unwrap_err();
            assert!(error.kind == ErrorKind::ActionRequired && error.message.contains("asks"), "{error}");
        }
        assert_eq!(store.pending.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn missing_list_is_transient_not_empty() {
        let (mut reminders, _) = reminders(Permission::Granted, None);
        let permission = Permission::Granted;
        let store = FakeEventStore { permission, answer: None, reminders: None, pending: Mutex::default() };
        reminders.store = Some(Arc::new(store));
        assert_eq!(reminders.fetch(&now()).await.unwrap_err().kind, ErrorKind::Transient);
    }

    #[cfg(not(target_os = "macos"))]
    #[tokio::test]
    async fn other_systems_have_no_reminders() {
        let error = Reminders::new(true, Vec::new()).fetch(&now()).await.unwrap_err();
        assert!(error.kind == ErrorKind::ActionRequired && error.message.contains("macOS only"), "{error}");
        assert_eq!(Reminders::new(false, Vec::new()).fetch(&now()).await.unwrap_err().kind, ErrorKind::NotConfigured);
    }
}
