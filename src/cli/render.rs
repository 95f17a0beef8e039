//! Results as text for the terminal.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::output::{Cell, Palette, Table};
use crate::core::alert::Priority;
use crate::core::audit::Audit;
use crate::core::policy::decision::Reason;
use crate::core::policy::incident_state::Incident;
use crate::core::status::{ChannelHealth, RunStatus, Status};
use crate::core::text;
use crate::engine::delivery::test_alert::TestOutcome;
use crate::engine::report::{AlertReport, CheckReport};
use crate::store::alert_history::AlertHistory;
use crate::store::journal::JournalEntry;
use crate::store::outbox::OutboxEntry;

/// Renders results with colours, in the user's time zone.
#[derive(Debug, Clone)]
pub struct Renderer {
    pub palette: Palette,
    pub zone: TimeZone,
    /// Ages are relative to this time.
    pub now: Timestamp,
}

impl Renderer {
    fn local_time(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn priority_cell(&self, priority: Priority) -> Cell {
        Cell::styled(priority.as_str(), self.palette.priority(priority, priority.as_str()))
    }

    fn faint(&self, text: &str) -> Cell {
        Cell::styled(text, self.palette.faint(text))
    }

    /// One check: monitors, then alerts with their decisions.
    #[must_use]
    pub fn report(&self, report: &CheckReport) -> String {
        let dry_run = if report.dry_run { " (dry run: nothing was sent or written)" } else { "" };
        let mut text = format!("{}{dry_run}\n\n", self.palette.bold(&format!("Check of {}", report.at)));
        text.push_str(&self.monitors(report));
        text.push('\n');
        if report.alerts.is_empty() {
            text.push_str(no_alerts(report));
        }
        for alert in &report.alerts {
            text.push_str(&self.alert(alert));
        }
        text
    }

    fn monitors(&self, report: &CheckReport) -> String {
        let mut table = Table::default();
        for (monitor, run) in &report.monitors {
            let status = run.status.as_str();
            let styled = self.palette.result(run.status == RunStatus::Ok, status);
            let found = if run.status == RunStatus::Ok { text::count(run.alerts, "alert") } else { String::new() };
            let about = [run.source.clone(), run.reason.clone()].into_iter().flatten().collect::<Vec<_>>().join(" – ");
            table.add_row([monitor.to_string().into(), Cell::styled(status, styled), found.into(), self.faint(&about)]);
        }
        table.render()
    }

    fn alert(&self, alert: &AlertReport) -> String {
        let priority = format!("{:8}", alert.priority);
        let channels = alert.channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(", ");
        let outcome = format!("{} ({}) → {channels}", alert.decision.as_str(), alert.reason.as_str());
        format!(
            "{}  {}\n          {}\n          {}  {}\n\n",
            self.palette.priority(alert.priority, &priority),
            self.palette.bold(&alert.title),
            alert.message,
            outcome,
            self.palette.faint(&alert.key),
        )
    }

    #[must_use]
    pub fn incidents(&self, incidents: &[Incident]) -> String {
        if incidents.is_empty() {
            return "Nothing is open.\n".into();
        }
        let mut table = Table::default();
        for incident in incidents {
            let since = text::relative(self.now, incident.opened_at);
            table.add_row([
                self.priority_cell(incident.alert.priority),
                incident.alert.title.clone().into(),
                since.into(),
                self.state(incident).into(),
                self.faint(incident.alert.key.as_str()),
            ]);
        }
        table.render()
    }

    fn state(&self, incident: &Incident) -> String {
        let snoozed = incident.snoozed_until.filter(|until| self.now < *until);
        match (incident.open, incident.acknowledged, snoozed, incident.held, &incident.last_notified) {
            (false, ..) => "resolved".into(),
            (_, true, ..) => "acknowledged".into(),
            (_, _, Some(until), ..) => format!("snoozed until {}", self.local_time(until)),
            (_, _, _, true, _) => "held for the digest".into(),
            (_, _, _, _, Some(last)) => format!("notified {}", text::relative(self.now, last.at)),
            _ => "not notified yet".into(),
        }
    }

    #[must_use]
    pub fn journal(&self, entries: &[JournalEntry]) -> String {
        if entries.is_empty() {
            return "The journal has no entries for this period.\n".into();
        }
        let mut table = Table::default();
        for entry in entries {
            let priority = entry.priority.parse().unwrap_or(Priority::Low);
            table.add_row([
                self.local_time(entry.last_at).into(),
                self.priority_cell(priority),
                format!("{} ({}){}", entry.decision, entry.reason, times(entry.times)).into(),
                entry.title.clone().into(),
                self.faint(&entry.key),
            ]);
        }
        table.render()
    }

    /// The history of one alert: state, decisions, and the outcome of its messages.
    #[must_use]
    pub fn why(&self, story: &AlertHistory) -> String {
        let mut text = String::new();
        if let Some(incident) = &story.incident {
            text = format!(
                "{}\n{}\n{}, first seen {}\n",
                self.palette.bold(&incident.alert.title),
                incident.alert.message,
                self.state(incident),
                self.local_time(incident.opened_at)
            );
        }
        text.push_str(&format!("\n{}\n", self.palette.bold("Decisions")));
        let mut table = Table::default();
        for entry in &story.decisions {
            table.add_row([
                self.local_time(entry.first_at).into(),
                format!("{} ({}){}", entry.decision, entry.reason, times(entry.times)).into(),
                entry.reason.parse::<Reason>().ok().map_or("", Reason::meaning).into(),
                self.faint(&entry.channels.join(", ")),
            ]);
        }
        text.push_str(&table.render());
        text.push_str(&self.messages(&story.deliveries));
        text
    }

    fn messages(&self, entries: &[OutboxEntry]) -> String {
        if entries.is_empty() {
            return String::new();
        }
        let mut table = Table::default();
        for entry in entries {
            let next = match entry.state.as_str() {
                "pending" => format!("next try {}", self.local_time(entry.next_attempt_at)),
                _ => entry.done_at.map(|at| self.local_time(at)).unwrap_or_default(),
            };
            table.add_row([
                entry.channel.clone().into(),
                entry.kind.clone().into(),
                format!("{}{}", entry.state, attempts(entry.attempts)).into(),
                next.into(),
                self.faint(entry.reason.as_deref().unwrap_or_default()),
            ]);
        }
        format!("\n{}\n{}", self.palette.bold("Messages"), table.render())
    }

    #[must_use]
    pub fn status(&self, status: &Status) -> String {
        let mut table = Table::default();
        let mut line = |name: &str, value: String| table.add_row([self.faint(name), value.into()]);
        let time = |at: Option<Timestamp>| at.map_or_else(|| "never".into(), |at| self.local_time(at));
        line(
            "Operator",
            match status.pid {
                Some(pid) => format!("running (PID {pid}{})", if status.dry_run { ", dry run" } else { "" }),
                None => "not running".into(),
            },
        );
        line("Last check", time(status.last_run));
        if status.next_run.is_some() {
            line("Next check", time(status.next_run));
        }
        line("Total", format!("{} checks, {} alerts sent", status.run_count, status.total_alerts));
        line("Open", text::count(status.open_alerts, "alert"));
        if let Some(audit) = &status.audit {
            line("Audit", audit_line(audit));
        }
        if let Some(late) = status.check_overdue_at.filter(|latest| *latest < self.now) {
            line("Overdue", format!("a check has been due since {}: see the log", self.local_time(late)));
        }
        if let Some(error) = &status.database_error {
            line("Database", error.clone());
        }
        let silence = match (status.paused, status.paused_until, status.is_quiet_hours) {
            (true, Some(until), _) => format!("paused until {}", self.local_time(until)),
            (true, None, _) => "paused until resumed".into(),
            (_, _, true) => "quiet hours".into(),
            _ => match status.in_event_until {
                Some(end) => format!("until {} (calendar event)", self.local_time(end)),
                None => "none".into(),
            },
        };
        line("Silence", silence);
        for (monitor, state) in &status.monitor_states {
            let reason = state.reason.as_ref().map_or_else(String::new, |reason| format!(" – {reason}"));
            line(
                &format!("  {monitor}"),
                format!("{}, {}{reason}", state.status.as_str(), self.local_time(state.last_check)),
            );
        }
        for (name, circuit) in &status.circuit_states {
            line(&format!("  {name}"), format!("circuit {}", circuit.as_str()));
        }
        for (channel, depth) in &status.outbox {
            let state = status.channel_states.get(channel).cloned().unwrap_or_default();
            if (state.state, depth.pending, depth.failed) == (ChannelHealth::Off, 0, 0) {
                continue;
            }
            let reason = state.reason.map_or_else(String::new, |reason| format!(" – {reason}"));
            let word = state.state.as_str();
            line(
                &format!("  {channel}"),
                format!("{word}, {} pending, {} failed{reason}", depth.pending, depth.failed),
            );
        }
        for warning in &status.warnings {
            line("Warning", warning.clone());
        }
        table.render()
    }

    #[must_use]
    pub fn tests(&self, outcomes: &[TestOutcome]) -> String {
        let mut table = Table::default();
        for outcome in outcomes {
            let word = if outcome.ok { "ok" } else { "failed" };
            let result = Cell::styled(word, self.palette.result(outcome.ok, word));
            table.add_row([outcome.channel.as_str().into(), result, outcome.about.clone().into()]);
        }
        table.render()
    }
}

/// `123 fired: 40 delivered, 2 pending, … – consistent`.
fn audit_line(audit: &Audit) -> String {
    let Audit { fired, delivered, pending, suppressed, held, coalesced, failed, .. } = audit;
    let result =
        if audit.is_consistent() { "consistent".into() } else { format!("unaccounted: {}", audit.unaccounted_names()) };
    format!(
        "{fired} fired: {delivered} delivered, {pending} pending, {suppressed} suppressed, {held} held, {coalesced} coalesced, \
         {failed} failed – {result}"
    )
}

fn no_alerts(report: &CheckReport) -> &'static str {
    let is_evaluated = report.monitors.values().any(|run| run.status == RunStatus::Ok);
    if is_evaluated { "No alerts.\n" } else { "No monitor could run: `operator check` shows the reasons.\n" }
}

fn times(times: u64) -> String {
    if times > 1 { format!(" ×{times}") } else { String::new() }
}

fn attempts(attempts: u32) -> String {
    if attempts > 0 { format!(" after {}", text::count(attempts as usize, "attempt")) } else { String::new() }
}
