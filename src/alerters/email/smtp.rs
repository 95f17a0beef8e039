//! Submits mail over SMTP (<https://www.rfc-editor.org/rfc/rfc5321>) and maps its errors to failures.

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
use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::alerters::text::quote;
use crate::alerters::{Failure, FailureKind};
use crate::config::schema::SmtpSecurity;
use crate::net::error::root_cause;
use crate::net::host::{has_network, is_loopback_host};
use crate::sys::secret_file::Secret;

/// For a whole session. Servers scan for spam before they accept.
const SESSION_TIMEOUT: Duration = Duration::from_secs(40);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: SmtpSecurity,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) password: Secret,
}

/// The stage of a session: the meaning of an error depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SmtpStage {
    Greeting,
    Login,
    Sender,
    Recipient,
    Content,
}

impl Server {
    pub(super) async fn submit(&self, envelope: &Envelope, mail: &[u8]) -> Result<(), Failure> {
        let content_sent = AtomicBool::new(false);
        match timeout(SESSION_TIMEOUT, self.submit_unbounded(envelope, mail, &content_sent)).await {
            Ok(result) => result,
            Err(_) if content_sent.load(Ordering::Relaxed) => {
                Err(Failure { kind: FailureKind::Unconfirmed, ..self.timed_out() })
            }
            Err(_) => Err(self.timed_out()),
        }
    }

    /// Logs in and quits.
    pub(super) async fn probe(&self) -> Result<String, Failure> {
        let connection = timeout(SESSION_TIMEOUT, self.connect()).await.map_err(|_| self.timed_out())??;
        quit(connection).await;
        let login = self.user.as_ref().map_or_else(String::new, |user| format!(" and knows {user}"));
        Ok(format!("{} accepts mail{login}", self.address()))
    }

    async fn submit_unbounded(
        &self,
        envelope: &Envelope,
        mail: &[u8],
        content_sent: &AtomicBool,
    ) -> Result<(), Failure> {
        let mut connection = self.connect().await?;
        let sender = Mail::new(envelope.from().cloned(), Vec::new());
        connection.command(sender).await.map_err(|error| self.failure(&error, SmtpStage::Sender))?;
        for recipient in envelope.to() {
            let recipient = Rcpt::new(recipient.clone(), Vec::new());
            connection.command(recipient).await.map_err(|error| self.failure(&error, SmtpStage::Recipient))?;
        }
        connection.command(Data).await.map_err(|error| self.failure(&error, SmtpStage::Recipient))?;
        content_sent.store(true, Ordering::Relaxed);
        connection.message(mail).await.map_err(|error| self.failure(&error, SmtpStage::Content))?;
        quit(connection).await;
        Ok(())
    }

    /// Connects, encrypts as configured, and logs in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let (address, client_id) = ((self.host.as_str(), self.port), ClientId::default());
        let tls = if self.security == SmtpSecurity::Tls { Some(self.tls()?) } else { None };
        let connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_TIMEOUT), &client_id, tls, None).await;
        let mut connection = connection.map_err(|error| self.failure(&error, SmtpStage::Greeting))?;
        if self.security == SmtpSecurity::Starttls {
            if !connection.can_starttls() {
                let hint = "set alerters.email.security to tls, or use another server";
                return Err(Failure::permanent(format!("{} does not offer STARTTLS", self.address()), hint));
            }
            let encrypted = connection.starttls(self.tls()?, &client_id).await;
            encrypted.map_err(|error| self.failure(&error, SmtpStage::Greeting))?;
        }
        if let (Some(user), Some(password)) = (&self.user, self.password.resolve()?) {
            let login = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let logged_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &login).await;
            logged_in.map_err(|error| self.failure(&error, SmtpStage::Login))?;
        }
        Ok(connection)
    }

    /// The system's verifier checks the certificate.
    fn tls(&self) -> Result<TlsParameters, Failure> {
        let mut tls = TlsParameters::builder(self.host.clone());
        if let Some(file) = &self.ca_file {
            let unusable = |reason: String| {
                let what = format!("the certificates in {} cannot be used: {reason}", file.display());
                Failure::permanent(what, "set alerters.email.ca_file to a PEM file with the authority of the server")
            };
            let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
            tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| unusable(root_cause(&e)))?);
        }
        tls.build_rustls().map_err(|error| Failure::retryable(format!("cannot set up TLS: {}", root_cause(&error))))
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn timed_out(&self) -> Failure {
        Failure::retryable(format!("no answer within {} s ({})", SESSION_TIMEOUT.as_secs(), self.address()))
    }

    fn failure(&self, error: &smtp::Error, stage: SmtpStage) -> Failure {
        match error.status() {
            Some(code) => self.refusal(error, &code.to_string(), stage),
            None => self.connection_failure(error, stage),
        }
    }

    /// The server answered with an error code.
    fn refusal(&self, error: &smtp::Error, code: &str, stage: SmtpStage) -> Failure {
        let reply = error.source().map(ToString::to_string).unwrap_or_default();
        // A reply to a login may repeat the password in another encoding: show only the code.
        let reply = if stage == SmtpStage::Login { String::new() } else { quote(&reply, &self.secrets()) };
        let what = format!("{} answered {}", self.address(), format!("{code} {reply}").trim_end());
        if error.is_transient() {
            return Failure::retryable(what); // full, busy or greylisting
        }
        let hint = match stage {
            SmtpStage::Greeting => "check alerters.email.server and port: the server accepts no mail from here",
            SmtpStage::Login => "check alerters.email.user and password; many providers require an app password",
            SmtpStage::Sender if code == "530" => "set alerters.email.user and password: the server requires a login",
            SmtpStage::Sender => "check alerters.email.from: the server accepts no mail from that address",
            SmtpStage::Recipient => "check alerters.email.to: the server accepts no mail for that address",
            SmtpStage::Content => "see the server's reply",
        };
        Failure::permanent(what, hint)
    }

    /// The connection failed. Before the content nothing was sent; afterwards the mail may have been accepted.
    fn connection_failure(&self, error: &smtp::Error, stage: SmtpStage) -> Failure {
        let cause = root_cause(error);
        let what = format!("{} ({})", quote(&cause, &self.secrets()), self.address());
        if error.is_client() {
            return Failure::permanent(
                what,
                "check alerters.email.user and password, and the login methods of the server",
            );
        }
        let kind = match stage {
            SmtpStage::Content => FailureKind::Unconfirmed,
            SmtpStage::Greeting if !is_loopback_host(&self.host) && !has_network() => FailureKind::Offline,
            _ => FailureKind::Retryable { retry_after: None },
        };
        let hint = match cause.contains("certificate") {
            true => "check alerters.email.server; for a private certificate authority set ca_file".into(),
            false => String::new(),
        };
        Failure { hint, ..Failure::new(kind, what) }
    }

    fn secrets(&self) -> Vec<String> {
        let password = self.password.resolve().ok().flatten();
        password.iter().map(|password| password.expose_secret().to_owned()).collect()
    }
}

/// The mail is accepted already: a failing `QUIT` changes nothing.
async fn quit(mut connection: AsyncSmtpConnection) {
    let _ = timeout(QUIT_TIMEOUT, connection.quit()).await;
}
