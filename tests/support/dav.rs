//! Radicale, a CalDAV server, with one user and a temporary folder.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::home::eventually;

pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "s3cret \"word\" ü";

/// Stopped on drop.
pub(crate) struct Radicale {
    pub(crate) url: String,
    folder: TempDir,
    child: Child,
}

/// Debian's Python, or another one that has Radicale.
fn python() -> &'static str {
    let has = |python: &&str| {
        let found = Command::new(python).args(["-c", "import radicale"]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    ["/usr/bin/python3", "python3"].into_iter().find(has).expect("radicale is installed, see tests/run")
}

impl Radicale {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Radicale cannot bind port 0. Another process is unlikely to take this port in between.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        fs::write(folder.path().join("users"), format!("{USER}:{PASSWORD}\n")).unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {}\n\
             htpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = {}\n[rights]\ntype = owner_only\n",
            path("users"),
            path("collections"),
        );
        fs::write(folder.path().join("config"), config).unwrap();
        let child = Command::new(python())
            .args(["-m", "radicale", "--config"])
            .arg(folder.path().join("config"))
            .env("PYTHONUTF8", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python starts");
        let url = format!("http://127.0.0.1:{port}");
        eventually("Radicale listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { url, folder, child }
    }

    /// Adds a calendar, or its components. Each component is an iCalendar file of its own.
    pub(crate) fn add_calendar(&self, name: &str, display_name: &str, components: &[String]) {
        let root = self.folder.path().join("collections/collection-root").join(USER).join(name);
        fs::create_dir_all(&root).unwrap();
        fs::write(
            root.join(".Radicale.props"),
            format!(r#"{{"tag": "VCALENDAR", "D:displayname": "{display_name}"}}"#),
        )
        .unwrap();
        for (number, component) in components.iter().enumerate() {
            fs::write(root.join(format!("{number}.ics")), component).unwrap();
        }
    }
}

impl Drop for Radicale {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
