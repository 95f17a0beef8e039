//! What can be set up: for each thing the keys that are asked for. A new source or channel is an entry here.

use crate::core::channel::Channel;

/// Something that a person may have.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    /// Where its answers are found, for somebody who does it for the first time.
    pub(super) about: &'static str,
    pub(super) asks: &'static [Ask],
    /// The list that its answers are an entry of; their keys are then those of the entry.
    pub(super) entry: Option<&'static str>,
    /// Keys that are set along, with their bare values.
    pub(super) along: &'static [(&'static str, &'static str)],
    pub(super) tried: Tried,
}

/// One answer.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) key: &'static str,
    pub(super) question: &'static str,
    pub(super) kind: Kind,
    /// Whether it works without.
    pub(super) optional: bool,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Not shown while it is typed, nor later.
    Secret,
    /// Several, with commas between them.
    List,
}

/// How answers are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// The source of this name is read.
    Source(&'static str),
    /// The calendar that was just given is read.
    Calendar,
    /// The channel says whether it would work; nothing is sent.
    Channel(Channel),
}

const fn ask(key: &'static str, question: &'static str, kind: Kind) -> Ask {
    Ask { key, question, kind, optional: false }
}

const fn may_ask(key: &'static str, question: &'static str, kind: Kind) -> Ask {
    Ask { key, question, kind, optional: true }
}

/// Where tasks and events come from. The ring is asked for apart.
pub(super) const SOURCES: &[Step] = &[
    Step {
        name: "Todoist",
        about: "Your API token is in Todoist's settings: Integrations, Developer.",
        asks: &[
            ask("sources.todoist.token", "The token (not shown):", Kind::Secret),
            may_ask(
                "sources.todoist.projects",
                "Projects to read, with commas between them; Enter for all:",
                Kind::List,
            ),
        ],
        entry: None,
        along: &[],
        tried: Tried::Source("todoist"),
    },
    Step {
        name: "Apple Reminders (on a Mac)",
        about: "macOS asks you once whether Operator may read them.",
        asks: &[may_ask(
            "sources.reminders.lists",
            "Lists to read, with commas between them; Enter for all:",
            Kind::List,
        )],
        entry: None,
        along: &[("sources.reminders.enabled", "true")],
        tried: Tried::Source("reminders"),
    },
    Step {
        name: "Notes in Markdown (Obsidian Tasks)",
        about: "Checkboxes such as: - [ ] Pay rent 📅 2026-12-01",
        asks: &[ask("sources.markdown.folder", "The folder of your notes:", Kind::Text)],
        entry: None,
        along: &[],
        tried: Tried::Source("markdown"),
    },
    Step {
        name: "Taskwarrior",
        about: "Its own program 'task' is asked; nothing is changed.",
        asks: &[may_ask("sources.taskwarrior.data_dir", "Its data; Enter for where it keeps them:", Kind::Text)],
        entry: None,
        along: &[("sources.taskwarrior.enabled", "true")],
        tried: Tried::Source("taskwarrior"),
    },
    Step {
        name: "A calendar: its secret address, or a file",
        about: "Google Calendar: Settings, your calendar, Secret address in iCal format. Outlook: Publish a calendar, the ICS link.",
        asks: &[ask("url", "The address (not shown), or the path of an .ics file:", Kind::Secret)],
        entry: Some("sources.calendars"),
        along: &[],
        tried: Tried::Calendar,
    },
    Step {
        name: "A calendar: an account (iCloud, Nextcloud, Fastmail and other CalDAV)",
        about: "iCloud: https://caldav.icloud.com, your Apple Account's address, and an app-specific password from account.apple.com.",
        asks: &[
            ask("caldav.url", "The server's address:", Kind::Text),
            ask("caldav.user", "Who logs in:", Kind::Text),
            ask("caldav.password", "The password (not shown):", Kind::Secret),
        ],
        entry: Some("sources.calendars"),
        along: &[],
        tried: Tried::Calendar,
    },
    Step {
        name: "A state store (SQLite)",
        about: "The file in which Thanos keeps tasks and promises.",
        asks: &[ask("sources.state_store.path", "The file:", Kind::Text)],
        entry: None,
        along: &[],
        tried: Tried::Source("state_store"),
    },
    Step {
        name: "WorkOS (Postgres)",
        about: "The database's address: postgres://user:password@host/database?sslmode=require",
        asks: &[ask("sources.workos.url", "The address (not shown):", Kind::Secret)],
        entry: None,
        along: &[],
        tried: Tried::Source("workos"),
    },
];

/// Where alerts go, besides the banners of this machine and the journal.
pub(super) const CHANNELS: &[Step] = &[
    Step {
        name: "Telegram",
        about: "Write to @BotFather, /newbot: it gives you a token. Write a word to your new bot. Your chat's number is in\n\
                https://api.telegram.org/bot<token>/getUpdates, under chat, id.",
        asks: &[
            ask("alerters.telegram.token", "The bot's token (not shown):", Kind::Secret),
            ask("alerters.telegram.chat_id", "The chat's number:", Kind::Text),
        ],
        entry: None,
        along: &[("alerters.telegram.enabled", "true")],
        tried: Tried::Channel(Channel::Telegram),
    },
    Step {
        name: "ntfy (phones)",
        about: "Make up a topic that nobody guesses and subscribe to it in the ntfy app. Whoever knows it reads along.",
        asks: &[
            may_ask("alerters.ntfy.url", "The server:", Kind::Text),
            ask("alerters.ntfy.topic", "The topic (not shown):", Kind::Secret),
            may_ask("alerters.ntfy.token", "An access token, if your server wants one (not shown):", Kind::Secret),
        ],
        entry: None,
        along: &[("alerters.ntfy.enabled", "true")],
        tried: Tried::Channel(Channel::Ntfy),
    },
    Step {
        name: "Pushover (phones)",
        about: "https://pushover.net shows your user key; https://pushover.net/apps/build makes an application with a token.",
        asks: &[
            ask("alerters.pushover.user", "Your user key (not shown):", Kind::Secret),
            ask("alerters.pushover.token", "The application's token (not shown):", Kind::Secret),
        ],
        entry: None,
        along: &[("alerters.pushover.enabled", "true")],
        tried: Tried::Channel(Channel::Pushover),
    },
    Step {
        name: "Email",
        about: "The mail server that you send through, and how you log in there. Many want a password made for one app.",
        asks: &[
            ask("alerters.email.server", "The server, such as smtp.example.org:", Kind::Text),
            may_ask("alerters.email.security", "tls, starttls or none:", Kind::Text),
            may_ask("alerters.email.port", "The port; Enter for the usual one:", Kind::Text),
            may_ask("alerters.email.user", "Who logs in; Enter if nobody has to:", Kind::Text),
            may_ask("alerters.email.password", "The password (not shown):", Kind::Secret),
            ask("alerters.email.from", "The sender's address:", Kind::Text),
            ask("alerters.email.to", "The readers' addresses, with commas between them:", Kind::List),
        ],
        entry: None,
        along: &[("alerters.email.enabled", "true")],
        tried: Tried::Channel(Channel::Email),
    },
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{self, edit};

    /// A key that is misspelt here would be refused only when somebody answers.
    #[test]
    fn every_key_is_one_of_the_configuration() {
        for step in SOURCES.iter().chain(CHANNELS) {
            for key in
                step.asks.iter().map(|ask| ask.key).chain(step.along.iter().map(|(key, _)| *key)).chain(step.entry)
            {
                let name = key.rsplit('.').next().unwrap();
                let in_entry = step.entry.is_some_and(|entry| entry != key);
                assert!(in_entry || edit::has_key(config::DEFAULT, key), "{key}");
                assert!(config::DEFAULT.contains(&format!("{name}:")), "{key}");
            }
        }
    }

    /// Every channel that needs an answer can be set up.
    #[test]
    fn every_channel_but_those_without_questions_is_offered() {
        for channel in Channel::OUTSIDE {
            let offered = CHANNELS.iter().any(|step| step.tried == Tried::Channel(channel));
            let other = matches!(channel, Channel::Notification | Channel::Webhook | Channel::Exec);
            assert!(offered != other, "{channel}");
        }
    }
}
