//! Whether this desktop has a tray.

/// macOS always has a menu bar.
#[cfg(target_os = "macos")]
pub fn check_tray_available(_env: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    Ok(())
}

/// Look for a tray on the session bus, for at most 3 s: a bus that never answers would block the tray library. The error begins
/// a sentence.
#[cfg(not(target_os = "macos"))]
pub fn check_tray_available(env: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";
    let named = env("DBUS_SESSION_BUS_ADDRESS").filter(|address| !address.is_empty());
    let default = || Some(format!("unix:path={}/bus", env("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty())?));
    let address = named.or_else(default).ok_or("There is no session bus")?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let query = async {
        let bus = zbus::connection::Builder::address(address.as_str())?.build().await?;
        let names = zbus::fdo::DBusProxy::new(&bus).await?;
        names.name_has_owner(WATCHER.try_into()?).await.map_err(zbus::Error::from)
    };
    let answer: Result<Result<bool, zbus::Error>, _> =
        runtime.block_on(async { tokio::time::timeout(TIMEOUT, query).await });
    runtime.shutdown_background();
    match answer {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("There is no tray on this desktop".into()),
        Ok(Err(error)) => Err(format!("There is no session bus ({error})")),
        Err(_) => Err("The session bus does not answer".into()),
    }
}
