//! launchd and systemd, through their own commands.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::agent::LABEL;
use super::{Error, Result};
use crate::sys::autostart::autostart_file::{AutostartFile, WriteOutcome};

const UNIT: &str = "operator.service";

/// 15 s in all: Operator stops within ten seconds, and launchd forgets it a moment later.
const MAX_POLLS: u32 = 150;
const POLL_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct ServiceManager<'a> {
    kind: Kind,
    tool: &'a Path,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Launchd,
    Systemd,
}

impl<'a> ServiceManager<'a> {
    pub(crate) const fn launchd(tool: &'a Path) -> Self {
        Self { kind: Kind::Launchd, tool }
    }

    pub(crate) const fn systemd(tool: &'a Path) -> Self {
        Self { kind: Kind::Systemd, tool }
    }

    /// Start the service now and at every login. A running service restarts if its file has changed.
    pub(crate) fn start(&self, entry: &AutostartFile, written: WriteOutcome) -> Result<()> {
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
        started.map_err(|reason| Error::NotStarted { path: entry.path.clone(), reason, run })
    }

    /// Stop and disable the service. Returns a hint on failure: the file is removed in any case.
    pub(crate) fn stop(&self, entry: &AutostartFile) -> Option<String> {
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
        stopped.err().map(|error| format!("If it still runs, stop it with: {run} ({error})."))
    }

    /// Reload after the file was removed.
    pub(crate) fn reload(&self) {
        if matches!(self.kind, Kind::Systemd) {
            // Fails without a session, where nothing is loaded.
            let _ = self.call(&["--user".as_ref(), "daemon-reload".as_ref()]);
        }
    }

    fn start_unit(&self, written: WriteOutcome) -> std::result::Result<(), String> {
        let user = OsStr::new("--user");
        self.call(&[user, "daemon-reload".as_ref()])?;
        self.call(&[user, "enable".as_ref(), "--now".as_ref(), UNIT.as_ref()])?;
        // A running service keeps its old command until it restarts.
        if written == WriteOutcome::Changed {
            self.call(&[user, "try-restart".as_ref(), UNIT.as_ref()])
        } else {
            Ok(())
        }
    }

    fn start_agent(
        &self,
        domain: &str,
        entry: &AutostartFile,
        written: WriteOutcome,
    ) -> std::result::Result<(), String> {
        let service = format!("{domain}/{LABEL}");
        if self.is_loaded(&service) {
            if written == WriteOutcome::Unchanged {
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
    #[expect(clippy::disallowed_methods, reason = "launchd has no event for this; polling is the only way")]
    fn wait_until_gone(&self, service: &str) {
        for _ in 0..MAX_POLLS {
            if !self.is_loaded(service) {
                break;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// The error is the first line of the tool's stderr.
    fn call(&self, arguments: &[&OsStr]) -> std::result::Result<(), String> {
        let name = self.tool.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match Command::new(self.tool).args(arguments).stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                let stderr = String::from_utf8_lossy(&output.stderr);
                let line = stderr.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
                Err(format!("{name}: {}", line.unwrap_or_else(|| output.status.to_string())))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err(format!("{name} is not installed")),
            Err(error) => Err(format!("{name}: {error}")),
        }
    }
}

/// The launchd domain of the file's owner, which is the current user.
fn domain(entry: &AutostartFile) -> String {
    let owner = fs::symlink_metadata(&entry.path).map_or(0, |file| file.uid());
    format!("gui/{owner}")
}
