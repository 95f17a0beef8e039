//! Calls to UserNotifications.
//!
//! The center is not bound to the main thread: none of its methods is marked so, and its handlers run on any thread.
//! Objective-C objects stay inside one call; only strings and numbers leave it.
#![expect(unsafe_code, reason = "a delegate is an Objective-C class, and completion handlers receive raw pointers")]

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

use super::alerter::{ActionQueue, NotificationCenter};
use super::permission::{CenterError, Permission};
use crate::alerters::notification::banner::{Banner, Urgency};
use crate::alerters::{ActionButton, UserAction};

/// The category of banners with buttons.
const BUTTONS_CATEGORY: &str = "answerable";

/// The key of the message id in `userInfo`.
const MESSAGE_ID_KEY: &str = "message_id";

/// Outside an app bundle, UserNotifications raises an exception at the first call.
pub(super) fn is_bundled() -> bool {
    autoreleasepool(|_| {
        let bundle = NSBundle::mainBundle();
        // A bare executable can contain an identifier too; its "bundle" is then its folder.
        bundle.bundleIdentifier().is_some() && bundle.bundlePath().to_string().ends_with(".app")
    })
}

/// The center of this process. Valid only in a bundle.
#[derive(Debug)]
pub(super) struct SystemCenter;

impl NotificationCenter for SystemCenter {
    fn permission(&self) -> oneshot::Receiver<Permission> {
        let (complete, receiver) = completion();
        let handler = RcBlock::new(move |settings: NonNull<UNNotificationSettings>| {
            // SAFETY: the argument of a completion handler is a valid object while the handler runs.
            complete(permission_from(unsafe { settings.as_ref() }));
        });
        with_center(|center| center.getNotificationSettingsWithCompletionHandler(&handler));
        receiver
    }

    fn request_permission(&self) -> oneshot::Receiver<Result<bool, CenterError>> {
        let (complete, receiver) = completion();
        let handler = RcBlock::new(move |granted: Bool, error: *mut NSError| {
            // SAFETY: as above; null where there is no error.
            let error = unsafe { error.as_ref() }.map(center_error);
            complete(match error {
                Some(error) if granted.is_false() => Err(error),
                _ => Ok(granted.as_bool()),
            });
        });
        let options = UNAuthorizationOptions::Alert | UNAuthorizationOptions::Sound;
        with_center(|center| center.requestAuthorizationWithOptions_completionHandler(options, &handler));
        receiver
    }

    fn visible_message(&self, banner_name: &str) -> oneshot::Receiver<Option<String>> {
        let (complete, receiver) = completion();
        let name = banner_name.to_owned();
        let handler = RcBlock::new(move |shown: NonNull<NSArray<UNNotification>>| {
            // SAFETY: as above.
            let requests = unsafe { shown.as_ref() }.iter().map(|shown| shown.request());
            let request = requests.into_iter().find(|request| request.identifier().to_string() == name);
            complete(request.map(|request| message_id_from(&request)));
        });
        with_center(|center| center.getDeliveredNotificationsWithCompletionHandler(&handler));
        receiver
    }

    fn show(&self, name: &str, message_id: &str, banner: &Banner) -> oneshot::Receiver<Result<(), CenterError>> {
        let (complete, receiver) = completion();
        let handler = RcBlock::new(move |error: *mut NSError| {
            // SAFETY: as above; null where there is no error.
            complete(unsafe { error.as_ref() }.map_or(Ok(()), |error| Err(center_error(error))));
        });
        with_center(|center| {
            register_buttons(center);
            // No trigger means immediately. "If you use the same identifier […] the system […] replaces it with the new one" (Apple,
            // `UNNotificationRequest.identifier`).
            let name = NSString::from_str(name);
            let request =
                UNNotificationRequest::requestWithIdentifier_content_trigger(&name, &content(message_id, banner), None);
            center.addNotificationRequest_withCompletionHandler(&request, Some(&handler));
        });
        receiver
    }

    fn actions(&self) -> ActionQueue {
        // Lives as long as the process: the center holds its delegate weakly, and the engine may be replaced.
        static DELEGATE: OnceLock<(Retained<Delegate>, ActionQueue)> = OnceLock::new();
        let (_, actions) = DELEGATE.get_or_init(|| {
            let (sender, actions) = mpsc::channel(16);
            let delegate = Delegate::new(sender);
            with_center(|center| {
                register_buttons(center);
                center.setDelegate(Some(ProtocolObject::from_ref(&*delegate)));
            });
            (delegate, Arc::new(tokio::sync::Mutex::new(actions)))
        });
        Arc::clone(actions)
    }
}

/// Threads other than the main one have no autorelease pool of their own.
fn with_center<T>(call: impl FnOnce(&UNUserNotificationCenter) -> T) -> T {
    autoreleasepool(|_| call(&UNUserNotificationCenter::currentNotificationCenter()))
}

/// A sender for a completion handler, which may run on any thread. Only the first value is sent.
fn completion<T>() -> (impl Fn(T), oneshot::Receiver<T>) {
    let (sender, receiver) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let complete = move |value| {
        let sender = sender.lock().ok().and_then(|mut sender| sender.take());
        // The receiver may have timed out.
        let _ = sender.map(|sender| sender.send(value));
    };
    (complete, receiver)
}

fn permission_from(settings: &UNNotificationSettings) -> Permission {
    let is_on = |setting| setting == UNNotificationSetting::Enabled;
    let banners = is_on(settings.alertSetting()) && settings.alertStyle() != UNAlertStyle::None;
    match settings.authorizationStatus() {
        UNAuthorizationStatus::NotDetermined => Permission::NotAsked,
        UNAuthorizationStatus::Denied => Permission::Denied,
        // Authorized. Provisional and ephemeral exist on other systems only.
        _ => Permission::Granted { banners, sound: is_on(settings.soundSetting()) },
    }
}

fn center_error(error: &NSError) -> CenterError {
    CenterError {
        domain: error.domain().to_string(),
        code: error.code(),
        message: error.localizedDescription().to_string(),
    }
}

fn content(message_id: &str, banner: &Banner) -> Retained<UNMutableNotificationContent> {
    let content = UNMutableNotificationContent::new();
    content.setTitle(&NSString::from_str(&banner.title));
    content.setBody(&NSString::from_str(&banner.body));
    content.setThreadIdentifier(&NSString::from_str(banner.thread));
    content.setInterruptionLevel(match banner.urgency {
        Urgency::Silent => UNNotificationInterruptionLevel::Passive,
        Urgency::Audible => UNNotificationInterruptionLevel::Active,
        Urgency::Critical => UNNotificationInterruptionLevel::TimeSensitive,
    });
    if banner.urgency != Urgency::Silent {
        content.setSound(Some(&UNNotificationSound::defaultSound()));
    }
    if banner.has_buttons {
        content.setCategoryIdentifier(&NSString::from_str(BUTTONS_CATEGORY));
    }
    let info = NSDictionary::from_slices(&[&*NSString::from_str(MESSAGE_ID_KEY)], &[&*NSString::from_str(message_id)]);
    // SAFETY: a dictionary of strings is a property list, as `userInfo` requires.
    unsafe { content.setUserInfo(&Retained::cast_unchecked::<NSDictionary>(info)) };
    content
}

/// The message that a banner shows. It differs from the banner's name after a repeat of the alert.
fn message_id_from(request: &UNNotificationRequest) -> String {
    let info = request.content().userInfo();
    let key = NSString::from_str(MESSAGE_ID_KEY);
    let id = info.objectForKey(&key).and_then(|id: Retained<AnyObject>| id.downcast::<NSString>().ok());
    id.unwrap_or_else(|| request.identifier()).to_string()
}

/// The categories never change: one call is enough.
fn register_buttons(center: &UNUserNotificationCenter) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // Without options an action does not bring the app to the front.
        let action = |button: &ActionButton| {
            UNNotificationAction::actionWithIdentifier_title_options(
                &NSString::from_str((*button).into()),
                &NSString::from_str(button.label()),
                UNNotificationActionOptions::empty(),
            )
        };
        // Without options a closed banner does not start the app.
        let category = UNNotificationCategory::categoryWithIdentifier_actions_intentIdentifiers_options(
            &NSString::from_str(BUTTONS_CATEGORY),
            &NSArray::from_retained_slice(&ActionButton::ALL.iter().map(action).collect::<Vec<_>>()),
            &NSArray::new(),
            UNNotificationCategoryOptions::empty(),
        );
        center.setNotificationCategories(&NSSet::from_retained_slice(&[category]));
    });
}

define_class!(
    // SAFETY: NSObject has no requirements for subclasses, and `Delegate` has no `Drop`.
    #[unsafe(super(NSObject))]
    #[name = "OperatorNotificationDelegate"]
    #[ivars = mpsc::Sender<UserAction>]
    struct Delegate;

    // SAFETY: the protocol has no requirements.
    unsafe impl NSObjectProtocol for Delegate {}

    // SAFETY: the methods have the signatures of the protocol, and call their handlers.
    unsafe impl UNUserNotificationCenterDelegate for Delegate {
        /// An app in the menu bar counts as frontmost: macOS asks it how to present its banners.
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
            // The main thread must not block.
            if let Some(action) = action_from(response)
                && self.ivars().try_send(action).is_err()
            {
                tracing::warn!(channel = "notification", "button press dropped, the queue is full");
            }
            handler.call(());
        }
    }
);

impl Delegate {
    fn new(sender: mpsc::Sender<UserAction>) -> Retained<Self> {
        let delegate = Self::alloc().set_ivars(sender);
        // SAFETY: `init` of NSObject takes no arguments and returns an object of this class.
        unsafe { msg_send![super(delegate), init] }
    }
}

/// A passive banner goes to Notification Center only: an update must not interrupt.
fn presentation(level: UNNotificationInterruptionLevel) -> UNNotificationPresentationOptions {
    use UNNotificationPresentationOptions as Options;
    if level == UNNotificationInterruptionLevel::Passive {
        Options::List
    } else {
        Options::Banner | Options::List | Options::Sound
    }
}

/// `None` for a click on the banner itself or on its close button.
fn action_from(response: &UNNotificationResponse) -> Option<UserAction> {
    let button = response.actionIdentifier().to_string().parse().ok()?;
    Some(UserAction { message_id: message_id_from(&response.notification().request()), button })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(urgency: Urgency, has_buttons: bool) -> Banner {
        Banner {
            title: "3 tasks overdue".into(),
            body: "Since\nMonday \u{1F634}".into(),
            urgency,
            thread: "task",
            has_buttons,
        }
    }

    #[test]
    fn test_binary_is_not_bundled() {
        assert!(!is_bundled());
    }

    #[test]
    fn content_has_all_parts_of_the_banner() {
        let shown = content("1f2e-4", &banner(Urgency::Critical, true));
        assert_eq!(shown.title().to_string(), "3 tasks overdue");
        assert_eq!(shown.body().to_string(), "Since\nMonday \u{1F634}");
        assert_eq!(shown.threadIdentifier().to_string(), "task");
        assert_eq!(shown.categoryIdentifier().to_string(), BUTTONS_CATEGORY);
        assert_eq!(shown.interruptionLevel(), UNNotificationInterruptionLevel::TimeSensitive);
        assert!(shown.sound().is_some());
        let quiet = content("1f2e-4", &banner(Urgency::Silent, false));
        assert_eq!(quiet.categoryIdentifier().to_string(), "");
        assert_eq!(quiet.interruptionLevel(), UNNotificationInterruptionLevel::Passive);
        assert!(quiet.sound().is_none());
        assert_eq!(presentation(quiet.interruptionLevel()), UNNotificationPresentationOptions::List);
        assert!(presentation(shown.interruptionLevel()).contains(UNNotificationPresentationOptions::Banner));
    }

    #[test]
    fn message_id_is_stored_in_the_banner() {
        let name = NSString::from_str("1f2e-1");
        let content = content("1f2e-4", &banner(Urgency::Audible, true));
        let request = UNNotificationRequest::requestWithIdentifier_content_trigger(&name, &content, None);
        assert_eq!(message_id_from(&request), "1f2e-4");
        let bare = UNMutableNotificationContent::new();
        let request = UNNotificationRequest::requestWithIdentifier_content_trigger(&name, &bare, None);
        assert_eq!(message_id_from(&request), "1f2e-1");
    }

    #[test]
    fn delegate_class_is_registered() {
        let (sender, _actions) = mpsc::channel(1);
        let delegate = Delegate::new(sender);
        assert_eq!(delegate.ivars().capacity(), 1);
    }

    #[test]
    fn first_completion_counts() {
        let (complete, mut receiver) = completion();
        complete(1);
        complete(2);
        assert_eq!(receiver.try_recv(), Ok(1));
    }
}
