//! Check plugins as Nagios knows them: an exit code, and a line in words. <https://www.monitoring-plugins.org/doc/guidelines.html>

use super::Exec;
use crate::core::alert::Priority;
use crate::core::rules::exec::Complaint;
use crate::core::text::source_name;

/// All is well.
pub(crate) const OK: i32 = 0;

/// Something is not as it should be.
pub(crate) const WARNING: i32 = 1;

/// Something is broken.
pub(crate) const CRITICAL: i32 = 2;

/// The plugin could not find out.
pub(crate) const UNKNOWN: i32 = 3;

/// The first line, without the figures for machines that follow a `|`, and without the `;` that some put before it.
pub(crate) fn line(printed: &str) -> String {
    let line = printed.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.split('|').next().unwrap_or_default().trim_matches([' ', '\t', ';']).to_owned()
}

pub(crate) fn warning(plugin: &Exec, line: &str) -> Complaint {
    complaint(plugin, plugin.warning, "warning", line)
}

pub(crate) fn critical(plugin: &Exec, line: &str) -> Complaint {
    complaint(plugin, plugin.critical, "critical", line)
}

/// Both are the same alert, so that the one can become the other.
fn complaint(plugin: &Exec, priority: Priority, word: &str, line: &str) -> Complaint {
    let title = format!("{}: {word}", source_name(plugin.name.as_str()));
    Complaint { entity: None, priority, title, message: line.to_owned(), occasion: None }
}
