//! Fake service managers: scripts that log their arguments.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Links and unlinks the unit like the real one. Fails like without a session if `systemctl.fails` exists beside it.
#[cfg(not(target_os = "macos"))]
pub(crate) const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >> "$0.calls"
if [ -e "$0.fails" ]; then echo "Failed to connect to bus: No medium found" >&2; exit 1; fi
units="${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user"
case "$2" in
enable) mkdir -p "$units/default.target.wants" && ln -sf "$units/operator.service" "$units/default.target.wants/" ;;
disable) rm -f "$units/default.target.wants/operator.service" && rmdir "$units/default.target.wants" ;;
esac
"#;

/// A booted-out service remains for three `print` calls, and cannot be loaded twice.
pub(crate) const LAUNCHCTL: &str = r#"#!/bin/sh
echo "$*" >> "$0.calls"
case "$1" in
print)
    if [ -e "$0.leaving" ]; then
        left=$(cat "$0.leaving")
        if [ "$left" = 0 ]; then rm "$0.leaving" "$0.loaded"; else echo $((left - 1)) > "$0.leaving"; fi
    fi
    [ -e "$0.loaded" ] ;;
bootout) echo 3 > "$0.leaving" ;;
bootstrap)
    if [ -e "$0.fails" ] || [ -e "$0.loaded" ]; then echo "Bootstrap failed: 5: Input/output error" >&2; exit 5; fi
    : > "$0.loaded" ;;
esac
"#;

pub(crate) struct Tool {
    path: PathBuf,
}

impl Tool {
    pub(crate) fn new(folder: &Path, name: &str, script: &str) -> Self {
        fs::create_dir_all(folder).expect("the folder is created");
        let path = folder.join(name);
        fs::write(&path, script).expect("the script is written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the script is executable");
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes all later calls fail.
    pub(crate) fn fail(&self) {
        fs::write(self.path.with_extension("fails"), "").expect("the file is written");
    }

    /// The arguments of each call since the last time.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = self.path.with_extension("calls");
        let text = fs::read_to_string(&calls).unwrap_or_default();
        let _ = fs::remove_file(calls);
        text.lines().map(str::to_owned).collect()
    }
}
