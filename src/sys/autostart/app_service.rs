//! Apple's login items: the running app registers itself (`SMAppService`).

use std::path::Path;

use super::bundle::is_bundled;
use super::status::State;
use super::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registration {
    Enabled,
    /// Registered, but the user has not allowed it.
    RequiresApproval,
    None,
}

const ALLOW: &str = "allow it in System Settings › General › Login Items";

/// Returns a sentence for the user.
pub(crate) fn register() -> Result<String> {
    let result = system::register();
    match system::registration() {
        // The result can be an error although the app is registered: the registration counts.
        Registration::Enabled => Ok("Operator starts at your next login.".into()),
        Registration::RequiresApproval => {
            Ok(format!("Operator is registered, but does not start at login yet: {ALLOW}."))
        }
        Registration::None => Err(Error::Refused(result.err().unwrap_or_else(|| ALLOW.into()))),
    }
}

/// None if it was not registered, or if this program is outside the app.
pub(crate) fn unregister(program: &Path) -> Result<Option<String>> {
    if !is_bundled(program) || system::registration() == Registration::None {
        return Ok(None);
    }
    system::unregister().map_err(Error::Refused)?;
    Ok(Some("Removed the app's login item.".into()))
}

pub(crate) fn state(program: &Path) -> State {
    if !is_bundled(program) {
        let note = "only the app knows: run the operator inside Operator.app";
        return State { note: Some(note.into()), ..State::default() };
    }
    let registration = system::registration();
    let installed = registration != Registration::None;
    State {
        installed: Some(installed),
        enabled: registration == Registration::Enabled,
        // macOS finds the app by its identifier, wherever it is moved.
        current: installed.then_some(true),
        note: (registration == Registration::RequiresApproval).then(|| ALLOW.into()),
        ..State::default()
    }
}

#[cfg(target_os = "macos")]
mod system {
    use auto_launch::{AutoLaunch, Error, MacOSLaunchMode};
    use smappservice_rs::{AppService, ServiceManagementError, ServiceStatus, ServiceType};

    use super::Registration;

    /// This mode ignores name, path and arguments.
    fn auto_launch() -> AutoLaunch {
        let no_arguments: [&str; 0] = [];
        AutoLaunch::new("", "", MacOSLaunchMode::SMAppService, &no_arguments, &no_arguments, "")
    }

    pub(crate) fn register() -> Result<(), String> {
        auto_launch().enable().map_err(|error| error_text(&error))
    }

    pub(crate) fn unregister() -> Result<(), String> {
        auto_launch().disable().map_err(|error| error_text(&error))
    }

    /// auto-launch does not distinguish "requires approval" from "off".
    pub(crate) fn registration() -> Registration {
        match AppService::new(ServiceType::MainApp).status() {
            ServiceStatus::Enabled => Registration::Enabled,
            ServiceStatus::RequiresApproval => Registration::RequiresApproval,
            ServiceStatus::NotRegistered | ServiceStatus::NotFound => Registration::None,
        }
    }

    fn error_text(error: &Error) -> String {
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
    use super::Registration;

    const UNSUPPORTED: &str = "SMAppService exists on macOS only";

    pub(crate) fn register() -> Result<(), String> {
        Err(UNSUPPORTED.into())
    }

    pub(crate) fn unregister() -> Result<(), String> {
        Err(UNSUPPORTED.into())
    }

    pub(crate) const fn registration() -> Registration {
        Registration::None
    }
}
