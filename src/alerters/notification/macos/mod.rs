//! Banners on macOS: from the app bundle through UserNotifications, from a bare program through `osascript`.
//!
//! `banners` decides what is shown, asked and said; `center` is the only file that talks to UserNotifications; `script` runs
//! `osascript`.
//!
//! Limits:
//! - Completion handlers come on threads of the system ("may be executed on a background thread", Apple says of each), so
//!   permission and banners work without a run loop. What is pressed, and the question how to present a banner, come on the
//!   main thread: they need a run loop there, which the menu has and `--headless` has not. Headless, buttons do nothing.
//! - A press that starts the app reaches it only if the delegate is there "before your app finishes launching" (Apple,
//!   `UNUserNotificationCenter.delegate`), that is, if the engine runs before the menu's event loop does.
//! - macOS takes "time sensitive" for "active" where the app's signature lacks the Time Sensitive Notifications entitlement.
//! - `osascript` shows banners in its own name; they cannot be answered or brought up to date.

mod banners;
#[cfg(target_os = "macos")]
mod center;
mod permission;
mod script;

#[cfg(target_os = "macos")]
pub(super) fn alerter(_env: &crate::config::Env) -> std::sync::Arc<dyn crate::alerters::Alerter> {
    if center::is_bundled() {
        std::sync::Arc::new(banners::Banners::new(center::System))
    } else {
        std::sync::Arc::new(script::Script::default())
    }
}
