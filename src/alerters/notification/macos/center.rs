//! UserNotifications: the only file that talks to it, and the only one with unsafe code.
//!
//! The center is not bound to the main thread: no method of it is marked so, and its own handlers come on any. Objects of
//! Objective-C stay inside one call; strings and numbers leave it.
#![expect(
    unsafe_code,
    reason = "a delegate is a class of Objective-C, and completion handlers are given bare pointers"
)]

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, Once, OnceLock};

use block2::{DynBlock, RcBlock};
use objc2::rc::{Retained, autoreleasepool};
use objc2::runtime::{AnyObject, Bool, ProtocolObject};
use objc2::{AnyThread, DefinedClass, define_class, msg_send};
use objc2_foundation::{NSArray, NSBundle, NSDictionary, NSError, NSObject, NSObjectProtocol, NSSet, NSString};
use objc2_user_notifications::{
    UNAlertStyle, UNAuthorizationOptions, UNAuthorizationStatus, UNMutableNotificationContent, UNNotification,
    UNNotificationAction, UNNotificationActionOptions, UNNotificationCategory, UNNotificationCategoryOptions,
    UNNotificationInterruptionLevel, UNNotificationPresentationOptions, UNNotificationRequest, UNNotificationResponse,
    UNNotificationSetting, UNNotificationSettings, UNNotificationSound, UNUserNotificationCenter,
    UNUserNotificationCenterDelegate,
};
use tokio::sync::{mpsc, oneshot};

use super::banners::{Center, Presses};
use super::permission::{Complaint, Permission};
use crate::alerters::notification::banner::{Banner, Loudness};
use crate::alerters::{ActionButton, UserAction};

/// The category of what can be answered.
const ANSWERABLE: &str = "answerable";

/// Where `userInfo` holds the notice that a banner tells.
const NOTICE: &str = "notice";

/// Whether this program runs from an app bundle. Without one, UserNotifications raises an exception at the first touch.
pub(super) fn is_bundled() -> bool {
    autoreleasepool(|_| {
        let bundle = NSBundle::mainBundle();
        // A bare program can have an identifier too, built into its executable; its "bundle" is the folder that it lies in.
        bundle.bundleIdentifier().is_some() && bundle.bundlePath().to_string().ends_with(".app")
    })
}

/// The center of this process. To be used in a bundle only.
#[derive(Debug)]
pub(super) struct System;

impl Center for System {
    fn permission(&self) -> oneshot::Receiver<Permission> {
        let (answer, receiver) = once();
        let handler = RcBlock::new(move |settings: NonNull<UNNotificationSettings>| {
            // SAFETY: the argument of a completion handler is a valid object for as long as the handler runs.
            answer(permission_in(unsafe { settings.as_ref() }));
        });
        with_center(|center| center.getNotificationSettingsWithCompletionHandler(&handler));
        receiver
    }

    fn ask(&self) -> oneshot::Receiver<Result<bool, Complaint>> {
        let (answer, receiver) = once();
        let handler = RcBlock::new(move |granted: Bool, error: *mut NSError| {
            // SAFETY: as above; null where there is no error.
            let complaint = unsafe { error.as_ref() }.map(complaint);
            answer(match complaint {
                Some(complaint) if granted.is_false() => Err(complaint),
                _ => Ok(granted.as_bool()),
            });
        });
        let wanted = UNAuthorizationOptions::Alert | UNAuthorizationOptions::Sound;
        with_center(|center| center.requestAuthorizationWithOptions_completionHandler(wanted, &handler));
        receiver
    }

    fn standing(&self, banner: &str) -> oneshot::Receiver<Option<String>> {
        let (answer, receiver) = once();
        let name = banner.to_owned();
        let handler = RcBlock::new(move |shown: NonNull<NSArray<UNNotification>>| {
            // SAFETY: as above.
            let requests = unsafe { shown.as_ref() }.iter().map(|shown| shown.request());
            let request = requests.into_iter().find(|request| request.identifier().to_string() == name);
            answer(request.map(|request| notice_in(&request)));
        });
        with_center(|center| center.getDeliveredNotificationsWithCompletionHandler(&handler));
        receiver
    }

    fn show(&self, name: &str, told: &str, banner: &Banner) -> oneshot::Receiver<Result<(), Complaint>> {
        let (answer, receiver) = once();
        let handler = RcBlock::new(move |error: *mut NSError| {
            // SAFETY: as above; null where there is no error.
            answer(unsafe { error.as_ref() }.map_or(Ok(()), |error| Err(complaint(error))));
        });
        with_center(|center| {
            register_buttons(center);
            // No trigger: right away. "If you use the same identifier […] the system […] replaces it with the new one" (Apple,
            // `UNNotificationRequest.identifier`).
            let name = NSString::from_str(name);
            let request =
                UNNotificationRequest::requestWithIdentifier_content_trigger(&name, &content(told, banner), None);
            center.addNotificationRequest_withCompletionHandler(&request, Some(&handler));
        });
        receiver
    }

    fn presses(&self) -> Presses {
        // For as long as the process lives: the center holds its delegate weakly, and an engine may follow another.
        static EAR: OnceLock<(Retained<Delegate>, Presses)> = OnceLock::new();
        let (_, presses) = EAR.get_or_init(|| {
            let (pressed, presses) = mpsc::channel(16);
            let delegate = Delegate::new(pressed);
            with_center(|center| {
                register_buttons(center);
                center.setDelegate(Some(ProtocolObject::from_ref(&*delegate)));
            });
            (delegate, Arc::new(tokio::sync::Mutex::new(presses)))
        });
        Arc::clone(presses)
    }
}

/// Threads other than the main one have no pool of their own for what Objective-C leaves behind.
fn with_center<T>(work: impl FnOnce(&UNUserNotificationCenter) -> T) -> T {
    autoreleasepool(|_| work(&UNUserNotificationCenter::currentNotificationCenter()))
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

fn permission_in(settings: &UNNotificationSettings) -> Permission {
    let is_on = |setting| setting == UNNotificationSetting::Enabled;
    let banners = is_on(settings.alertSetting()) && settings.alertStyle() != UNAlertStyle::None;
    match settings.authorizationStatus() {
        UNAuthorizationStatus::NotDetermined => Permission::NotAsked,
        UNAuthorizationStatus::Denied => Permission::Refused,
        // Authorized; provisional and ephemeral ones exist on other systems.
        _ => Permission::Granted { banners, sound: is_on(settings.soundSetting()) },
    }
}

fn complaint(error: &NSError) -> Complaint {
    Complaint {
        domain: error.domain().to_string(),
        code: error.code(),
        words: error.localizedDescription().to_string(),
    }
}

fn content(told: &str, banner: &Banner) -> Retained<UNMutableNotificationContent> {
    let content = UNMutableNotificationContent::new();
    content.setTitle(&NSString::from_str(&banner.title));
    content.setBody(&NSString::from_str(&banner.body));
    content.setThreadIdentifier(&NSString::from_str(banner.thread));
    content.setInterruptionLevel(match banner.loudness {
        Loudness::Silent => UNNotificationInterruptionLevel::Passive,
        Loudness::Audible => UNNotificationInterruptionLevel::Active,
        Loudness::Urgent => UNNotificationInterruptionLevel::TimeSensitive,
    });
    if banner.loudness != Loudness::Silent {
        content.setSound(Some(&UNNotificationSound::defaultSound()));
    }
    if banner.can_be_answered {
        content.setCategoryIdentifier(&NSString::from_str(ANSWERABLE));
    }
    let told = NSDictionary::from_slices(&[&*NSString::from_str(NOTICE)], &[&*NSString::from_str(told)]);
    // SAFETY: a dictionary of strings is a property list, which is what `userInfo` takes.
    unsafe { content.setUserInfo(&Retained::cast_unchecked::<NSDictionary>(told)) };
    content
}

/// The notice that a banner tells, which is another than its name says once the alert has been told again.
fn notice_in(request: &UNNotificationRequest) -> String {
    let info = request.content().userInfo();
    let key = NSString::from_str(NOTICE);
    let told = info.objectForKey(&key).and_then(|told: Retained<AnyObject>| told.downcast::<NSString>().ok());
    told.unwrap_or_else(|| request.identifier()).to_string()
}

/// Once is enough: each call takes the place of the one before, and there is nothing new to say.
fn register_buttons(center: &UNUserNotificationCenter) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // Without options an action leaves other apps in front.
        let action = |button: ActionButton| {
            UNNotificationAction::actionWithIdentifier_title_options(
                &NSString::from_str(button.as_str()),
                &NSString::from_str(button.label()),
                UNNotificationActionOptions::empty(),
            )
        };
        // Nor does a category without options start the app when a banner is closed.
        let category = UNNotificationCategory::categoryWithIdentifier_actions_intentIdentifiers_options(
            &NSString::from_str(ANSWERABLE),
            &NSArray::from_retained_slice(&ActionButton::ALL.map(action)),
            &NSArray::new(),
            UNNotificationCategoryOptions::empty(),
        );
        center.setNotificationCategories(&NSSet::from_retained_slice(&[category]));
    });
}

define_class!(
    // SAFETY: NSObject asks nothing of those that inherit from it, and `Delegate` has no `Drop`.
    #[unsafe(super(NSObject))]
    #[name = "OperatorNotificationDelegate"]
    #[ivars = mpsc::Sender<UserAction>]
    struct Delegate;

    // SAFETY: nothing is asked for.
    unsafe impl NSObjectProtocol for Delegate {}

    // SAFETY: the methods have the types that the protocol gives them, and call their handlers.
    unsafe impl UNUserNotificationCenterDelegate for Delegate {
        /// An app with an icon in the menu bar counts as being in front, and macOS asks it how to present its banners.
        #[unsafe(method(userNotificationCenter:willPresentNotification:withCompletionHandler:))]
        fn will_present(
            &self,
            _: &UNUserNotificationCenter,
            notification: &UNNotification,
            handler: &DynBlock<dyn Fn(UNNotificationPresentationOptions)>,
        ) {
            handler.call((presentation(notification.request().content().interruptionLevel()),));
        }

        #[unsafe(method(userNotificationCenter:didReceiveNotificationResponse:withCompletionHandler:))]
        fn did_receive(
            &self,
            _: &UNUserNotificationCenter,
            response: &UNNotificationResponse,
            handler: &DynBlock<dyn Fn()>,
        ) {
            if let Some(press) = pressed(response) {
                // This is the main thread: it does not wait.
                if self.ivars().try_send(press).is_err() {
                    tracing::warn!("What was pressed on a banner is lost: the engine does not take it in");
                }
            }
            handler.call(());
        }
    }
);

impl Delegate {
    fn new(pressed: mpsc::Sender<UserAction>) -> Retained<Self> {
        let delegate = Self::alloc().set_ivars(pressed);
        // SAFETY: `init` of NSObject takes nothing and gives back an object of this class.
        unsafe { msg_send![super(delegate), init] }
    }
}

/// What is passive goes to Notification Center and does not come up: an update must make no noise.
fn presentation(level: UNNotificationInterruptionLevel) -> UNNotificationPresentationOptions {
    use UNNotificationPresentationOptions as Options;
    if level == UNNotificationInterruptionLevel::Passive {
        Options::List
    } else {
        Options::Banner | Options::List | Options::Sound
    }
}

/// A click on the banner itself, or on its ×, presses no button.
fn pressed(response: &UNNotificationResponse) -> Option<UserAction> {
    let action = response.actionIdentifier().to_string();
    let button = ActionButton::ALL.into_iter().find(|button| button.as_str() == action)?;
    Some(UserAction { message: notice_in(&response.notification().request()), button })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(loudness: Loudness, can_be_answered: bool) -> Banner {
        Banner {
            title: "3 tasks overdue".into(),
            body: "Since\nMonday \u{1F634}".into(),
            loudness,
            thread: "task",
            can_be_answered,
        }
    }

    #[test]
    fn a_test_program_is_not_in_a_bundle() {
        assert!(!is_bundled());
    }

    #[test]
    fn a_banner_is_handed_over_whole() {
        let shown = content("1f2e-4", &banner(Loudness::Urgent, true));
        assert_eq!(shown.title().to_string(), "3 tasks overdue");
        assert_eq!(shown.body().to_string(), "Since\nMonday \u{1F634}");
        assert_eq!(shown.threadIdentifier().to_string(), "task");
        assert_eq!(shown.categoryIdentifier().to_string(), ANSWERABLE);
        assert_eq!(shown.interruptionLevel(), UNNotificationInterruptionLevel::TimeSensitive);
        assert!(shown.sound().is_some());
        let quiet = content("1f2e-4", &banner(Loudness::Silent, false));
        assert_eq!(quiet.categoryIdentifier().to_string(), "");
        assert_eq!(quiet.interruptionLevel(), UNNotificationInterruptionLevel::Passive);
        assert!(quiet.sound().is_none());
        assert_eq!(presentation(quiet.interruptionLevel()), UNNotificationPresentationOptions::List);
        assert!(presentation(shown.interruptionLevel()).contains(UNNotificationPresentationOptions::Banner));
    }

    #[test]
    fn a_banner_knows_the_notice_that_it_tells_whatever_its_name() {
        let name = NSString::from_str("1f2e-1");
        let told = content("1f2e-4", &banner(Loudness::Audible, true));
        let request = UNNotificationRequest::requestWithIdentifier_content_trigger(&name, &told, None);
        assert_eq!(notice_in(&request), "1f2e-4");
        let bare = UNMutableNotificationContent::new();
        let request = UNNotificationRequest::requestWithIdentifier_content_trigger(&name, &bare, None);
        assert_eq!(notice_in(&request), "1f2e-1");
    }

    #[test]
    fn the_delegate_is_a_class_that_the_runtime_takes() {
        let (pressed, _presses) = mpsc::channel(1);
        let delegate = Delegate::new(pressed);
        assert_eq!(delegate.ivars().capacity(), 1);
    }

    #[test]
    fn the_first_answer_counts() {
        let (answer, mut receiver) = once();
        answer(1);
        answer(2);
        assert_eq!(receiver.try_recv(), Ok(1));
    }
}
