//! The address of the session bus.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;
use zbus::Connection;
use zbus::address::transport::{Transport, UnixSocket};
use zbus::connection::Builder;

use crate::config::Env;

#[derive(Debug)]
pub(super) enum Address {
    /// Addresses separated by `;`, tried in order.
    List(String),
    /// The default socket, which may appear later.
    DefaultSocket(PathBuf),
}

impl Address {
    pub(super) fn from_env(env: &Env) -> Option<Self> {
        let value = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        if let Some(list) = value("DBUS_SESSION_BUS_ADDRESS") {
            return Some(Self::List(list));
        }
        let folder = PathBuf::from(value("XDG_RUNTIME_DIR")?);
        folder.is_absolute().then(|| Self::DefaultSocket(folder.join("bus")))
    }

    pub(super) fn may_exist(&self) -> bool {
        match self {
            Self::List(_) => true,
            Self::DefaultSocket(socket) => socket.exists(),
        }
    }

    pub(super) async fn connect(&self) -> zbus::Result<Connection> {
        let list = match self {
            Self::DefaultSocket(socket) => return connect_to_socket(socket).await,
            Self::List(list) => list,
        };
        let mut result = Err(zbus::Error::Address("empty".into()));
        for address in list.split(';').map(str::trim).filter(|address| !address.is_empty()) {
            result = connect_to_address(address).await;
            if result.is_ok() {
                break;
            }
        }
        result
    }
}

async fn connect_to_address(address: &str) -> zbus::Result<Connection> {
    let address: zbus::Address = address.parse()?;
    let Transport::Unix(unix) = address.transport() else {
        return Builder::address(address)?.build().await;
    };
    match unix.path() {
        UnixSocket::File(path) => connect_to_socket(path).await,
        #[cfg(target_os = "linux")]
        UnixSocket::Abstract(name) => {
            let mut path = OsString::from("\0");
            path.push(name);
            connect_to_socket(Path::new(&path)).await
        }
        _ => Err(zbus::Error::Unsupported),
    }
}

/// With a socket of tokio: zbus would block a thread while it connects, and a bus that hangs would keep the thread.
async fn connect_to_socket(socket: &Path) -> zbus::Result<Connection> {
    Builder::unix_stream(UnixStream::connect(socket).await?).build().await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::unset(&[], "None")]
    #[case::empty(&[("DBUS_SESSION_BUS_ADDRESS", " "), ("XDG_RUNTIME_DIR", "")], "None")]
    #[case::list(&[("DBUS_SESSION_BUS_ADDRESS", "unix:path=/a"), ("XDG_RUNTIME_DIR", "/b")], r#"Some(List("unix:path=/a"))"#)]
    #[case::default_socket(&[("XDG_RUNTIME_DIR", "/run/user/7")], r#"Some(DefaultSocket("/run/user/7/bus"))"#)]
    #[case::relative(&[("XDG_RUNTIME_DIR", "run")], "None")]
    fn address_comes_from_the_environment(#[case] set: &[(&str, &str)], #[case] expected: &str) {
        let env = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(format!("{:?}", Address::from_env(&env)), expected);
    }
}
