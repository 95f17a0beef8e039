//! `alerters.email`.

use std::path::PathBuf;

use garde::Validate;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Kept, Section};
use crate::core::alert::Priority;
use crate::core::channel::Channel;

/// A mailbox, through a mail server.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct EmailConfig {
    /// Whether messages are sent.
    #[garde(skip)]
    pub enabled: bool,
    /// Less urgent alerts are not sent here.
    #[garde(skip)]
    pub min_priority: Priority,
    /// The name of the mail server.
    #[garde(skip)]
    pub server: Option<String>,
    /// Its port; none: the usual one for the security.
    #[garde(range(min = 1))]
    pub port: Option<u16>,
    /// How the connection is kept from others.
    #[garde(skip)]
    pub security: Security,
    /// A PEM file with the authority that signed the server's certificate, where the system does not know it.
    #[garde(skip)]
    pub ca_file: Option<PathBuf>,
    /// Who logs in; none: the server takes mail without.
    #[garde(skip)]
    pub user: Option<String>,
    /// The password.
    #[garde(skip)]
    pub password: Option<SecretString>,
    /// A file that holds it.
    #[garde(skip)]
    pub password_file: Option<PathBuf>,
    /// Who it is from.
    #[garde(skip)]
    pub from: Option<String>,
    /// Who gets it.
    #[garde(skip)]
    pub to: Vec<String>,
}

/// How a connection to a mail server is kept from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the beginning.
    #[default]
    Tls,
    /// TLS after a greeting, or nothing is sent.
    Starttls,
    /// Not at all: for a server on this machine.
    None,
}

impl Security {
    /// The port that servers listen at for it.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

impl Default for EmailConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            min_priority: Priority::High,
            server: None,
            port: None,
            security: Security::default(),
            ca_file: None,
            user: None,
            password: None,
            password_file: None,
            from: None,
            to: Vec::new(),
        }
    }
}

impl EmailConfig {
    const fn login(&self) -> Kept<'_> {
        Kept { key: "password", value: &self.password, file: &self.password_file }
    }
}

impl Section for EmailConfig {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn name(&self) -> &'static str {
        "Email"
    }

    fn is_on(&self) -> bool {
        self.enabled
    }

    fn switch_off(&mut self) {
        self.enabled = false;
    }

    fn min_priority(&self) -> Priority {
        self.min_priority
    }

    fn secrets(&self) -> Vec<Kept<'_>> {
        vec![self.login()]
    }

    fn files(&mut self) -> Vec<(&'static str, &mut Option<PathBuf>)> {
        vec![("password_file", &mut self.password_file), ("ca_file", &mut self.ca_file)]
    }

    fn lack(&self) -> Option<&'static str> {
        let complete = self.server.is_some() && self.from.is_some() && !self.to.is_empty();
        match (complete, self.user.is_some(), self.login().is_set()) {
            (false, _, _) => Some("server, from and to"),
            (true, true, false) => Some("password or password_file"),
            (true, false, true) => Some("user"),
            _ => None,
        }
    }

    fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        let is_local = matches!(self.server.as_deref(), None | Some("localhost" | "127.0.0.1" | "::1"));
        let open = self.security == Security::None && !is_local;
        open.then_some(("security", "none is for localhost only: use tls or starttls"))
    }

    fn more(&self) -> Vec<(&'static str, Value)> {
        vec![("server", json!(self.server)), ("security", json!(format!("{:?}", self.security).to_lowercase()))]
    }
}
