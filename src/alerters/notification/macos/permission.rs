//! The user's permission to show notifications, and errors of UserNotifications.

use crate::alerters::Failure;

/// `UNErrorCode.notificationsNotAllowed` of `UNErrorDomain`.
const NOT_ALLOWED: isize = 1;

const SETTINGS_HINT: &str = "open System Settings › Notifications › Operator and allow them";

/// From `UNNotificationSettings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    NotAsked,
    Denied,
    Granted {
        /// Banners appear on the screen, not only in Notification Center.
        banners: bool,
        sound: bool,
    },
}

impl Permission {
    /// A sentence for `operator check`.
    pub(super) fn describe(self) -> Result<String, Failure> {
        let (banners, sound) = match self {
            Self::NotAsked => return Ok("macOS will ask for permission at the first alert".into()),
            Self::Denied => return Err(denied()),
            Self::Granted { banners, sound } => (banners, sound),
        };
        Ok(match (banners, sound) {
            (true, true) => "macOS allows banners and sound",
            (true, false) => "macOS allows banners; sound is off in System Settings",
            (false, true) => "macOS allows sound; banners are off in System Settings, look in Notification Center",
            (false, false) => "banners and sound are off in System Settings, look in Notification Center",
        }
        .into())
    }
}

pub(super) fn denied() -> Failure {
    Failure::no_transport("notifications are off for Operator", SETTINGS_HINT)
}

/// macOS shows its question, and the user has not answered.
pub(super) fn unanswered() -> Failure {
    Failure::no_transport(
        "macOS asks whether Operator may send notifications",
        format!("answer it, or {SETTINGS_HINT}"),
    )
}

pub(super) fn not_bundled() -> Failure {
    Failure::no_transport("macOS shows banners only for an app bundle", "start Operator from Operator.app")
}

/// An `NSError` of UserNotifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CenterError {
    /// Usually `UNErrorDomain`.
    pub(super) domain: String,
    pub(super) code: isize,
    /// Localized.
    pub(super) message: String,
}

impl From<CenterError> for Failure {
    fn from(error: CenterError) -> Self {
        let CenterError { domain, code, message } = error;
        if domain == "UNErrorDomain" && code == NOT_ALLOWED {
            let hint = format!(
                "{SETTINGS_HINT}; if Operator is not listed there, macOS rejects the signature of this build: use one that is \
                 signed with a Developer ID, not ad hoc"
            );
            return Self::no_transport("macOS does not allow this app to send notifications (UNErrorDomain 1)", hint);
        }
        Self::retryable(format!("macOS did not accept the notification: {message} ({domain} {code})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerters::FailureKind;

    #[test]
    fn permission_is_described_with_a_hint() {
        let describe = |banners, sound| Permission::Granted { banners, sound }.describe();
        assert_eq!(describe(true, true), Ok("macOS allows banners and sound".to_owned()));
        for (banners, sound) in [(true, false), (false, true), (false, false)] {
            assert!(describe(banners, sound).is_ok_and(|text| text.contains("System Settings")));
        }
        assert!(Permission::NotAsked.describe().is_ok_and(|text| text.contains("will ask")));
        assert_eq!(
            Permission::Denied.describe().map_err(|failure| failure.to_string()),
            Err("notifications are off for Operator – open System Settings › Notifications › Operator and allow them"
                .to_owned())
        );
    }

    #[test]
    fn rejected_build_differs_from_transient_error() {
        let failure = |domain: &str, code| {
            Failure::from(CenterError { domain: domain.into(), code, message: "It could not be done.".into() })
        };
        let rejected = failure("UNErrorDomain", 1);
        assert_eq!(rejected.kind, FailureKind::NoTransport);
        let text = rejected.to_string();
        assert!(text.contains("UNErrorDomain 1") && text.contains("ad hoc"), "{text}");
        for failure in [failure("UNErrorDomain", 1401), failure("NSCocoaErrorDomain", 1)] {
            assert_eq!(failure.kind, FailureKind::Retryable { retry_after: None });
            assert!(failure.to_string().contains("It could not be done."));
        }
    }
}
