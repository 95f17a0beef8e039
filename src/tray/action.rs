//! Menu actions.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::core::alert::AlertKey;
use crate::core::status::Status;
use crate::engine::commands::Command;

/// Length of "Snooze 1 hour" and "For 1 hour".
const ONE_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A menu action. Its JSON is the id of the menu item, so that a click event is enough to know the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Acknowledge(AlertKey),
    Snooze(AlertKey),
    SnoozeUntilTomorrow(AlertKey),
    Why(AlertKey),
    RunNow,
    DryRun,
    PauseForAnHour,
    PauseUntilTomorrow,
    Pause,
    Resume,
    QuietHours,
    ResetCircuit(String),
    ConnectOura,
    DisconnectOura,
    OpenDashboard,
    OpenJournal,
    SetUp,
    EditConfiguration,
    NotificationSettings,
    StartAtLogin,
    Quit,
}

impl Action {
    #[must_use]
    pub fn item_id(&self) -> String {
        // An enum of strings and keys always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    #[must_use]
    pub fn parse(item_id: &str) -> Option<Self> {
        serde_json::from_str(item_id).ok()
    }

    /// The engine command of this action; none if the tray handles it.
    #[must_use]
    pub fn command(&self, status: &Status, now: Timestamp) -> Option<Command> {
        let in_an_hour = now.saturating_add(ONE_HOUR).unwrap_or(now);
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
