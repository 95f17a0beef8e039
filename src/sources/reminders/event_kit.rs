//! Calls EventKit; no other file does.
//!
//! Completion handlers run on EventKit's threads, so no run loop is needed. Objective-C objects stay inside one call or its
//! handler; only strings and numbers leave it.
#![expect(unsafe_code, reason = "EventKit's methods are unsafe, and completion handlers receive raw pointers")]

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

use super::reminder::Reminder;
use super::{EventStore, Permission, SOURCE};
use crate::sources::Error;

/// Key in Info.plist. macOS kills a process that asks for access without it.
const USAGE_DESCRIPTION_KEY: &str = "NSRemindersFullAccessUsageDescription";

#[derive(Debug)]
pub(crate) struct EventKit;

impl EventStore for EventKit {
    fn unavailable(&self) -> Option<Error> {
        let has_description = autoreleasepool(|_| {
            NSBundle::mainBundle().objectForInfoDictionaryKey(&NSString::from_str(USAGE_DESCRIPTION_KEY)).is_some()
        });
        let advice = "start Operator.app, or the program inside it";
        (!has_description).then(|| Error::action_required(SOURCE, "macOS lets only apps read reminders", advice))
    }

    fn permission(&self) -> Permission {
        // SAFETY: a class method from a number to a number.
        match unsafe { EKEventStore::authorizationStatusForEntityType(EKEntityType::Reminder) } {
            EKAuthorizationStatus::FullAccess => Permission::Granted,
            EKAuthorizationStatus::NotDetermined => Permission::NotAsked,
            EKAuthorizationStatus::Restricted => Permission::Restricted,
            _ => Permission::Denied,
        }
    }

    fn request_permission(&self) -> oneshot::Receiver<bool> {
        let (answer, receiver) = answer_channel();
        autoreleasepool(|_| {
            let store = new_store();
            let kept = store.clone(); // the request lives as long as the store
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

    fn incomplete_reminders(&self) -> oneshot::Receiver<Option<Vec<Reminder>>> {
        let (answer, receiver) = answer_channel();
        autoreleasepool(|_| {
            let store = new_store();
            let kept = store.clone(); // its reminders are valid only while it lives
            let handler = RcBlock::new(move |reminders: *mut NSArray<EKReminder>| {
                let _ = &kept;
                // SAFETY: the argument of a completion handler is a valid object while the handler runs, or null.
                let reminders = unsafe { reminders.as_ref() };
                answer(reminders.map(|reminders| reminders.iter().map(|reminder| convert(&reminder)).collect()));
            });
            // SAFETY: nil dates and calendars mean all of them; EventKit copies the block.
            unsafe {
                let all = store.predicateForIncompleteRemindersWithDueDateStarting_ending_calendars(None, None, None);
                store.fetchRemindersMatchingPredicate_completion(&all, &handler);
            }
        });
        receiver
    }
}

fn new_store() -> Retained<EKEventStore> {
    // SAFETY: a plain initialiser.
    unsafe { EKEventStore::init(EKEventStore::alloc()) }
}

fn convert(reminder: &EKReminder) -> Reminder {
    // SAFETY: these read properties of a valid object.
    unsafe {
        let due = reminder.dueDateComponents();
        let due = due.as_deref();
        Reminder {
            id: reminder.calendarItemIdentifier().to_string(),
            title: reminder.title().to_string(),
            list: reminder.calendar().map(|list| list.title().to_string()).unwrap_or_default(),
            date: due.and_then(date_of),
            time: due.and_then(time_of),
            zone: due.and_then(NSDateComponents::timeZone).map(|zone| zone.name().to_string()),
            priority: reminder.priority(),
            is_recurring: reminder.hasRecurrenceRules(),
        }
    }
}

fn date_of(due: &NSDateComponents) -> Option<(i64, i64, i64)> {
    Some((defined(due.year())?, defined(due.month())?, defined(due.day())?))
}

fn time_of(due: &NSDateComponents) -> Option<(i64, i64)> {
    defined(due.hour()).map(|hour| (hour, defined(due.minute()).unwrap_or(0)))
}

fn defined(component: isize) -> Option<i64> {
    (component != NSDateComponentUndefined).then(|| i64::try_from(component).ok())?
}

/// A callback for completion handlers on any thread, and the receiver of its first value.
fn answer_channel<T>() -> (impl Fn(T), oneshot::Receiver<T>) {
    let (sender, receiver) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let answer = move |value| {
        let sender = sender.lock().ok().and_then(|mut sender| sender.take());
        // The receiver may have timed out.
        let _ = sender.map(|sender| sender.send(value));
    };
    (answer, receiver)
}
