//! The steps of the setup: one entry per source and channel.

use crate::core::channel::Channel;

#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    /// How a first-time user finds the answers.
    pub(super) help: &'static str,
    pub(super) questions: &'static [Question],
    /// Answers become an entry of this list; question keys are keys of the entry.
    pub(super) list: Option<&'static str>,
    /// Further keys to set, with unquoted values.
    pub(super) also_set: &'static [(&'static str, &'static str)],
    pub(super) probe: Probe,
}

#[derive(Debug)]
pub(super) struct Question {
    pub(super) key: &'static str,
    pub(super) text: &'static str,
    pub(super) kind: InputKind,
    pub(super) optional: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputKind {
    Text,
    /// Without echo, and never shown.
    Secret,
    /// Separated by commas.
    List,
}

/// How answers are tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// Fetch this source.
    Source(&'static str),
    /// Fetch the new calendar.
    Calendar,
    /// Probe this channel; nothing is sent.
    Channel(Channel),
}

const fn required(key: &'static str, text: &'static str, kind: InputKind) -> Question {
    Question { key, text, kind, optional: false }
}

const fn optional(key: &'static str, text: &'static str, kind: InputKind) -> Question {
    Question { key, text, kind, optional: true }
}

/// Sources of tasks and events. The ring has its own question.
pub(super) const SOURCES: &[Step] = &[
    Step {
        name: "Todoist",
        help: "Your API token is in Todoist's settings: Integrations, Developer.",
        questions: &[
            required("sources.todoist.token", "The token (not shown):", InputKind::Secret),
            optional(
                "sources.todoist.projects",
                "Projects to read, separated by commas; Enter for all:",
                InputKind::List,
            ),
        ],
        list: None,
        also_set: &[],
        probe: Probe::Source("todoist"),
    },
    Step {
        name: "Apple Reminders (on a Mac)",
        help: "macOS asks you once for permission.",
        questions: &[optional(
            "sources.reminders.lists",
            "Lists to read, separated by commas; Enter for all:",
            InputKind::List,
        )],
        list: None,
        also_set: &[("sources.reminders.enabled", "true")],
        probe: Probe::Source("reminders"),
    },
    Step {
        name: "Notes in Markdown (Obsidian Tasks)",
        help: "Checkboxes such as: - [ ] Pay rent 📅 2026-12-01",
        questions: &[required("sources.markdown.folder", "The folder of your notes:", InputKind::Text)],
        list: None,
        also_set: &[],
        probe: Probe::Source("markdown"),
    },
    Step {
        name: "Taskwarrior",
        help: "Operator runs the program 'task', and changes nothing.",
        questions: &[optional(
            "sources.taskwarrior.data_dir",
            "Its data folder; Enter for the usual one:",
            InputKind::Text,
        )],
        list: None,
        also_set: &[("sources.taskwarrior.enabled", "true")],
        probe: Probe::Source("taskwarrior"),
    },
    Step {
        name: "A calendar: its secret address, or a file",
        help: "Google Calendar: Settings, your calendar, Secret address in iCal format. Outlook: Publish a calendar, the ICS link.",
        questions: &[required("url", "The address (not shown), or the path of an .ics file:", InputKind::Secret)],
        list: Some("sources.calendars"),
        also_set: &[],
        probe: Probe::Calendar,
    },
    Step {
        name: "A calendar: an account (iCloud, Nextcloud, Fastmail and other CalDAV)",
        help: "iCloud: https://caldav.icloud.com, your Apple Account's address, and an app-specific password from account.apple.com.",
        questions: &[
            required("caldav.url", "The server's address:", InputKind::Text),
            required("caldav.user", "Login name:", InputKind::Text),
            required("caldav.password", "The password (not shown):", InputKind::Secret),
        ],
        list: Some("sources.calendars"),
        also_set: &[],
        probe: Probe::Calendar,
    },
    Step {
        name: "A state store (SQLite)",
        help: "The file in which Thanos keeps tasks and commitments.",
        questions: &[required("sources.state_store.path", "The file:", InputKind::Text)],
        list: None,
        also_set: &[],
        probe: Probe::Source("state_store"),
    },
    Step {
        name: "WorkOS (Postgres)",
        help: "The database's address: postgres://user:password@host/database?sslmode=require",
        questions: &[required("sources.workos.url", "The address (not shown):", InputKind::Secret)],
        list: None,
        also_set: &[],
        probe: Probe::Source("workos"),
    },
];

/// Channels besides native notifications and the journal.
pub(super) const CHANNELS: &[Step] = &[
    Step {
        name: "Telegram",
        help: "Send /newbot to @BotFather: it returns a token. Send any message to your new bot. The chat id is in\n\
                https://api.telegram.org/bot<token>/getUpdates, under chat, id.",
        questions: &[
            required("alerters.telegram.token", "The bot's token (not shown):", InputKind::Secret),
            required("alerters.telegram.chat_id", "The chat id:", InputKind::Text),
        ],
        list: None,
        also_set: &[("alerters.telegram.enabled", "true")],
        probe: Probe::Channel(Channel::Telegram),
    },
    Step {
        name: "ntfy (phones)",
        help: "Make up a topic that is hard to guess, and subscribe to it in the ntfy app. Anyone who knows it can read it.",
        questions: &[
            optional("alerters.ntfy.url", "The server:", InputKind::Text),
            required("alerters.ntfy.topic", "The topic (not shown):", InputKind::Secret),
            optional(
                "alerters.ntfy.token",
                "An access token, if your server wants one (not shown):",
                InputKind::Secret,
            ),
        ],
        list: None,
        also_set: &[("alerters.ntfy.enabled", "true")],
        probe: Probe::Channel(Channel::Ntfy),
    },
    Step {
        name: "Pushover (phones)",
        help: "https://pushover.net shows your user key; https://pushover.net/apps/build makes an application with a token.",
        questions: &[
            required("alerters.pushover.user", "Your user key (not shown):", InputKind::Secret),
            required("alerters.pushover.token", "The application's token (not shown):", InputKind::Secret),
        ],
        list: None,
        also_set: &[("alerters.pushover.enabled", "true")],
        probe: Probe::Channel(Channel::Pushover),
    },
    Step {
        name: "Email",
        help: "The mail server that you send through, and your login there. Many providers require an app password.",
        questions: &[
            required("alerters.email.server", "The server, such as smtp.example.org:", InputKind::Text),
            optional("alerters.email.security", "tls, starttls or none:", InputKind::Text),
            optional("alerters.email.port", "The port; Enter for the default:", InputKind::Text),
            optional("alerters.email.user", "Login name; Enter for none:", InputKind::Text),
            optional("alerters.email.password", "The password (not shown):", InputKind::Secret),
            required("alerters.email.from", "The sender's address:", InputKind::Text),
            required("alerters.email.to", "The recipients' addresses, separated by commas:", InputKind::List),
        ],
        list: None,
        also_set: &[("alerters.email.enabled", "true")],
        probe: Probe::Channel(Channel::Email),
    },
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{self, edit};

    /// A misspelt key would fail only when a user answers.
    #[test]
    fn every_key_is_in_the_configuration() {
        for step in SOURCES.iter().chain(CHANNELS) {
            for key in step
                .questions
                .iter()
                .map(|question| question.key)
                .chain(step.also_set.iter().map(|(key, _)| *key))
                .chain(step.list)
            {
                let name = key.rsplit('.').next().unwrap();
                let in_entry = step.list.is_some_and(|list| list != key);
                assert!(in_entry || edit::has_key(config::DEFAULT, key), "{key}");
                assert!(config::DEFAULT.contains(&format!("{name}:")), "{key}");
            }
        }
    }

    #[test]
    fn every_channel_with_questions_is_offered() {
        for channel in Channel::OUTSIDE {
            let offered = CHANNELS.iter().any(|step| step.probe == Probe::Channel(channel));
            let other = matches!(channel, Channel::Notification | Channel::Webhook | Channel::Exec);
            assert!(offered != other, "{channel}");
        }
    }
}
