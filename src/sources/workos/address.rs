//! A Postgres address with libpq's meaning of `sslmode`, taken apart so that no part of it leaks.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::SOURCE;
use crate::sources::error::SourceError;

/// What the server's certificate has to stand up to, if there is TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verify {
    /// Encrypted only: `prefer` and `require` without a certificate file.
    Nothing,
    /// Signed by an authority of the file: `verify-ca`, or `require` with a certificate file.
    Authority(PathBuf),
    /// That, and made out to this host: `verify-full`.
    AuthorityAndName(PathBuf),
    /// As the system judges; it always looks at the name too.
    System,
}

/// Where to connect and how.
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) verify: Verify,
}

impl Address {
    /// Parses `postgres://user:password@host:port/database?sslmode=…`. `ca_file` wins over the address's `sslrootcert`.
    pub(crate) fn parse(url: &SecretString, ca_file: Option<&Path>) -> Result<Self, SourceError> {
        let url = url.expose_secret().trim();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(malformed("it does not begin with postgres://"));
        }
        let (front, parameters) = split_query(url);
        let parameters = Parameters::parse(parameters)?;
        let verify = parameters.verify(ca_file);
        // The parser's own words may quote the address, so they are not passed on.
        let mut config: Config = format!("{front}?{}", parameters.others.join("&"))
            .parse()
            .map_err(|_| malformed("a part of it cannot be read"))?;
        let hosts = config.get_hosts();
        if hosts.is_empty() && config.get_hostaddrs().is_empty() {
            return Err(malformed("it names no host"));
        }
        // A password with a bare @ spills into the host.
        if hosts.iter().any(|host| matches!(host, Host::Tcp(name) if name.contains(['@', ':', ' ']) || name.is_empty()))
        {
            return Err(malformed("its host is none"));
        }
        config.ssl_mode(parameters.ssl_mode);
        config.application_name("operator");
        Ok(Self { config, verify })
    }

    /// Whether a connection without TLS will do.
    pub(crate) fn may_go_without_tls(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Prefer && self.verify == Verify::Nothing
    }

    /// `host:port` of the servers, for people.
    pub(crate) fn place(&self) -> String {
        let ports = self.config.get_ports();
        let port = |i: usize| ports.get(i).or(ports.first()).copied().unwrap_or(5432);
        let names: Vec<String> = if self.config.get_hosts().is_empty() {
            self.config.get_hostaddrs().iter().map(ToString::to_string).collect()
        } else {
            self.config.get_hosts().iter().map(host_name).collect()
        };
        let places: Vec<String> = names.iter().enumerate().map(|(i, name)| format!("{name}:{}", port(i))).collect();
        places.join(", ")
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

/// The part before the query and the query; a `?` in the password is not taken for its beginning.
fn split_query(url: &str) -> (&str, &str) {
    let after_login = url.find('@').map_or(0, |at| at + 1);
    match url.get(after_login..).and_then(|rest| rest.find('?')) {
        Some(mark) => {
            let (front, query) = url.split_at(after_login + mark);
            (front, query.trim_start_matches('?'))
        }
        None => (url, ""),
    }
}

/// The address's query, with what tokio-postgres does not know taken out.
struct Parameters<'a> {
    ssl_mode: SslMode,
    /// `verify-ca` (false) or `verify-full` (true).
    verify_name: Option<bool>,
    root_certificate: Option<String>,
    others: Vec<&'a str>,
}

impl<'a> Parameters<'a> {
    fn parse(query: &'a str) -> Result<Self, SourceError> {
        let mut found =
            Self { ssl_mode: SslMode::Prefer, verify_name: None, root_certificate: None, others: Vec::new() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| malformed("a parameter has no value"))?;
            match key {
                "sslmode" => found.set_mode(value)?,
                "sslrootcert" => found.root_certificate = Some(decode(value)),
                // libpq knows these and they change nothing for us.
                "gssencmode"
                | "krbsrvname"
                | "sslcompression"
                | "sslsni"
                | "client_encoding"
                | "fallback_application_name" => {}
                _ if KNOWN.contains(&key) => found.others.push(pair),
                _ => {
                    return Err(malformed(
                        "it has a parameter that is not known (sslmode, sslrootcert, options, … are)",
                    ));
                }
            }
        }
        Ok(found)
    }

    fn set_mode(&mut self, mode: &str) -> Result<(), SourceError> {
        (self.ssl_mode, self.verify_name) = match mode {
            "disable" => (SslMode::Disable, None),
            "allow" | "prefer" => (SslMode::Prefer, None),
            "require" => (SslMode::Require, None),
            "verify-ca" => (SslMode::Require, Some(false)),
            "verify-full" => (SslMode::Require, Some(true)),
            _ => {
                let known = "its sslmode is none of disable, allow, prefer, require, verify-ca and verify-full";
                return Err(malformed(known));
            }
        };
        Ok(())
    }

    fn verify(&self, ca_file: Option<&Path>) -> Verify {
        let from_url = self.root_certificate.as_deref().filter(|path| !path.is_empty() && *path != "system");
        let file = ca_file.map(Path::to_path_buf).or_else(|| from_url.map(PathBuf::from));
        let asks_system = self.root_certificate.as_deref() == Some("system");
        match (file, self.verify_name) {
            (Some(file), Some(true)) => Verify::AuthorityAndName(file),
            (Some(file), _) => Verify::Authority(file),
            (None, Some(_)) => Verify::System,
            (None, None) if asks_system => Verify::System,
            (None, None) => Verify::Nothing,
        }
    }
}

/// What tokio-postgres takes.
const KNOWN: [&str; 17] = [
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "sslnegotiation",
    "host",
    "hostaddr",
    "port",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "target_session_attrs",
    "channel_binding",
];

/// Percent-decoding, for a path; what is no code stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'%').then(|| tail.get(..2)).flatten();
        let byte = code.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn malformed(why: &str) -> SourceError {
    let advice = "Write sources.workos.url as postgres://user:password@host:5432/database?sslmode=require, with special \
                  characters of the password percent-encoded (@ as %40).";
    SourceError::needs_user(SOURCE, format!("the database address is malformed: {why}"), advice)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parse(url: &str, ca_file: Option<&str>) -> Result<Address, SourceError> {
        Address::parse(&url.into(), ca_file.map(Path::new))
    }

    #[rstest]
    #[case("", None, SslMode::Prefer, Verify::Nothing)]
    #[case("?sslmode=disable", None, SslMode::Disable, Verify::Nothing)]
    #[case("?sslmode=allow", None, SslMode::Prefer, Verify::Nothing)]
    #[case("?sslmode=require&channel_binding=prefer", None, SslMode::Require, Verify::Nothing)]
    #[case("?sslmode=require", Some("/ca"), SslMode::Require, Verify::Authority("/ca".into()))]
    #[case("?sslmode=verify-ca", Some("/ca"), SslMode::Require, Verify::Authority("/ca".into()))]
    #[case("?sslmode=verify-full", Some("/ca"), SslMode::Require, Verify::AuthorityAndName("/ca".into()))]
    #[case("?sslmode=verify-full", None, SslMode::Require, Verify::System)]
    #[case("?sslmode=verify-full&sslrootcert=system", None, SslMode::Require, Verify::System)]
    #[case("?sslrootcert=%2Fa%20b&sslmode=verify-full", None, SslMode::Require, Verify::AuthorityAndName("/a b".into()))]
    #[case("?gssencmode=disable", None, SslMode::Prefer, Verify::Nothing)]
    fn sslmode_means_what_libpq_means(
        #[case] query: &str,
        #[case] ca_file: Option<&str>,
        #[case] mode: SslMode,
        #[case] verify: Verify,
    ) {
        let Ok(address) = parse(&format!("postgres://me:p%40s?s@db.example:6543/work{query}"), ca_file) else {
            unreachable!("{query}")
        };
        assert_eq!(address.config.get_ssl_mode(), mode);
        assert_eq!(address.verify, verify);
        assert_eq!(address.config.get_password(), Some(&b"p@s?s"[..]));
        assert_eq!(address.place(), "db.example:6543");
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
    fn a_malformed_address_is_refused_without_showing_it(#[case] url: &str) {
        let Err(error) = parse(url, None) else { unreachable!("{url}") };
        assert_eq!(error.fault, crate::sources::error::Fault::NeedsUser);
        assert!(!format!("{error:?}").contains("hun"), "{error:?}");
        assert!(!format!("{error:?}").contains("ter2"), "{error:?}");
    }
}
