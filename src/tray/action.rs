//! What a click in the menu asks for.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::core::alert::AlertKey;
use crate::core::status::Status;
use crate::engine::commands::Command;

/// Snooze and Pause of one hour.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What was clicked. Written as JSON it is the item's name in the system's menu, so that a click says by itself what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The person knows.
    Acknowledge(AlertKey),
    /// In an hour again.
    Snooze(AlertKey),
    /// Tomorrow again.
    SnoozeUntilTomorrow(AlertKey),
    /// The alert's story.
    Why(AlertKey),
    /// Check everything.
    RunNow,
    /// Only decide and report, or not any more.
    DryRun,
    /// Hold everything for an hour.
    PauseForAnHour,
    /// Hold everything until tomorrow.
    PauseUntilTomorrow,
    /// Hold everything.
    Pause,
    /// Hold it no longer.
    Resume,
    /// Quiet hours now, or not now.
    QuietHours,
    /// Ask a source again.
    ResetCircuit(String),
    /// Let the person say yes to Oura in the browser.
    ConnectOura,
    /// Give the access to Oura back.
    DisconnectOura,
    /// Show the dashboard in the browser.
    OpenDashboard,
    /// Show what was decided.
    OpenJournal,
    /// Ask for what is missing, in a terminal.
    SetUp,
    /// Show `config.yaml`.
    EditConfiguration,
    /// Show where the system lets notifications be allowed.
    NotificationSettings,
    /// Start with the person's session, or not any more.
    StartAtLogin,
    /// Stop.
    Quit,
}

impl Action {
    /// The item's name.
    #[must_use]
    pub fn name(&self) -> String {
        // An enum of names and keys always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The action of an item by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_str(name).ok()
    }

    /// What the engine is asked, by how it stands; none when the engine has nothing to do with it.
    #[must_use]
    pub fn command(&self, status: &Status, now: Timestamp) -> Option<Command> {
        let in_an_hour = now.saturating_add(HOUR).unwrap_or(now);
        Some(match self {
            Self::Acknowledge(key) => Command::Acknowledge { key: key.clone() },
            Self::Snooze(key) => Command::Snooze { key: key.clone(), until: in_an_hour },
            Self::SnoozeUntilTomorrow(key) => Command::Snooze { key: key.clone(), until: status.next_morning? },
            Self::RunNow => Command::RunNow,
            Self::DryRun => Command::DryRun { on: !status.dry_run },
            Self::PauseForAnHour => Command::Pause { until: Some(in_an_hour) },
            Self::PauseUntilTomorrow => Command::Pause { until: Some(status.next_morning?) },
            Self::Pause => Command::Pause { until: None },
            Self::Resume => Command::Resume,
            Self::QuietHours => {
                Command::QuietHours { quiet: !status.is_quiet_hours, until: status.next_quiet_boundary? }
            }
            Self::ResetCircuit(name) => Command::ResetCircuit { name: name.clone() },
            Self::Why(_)
            | Self::ConnectOura
            | Self::DisconnectOura
            | Self::OpenDashboard
            | Self::OpenJournal
            | Self::SetUp
            | Self::EditConfiguration
            | Self::NotificationSettings
            | Self::StartAtLogin
            | Self::Quit => return None,
        })
    }
}
