//! Calendars on a CalDAV server (RFC 4791): discovery from the configured address, and queries for near events and open to-dos.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::credentials::may_send_credentials;
use super::fetch::{MAX_REDIRECTS, parse_url, redirect_target, send};
use super::ical::{Content, ReadOptions, Reader};
use super::requests::Query;
use super::responses::{ParseError, Resource, parse_multistatus};
use super::{MAX_CALENDAR_BYTES, SOURCE, finish};
use crate::core::text::truncate;
use crate::net::HttpClient;
use crate::net::client::Body;
use crate::net::host::host_port;
use crate::sources::Error;
use crate::sources::blocking::run_blocking;
use crate::sys::secret_file;

const DISCOVERY_INTERVAL: SignedDuration = SignedDuration::from_hours(24);

/// Further calendars of one account are ignored.
const MAX_CALENDARS: usize = 50;

#[derive(Debug, Clone)]
pub struct CalDavAccount {
    /// The server, the user's folder on it, or one calendar.
    pub url: String,
    pub user: String,
    pub password: Option<SecretString>,
    pub password_file: Option<PathBuf>,
    /// Names of the calendars to fetch; empty for all.
    pub calendars: Vec<String>,
}

/// The calendars of an account.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    at: Option<Timestamp>,
    /// Addresses, and the components that each calendar supports.
    calendars: Vec<(Url, Vec<String>)>,
    /// The user's e-mail addresses.
    user_addresses: Vec<String>,
}

impl Discovery {
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.at.is_some_and(|at| now.duration_since(at).abs() < DISCOVERY_INTERVAL)
    }
}

impl CalDavAccount {
    pub(super) async fn fetch(
        &self,
        http: &HttpClient,
        discovery: &mut Discovery,
        wants_events: bool,
        options: ReadOptions,
        now: &ZonedDateTime,
    ) -> Result<Content, Error> {
        let session = self.open_session(http, now.timestamp()).await?;
        if !discovery.is_fresh(now.timestamp()) {
            *discovery = session.discover().await?;
        }
        let wants_todos = options.todos;
        let user_addresses = options.user_addresses.iter().chain(&discovery.user_addresses).cloned().collect();
        let mut reader = Reader::new(ReadOptions { user_addresses, ..options });
        // A response without resources is an empty calendar.
        reader.push(b"BEGIN:VCALENDAR\nEND:VCALENDAR\n");
        for (url, components) in &discovery.calendars {
            let supports = |kind: &str| components.is_empty() || components.iter().any(|component| component == kind);
            let events = (wants_events && supports("VEVENT")).then(|| Query::events_near(now));
            let todos = (wants_todos && supports("VTODO")).then(Query::open_todos);
            for query in [events, todos].into_iter().flatten() {
                let resources = session.send(&query, url).await;
                // The calendar may have been moved or deleted.
                if resources.is_err() {
                    discovery.at = None;
                }
                reader = read_resources(resources?, reader).await?;
            }
        }
        let location = self.host();
        run_blocking(SOURCE, move || finish(reader, &location)).await
    }

    async fn open_session<'a>(&'a self, http: &'a HttpClient, now: Timestamp) -> Result<Session<'a>, Error> {
        let advice = "Set caldav.url of this calendar to an address that begins with https://.";
        let base = parse_url(self.url.trim(), |_| true, advice)?;
        let password = secret_file::load(self.password.as_ref(), self.password_file.as_ref())
            .await
            .map_err(|error| Error::from_secret_file(SOURCE, error))?;
        let password = password.ok_or_else(|| {
            let advice = "Set caldav.password or caldav.password_file of this calendar.";
            Error::action_required(SOURCE, format!("no password is set ({})", host_port(&base)), advice)
        })?;
        Ok(Session { account: self, http, base, password, now })
    }

    /// Host and port.
    pub(super) fn host(&self) -> String {
        Url::parse(self.url.trim()).map_or_else(|_| "its address".into(), |url| host_port(&url))
    }
}

/// The requests of one fetch.
struct Session<'a> {
    account: &'a CalDavAccount,
    http: &'a HttpClient,
    /// The configured address.
    base: Url,
    password: SecretString,
    now: Timestamp,
}

impl Session<'_> {
    /// The configured address is a calendar, or leads to the user (principal), whose home lists the calendars.
    async fn discover(&self) -> Result<Discovery, Error> {
        let (start, resources) = self.discover_start().await?;
        let mut discovery =
            Discovery { at: Some(self.now), user_addresses: mail_addresses(&resources), calendars: Vec::new() };
        let is_start = |resource: &Resource| {
            self.resolve(&start, &resource.href).ok().as_ref().is_none_or(|url| same_path(url, &start))
        };
        if let Some(calendar) = resources.iter().find(|resource| resource.is_calendar && is_start(resource)) {
            discovery.calendars.push((start, calendar.components.clone()));
            return Ok(discovery);
        }
        let mut home = resources.iter().find_map(|resource| resource.home.clone());
        let principal = resources.iter().find_map(|resource| resource.principal.clone());
        if let (None, Some(principal)) = (&home, principal) {
            let principal = self.resolve(&start, &principal)?;
            let user = self.send(&Query::discovery("0"), &principal).await?;
            discovery.user_addresses.extend(mail_addresses(&user));
            home = user.into_iter().find_map(|resource| resource.home);
        }
        let home = home.map_or_else(|| Ok(start.clone()), |home| self.resolve(&start, &home))?;
        let children = self.send(&Query::discovery("1"), &home).await?;
        for calendar in self.select_calendars(&children, &home)?.into_iter().take(MAX_CALENDARS) {
            discovery.calendars.push((self.resolve(&home, &calendar.href)?, calendar.components.clone()));
        }
        if discovery.calendars.is_empty() {
            let message = format!("no calendar was found ({})", host_port(&home));
            return Err(Error::action_required(SOURCE, message, "Set caldav.url to the address of your calendar."));
        }
        Ok(discovery)
    }

    fn select_calendars<'r>(&self, children: &'r [Resource], home: &Url) -> Result<Vec<&'r Resource>, Error> {
        let names = &self.account.calendars;
        let calendars = children.iter().filter(|resource| resource.is_calendar);
        if names.is_empty() {
            return Ok(calendars.collect());
        }
        let missing = names.iter().find(|name| !calendars.clone().any(|calendar| has_name(calendar, name)));
        if let Some(missing) = missing {
            let message = format!("there is no calendar '{}' ({})", truncate(missing, 60), host_port(home));
            let advice = "Check the names in caldav.calendars, or remove them.";
            return Err(Error::action_required(SOURCE, message, advice));
        }
        Ok(calendars.filter(|calendar| names.iter().any(|name| has_name(calendar, name))).collect())
    }

    /// The configured address, or the well-known address of its server (RFC 6764).
    async fn discover_start(&self) -> Result<(Url, Vec<Resource>), Error> {
        let query = Query::discovery("0");
        let configured = self.send_with_redirects(&query, &self.base).await;
        let leads_on = |resources: &[Resource]| {
            resources.iter().any(|one| one.is_calendar || one.principal.is_some() || one.home.is_some())
        };
        let has_path = !matches!(self.base.path(), "" | "/");
        if has_path || configured.as_ref().is_ok_and(|(_, resources)| leads_on(resources)) {
            return configured;
        }
        let Ok(well_known) = self.base.join("/.well-known/caldav") else { return configured };
        self.send_with_redirects(&query, &well_known).await.or(configured)
    }

    async fn send(&self, query: &Query, url: &Url) -> Result<Vec<Resource>, Error> {
        self.send_with_redirects(query, url).await.map(|(_, resources)| resources)
    }

    /// The resources, and the address that returned them.
    async fn send_with_redirects(&self, query: &Query, url: &Url) -> Result<(Url, Vec<Resource>), Error> {
        let failed = |error| Error::from_net(SOURCE, error);
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let method = Method::from_bytes(query.method.as_bytes()).unwrap_or_default();
            let request = self
                .http
                .request(method, &url)
                .map_err(failed)?
                .basic_auth(&self.account.user, Some(self.password.expose_secret()))
                .header("depth", query.depth)
                .header(CONTENT_TYPE, "application/xml; charset=utf-8")
                .body(query.body.clone().into_owned());
            let response = send(request, &url, self.now).await?;
            if response.status().is_redirection() {
                match redirect_target(&response, &url) {
                    Some(next) if may_send_credentials(&self.base, &next) => url = next,
                    next => return Err(foreign_server(&url, next.as_ref())),
                }
                continue;
            }
            let is_multistatus = response.status() == StatusCode::MULTI_STATUS;
            let body = Body::new(response, &url, MAX_CALENDAR_BYTES).read_to_end().await.map_err(failed)?;
            let parsed = run_blocking(SOURCE, move || Ok(parse_multistatus(&String::from_utf8_lossy(&body)))).await?;
            let host = host_port(&url);
            return match parsed {
                Ok(resources) if resources.iter().any(|one| one.is_incomplete(query.expects_data())) => {
                    Err(Error::transient(SOURCE, format!("the server returned only a part of the calendar ({host})")))
                }
                Ok(resources) if is_multistatus => Ok((url, resources)),
                Err(ParseError::Invalid) => {
                    Err(Error::transient(SOURCE, format!("the response is truncated or invalid ({host})")))
                }
                _ => {
                    let message = format!("the response is not CalDAV ({host})");
                    let advice = "Set caldav.url to the address that your provider gives for CalDAV.";
                    Err(Error::action_required(SOURCE, message, advice))
                }
            };
        }
        Err(foreign_server(&url, None))
    }

    fn resolve(&self, base: &Url, href: &str) -> Result<Url, Error> {
        match base.join(href.trim()) {
            Ok(url) if may_send_credentials(&self.base, &url) => Ok(url),
            other => Err(foreign_server(base, other.ok().as_ref())),
        }
    }
}

/// `from` refers to `target`, which must not receive the password.
fn foreign_server(from: &Url, target: Option<&Url>) -> Error {
    let message =
        format!("the server refers to another one, which must not receive the password ({})", host_port(from));
    let advice = match target.filter(|target| target.scheme() == "https") {
        Some(target) => {
            format!("If your calendars are at {}, set caldav.url to the address there.", host_port(target))
        }
        None => "Check caldav.url of this calendar.".into(),
    };
    Error::action_required(SOURCE, message, advice)
}

async fn read_resources(resources: Vec<Resource>, mut reader: Reader) -> Result<Reader, Error> {
    run_blocking(SOURCE, move || {
        for data in resources.into_iter().filter_map(|resource| resource.data) {
            reader.push(data.as_bytes());
            reader.push(b"\n");
        }
        Ok(reader)
    })
    .await
}

fn mail_addresses(resources: &[Resource]) -> Vec<String> {
    let addresses = resources.iter().flat_map(|resource| &resource.addresses);
    addresses.filter_map(|address| Some(address.split_once("mailto:")?.1.to_owned())).collect()
}

/// By display name, or by the last segment of the address.
fn has_name(calendar: &Resource, name: &str) -> bool {
    let segment = calendar.href.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    calendar.display_name.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(name)) || segment == name
}

fn same_path(one: &Url, other: &Url) -> bool {
    one.path().trim_end_matches('/') == other.path().trim_end_matches('/')
}
