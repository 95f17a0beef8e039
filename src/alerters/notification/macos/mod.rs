//! Banners on macOS through UserNotifications, from the app bundle only.
//!
//! `center` is the only file that calls UserNotifications. Limits:
//! - Completion handlers run on threads of the system ("may be executed on a background thread", says Apple of each):
//!   permission and banners work without a run loop. Pressed buttons, and the question how to present a banner, arrive on the
//!   main thread and need a run loop there. The menu has one, `--headless` has not: buttons do nothing there.
//! - A press that starts the app reaches it only if the delegate is set "before your app finishes launching" (Apple,
//!   `UNUserNotificationCenter.delegate`): the engine must start before the menu's event loop.
//! - macOS treats "time sensitive" as "active" if the app's signature lacks the Time Sensitive Notifications entitlement.
//! - Without a bundle UserNotifications raises an exception: every message fails as `NoTransport`.

mod alerter;
#[cfg(target_os = "macos")]
mod center;
mod permission;

#[cfg(target_os = "macos")]
#[must_use]
pub fn alerter(_env: &crate::config::Env) -> std::sync::Arc<dyn crate::alerters::Alerter> {
    let center = center::is_bundled().then_some(center::SystemCenter);
    std::sync::Arc::new(alerter::MacAlerter::new(center))
}
