//! Apple Reminders, through EventKit: on a Mac only.
//!
//! `event_kit` is the only file that talks to EventKit; what is asked, read and said is decided here and in `task`, on every
//! system, so that it is tested on every system.

#[cfg(target_os = "macos")]
mod event_kit;
mod task;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::ZonedDateTime;
use tokio::sync::oneshot;

use self::task::Reminder;
use super::error::SourceError;
use super::tasks::{Reading, TaskSource};
use crate::core::facts::TaskReading;

const SOURCE: &str = "reminders";

const SETTINGS: &str = "allow it in System Settings › Privacy & Security › Reminders › Operator";

/// The person has so long to answer before the check goes on without; the answer counts from the next check on.
const PATIENCE: Duration = Duration::from_secs(30);

/// EventKit reads a database on this machine.
const LIMIT: Duration = Duration::from_secs(15);

/// What the person has decided about their reminders.
#[cfg_attr(not(any(test, target_os = "macos")), expect(dead_code, reason = "only EventKit knows"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Nothing yet.
    NotAsked,
    /// Yes.
    Granted,
    /// No.
    Refused,
    /// Not theirs to decide, on a managed Mac.
    Restricted,
}

/// What is asked of EventKit.
trait Library: Debug + Send + Sync {
    /// Why it cannot even be asked, if it cannot.
    fn obstacle(&self) -> Option<SourceError>;

    /// What the person has decided.
    fn access(&self) -> Access;

    /// Ask the person; true if they agree. The answer may take as long as they do.
    fn ask(&self) -> oneshot::Receiver<bool>;

    /// Every reminder that is not ticked off; none if EventKit gives none out.
    fn open(&self) -> oneshot::Receiver<Option<Vec<Reminder>>>;
}

/// The reminders of this Mac.
#[derive(Debug)]
pub struct Reminders {
    library: Option<Arc<dyn Library>>,
    enabled: bool,
    lists: Vec<String>,
    asked: AtomicBool,
}

impl Reminders {
    /// Those in `lists`, or in all lists if none is named.
    #[must_use]
    pub fn new(enabled: bool, lists: Vec<String>) -> Self {
        #[cfg(target_os = "macos")]
        let library: Option<Arc<dyn Library>> = Some(Arc::new(event_kit::EventKit));
        #[cfg(not(target_os = "macos"))]
        let library = None;
        Self { library, enabled, lists, asked: AtomicBool::new(false) }
    }

    async fn open(&self, now: &ZonedDateTime) -> Result<TaskReading, SourceError> {
        if !self.enabled {
            let advice = "set sources.reminders.enabled to true";
            return Err(SourceError::not_set_up(SOURCE, "switched off", advice));
        }
        let Some(library) = &self.library else {
            let advice = "set sources.reminders.enabled to false";
            return Err(SourceError::needs_user(SOURCE, "Apple Reminders are on a Mac only", advice));
        };
        if let Some(obstacle) = library.obstacle() {
            return Err(obstacle);
        }
        match library.access() {
            Access::Granted => {}
            Access::NotAsked => self.ask(library.as_ref()).await?,
            Access::Refused => return Err(refused()),
            Access::Restricted => {
                let advice = "ask who manages this Mac, or set sources.reminders.enabled to false";
                return Err(SourceError::needs_user(SOURCE, "this Mac does not let apps read reminders", advice));
            }
        }
        let silent = || SourceError::outage(SOURCE, "EventKit gave no reminders out");
        let found = tokio::time::timeout(LIMIT, library.open()).await;
        let open = found.ok().and_then(Result::ok).flatten().ok_or_else(silent)?;
        Ok(task::reading(open, &self.lists, now))
    }

    /// Ask the person, once in the life of this process: macOS keeps the answer.
    async fn ask(&self, library: &dyn Library) -> Result<(), SourceError> {
        let open = || SourceError::needs_user(SOURCE, "macOS asks whether Operator may read reminders", SETTINGS);
        if self.asked.swap(true, Ordering::Relaxed) {
            return Err(open());
        }
        match tokio::time::timeout(PATIENCE, library.ask()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(_) => Err(refused()),
            Err(_) => Err(open()),
        }
    }
}

fn refused() -> SourceError {
    SourceError::needs_user(SOURCE, "Operator may not read reminders", SETTINGS)
}

impl TaskSource for Reminders {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn is_set_up(&self) -> bool {
        self.enabled
    }

    fn is_local(&self) -> bool {
        true
    }

    fn read<'a>(&'a self, now: &'a ZonedDateTime) -> Reading<'a> {
        Box::pin(self.open(now))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Mutex;

    use super::*;
    use crate::sources::error::Fault;

    /// A person and their reminders; `answer` is none for one who does not answer.
    #[derive(Debug)]
    struct Played {
        access: Access,
        answer: Option<bool>,
        open: Option<Vec<Reminder>>,
        questions: Mutex<Vec<oneshot::Sender<bool>>>,
    }

    impl Library for Played {
        fn obstacle(&self) -> Option<SourceError> {
            None
        }

        fn access(&self) -> Access {
            self.access
        }

        fn ask(&self) -> oneshot::Receiver<bool> {
            let (sender, receiver) = oneshot::channel();
            match self.answer {
                Some(answer) => sender.send(answer).unwrap(),
                None => self.questions.lock().unwrap().push(sender),
            }
            receiver
        }

        fn open(&self) -> oneshot::Receiver<Option<Vec<Reminder>>> {
            let (sender, receiver) = oneshot::channel();
            sender.send(self.open.clone()).unwrap();
            receiver
        }
    }

    fn reminders(access: Access, answer: Option<bool>) -> (Reminders, Arc<Played>) {
        let milk = Reminder { id: "1".into(), title: "Milk".into(), ..Reminder::default() };
        let played = Arc::new(Played { access, answer, open: Some(vec![milk]), questions: Mutex::default() });
        let reminders = Reminders {
            library: Some(Arc::clone(&played) as Arc<dyn Library>),
            enabled: true,
            lists: Vec::new(),
            asked: AtomicBool::new(false),
        };
        (reminders, played)
    }

    fn now() -> ZonedDateTime {
        "2026-11-20T09:00[America/Chicago]".parse().unwrap()
    }

    #[tokio::test]
    async fn who_has_agreed_is_not_asked_and_who_agrees_now_is_read_at_once() {
        for (access, answer) in [(Access::Granted, None), (Access::NotAsked, Some(true))] {
            let (reminders, played) = reminders(access, answer);
            assert_eq!(reminders.read(&now()).await.unwrap().tasks.len(), 1);
            assert!(played.questions.lock().unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn a_refusal_needs_the_person_and_says_where() {
        for (access, answer) in [(Access::Refused, None), (Access::NotAsked, Some(false))] {
            let error = reminders(access, answer).0.read(&now()).await.unwrap_err();
            assert_eq!(error.fault, Fault::NeedsUser);
            assert!(error.what.contains("may not") && error.advice.contains("System Settings"), "{error}");
        }
        let error = reminders(Access::Restricted, None).0.read(&now()).await.unwrap_err();
        assert!(error.fault == Fault::NeedsUser && error.advice.contains("who manages"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_is_asked_once_and_never_waited_for_again() {
        let (reminders, played) = reminders(Access::NotAsked, None);
        for _ in 0..3 {
            let error = reminders.read(&now()).await.unwrap_err();
            assert!(error.fault == Fault::NeedsUser && error.what.contains("asks"), "{error}");
        }
        assert_eq!(played.questions.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_library_that_gives_nothing_out_is_an_outage_not_an_empty_list() {
        let (mut reminders, _) = reminders(Access::Granted, None);
        let closed = Played { access: Access::Granted, answer: None, open: None, questions: Mutex::default() };
        reminders.library = Some(Arc::new(closed));
        assert_eq!(reminders.read(&now()).await.unwrap_err().fault, Fault::Outage);
    }

    #[cfg(not(target_os = "macos"))]
    #[tokio::test]
    async fn elsewhere_they_cannot_be_switched_on() {
        let error = Reminders::new(true, Vec::new()).read(&now()).await.unwrap_err();
        assert!(error.fault == Fault::NeedsUser && error.what.contains("Mac only"), "{error}");
        assert_eq!(Reminders::new(false, Vec::new()).read(&now()).await.unwrap_err().fault, Fault::NotSetUp);
    }
}
