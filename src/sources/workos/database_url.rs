//! Parses a Postgres URL with libpq's meaning of `sslmode`. No error quotes any part of the URL.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::SOURCE;
use crate::sources;

/// How the server's certificate is verified, if TLS is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TlsVerify {
    /// Encryption only: `prefer` and `require` without a CA file.
    Off,
    /// Signed by an authority of the file: `verify-ca`, or `require` with a CA file.
    Ca(PathBuf),
    /// Signed by an authority of the file and issued to this host: `verify-full`.
    Full(PathBuf),
    /// The system's verifier, which always checks the host too.
    System,
}

pub(crate) struct DatabaseUrl {
    pub(crate) config: Config,
    pub(crate) verify: TlsVerify,
}

impl DatabaseUrl {
    /// Parses `postgres://user:password@host:port/database?sslmode=…`. `ca_file` overrides `sslrootcert`.
    pub(crate) fn parse(url: &SecretString, ca_file: Option<&Path>) -> Result<Self, sources::Error> {
        let url = url.expose_secret().trim();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(malformed("it does not begin with postgres://"));
        }
        let (base, query) = split_query(url);
        let parameters = Parameters::parse(query)?;
        let verify = parameters.verify(ca_file);
        // The parser's message may quote the URL.
        let mut config: Config = format!("{base}?{}", parameters.passed_on.join("&"))
            .parse()
            .map_err(|_| malformed("it cannot be parsed"))?;
        let hosts = config.get_hosts();
        if hosts.is_empty() && config.get_hostaddrs().is_empty() {
            return Err(malformed("it names no host"));
        }
        // An unencoded @ in the password makes the rest of it the host.
        if hosts.iter().any(|host| matches!(host, Host::Tcp(name) if name.contains(['@', ':', ' ']) || name.is_empty()))
        {
            return Err(malformed("its host is invalid"));
        }
        config.ssl_mode(parameters.ssl_mode);
        config.application_name("operator");
        Ok(Self { config, verify })
    }

    pub(crate) fn allows_plaintext(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Prefer && self.verify == TlsVerify::Off
    }

    /// `host:port` of every server: all that is safe to show.
    pub(crate) fn host_ports(&self) -> String {
        let ports = self.config.get_ports();
        let port = |i: usize| ports.get(i).or(ports.first()).copied().unwrap_or(5432);
        let names: Vec<String> = if self.config.get_hosts().is_empty() {
            self.config.get_hostaddrs().iter().map(ToString::to_string).collect()
        } else {
            self.config.get_hosts().iter().map(host_name).collect()
        };
        let servers: Vec<String> = names.iter().enumerate().map(|(i, name)| format!("{name}:{}", port(i))).collect();
        servers.join(", ")
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

/// Splits at the `?` after the login: the password may hold one.
fn split_query(url: &str) -> (&str, &str) {
    let after_login = url.find('@').map_or(0, |at| at + 1);
    match url.get(after_login..).and_then(|rest| rest.find('?')) {
        Some(mark) => {
            let (base, query) = url.split_at(after_login + mark);
            (base, query.trim_start_matches('?'))
        }
        None => (url, ""),
    }
}

/// The query, without the parameters that tokio-postgres does not know.
struct Parameters<'a> {
    ssl_mode: SslMode,
    /// False for `verify-ca`, true for `verify-full`.
    verify_name: Option<bool>,
    root_certificate: Option<String>,
    passed_on: Vec<&'a str>,
}

impl<'a> Parameters<'a> {
    fn parse(query: &'a str) -> Result<Self, sources::Error> {
        let mut found =
            Self { ssl_mode: SslMode::Prefer, verify_name: None, root_certificate: None, passed_on: Vec::new() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| malformed("a parameter has no value"))?;
            match key {
                "sslmode" => found.set_mode(value)?,
                "sslrootcert" => {
                    found.root_certificate = Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
                }
                _ if IGNORED_PARAMETERS.contains(&key) => {}
                _ if SUPPORTED_PARAMETERS.contains(&key) => found.passed_on.push(pair),
                _ => {
                    return Err(malformed("it has an unknown parameter; sslmode, sslrootcert and options are known"));
                }
            }
        }
        Ok(found)
    }

    fn set_mode(&mut self, mode: &str) -> Result<(), sources::Error> {
        (self.ssl_mode, self.verify_name) = match mode {
            "disable" => (SslMode::Disable, None),
            "allow" | "prefer" => (SslMode::Prefer, None),
            "require" => (SslMode::Require, None),
            "verify-ca" => (SslMode::Require, Some(false)),
            "verify-full" => (SslMode::Require, Some(true)),
            _ => {
                return Err(malformed("its sslmode is not disable, allow, prefer, require, verify-ca or verify-full"));
            }
        };
        Ok(())
    }

    fn verify(&self, ca_file: Option<&Path>) -> TlsVerify {
        let from_url = self.root_certificate.as_deref().filter(|path| !path.is_empty() && *path != "system");
        let file = ca_file.map(Path::to_path_buf).or_else(|| from_url.map(PathBuf::from));
        let system = self.root_certificate.as_deref() == Some("system");
        match (file, self.verify_name) {
            (Some(file), Some(true)) => TlsVerify::Full(file),
            (Some(file), _) => TlsVerify::Ca(file),
            (None, Some(_)) => TlsVerify::System,
            (None, None) if system => TlsVerify::System,
            (None, None) => TlsVerify::Off,
        }
    }
}

/// Parameters of tokio-postgres.
#[rustfmt::skip]
const SUPPORTED_PARAMETERS: [&str; 17] = [
    "user", "password", "dbname", "options", "application_name", "sslnegotiation", "host", "hostaddr", "port",
    "connect_timeout", "tcp_user_timeout", "keepalives", "keepalives_idle", "keepalives_interval",
    "keepalives_retries", "target_session_attrs", "channel_binding",
];

/// Parameters of libpq without an effect here.
#[rustfmt::skip]
const IGNORED_PARAMETERS: [&str; 6] =
    ["gssencmode", "krbsrvname", "sslcompression", "sslsni", "client_encoding", "fallback_application_name"];

fn malformed(reason: &str) -> sources::Error {
    let advice = "Write sources.workos.url as postgres://user:password@host:5432/database?sslmode=require, with special \
                  characters of the password percent-encoded (@ as %40).";
    sources::Error::action_required(SOURCE, format!("the database URL is malformed: {reason}"), advice)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parse(url: &str, ca_file: Option<&str>) -> Result<DatabaseUrl, sources::Error> {
        DatabaseUrl::parse(&url.into(), ca_file.map(Path::new))
    }

    #[rstest]
    #[case("", None, SslMode::Prefer, TlsVerify::Off)]
    #[case("?sslmode=disable", None, SslMode::Disable, TlsVerify::Off)]
    #[case("?sslmode=allow", None, SslMode::Prefer, TlsVerify::Off)]
    #[case("?sslmode=require&channel_binding=prefer", None, SslMode::Require, TlsVerify::Off)]
    #[case("?sslmode=require", Some("/ca"), SslMode::Require, TlsVerify::Ca("/ca".into()))]
    #[case("?sslmode=verify-ca", Some("/ca"), SslMode::Require, TlsVerify::Ca("/ca".into()))]
    #[case("?sslmode=verify-full", Some("/ca"), SslMode::Require, TlsVerify::Full("/ca".into()))]
    #[case("?sslmode=verify-full", None, SslMode::Require, TlsVerify::System)]
    #[case("?sslmode=verify-full&sslrootcert=system", None, SslMode::Require, TlsVerify::System)]
    #[case("?sslrootcert=%2Fa%20b&sslmode=verify-full", None, SslMode::Require, TlsVerify::Full("/a b".into()))]
    #[case("?gssencmode=disable", None, SslMode::Prefer, TlsVerify::Off)]
    fn sslmode_has_libpq_meaning(
        #[case] query: &str,
        #[case] ca_file: Option<&str>,
        #[case] mode: SslMode,
        #[case] verify: TlsVerify,
    ) {
        let Ok(url) = parse(&format!("postgres://me:p%40s?s@db.example:6543/work{query}"), ca_file) else {
            unreachable!("{query}")
        };
        assert_eq!(url.config.get_ssl_mode(), mode);
        assert_eq!(url.verify, verify);
        assert_eq!(url.config.get_password(), Some(&b"p@s?s"[..]));
        assert_eq!(url.host_ports(), "db.example:6543");
    }

    #[rstest]
    #[case("")]
    #[case("mysql://me:hunter2@host/db")]
    #[case("host=localhost password=hunter2")]
    #[case("postgres://me:hun@ter2@host/db")]
    #[case("postgres://me:hunter2@/db")]
    #[case("postgres://me:hunter2@host:hunter2/db")]
    #[case("postgres://me:hunter2@host/db?sslmode=hunter2")]
    #[case("postgres://me:hunter2@host/db?hunter2=1")]
    #[case("postgres://me:hunter2@host/db?hunter2")]
    fn malformed_url_is_refused_unquoted(#[case] url: &str) {
        let Err(error) = parse(url, None) else { unreachable!("{url}") };
        assert_eq!(error.kind, crate::sources::ErrorKind::ActionRequired);
        assert!(!format!("{error:?}").contains("hun"), "{error:?}");
        assert!(!format!("{error:?}").contains("ter2"), "{error:?}");
    }
}
