//! EventKit: the only file that talks to it.
//!
//! Completion handlers come on threads of EventKit's own, so no run loop is needed. Objects of Objective-C stay inside one
//! call or its handler; strings and numbers leave it.
#![expect(unsafe_code, reason = "EventKit's methods are marked so, and completion handlers are given bare pointers")]

use std::sync::Mutex;

use block2::RcBlock;
use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::Bool;
use objc2::{AnyThread, sel};
use objc2_event_kit::{EKAuthorizationStatus, EKEntityType, EKEventStore, EKReminder};
use objc2_foundation::{
    NSArray, NSBundle, NSDateComponentUndefined, NSDateComponents, NSError, NSObjectProtocol, NSString,
};
use tokio::sync::oneshot;

use super::task::Reminder;
use super::{Access, Library, SOURCE};
use crate::sources::error::SourceError;

/// Info.plist's key for why reminders are read. macOS ends a process without one at the first question.
const REASON: &str = "NSRemindersFullAccessUsageDescription";

/// The reminders of the person who is logged in.
#[derive(Debug)]
pub(crate) struct EventKit;

impl Library for EventKit {
    fn obstacle(&self) -> Option<SourceError> {
        let said = autoreleasepool(|_| {
            NSBundle::mainBundle().objectForInfoDictionaryKey(&NSString::from_str(REASON)).is_some()
        });
        let advice = "start Operator.app, or its program inside it, and not a bare program";
        (!said).then(|| SourceError::needs_user(SOURCE, "macOS gives reminders to apps only", advice))
    }

    fn access(&self) -> Access {
        // SAFETY: a class method that takes a number and gives one.
        match unsafe { EKEventStore::authorizationStatusForEntityType(EKEntityType::Reminder) } {
            EKAuthorizationStatus::FullAccess => Access::Granted,
            EKAuthorizationStatus::NotDetermined => Access::NotAsked,
            EKAuthorizationStatus::Restricted => Access::Restricted,
            _ => Access::Refused,
        }
    }

    fn ask(&self) -> oneshot::Receiver<bool> {
        let (answer, receiver) = once();
        autoreleasepool(|_| {
            let store = store();
            let kept = store.clone(); // the question lives as long as the store
            let handler = RcBlock::new(move |granted: Bool, _: *mut NSError| {
                let _ = &kept;
                answer(granted.as_bool());
            });
            let handler = RcBlock::as_ptr(&handler);
            if store.respondsToSelector(sel!(requestFullAccessToRemindersWithCompletion:)) {
                // SAFETY: the block is valid, and EventKit copies it.
                unsafe { store.requestFullAccessToRemindersWithCompletion(handler) };
            } else {
                #[expect(deprecated, reason = "macOS 13 has only this one")]
                // SAFETY: as above.
                unsafe {
                    store.requestAccessToEntityType_completion(EKEntityType::Reminder, handler);
                }
            }
        });
        receiver
    }

    fn open(&self) -> oneshot::Receiver<Option<Vec<Reminder>>> {
        let (answer, receiver) = once();
        autoreleasepool(|_| {
            let store = store();
            let kept = store.clone(); // its reminders are good only while it lives
            let handler = RcBlock::new(move |found: *mut NSArray<EKReminder>| {
                let _ = &kept;
                // SAFETY: the argument of a completion handler is a valid object while the handler runs, or null.
                let found = unsafe { found.as_ref() };
                answer(found.map(|found| found.iter().map(|reminder| read(&reminder)).collect()));
            });
            // SAFETY: no dates and no calendars stand for all of them; EventKit copies the block.
            unsafe {
                let all = store.predicateForIncompleteRemindersWithDueDateStarting_ending_calendars(None, None, None);
                store.fetchRemindersMatchingPredicate_completion(&all, &handler);
            }
        });
        receiver
    }
}

fn store() -> Retained<EKEventStore> {
    // SAFETY: a plain initialiser.
    unsafe { EKEventStore::init(EKEventStore::alloc()) }
}

fn read(reminder: &EKReminder) -> Reminder {
    // SAFETY: these read properties of a valid object.
    unsafe {
        let due = reminder.dueDateComponents();
        let due = due.as_deref();
        Reminder {
            id: reminder.calendarItemIdentifier().to_string(),
            title: reminder.title().to_string(),
            list: reminder.calendar().map(|list| list.title().to_string()).unwrap_or_default(),
            date: due.and_then(date),
            time: due.and_then(time),
            zone: due.and_then(NSDateComponents::timeZone).map(|zone| zone.name().to_string()),
            priority: reminder.priority(),
            recurs: reminder.hasRecurrenceRules(),
        }
    }
}

fn date(due: &NSDateComponents) -> Option<(i64, i64, i64)> {
    Some((known(due.year())?, known(due.month())?, known(due.day())?))
}

fn time(due: &NSDateComponents) -> Option<(i64, i64)> {
    known(due.hour()).map(|hour| (hour, known(due.minute()).unwrap_or(0)))
}

fn known(component: isize) -> Option<i64> {
    (component != NSDateComponentUndefined).then(|| i64::try_from(component).ok())?
}

/// A way to answer from a completion handler, which may run on any thread: the first answer counts.
fn once<T>() -> (impl Fn(T), oneshot::Receiver<T>) {
    let (sender, receiver) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let answer = move |value| {
        let sender = sender.lock().ok().and_then(|mut sender| sender.take());
        // Whoever asked may have given up.
        let _ = sender.map(|sender| sender.send(value));
    };
    (answer, receiver)
}
