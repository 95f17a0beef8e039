//! The e-mail channel. `docs/channels.md` says how to set it up.

mod render;
mod smtp;

use lettre::message::Mailbox;

use self::smtp::Server;
use super::{Alerter, BoxFuture, Failure, hash_of};
use crate::config::schema::EmailConfig;
use crate::core::channel::Channel;
use crate::core::delivery::message::{Message, MessageKind};
use crate::sys::secret_file::Secret;

#[derive(Debug)]
pub(super) struct Email {
    server: Server,
    from: String,
    to: Vec<String>,
}

impl Alerter for Email {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            let (from, to) = self.mailboxes()?;
            let mail =
                render::render(message, &from, &to).map_err(|error| Failure::permanent(error.to_string(), ""))?;
            self.server.submit(mail.envelope(), &mail.formatted()).await?;
            // Every update replies to the first message.
            let first = message.replaces.clone().filter(|_| message.kind == MessageKind::Update);
            Ok(Some(first.unwrap_or_else(|| render::message_id(message, &from))))
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            self.mailboxes()?;
            self.server.probe().await
        })
    }

    fn config_hash(&self) -> u64 {
        let Server { host, port, security, ca_file, user, password } = &self.server;
        hash_of((host, port, security, ca_file, user, password, &self.from, &self.to))
    }
}

impl Email {
    pub(super) fn new(config: &EmailConfig) -> Self {
        let server = Server {
            host: config.server.clone().unwrap_or_default(),
            port: config.port.unwrap_or_else(|| config.security.port()),
            security: config.security,
            ca_file: config.ca_file.clone(),
            user: config.user.clone(),
            password: Secret::new(&config.password, &config.password_file),
        };
        Self { server, from: config.from.clone().unwrap_or_default(), to: config.to.clone() }
    }

    /// Sender and recipients.
    fn mailboxes(&self) -> Result<(Mailbox, Vec<Mailbox>), Failure> {
        let to = self.to.iter().map(|address| parse_mailbox("to", address)).collect::<Result<_, _>>()?;
        Ok((parse_mailbox("from", &self.from)?, to))
    }
}

/// `ada@example.org` or `Ada <ada@example.org>`.
fn parse_mailbox(key: &str, address: &str) -> Result<Mailbox, Failure> {
    let is_ascii = |mailbox: &Mailbox| mailbox.email.to_string().is_ascii();
    address.parse().ok().filter(is_ascii).ok_or_else(|| {
        let hint = format!("correct alerters.email.{key}: ada@example.org, or Ada <ada@example.org>");
        Failure::permanent(format!("'{address}' is not a mail address"), hint)
    })
}
