//! What the results of the commands look like to a person.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::print::{Cell, Paint, Table};
use crate::core::alert::Priority;
use crate::core::audit::Audit;
use crate::core::policy::decision::{Decision, Reason};
use crate::core::policy::incident_state::Incident;
use crate::core::status::{ChannelHealth, RunStatus, Status};
use crate::core::text;
use crate::engine::delivery::test_alert::TestOutcome;
use crate::engine::report::{AlertReport, CheckReport};
use crate::store::alert_history::AlertHistory;
use crate::store::journal::JournalEntry;
use crate::store::outbox::OutboxEntry;

/// How the results are drawn: colours, and the person's zone for times.
#[derive(Debug, Clone)]
pub struct Look {
    /// Colours.
    pub paint: Paint,
    /// The zone.
    pub zone: TimeZone,
    /// The moment that ages are told from.
    pub now: Timestamp,
}

impl Look {
    fn clock(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn urgency(&self, priority: Priority) -> Cell {
        Cell::drawn(priority.as_str(), self.paint.urgency(priority, priority.as_str()))
    }

    fn faint(&self, text: &str) -> Cell {
        Cell::drawn(text, self.paint.faint(text))
    }

    /// One check: the monitors, then the alerts with their decisions.
    #[must_use]
    pub fn report(&self, report: &CheckReport) -> String {
        let dry = if report.dry_run { " (dry run: nothing was sent or written)" } else { "" };
        let mut shown = format!("{}{dry}\n\n", self.paint.bold(&format!("Check of {}", report.at)));
        shown.push_str(&self.monitors(report));
        shown.push('\n');
        if report.alerts.is_empty() {
            shown.push_str(nothing_to_say(report));
        }
        for alert in &report.alerts {
            shown.push_str(&self.alert(alert));
        }
        shown
    }

    fn monitors(&self, report: &CheckReport) -> String {
        let mut table = Table::default();
        for (monitor, run) in &report.monitors {
            let status = run.status.as_str();
            let drawn = self.paint.verdict(run.status == RunStatus::Ok, status);
            let found = if run.status == RunStatus::Ok { text::count(run.alerts, "alert") } else { String::new() };
            let about = [run.source.clone(), run.reason.clone()].into_iter().flatten().collect::<Vec<_>>().join(" – ");
            table.row([monitor.to_string().into(), Cell::drawn(status, drawn), found.into(), self.faint(&about)]);
        }
        table.render()
    }

    fn alert(&self, alert: &AlertReport) -> String {
        let priority = format!("{:8}", alert.priority);
        let channels = alert.channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(", ");
        let fate = format!("{} → {channels}", told(alert.decision, alert.reason));
        format!(
            "{}  {}\n          {}\n          {}  {}\n\n",
            self.paint.urgency(alert.priority, &priority),
            self.paint.bold(&alert.title),
            alert.message,
            fate,
            self.paint.faint(&alert.key),
        )
    }

    /// The open incidents, the most urgent first; resolved ones after them.
    #[must_use]
    pub fn incidents(&self, incidents: &[Incident]) -> String {
        if incidents.is_empty() {
            return "Nothing is open.\n".into();
        }
        let mut table = Table::default();
        for incident in incidents {
            let since = text::relative(self.now, incident.opened_at);
            table.row([
                self.urgency(incident.alert.priority),
                incident.alert.title.clone().into(),
                since.into(),
                self.standing(incident).into(),
                self.faint(incident.alert.key.as_str()),
            ]);
        }
        table.render()
    }

    fn standing(&self, incident: &Incident) -> String {
        let snoozed = incident.snoozed_until.filter(|until| self.now < *until);
        match (incident.open, incident.acknowledged, snoozed, incident.held, &incident.last_notified) {
            (false, ..) => "resolved".into(),
            (_, true, ..) => "acknowledged".into(),
            (_, _, Some(until), ..) => format!("snoozed until {}", self.clock(until)),
            (_, _, _, true, _) => "waits for the digest".into(),
            (_, _, _, _, Some(told)) => format!("told {}", text::relative(self.now, told.at)),
            _ => "not told yet".into(),
        }
    }

    /// The journal, the newest first.
    #[must_use]
    pub fn journal(&self, entries: &[JournalEntry]) -> String {
        if entries.is_empty() {
            return "The journal is empty for this time.\n".into();
        }
        let mut table = Table::default();
        for entry in entries {
            let priority = entry.priority.parse().unwrap_or(Priority::Low);
            table.row([
                self.clock(entry.last_at).into(),
                self.urgency(priority),
                format!("{} ({}){}", entry.decision, entry.reason, times(entry.times)).into(),
                entry.title.clone().into(),
                self.faint(&entry.key),
            ]);
        }
        table.render()
    }

    /// An alert's story: how it stands, each decision, and what became of its messages.
    #[must_use]
    pub fn why(&self, story: &AlertHistory) -> String {
        let mut shown = String::new();
        if let Some(incident) = &story.incident {
            shown = format!(
                "{}\n{}\n{}, first seen {}\n",
                self.paint.bold(&incident.alert.title),
                incident.alert.message,
                self.standing(incident),
                self.clock(incident.opened_at)
            );
        }
        shown.push_str(&format!("\n{}\n", self.paint.bold("Decisions")));
        let mut table = Table::default();
        for entry in &story.decisions {
            table.row([
                self.clock(entry.first_at).into(),
                format!("{} ({}){}", entry.decision, entry.reason, times(entry.times)).into(),
                entry.reason.parse::<Reason>().ok().map_or("", Reason::meaning).into(),
                self.faint(&entry.channels.join(", ")),
            ]);
        }
        shown.push_str(&table.render());
        shown.push_str(&self.dispatches(&story.deliveries));
        shown
    }

    fn dispatches(&self, dispatches: &[OutboxEntry]) -> String {
        if dispatches.is_empty() {
            return String::new();
        }
        let mut table = Table::default();
        for dispatch in dispatches {
            let next = match dispatch.state.as_str() {
                "pending" => format!("next try {}", self.clock(dispatch.next_attempt_at)),
                _ => dispatch.done_at.map(|at| self.clock(at)).unwrap_or_default(),
            };
            table.row([
                dispatch.channel.clone().into(),
                dispatch.kind.clone().into(),
                format!("{}{}", dispatch.state, attempts(dispatch.attempts)).into(),
                next.into(),
                self.faint(dispatch.reason.as_deref().unwrap_or_default()),
            ]);
        }
        format!("\n{}\n{}", self.paint.bold("Messages"), table.render())
    }

    /// The snapshot.
    #[must_use]
    pub fn status(&self, status: &Status) -> String {
        let mut table = Table::default();
        let mut line = |name: &str, value: String| table.row([self.faint(name), value.into()]);
        let clock = |at: Option<Timestamp>| at.map_or_else(|| "never".into(), |at| self.clock(at));
        line(
            "Operator",
            match status.pid {
                Some(pid) => format!("running (PID {pid}{})", if status.dry_run { ", dry run" } else { "" }),
                None => "not running".into(),
            },
        );
        line("Last check", clock(status.last_run));
        if status.next_run.is_some() {
            line("Next check", clock(status.next_run));
        }
        line("Ever", format!("{} checks, {} alerts told", status.run_count, status.total_alerts));
        line("Open", text::count(status.open_alerts, "alert"));
        if let Some(audit) = &status.audit {
            line("Audit", audited(audit));
        }
        if let Some(late) = status.check_overdue_at.filter(|latest| *latest < self.now) {
            line("Overdue", format!("a check since {}: see the log", self.clock(late)));
        }
        if let Some(error) = &status.database_error {
            line("Database", error.clone());
        }
        let silence = match (status.paused, status.paused_until, status.is_quiet_hours) {
            (true, Some(until), _) => format!("paused until {}", self.clock(until)),
            (true, None, _) => "paused until resumed".into(),
            (_, _, true) => "quiet hours".into(),
            _ => match status.in_event_until {
                Some(end) => format!("until {} (in a meeting)", self.clock(end)),
                None => "none".into(),
            },
        };
        line("Silence", silence);
        for (monitor, state) in &status.monitor_states {
            let reason = state.reason.as_ref().map_or_else(String::new, |reason| format!(" – {reason}"));
            line(
                &format!("  {monitor}"),
                format!("{}, {}{reason}", state.status.as_str(), self.clock(state.last_check)),
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
}

impl Look {
    /// What became of the tests.
    #[must_use]
    pub fn tests(&self, outcomes: &[TestOutcome]) -> String {
        let mut table = Table::default();
        for outcome in outcomes {
            let word = if outcome.ok { "ok" } else { "failed" };
            let drawn = Cell::drawn(word, self.paint.verdict(outcome.ok, word));
            table.row([outcome.channel.as_str().into(), drawn, outcome.about.clone().into()]);
        }
        table.render()
    }
}

/// `123 fired: 40 delivered, 2 pending, … – adds up`.
fn audited(audit: &Audit) -> String {
    let Audit { fired, delivered, pending, suppressed, held, coalesced, failed, .. } = audit;
    let sound =
        if audit.is_consistent() { "adds up".into() } else { format!("unaccounted: {}", audit.unaccounted_names()) };
    format!(
        "{fired} fired: {delivered} delivered, {pending} pending, {suppressed} suppressed, {held} held, {coalesced} coalesced, \
         {failed} failed – {sound}"
    )
}

fn nothing_to_say(report: &CheckReport) -> &'static str {
    let judged = report.monitors.values().any(|run| run.status == RunStatus::Ok);
    if judged { "Nothing to say.\n" } else { "Nothing could be judged: `operator check` says what to do.\n" }
}

fn told(decision: Decision, reason: Reason) -> String {
    format!("{} ({})", decision.as_str(), reason.as_str())
}

fn times(times: u64) -> String {
    if times > 1 { format!(" ×{times}") } else { String::new() }
}

fn attempts(attempts: u32) -> String {
    if attempts > 0 { format!(" after {}", text::count(attempts as usize, "attempt")) } else { String::new() }
}
