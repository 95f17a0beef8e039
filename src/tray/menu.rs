//! The menu as a plain value: what stands in it follows from the status alone.

mod oura;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::action::Action;
use super::icon::Icon;
use crate::core::channel::Channel;
use crate::core::circuit::CircuitState;
use crate::core::status::{ChannelHealth, OpenAlert, SourceState, Status};
use crate::core::text;

/// The menu names so many alerts; the journal has the others.
const NAMED: usize = 9;

/// A line in a menu is no longer (characters).
const LONGEST: usize = 70;

/// All that is painted.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// In the bar.
    pub icon: Icon,
    /// The same in words.
    pub tooltip: String,
    /// From top to bottom.
    pub menu: Vec<Entry>,
}

/// A line of the menu.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A rule, told apart by its number.
    Separator(u8),
    /// Words that cannot be clicked.
    Text {
        /// What it is told apart by.
        name: &'static str,
        /// What it says.
        label: String,
    },
    /// Something to click.
    Item {
        /// What it says.
        label: String,
        /// What a click asks for.
        action: Action,
        /// Whether it can be clicked now.
        enabled: bool,
        /// Whether it is ticked, if it can be.
        checked: Option<bool>,
    },
    /// A menu of its own.
    Submenu {
        /// What it is told apart by.
        name: String,
        /// What it says.
        label: String,
        /// What is in it.
        entries: Vec<Self>,
    },
}

/// What the menu rests on besides the status.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The moment.
    pub now: Timestamp,
    /// The person's zone.
    pub zone: TimeZone,
    /// Whether Operator starts with the person's session; none where that cannot be had.
    pub starts_at_login: Option<bool>,
}

impl Face {
    /// What is to be painted.
    #[must_use]
    pub fn of(status: &Status, around: &Surroundings) -> Self {
        let summary = summary(status, around);
        Self { icon: Icon::of(status), tooltip: summary.clone(), menu: menu(status, around, summary) }
    }
}

impl Entry {
    /// What it is known by among its neighbours.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Separator(number) => format!("separator {number}"),
            Self::Text { name, .. } => (*name).into(),
            Self::Item { action, .. } => action.name(),
            Self::Submenu { name, .. } => name.clone(),
        }
    }

    fn text(name: &'static str, label: impl Into<String>) -> Self {
        Self::Text { name, label: text::truncate(&label.into(), LONGEST) }
    }

    fn item(label: &str, action: Action) -> Self {
        Self::Item { label: label.into(), action, enabled: true, checked: None }
    }

    fn check(label: &str, action: Action, checked: bool) -> Self {
        Self::Item { label: label.into(), action, enabled: true, checked: Some(checked) }
    }

    fn submenu(name: impl Into<String>, label: impl Into<String>, entries: Vec<Self>) -> Self {
        Self::Submenu { name: name.into(), label: text::truncate(&label.into(), LONGEST), entries }
    }
}

fn menu(status: &Status, around: &Surroundings, summary: String) -> Vec<Entry> {
    let mut menu = vec![Entry::text("summary", summary), Entry::text("checks", checks(status, around))];
    menu.extend(complaints(status));
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
    menu.push(sources(status, around));
    menu.extend(status.http.address.is_some().then(|| Entry::item("Open Dashboard", Action::OpenDashboard)));
    menu.push(Entry::item("Open Journal", Action::OpenJournal));
    menu.push(Entry::item("Set Up…", Action::SetUp));
    menu.push(Entry::item("Edit Configuration", Action::EditConfiguration));
    menu.extend(around.starts_at_login.map(|on| Entry::check("Start at Login", Action::StartAtLogin, on)));
    menu.push(Entry::item("Quit Operator", Action::Quit));
    menu
}

/// `Operator – 2 alerts, WorkOS unreachable`.
fn summary(status: &Status, around: &Surroundings) -> String {
    let mut parts = Vec::new();
    if status.database_error.is_some() {
        parts.push("its database fails".into());
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
        (true, Some(until)) => parts.push(format!("paused until {}", around.clock(until))),
        (true, None) => parts.push("paused".into()),
        _ if status.is_quiet_hours => parts.push("quiet hours".into()),
        _ => parts.extend(status.in_event_until.map(|end| format!("quiet until {} (in a meeting)", around.clock(end)))),
    }
    if status.dry_run {
        parts.push("dry run".into());
    }
    if parts.is_empty() { "Operator – all is well".into() } else { format!("Operator – {}", parts.join(", ")) }
}

/// `Last check 14:05 · next 14:20`.
fn checks(status: &Status, around: &Surroundings) -> String {
    let last = status.last_run.map_or_else(|| "No check yet".into(), |at| format!("Last check {}", around.clock(at)));
    match status.next_run {
        Some(at) => format!("{last} · next {}", around.clock(at.max(around.now))),
        None => last,
    }
}

/// What is wrong with Operator itself, with where to mend it.
fn complaints(status: &Status) -> Vec<Entry> {
    let mut entries = Vec::new();
    if status.is_unsound() {
        entries.push(Entry::text("unsound", "Do not rely on it: the log and `operator --status` say why"));
    }
    if nothing_is_connected(status) {
        entries.push(Entry::text("connect", "Nothing is connected yet: Set Up… asks for what you have"));
    }
    entries.extend(oura::at_the_top(status));
    let notification = status.channel_states.get(&Channel::Notification);
    if notification.is_some_and(|state| state.state == ChannelHealth::Failing) {
        entries.push(Entry::item("Notifications are off – open System Settings", Action::NotificationSettings));
    }
    let others = status.channel_states.iter().filter(|(channel, _)| **channel != Channel::Notification);
    let failing = others.filter(|(_, state)| state.state == ChannelHealth::Failing);
    let failing: Vec<&str> = failing.map(|(channel, _)| channel.as_str()).collect();
    if !failing.is_empty() {
        entries.push(Entry::text("channels", format!("Nothing gets through to {}", failing.join(", "))));
    }
    if let Some(trouble) = &status.http.error {
        entries.push(Entry::text("page", format!("No dashboard: {trouble}")));
    }
    if status.config_error.is_some() {
        entries.push(Entry::text("mistake", "config.yaml has a mistake: the old one stays in force"));
    }
    entries
}

/// What waits to be seen, by name as far as there is room; what was answered is only counted.
fn alerts(status: &Status) -> Vec<Entry> {
    let waiting = status.open.iter().filter(|alert| alert.is_unanswered()).take(NAMED);
    let mut entries: Vec<Entry> = waiting.map(alert).collect();
    let others = status.unanswered_alerts.saturating_sub(NAMED);
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

fn sources(status: &Status, around: &Surroundings) -> Entry {
    let mut entries: Vec<Entry> = Vec::new();
    for (name, state) in &status.sources {
        let stands = if is_connected(state, status) { source(state, around) } else { "not connected".into() };
        let label = format!("{} – {stands}", text::source_name(name));
        let reset = Entry::item("Reset", Action::ResetCircuit(name.clone()));
        let why = state.error.iter().map(|trouble| Entry::text("trouble", trouble.clone()));
        let connection = (name == "oura").then(|| oura::beside_the_source(status)).flatten();
        entries.push(Entry::submenu(format!("source {name}"), label, why.chain(connection).chain([reset]).collect()));
    }
    Entry::submenu("sources", "Sources", entries)
}

fn nothing_is_connected(status: &Status) -> bool {
    !status.sources.is_empty() && !status.sources.values().any(|state| is_connected(state, status))
}

/// A source that has neither told anything nor failed by the end of a check is not set up.
fn is_connected(state: &SourceState, status: &Status) -> bool {
    state.as_of.is_some() || state.error.is_some() || state.circuit != CircuitState::Closed || status.last_run.is_none()
}

/// `closed, synced 2 h ago`, `open, next try 14:06`.
fn source(state: &SourceState, around: &Surroundings) -> String {
    let circuit = match state.circuit {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half-open",
    };
    match (state.next_try, state.as_of) {
        (Some(at), _) if state.circuit == CircuitState::Open => format!("{circuit}, next try {}", around.clock(at)),
        (_, Some(at)) => format!("{circuit}, synced {}", text::relative(around.now, at)),
        _ => circuit.into(),
    }
}

impl Surroundings {
    fn clock(&self, at: Timestamp) -> String {
        text::clock(&at.to_zoned_datetime(self.zone.clone()), &self.now.to_zoned_datetime(self.zone.clone()))
    }
}
