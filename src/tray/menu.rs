//! The menu as a value, derived from the status alone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::action::Action;
use super::icon::Icon;
use crate::core::channel::Channel;
use crate::core::circuit::CircuitState;
use crate::core::status::{ChannelHealth, OpenAlert, OuraConnection, SourceState, Status};
use crate::core::text;

/// Alerts listed by title; the journal has the others.
const MAX_NAMED_ALERTS: usize = 9;

const MAX_LABEL_CHARS: usize = 70;

/// Icon, tooltip and menu.
#[derive(Debug, Clone, PartialEq)]
pub struct TrayView {
    pub icon: Icon,
    pub tooltip: String,
    pub menu: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    Separator(u8),
    Text {
        id: &'static str,
        label: String,
    },
    Item {
        label: String,
        action: Action,
        enabled: bool,
        /// None for an item without a checkmark.
        checked: Option<bool>,
    },
    Submenu {
        id: String,
        label: String,
        entries: Vec<Self>,
    },
}

/// Inputs of the menu besides the status.
#[derive(Debug, Clone)]
pub struct MenuContext {
    pub now: Timestamp,
    pub zone: TimeZone,
    /// None if this program cannot have a login item.
    pub starts_at_login: Option<bool>,
}

impl TrayView {
    #[must_use]
    pub fn from_status(status: &Status, context: &MenuContext) -> Self {
        let summary = summary(status, context);
        Self { icon: Icon::from_status(status), tooltip: summary.clone(), menu: menu(status, context, summary) }
    }
}

impl Entry {
    /// Unique within its menu.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Separator(number) => format!("separator {number}"),
            Self::Text { id, .. } => (*id).into(),
            Self::Item { action, .. } => action.item_id(),
            Self::Submenu { id, .. } => id.clone(),
        }
    }

    fn text(id: &'static str, label: impl Into<String>) -> Self {
        Self::Text { id, label: text::truncate(&label.into(), MAX_LABEL_CHARS) }
    }

    fn item(label: &str, action: Action) -> Self {
        Self::Item { label: label.into(), action, enabled: true, checked: None }
    }

    fn check(label: &str, action: Action, checked: bool) -> Self {
        Self::Item { label: label.into(), action, enabled: true, checked: Some(checked) }
    }

    fn submenu(id: impl Into<String>, label: impl Into<String>, entries: Vec<Self>) -> Self {
        Self::Submenu { id: id.into(), label: text::truncate(&label.into(), MAX_LABEL_CHARS), entries }
    }
}

fn menu(status: &Status, context: &MenuContext, summary: String) -> Vec<Entry> {
    let mut menu = vec![Entry::text("summary", summary), Entry::text("checks", checks(status, context))];
    menu.extend(problems(status));
    if status.open_alerts > 0 {
        menu.push(Entry::Separator(1));
        menu.extend(alerts(status));
    }
    menu.push(Entry::Separator(2));
    menu.push(Entry::Item {
        label: if status.check_running { "Running…" } else { "Run Now" }.into(),
        action: Action::RunNow,
        enabled: !status.check_running,
        checked: None,
    });
    menu.push(Entry::check("Dry Run", Action::DryRun, status.dry_run));
    menu.push(pause(status));
    menu.push(Entry::check("Quiet Hours", Action::QuietHours, status.is_quiet_hours));
    menu.push(Entry::Separator(3));
    menu.push(sources(status, context));
    menu.extend(status.http.address.is_some().then(|| Entry::item("Open Dashboard", Action::OpenDashboard)));
    menu.push(Entry::item("Open Journal", Action::OpenJournal));
    menu.push(Entry::item("Set Up…", Action::SetUp));
    menu.push(Entry::item("Edit Configuration", Action::EditConfiguration));
    menu.extend(context.starts_at_login.map(|on| Entry::check("Start at Login", Action::StartAtLogin, on)));
    menu.push(Entry::item("Quit Operator", Action::Quit));
    menu
}

/// `Operator – 2 alerts, WorkOS unreachable`.
fn summary(status: &Status, context: &MenuContext) -> String {
    let mut parts = Vec::new();
    if status.database_error.is_some() {
        parts.push("database error".into());
    }
    if let Some(audit) = status.audit.as_ref().filter(|audit| !audit.is_consistent()) {
        let unaccounted = usize::try_from(audit.unaccounted_count).unwrap_or(usize::MAX);
        parts.push(format!("{} unaccounted", text::count(unaccounted, "alert")));
    }
    if status.unanswered_alerts > 0 {
        parts.push(text::count(status.unanswered_alerts, "alert"));
    }
    let down = status.circuit_states.iter().filter(|(_, state)| **state != CircuitState::Closed);
    parts.extend(down.map(|(name, _)| format!("{} unreachable", text::source_name(name))));
    match (status.paused, status.paused_until) {
        (true, Some(until)) => parts.push(format!("paused until {}", context.local_time(until))),
        (true, None) => parts.push("paused".into()),
        _ if status.is_quiet_hours => parts.push("quiet hours".into()),
        _ => parts.extend(
            status.in_event_until.map(|end| format!("quiet until {} (calendar event)", context.local_time(end))),
        ),
    }
    if status.dry_run {
        parts.push("dry run".into());
    }
    if parts.is_empty() { "Operator – all is well".into() } else { format!("Operator – {}", parts.join(", ")) }
}

/// `Last check 14:05 · next 14:20`.
fn checks(status: &Status, context: &MenuContext) -> String {
    let last =
        status.last_run.map_or_else(|| "No check yet".into(), |at| format!("Last check {}", context.local_time(at)));
    match status.next_run {
        Some(at) => format!("{last} · next {}", context.local_time(at.max(context.now))),
        None => last,
    }
}

/// Problems of Operator itself, with the next step.
fn problems(status: &Status) -> Vec<Entry> {
    let mut entries = Vec::new();
    if status.is_unsound() {
        entries.push(Entry::text("unsound", "Operator is unhealthy – see `operator --status`"));
    }
    if nothing_is_connected(status) {
        entries.push(Entry::text("connect", "Nothing is connected yet – choose Set Up…"));
    }
    entries.extend(urgent_oura_entry(status));
    let notification = status.channel_states.get(&Channel::Notification);
    if notification.is_some_and(|state| state.state == ChannelHealth::Failing) {
        entries.push(Entry::item("Notifications are off – open System Settings", Action::NotificationSettings));
    }
    let others = status.channel_states.iter().filter(|(channel, _)| **channel != Channel::Notification);
    let failing = others.filter(|(_, state)| state.state == ChannelHealth::Failing);
    let failing: Vec<&str> = failing.map(|(channel, _)| channel.as_str()).collect();
    if !failing.is_empty() {
        entries.push(Entry::text("channels", format!("Delivery failing: {}", failing.join(", "))));
    }
    if let Some(error) = &status.http.error {
        entries.push(Entry::text("page", format!("No dashboard: {error}")));
    }
    if status.config_error.is_some() {
        entries.push(Entry::text("mistake", "Error in config.yaml: the old configuration stays in use"));
    }
    entries
}

/// Unanswered alerts by title, up to the limit; the others as counts.
fn alerts(status: &Status) -> Vec<Entry> {
    let unanswered = status.open.iter().filter(|alert| alert.is_unanswered()).take(MAX_NAMED_ALERTS);
    let mut entries: Vec<Entry> = unanswered.map(alert).collect();
    let others = status.unanswered_alerts.saturating_sub(MAX_NAMED_ALERTS);
    if others > 0 {
        entries.push(Entry::text("others", format!("and {}", text::count(others, "more alert"))));
    }
    let answered = status.open_alerts.saturating_sub(status.unanswered_alerts);
    if answered > 0 {
        entries.push(Entry::text("answered", format!("{answered} acknowledged or snoozed")));
    }
    entries
}

/// `High – 3 tasks overdue`.
fn alert(alert: &OpenAlert) -> Entry {
    let label = format!("{} – {}", text::capitalize(alert.priority.as_str()), alert.title);
    let key = || alert.key.clone();
    let entries = vec![
        Entry::item("Acknowledge", Action::Acknowledge(key())),
        Entry::item("Snooze 1 hour", Action::Snooze(key())),
        Entry::item("Snooze until tomorrow", Action::SnoozeUntilTomorrow(key())),
        Entry::item("Why…", Action::Why(key())),
    ];
    Entry::submenu(format!("alert {}", alert.key.as_str()), label, entries)
}

fn pause(status: &Status) -> Entry {
    let mut entries = vec![
        Entry::item("For 1 hour", Action::PauseForAnHour),
        Entry::item("Until tomorrow", Action::PauseUntilTomorrow),
        Entry::item("Until resumed", Action::Pause),
    ];
    if status.paused {
        entries.push(Entry::item("Resume", Action::Resume));
    }
    Entry::submenu("pause", "Pause", entries)
}

fn sources(status: &Status, context: &MenuContext) -> Entry {
    let mut entries: Vec<Entry> = Vec::new();
    for (name, state) in &status.sources {
        let state_text = if is_connected(state, status) { source_text(state, context) } else { "not connected".into() };
        let label = format!("{} – {state_text}", text::source_name(name));
        let reset = Entry::item("Reset", Action::ResetCircuit(name.clone()));
        let error = state.error.iter().map(|error| Entry::text("error", error.clone()));
        let connection = (name == "oura").then(|| oura_entry(status)).flatten();
        entries.push(Entry::submenu(format!("source {name}"), label, error.chain(connection).chain([reset]).collect()));
    }
    Entry::submenu("sources", "Sources", entries)
}

/// At the top of the menu: the first connection, or one to repeat.
fn urgent_oura_entry(status: &Status) -> Option<Entry> {
    let label = match status.oura_connection? {
        OuraConnection::Off if nothing_is_connected(status) => "Connect Oura…",
        OuraConnection::Revoked => "Connect Oura Again…",
        _ => return None,
    };
    Some(Entry::item(label, Action::ConnectOura))
}

/// In the source's submenu.
fn oura_entry(status: &Status) -> Option<Entry> {
    match status.oura_connection? {
        OuraConnection::Off if !nothing_is_connected(status) => Some(Entry::item("Connect Oura…", Action::ConnectOura)),
        OuraConnection::Connected | OuraConnection::Revoked => {
            Some(Entry::item("Disconnect Oura", Action::DisconnectOura))
        }
        OuraConnection::Off | OuraConnection::Token => None,
    }
}

fn nothing_is_connected(status: &Status) -> bool {
    !status.sources.is_empty() && !status.sources.values().any(|state| is_connected(state, status))
}

/// After a check, a source with neither data nor an error is not configured.
fn is_connected(state: &SourceState, status: &Status) -> bool {
    state.as_of.is_some() || state.error.is_some() || state.circuit != CircuitState::Closed || status.last_run.is_none()
}

/// `closed, synced 2 h ago`, `open, next try 14:06`.
fn source_text(state: &SourceState, context: &MenuContext) -> String {
    let circuit = match state.circuit {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half-open",
    };
    match (state.next_try, state.as_of) {
        (Some(at), _) if state.circuit == CircuitState::Open => {
            format!("{circuit}, next try {}", context.local_time(at))
        }
        (_, Some(at)) => format!("{circuit}, synced {}", text::relative(context.now, at)),
        _ => circuit.into(),
    }
}

impl MenuContext {
    fn local_time(&self, at: Timestamp) -> String {
        text::clock(&at.to_zoned_datetime(self.zone.clone()), &self.now.to_zoned_datetime(self.zone.clone()))
    }
}
