//! Handing a mail to a server, and what its refusals mean (<https://www.rfc-editor.org/rfc/rfc5321>).

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use crate::alerters::words::quoted;
use crate::alerters::{Failure, FailureKind};
use crate::config::schema::SmtpSecurity;
use crate::net::error::root_cause;
use crate::net::host::{has_network, is_loopback_host};
use crate::sys::secret_file::Secret;

/// The longest that handing over may take. Servers look for spam before they answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// The longest that a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(8);

/// The longest that a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A mail server and who logs in there.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) security: SmtpSecurity,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) password: Secret,
}

/// How far a conversation has come: what a refusal means depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Greeting,
    Login,
    From,
    To,
    Text,
}

impl Server {
    /// Hand over a mail.
    pub(super) async fn take(&self, envelope: &Envelope, mail: &[u8]) -> Result<(), Failure> {
        let under_way = AtomicBool::new(false);
        let late = |_| {
            let sent = under_way.load(Ordering::Relaxed);
            let kind = if sent { FailureKind::Unconfirmed } else { FailureKind::Retryable { retry_after: None } };
            Failure::new(kind, format!("no answer within {} s ({})", PATIENCE.as_secs(), self.place()))
        };
        timeout(PATIENCE, self.converse(envelope, mail, &under_way)).await.map_err(late)?
    }

    /// Log in and leave.
    pub(super) async fn probe(&self) -> Result<String, Failure> {
        let late = |_| Failure::retryable(format!("no answer within {} s ({})", PATIENCE.as_secs(), self.place()));
        let connection = timeout(PATIENCE, self.open()).await.map_err(late)??;
        leave(connection).await;
        let known = self.user.as_ref().map_or_else(String::new, |user| format!(" and knows {user}"));
        Ok(format!("{} takes mail{known}", self.place()))
    }

    async fn converse(&self, envelope: &Envelope, mail: &[u8], under_way: &AtomicBool) -> Result<(), Failure> {
        let mut connection = self.open().await?;
        let from = Mail::new(envelope.from().cloned(), Vec::new());
        connection.command(from).await.map_err(|error| self.failure(&error, Step::From))?;
        for reader in envelope.to() {
            let to = Rcpt::new(reader.clone(), Vec::new());
            connection.command(to).await.map_err(|error| self.failure(&error, Step::To))?;
        }
        connection.command(Data).await.map_err(|error| self.failure(&error, Step::To))?;
        under_way.store(true, Ordering::Relaxed);
        connection.message(mail).await.map_err(|error| self.failure(&error, Step::Text))?;
        leave(connection).await;
        Ok(())
    }

    /// Connected, encrypted as wanted, and logged in.
    async fn open(&self) -> Result<AsyncSmtpConnection, Failure> {
        let (place, me) = ((self.name.as_str(), self.port), ClientId::default());
        let wrapper = if self.security == SmtpSecurity::Tls { Some(self.tls()?) } else { None };
        let connection = AsyncSmtpConnection::connect_tokio1(place, Some(CONNECT), &me, wrapper, None).await;
        let mut connection = connection.map_err(|error| self.failure(&error, Step::Greeting))?;
        if self.security == SmtpSecurity::Starttls {
            if !connection.can_starttls() {
                let advice = "set alerters.email.security to tls, or use another server";
                return Err(Failure::permanent(format!("{} does not offer STARTTLS", self.place()), advice));
            }
            let encrypted = connection.starttls(self.tls()?, &me).await;
            encrypted.map_err(|error| self.failure(&error, Step::Greeting))?;
        }
        if let (Some(user), Some(password)) = (&self.user, self.password.resolve()?) {
            let login = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let known = connection.auth(&[Mechanism::Plain, Mechanism::Login], &login).await;
            known.map_err(|error| self.failure(&error, Step::Login))?;
        }
        Ok(connection)
    }

    /// The certificate is verified as the system does it.
    fn tls(&self) -> Result<TlsParameters, Failure> {
        let mut tls = TlsParameters::builder(self.name.clone());
        if let Some(file) = &self.ca_file {
            let unusable = |why: String| {
                let what = format!("the certificates in {} cannot be used: {why}", file.display());
                Failure::permanent(what, "set alerters.email.ca_file to a PEM file with the authority of the server")
            };
            let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
            tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| unusable(root_cause(&e)))?);
        }
        tls.build_rustls().map_err(|error| Failure::retryable(format!("cannot set up TLS: {}", root_cause(&error))))
    }

    fn place(&self) -> String {
        format!("{}:{}", self.name, self.port)
    }

    fn failure(&self, error: &smtp::Error, step: Step) -> Failure {
        match error.status() {
            Some(code) => self.refusal(error, &code.to_string(), step),
            None => self.broken(error, step),
        }
    }

    /// The server said no, with a number and in words.
    fn refusal(&self, error: &smtp::Error, code: &str, step: Step) -> Failure {
        let words = error.source().map(ToString::to_string).unwrap_or_default();
        // What is said of a login may repeat it in another form: the number says enough.
        let words = if step == Step::Login { String::new() } else { quoted(&words, &self.secrets()) };
        let what = format!("{} answered {}", self.place(), format!("{code} {words}").trim_end());
        if error.is_transient() {
            return Failure::retryable(what); // full, busy, or wants to see whether we come again
        }
        let advice = match step {
            Step::Greeting => "check alerters.email.server and port: the server does not take mail from here",
            Step::Login => {
                "check alerters.email.user and password; many providers want a password made for one application"
            }
            Step::From if code == "530" => "set alerters.email.user and password: the server wants to know who sends",
            Step::From => "check alerters.email.from: the server does not take mail from that address",
            Step::To => "check alerters.email.to: the server does not take mail for that address",
            Step::Text => "see what the server says of it",
        };
        Failure::permanent(what, advice)
    }

    /// It broke. Before the text nothing was sent; afterwards nobody knows.
    fn broken(&self, error: &smtp::Error, step: Step) -> Failure {
        let why = root_cause(error);
        let what = format!("{} ({})", quoted(&why, &self.secrets()), self.place());
        if error.is_client() {
            return Failure::permanent(what, "check alerters.email.user and password, and what the server offers");
        }
        let kind = match step {
            Step::Text => FailureKind::Unconfirmed,
            Step::Greeting if !is_loopback_host(&self.name) && !has_network() => FailureKind::Offline,
            _ => FailureKind::Retryable { retry_after: None },
        };
        let advice = match why.contains("certificate") {
            true => "check alerters.email.server; if its authority is your own, set ca_file".into(),
            false => String::new(),
        };
        Failure { hint: advice, ..Failure::new(kind, what) }
    }

    fn secrets(&self) -> Vec<String> {
        let password: Option<SecretString> = self.password.resolve().ok().flatten();
        password.iter().map(|password| password.expose_secret().to_owned()).collect()
    }
}

/// What was taken is taken, however the goodbye goes.
async fn leave(mut connection: AsyncSmtpConnection) {
    let _ = timeout(GOODBYE, connection.quit()).await;
}
