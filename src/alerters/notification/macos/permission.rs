//! Whether macOS lets Operator show banners, in words for a person.

use crate::alerters::Failure;

/// `UNErrorCode.notificationsNotAllowed` of `UNErrorDomain`.
const NOT_ALLOWED: isize = 1;

const SETTINGS: &str = "open System Settings › Notifications › Operator and allow them";

/// What the person has decided, from `UNNotificationSettings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// Nothing yet.
    NotAsked,
    /// No.
    Refused,
    /// Yes.
    Granted {
        /// They come up on the screen, not only in Notification Center.
        banners: bool,
        /// They may sound.
        sound: bool,
    },
}

impl Permission {
    /// For `check`, which does not ask.
    pub(super) fn said(self) -> Result<String, Failure> {
        let (banners, sound) = match self {
            Self::NotAsked => return Ok("macOS will ask for permission at the first alert".into()),
            Self::Refused => return Err(refused()),
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

/// The person does not want notifications.
pub(super) fn refused() -> Failure {
    Failure::no_transport("notifications are off for Operator", SETTINGS)
}

/// The person has been asked.
pub(super) fn unanswered() -> Failure {
    Failure::no_transport("macOS asks whether Operator may send notifications", format!("answer it, or {SETTINGS}"))
}

/// An error of UserNotifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// `UNErrorDomain`, most likely.
    pub(super) domain: String,
    /// Its number there.
    pub(super) code: isize,
    /// What macOS says of it.
    pub(super) words: String,
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Self {
        let Complaint { domain, code, words } = complaint;
        if domain == "UNErrorDomain" && code == NOT_ALLOWED {
            let advice = format!(
                "{SETTINGS}; if Operator is not listed there, macOS refuses this build's signature: use one that is \
                 signed with a Developer ID, not ad hoc"
            );
            return Self::no_transport("macOS does not allow this app to send notifications (UNErrorDomain 1)", advice);
        }
        Self::retryable(format!("macOS did not take the notification: {words} ({domain} {code})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerters::FailureKind;

    #[test]
    fn what_is_allowed_is_said_and_a_refusal_names_the_way_out() {
        assert_eq!(
            Permission::Granted { banners: true, sound: true }.said(),
            Ok("macOS allows banners and sound".to_owned())
        );
        for (banners, sound) in [(true, false), (false, true), (false, false)] {
            let said = Permission::Granted { banners, sound }.said();
            assert!(said.is_ok_and(|said| said.contains("System Settings")));
        }
        assert!(Permission::NotAsked.said().is_ok_and(|said| said.contains("will ask")));
        assert_eq!(
            Permission::Refused.said().map_err(|failure| failure.to_string()),
            Err("notifications are off for Operator – open System Settings › Notifications › Operator and allow them"
                .to_owned())
        );
    }

    #[test]
    fn a_build_that_macos_refuses_is_told_apart_from_a_passing_error() {
        let complaint = |domain: &str, code| {
            Failure::from(Complaint { domain: domain.into(), code, words: "It could not be done.".into() })
        };
        let refused = complaint("UNErrorDomain", 1);
        assert_eq!(refused.kind, FailureKind::NoTransport);
        assert!(refused.message.contains("UNErrorDomain 1") && refused.hint.contains("ad hoc"));
        for failure in [complaint("UNErrorDomain", 1401), complaint("NSCocoaErrorDomain", 1)] {
            assert_eq!(failure.kind, FailureKind::Retryable { retry_after: None });
            assert!(failure.message.contains("It could not be done."));
        }
    }
}
