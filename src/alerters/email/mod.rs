//! A mailbox, through a mail server. `docs/channels.md` says how it is set up.

mod draw;
mod smtp;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use lettre::message::Mailbox;

use self::smtp::Server;
use super::{Alerter, BoxFuture, Failure};
use crate::config::schema::EmailConfig;
use crate::core::channel::Channel;
use crate::core::delivery::message::{Message, MessageKind};
use crate::sys::secret_file::Secret;

/// The alerter, if it is switched on.
#[must_use]
pub(super) fn alerter(config: &EmailConfig) -> Option<Arc<dyn Alerter>> {
    let email = || Email {
        server: Server {
            name: config.server.clone().unwrap_or_default(),
            port: config.port.unwrap_or_else(|| config.security.port()),
            security: config.security,
            ca_file: config.ca_file.clone(),
            user: config.user.clone(),
            password: Secret::new(&config.password, &config.password_file),
        },
        from: config.from.clone().unwrap_or_default(),
        to: config.to.clone(),
    };
    config.enabled.then(|| Arc::new(email()) as Arc<dyn Alerter>)
}

#[derive(Debug)]
struct Email {
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
            let (from, to) = self.addresses()?;
            let mail = draw::mail(message, &from, &to).map_err(|error| Failure::permanent(error.to_string(), ""))?;
            self.server.take(mail.envelope(), &mail.formatted()).await?;
            // All updates follow the first message.
            let first = message.replaces.clone().filter(|_| message.kind == MessageKind::Update);
            Ok(Some(first.unwrap_or_else(|| draw::name(message, &from))))
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            self.addresses()?;
            self.server.probe().await
        })
    }

    fn settings(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let Server { name, port, security, ca_file, user, password } = &self.server;
        (name, port, security, ca_file, user, password, &self.from, &self.to).hash(&mut hasher);
        hasher.finish()
    }
}

impl Email {
    fn addresses(&self) -> Result<(Mailbox, Vec<Mailbox>), Failure> {
        let to = self.to.iter().map(|address| mailbox("to", address)).collect::<Result<_, _>>()?;
        Ok((mailbox("from", &self.from)?, to))
    }
}

/// `ada@example.org` or `Ada <ada@example.org>`.
fn mailbox(key: &str, address: &str) -> Result<Mailbox, Failure> {
    let fits = |mailbox: &Mailbox| mailbox.email.to_string().is_ascii();
    address.parse().ok().filter(fits).ok_or_else(|| {
        let advice = format!("correct alerters.email.{key}: ada@example.org, or Ada <ada@example.org>");
        Failure::permanent(format!("'{address}' is not a mail address"), advice)
    })
}
