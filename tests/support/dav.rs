//! A real CalDAV server: Radicale, with a login, in a folder of its own.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::home::eventually;

pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "s3cret \"word\" ü";

/// A running server, ended with its owner.
pub(crate) struct Radicale {
    pub(crate) url: String,
    folder: TempDir,
    child: Child,
}

/// The Python that has the server: Debian's own, or the one that is there.
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
        // Free now, and nobody else looks for one in this range of time and place.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        fs::write(folder.path().join("users"), format!("{USER}:{PASSWORD}\n")).unwrap();
        let place = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {}\n\
             htpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = {}\n[rights]\ntype = owner_only\n",
            place("users"),
            place("collections"),
        );
        fs::write(folder.path().join("config"), config).unwrap();
        let child = Command::new(python())
            .args(["-m", "radicale", "--config"])
            .arg(folder.path().join("config"))
            .env("PYTHONUTF8", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let url = format!("http://127.0.0.1:{port}");
        eventually("Radicale listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { url, folder, child }
    }

    /// A calendar with what people call it and these parts, each a text of its own.
    pub(crate) fn calendar(&self, name: &str, title: &str, parts: &[String]) {
        let root = self.folder.path().join("collections/collection-root").join(USER).join(name);
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join(".Radicale.props"), format!(r#"{{"tag": "VCALENDAR", "D:displayname": "{title}"}}"#))
            .unwrap();
        parts.iter().enumerate().for_each(|(number, part)| put(&root, number, part));
    }
}

fn put(folder: &Path, number: usize, text: &str) {
    fs::write(folder.join(format!("{number}.ics")), text).unwrap();
}

impl Drop for Radicale {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
