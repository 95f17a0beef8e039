//! Apple's own login items: the running app asks macOS to start it with the session (`SMAppService`).

use std::path::Path;

use super::bundle::is_bundled;
use super::status::State;
use super::{LoginItemError, Result};

/// What macOS knows of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    On,
    /// Registered, and the person has to allow it, or has switched it off.
    Waiting,
    Off,
}

const ALLOW: &str = "allow it in System Settings › General › Login Items";

/// Ask for it. Says what was done.
pub(crate) fn register() -> Result<String> {
    let asked = system::register();
    match system::known() {
        // Whatever was answered (that it is registered already, or that the person has switched it off), this is how it stands.
        Known::On => Ok("Operator starts with your next session.".into()),
        Known::Waiting => Ok(format!("Operator is registered, but does not start with your session yet: {ALLOW}.")),
        Known::Off => Err(LoginItemError::Refused(asked.err().unwrap_or_else(|| ALLOW.into()))),
    }
}

/// Take it back; none if it was not there, or cannot be seen from outside the app.
pub(crate) fn unregister(program: &Path) -> Result<Option<String>> {
    if !is_bundled(program) || system::known() == Known::Off {
        return Ok(None);
    }
    system::unregister().map_err(LoginItemError::Refused)?;
    Ok(Some("Removed the app's login item.".into()))
}

/// How it stands.
pub(crate) fn state(program: &Path) -> State {
    if !is_bundled(program) {
        let note = "only the app itself can tell: ask the operator in Operator.app";
        return State { note: Some(note.into()), ..State::default() };
    }
    let known = system::known();
    let installed = known != Known::Off;
    State {
        installed: Some(installed),
        enabled: known == Known::On,
        // macOS finds the app by its identifier, wherever it is moved.
        current: installed.then_some(true),
        note: (known == Known::Waiting).then(|| ALLOW.into()),
        ..State::default()
    }
}

#[cfg(target_os = "macos")]
mod system {
    use auto_launch::{AutoLaunch, Error, MacOSLaunchMode};
    use smappservice_rs::{AppService, ServiceManagementError, ServiceStatus, ServiceType};

    use super::Known;

    /// In this mode nothing but the running app counts: name, path and arguments are not used.
    fn auto_launch() -> AutoLaunch {
        let nothing: [&str; 0] = [];
        AutoLaunch::new("", "", MacOSLaunchMode::SMAppService, &nothing, &nothing, "")
    }

    pub(crate) fn register() -> Result<(), String> {
        auto_launch().enable().map_err(|error| in_words(&error))
    }

    pub(crate) fn unregister() -> Result<(), String> {
        auto_launch().disable().map_err(|error| in_words(&error))
    }

    /// Asked directly: auto-launch does not tell what waits to be allowed from what is off.
    pub(crate) fn known() -> Known {
        match AppService::new(ServiceType::MainApp).status() {
            ServiceStatus::Enabled => Known::On,
            ServiceStatus::RequiresApproval => Known::Waiting,
            ServiceStatus::NotRegistered | ServiceStatus::NotFound => Known::Off,
        }
    }

    fn in_words(error: &Error) -> String {
        match error {
            Error::SMAppServiceRegistrationFailed(code) | Error::SMAppServiceUnregistrationFailed(code) => {
                ServiceManagementError::try_from(*code)
                    .map_or_else(|()| format!("error {code}"), |known| format!("{known} (error {code})"))
            }
            other => other.to_string(),
        }
    }
}

#[cfg(not(target_os = "macos"))]
mod system {
    use super::Known;

    const ELSEWHERE: &str = "there is no SMAppService here";

    pub(crate) fn register() -> Result<(), String> {
        Err(ELSEWHERE.into())
    }

    pub(crate) fn unregister() -> Result<(), String> {
        Err(ELSEWHERE.into())
    }

    pub(crate) const fn known() -> Known {
        Known::Off
    }
}
