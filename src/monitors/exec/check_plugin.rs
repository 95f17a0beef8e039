//! Check plugins in the style of Nagios: an exit code and a status line. <https://www.monitoring-plugins.org/doc/guidelines.html>

use crate::core::alert::Priority;
use crate::core::name::Name;
use crate::core::rules::exec::ExecAlert;
use crate::core::text::source_name;

pub(super) const OK: i32 = 0;
pub(super) const WARNING: i32 = 1;
pub(super) const CRITICAL: i32 = 2;
pub(super) const UNKNOWN: i32 = 3;

/// The first line without the performance data after `|`, and without a `;` that some plugins put before it.
pub(super) fn status_line(printed: &str) -> String {
    let line = printed.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.split('|').next().unwrap_or_default().trim_matches([' ', '\t', ';']).to_owned()
}

/// WARNING and CRITICAL share one key, so that one can escalate to the other.
pub(super) fn alert(name: Name, priority: Priority, state: &str, line: &str) -> ExecAlert {
    let title = format!("{}: {state}", source_name(name.as_str()));
    ExecAlert { entity: None, priority, title, message: line.to_owned(), occasion: None }
}
