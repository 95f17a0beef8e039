//! What runs services in the person's session: launchd or systemd, each through its own command.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::agent::LABEL;
use super::file::{Entry, Written};
use super::{LoginItemError, Result};

const UNIT: &str = "operator.service";

/// Operator ends within ten seconds; launchd forgets it a moment later.
const PATIENCE: u32 = 150;
const PAUSE: Duration = Duration::from_millis(100);

/// The service manager.
#[derive(Debug)]
pub(crate) struct Manager<'a> {
    kind: Kind,
    tool: &'a Path,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Launchd,
    Systemd,
}

impl<'a> Manager<'a> {
    pub(crate) const fn launchd(tool: &'a Path) -> Self {
        Self { kind: Kind::Launchd, tool }
    }

    pub(crate) const fn systemd(tool: &'a Path) -> Self {
        Self { kind: Kind::Systemd, tool }
    }

    /// Start what the file says, now and with every session. What runs already is started anew if the file has changed.
    pub(crate) fn start(&self, entry: &Entry, written: Written) -> Result<()> {
        let (started, run) = match self.kind {
            Kind::Systemd => {
                let run = format!("systemctl --user daemon-reload && systemctl --user enable --now {UNIT}");
                (self.start_unit(written), run)
            }
            Kind::Launchd => {
                let domain = domain(entry);
                let run = format!("launchctl bootstrap {domain} '{}'", entry.path.display());
                (self.start_agent(&domain, entry, written), run)
            }
        };
        started.map_err(|what| LoginItemError::NotStarted { path: entry.path.clone(), what, run })
    }

    /// Stop it, and start it no more. What goes wrong is told: the file goes in any case.
    pub(crate) fn stop(&self, entry: &Entry) -> Option<String> {
        let (stopped, run) = match self.kind {
            Kind::Systemd => {
                let stopped = self.call(&["--user".as_ref(), "disable".as_ref(), "--now".as_ref(), UNIT.as_ref()]);
                (stopped, format!("systemctl --user stop {UNIT}"))
            }
            Kind::Launchd => {
                let service = format!("{}/{LABEL}", domain(entry));
                let loaded = self.is_loaded(&service);
                let stopped = if loaded { self.call(&["bootout".as_ref(), service.as_ref()]) } else { Ok(()) };
                (stopped, format!("launchctl bootout {service}"))
            }
        };
        stopped.err().map(|what| format!("If it still runs, stop it with: {run} ({what})."))
    }

    /// The file is gone: so should be what is known of it.
    pub(crate) fn forget(&self) {
        if matches!(self.kind, Kind::Systemd) {
            // Without a session there is nothing to forget.
            let _ = self.call(&["--user".as_ref(), "daemon-reload".as_ref()]);
        }
    }

    fn start_unit(&self, written: Written) -> std::result::Result<(), String> {
        let user = OsStr::new("--user");
        self.call(&[user, "daemon-reload".as_ref()])?;
        self.call(&[user, "enable".as_ref(), "--now".as_ref(), UNIT.as_ref()])?;
        // One that runs already does not take in what has changed.
        if written == Written::Changed { self.call(&[user, "try-restart".as_ref(), UNIT.as_ref()]) } else { Ok(()) }
    }

    fn start_agent(&self, domain: &str, entry: &Entry, written: Written) -> std::result::Result<(), String> {
        let service = format!("{domain}/{LABEL}");
        if self.is_loaded(&service) {
            if written == Written::Same {
                return Ok(());
            }
            self.call(&["bootout".as_ref(), service.as_ref()])?;
            self.wait_until_gone(&service);
        }
        self.call(&["bootstrap".as_ref(), domain.as_ref(), entry.path.as_ref()])
    }

    fn is_loaded(&self, service: &str) -> bool {
        self.call(&["print".as_ref(), service.as_ref()]).is_ok()
    }

    /// `bootout` may return before the service is gone, and `bootstrap` fails until then.
    #[expect(clippy::disallowed_methods, reason = "launchd tells nobody; it can only be asked again and again")]
    fn wait_until_gone(&self, service: &str) {
        for _ in 0..PATIENCE {
            if !self.is_loaded(service) {
                break;
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Run the tool; what it says if it fails.
    fn call(&self, arguments: &[&OsStr]) -> std::result::Result<(), String> {
        let name = self.tool.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match Command::new(self.tool).args(arguments).stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
                Err(format!("{name}: {}", said.unwrap_or_else(|| output.status.to_string())))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err(format!("there is no {name} here")),
            Err(error) => Err(format!("{name}: {error}")),
        }
    }
}

/// The login session of whoever owns the file, who is the one that wrote it: the user's number without asking C for it.
fn domain(entry: &Entry) -> String {
    let owner = fs::symlink_metadata(&entry.path).map_or(0, |file| file.uid());
    format!("gui/{owner}")
}
