//! Where the session bus is, and the way to it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;
use zbus::Connection;
use zbus::address::transport::{Transport, UnixSocket};
use zbus::connection::Builder;

use crate::config::Env;

/// Where the session bus is, if it is anywhere.
#[derive(Debug)]
pub(super) enum Address {
    /// As somebody wrote it: one or more, `;` between them, to be tried in turn.
    Written(String),
    /// The usual socket, which may not be there yet.
    Baseline(PathBuf),
}

impl Address {
    /// What the environment says.
    pub(super) fn of(env: &Env) -> Option<Self> {
        let value = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        if let Some(written) = value("DBUS_SESSION_BUS_ADDRESS") {
            return Some(Self::Written(written));
        }
        let folder = PathBuf::from(value("XDG_RUNTIME_DIR")?);
        folder.is_absolute().then(|| Self::Baseline(folder.join("bus")))
    }

    /// Whether there is a way to try.
    pub(super) fn exists(&self) -> bool {
        match self {
            Self::Written(_) => true,
            Self::Baseline(socket) => socket.exists(),
        }
    }

    pub(super) async fn connect(&self) -> zbus::Result<Connection> {
        let written = match self {
            Self::Baseline(socket) => return connect_to(socket).await,
            Self::Written(written) => written,
        };
        let mut outcome = Err(zbus::Error::Address("it is empty".into()));
        for address in written.split(';').map(str::trim).filter(|address| !address.is_empty()) {
            outcome = connect_by(address).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }
}

async fn connect_by(address: &str) -> zbus::Result<Connection> {
    let address: zbus::Address = address.parse()?;
    let Transport::Unix(unix) = address.transport() else {
        return Builder::address(address)?.build().await;
    };
    match unix.path() {
        UnixSocket::File(path) => connect_to(path).await,
        #[cfg(target_os = "linux")]
        UnixSocket::Abstract(name) => {
            let mut path = OsString::from("\0");
            path.push(name);
            connect_to(Path::new(&path)).await
        }
        _ => Err(zbus::Error::Unsupported),
    }
}

/// By a socket of tokio's: zbus would take a thread of its own for connecting, and a bus that is stuck would keep it.
async fn connect_to(socket: &Path) -> zbus::Result<Connection> {
    Builder::unix_stream(UnixStream::connect(socket).await?).build().await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing(&[], "None")]
    #[case::empty(&[("DBUS_SESSION_BUS_ADDRESS", " "), ("XDG_RUNTIME_DIR", "")], "None")]
    #[case::written(&[("DBUS_SESSION_BUS_ADDRESS", "unix:path=/a"), ("XDG_RUNTIME_DIR", "/b")], r#"Some(Written("unix:path=/a"))"#)]
    #[case::usual(&[("XDG_RUNTIME_DIR", "/run/user/7")], r#"Some(Baseline("/run/user/7/bus"))"#)]
    #[case::relative(&[("XDG_RUNTIME_DIR", "run")], "None")]
    fn the_environment_alone_says_where(#[case] set: &[(&str, &str)], #[case] found: &str) {
        let env = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(format!("{:?}", Address::of(&env)), found);
    }
}
