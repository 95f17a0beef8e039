//! Calendars on a CalDAV server (RFC 4791): found from the address that the person gives, then asked for what happens near now.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::fetch::{redirected, send};
use super::questions::{ABOUT, events_near, todos};
use super::replies::{NoReply, Thing, things};
use super::trust::may_know_password;
use super::{LONGEST, SOURCE, finished};
use crate::net::HttpClient;
use crate::net::client::Body;
use crate::net::host::{host_port, is_loopback};
use crate::sources::Error;
use crate::sources::blocking::run_blocking;
use crate::sources::calendar::ical::{Content, Reader, Wanted};
use crate::sys::secret_file;

/// The calendars of an account are looked for again so often.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// More redirects lead nowhere.
const MOST_REDIRECTS: usize = 5;

/// More calendars of one account are not read.
const MOST_CALENDARS: usize = 50;

/// A person's account on a server.
#[derive(Debug, Clone)]
pub struct Account {
    /// The server, the person's folder there, or one calendar.
    pub url: String,
    /// Who logs in.
    pub user: String,
    /// With what.
    pub password: Option<SecretString>,
    /// A file that holds it.
    pub password_file: Option<PathBuf>,
    /// The names of the calendars that are read; empty: all.
    pub only: Vec<String>,
}

/// Which kinds are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wants {
    pub(crate) events: bool,
    pub(crate) todos: bool,
}

/// What was found on the server.
#[derive(Debug, Default)]
pub(crate) struct Found {
    at: Option<Timestamp>,
    calendars: Vec<(Url, Vec<String>)>,
    addresses: Vec<String>,
}

/// A question at one time.
struct Asking<'a> {
    account: &'a Account,
    net: &'a HttpClient,
    base: Url,
    password: SecretString,
    now: Timestamp,
}

impl Account {
    /// What happens near `now`, of all its calendars.
    pub(crate) async fn read(
        &self,
        net: &HttpClient,
        found: &mut Found,
        wants: Wants,
        wanted: Wanted,
        now: &ZonedDateTime,
    ) -> Result<Content, Error> {
        let asking = self.asking(net, now.timestamp()).await?;
        let is_known = |at: &Timestamp| now.timestamp().duration_since(*at).abs() < LOOK_AGAIN;
        if !found.at.as_ref().is_some_and(is_known) {
            *found = asking.look_around().await?;
        }
        let own = wanted.own.iter().chain(&found.addresses).cloned().collect();
        let mut reader = Reader::new(Wanted { own, ..wanted });
        // A server without anything near now has sent no calendar, and is one all the same.
        reader.push(b"BEGIN:VCALENDAR\nEND:VCALENDAR\n");
        for (url, components) in &found.calendars {
            let has = |kind: &str| components.is_empty() || components.iter().any(|component| component == kind);
            let questions =
                [(wants.events && has("VEVENT")).then(|| events_near(now)), (wants.todos && has("VTODO")).then(todos)];
            for question in questions.into_iter().flatten() {
                let said = asking.ask("REPORT", url, "1", &question).await;
                // It was moved or removed: next time the calendars are looked for again.
                if said.is_err() {
                    found.at = None;
                }
                reader = read_all(said?, reader).await?;
            }
        }
        let place = self.shown();
        run_blocking(SOURCE, move || finished(reader, &place)).await
    }

    async fn asking<'a>(&'a self, net: &'a HttpClient, now: Timestamp) -> Result<Asking<'a>, Error> {
        let advice = "Set caldav.url of this calendar to an address that begins with https://.";
        let base =
            Url::parse(self.url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = base.ok_or_else(|| Error::action_required(SOURCE, "its address is no web address", advice))?;
        if base.scheme() != "https" && !is_loopback(&base) {
            let what = format!("a password is not sent in the open ({})", host_port(&base));
            return Err(Error::action_required(SOURCE, what, advice));
        }
        let password = secret_file::load(self.password.as_ref(), self.password_file.as_ref())
            .await
            .map_err(|error| Error::from_secret_file(SOURCE, error))?;
        let password = password.ok_or_else(|| {
            let advice = "Set caldav.password or caldav.password_file of this calendar.";
            Error::action_required(SOURCE, format!("there is no password ({})", host_port(&base)), advice)
        })?;
        Ok(Asking { account: self, net, base, password, now })
    }

    /// The server's name and port.
    pub(crate) fn shown(&self) -> String {
        Url::parse(self.url.trim()).map_or_else(|_| "its address".into(), |url| host_port(&url))
    }
}

impl Asking<'_> {
    /// From the address to the calendars: it may be one, or lead to the person, and they to their calendars.
    async fn look_around(&self) -> Result<Found, Error> {
        let (start, about) = self.first().await?;
        let mut found = Found { at: Some(self.now), addresses: addresses(&about), calendars: Vec::new() };
        if let Some(thing) = about.iter().find(|thing| {
            thing.is_calendar && self.url(&start, &thing.href).ok().as_ref().is_none_or(|url| is_same(url, &start))
        }) {
            found.calendars.push((start, thing.components.clone()));
            return Ok(found);
        }
        let mut home = about.iter().find_map(|thing| thing.home.clone());
        if let (None, Some(principal)) = (&home, about.iter().find_map(|thing| thing.principal.clone())) {
            let principal = self.url(&start, &principal)?;
            let person = self.ask("PROPFIND", &principal, "0", ABOUT).await?;
            found.addresses.extend(addresses(&person));
            home = person.into_iter().find_map(|thing| thing.home);
        }
        let home = home.map_or_else(|| Ok(start.clone()), |home| self.url(&start, &home))?;
        let all = self.ask("PROPFIND", &home, "1", ABOUT).await?;
        let is_wanted = |thing: &&Thing| {
            self.account.only.is_empty() || self.account.only.iter().any(|name| is_called(thing, name))
        };
        let calendars: Vec<&Thing> = all.iter().filter(|thing| thing.is_calendar).collect();
        if let Some(missing) =
            self.account.only.iter().find(|name| !calendars.iter().any(|thing| is_called(thing, name)))
        {
            let what =
                format!("there is no calendar '{}' ({})", crate::core::text::truncate(missing, 60), host_port(&home));
            return Err(Error::action_required(
                SOURCE,
                what,
                "Check the names in caldav.calendars, or leave them out.",
            ));
        }
        for thing in calendars.into_iter().filter(is_wanted).take(MOST_CALENDARS) {
            found.calendars.push((self.url(&home, &thing.href)?, thing.components.clone()));
        }
        if found.calendars.is_empty() {
            let what = format!("no calendar was found ({})", host_port(&home));
            return Err(Error::action_required(SOURCE, what, "Set caldav.url to your calendar's own address."));
        }
        Ok(found)
    }

    /// The address itself, or where a server that is only named keeps its calendars.
    async fn first(&self) -> Result<(Url, Vec<Thing>), Error> {
        let said = self.ask_and_follow("PROPFIND", &self.base, "0", ABOUT).await;
        let is_bare = matches!(self.base.path(), "" | "/");
        let leads_on = |about: &[Thing]| {
            about.iter().any(|thing| thing.is_calendar || thing.principal.is_some() || thing.home.is_some())
        };
        match said {
            Ok((url, about)) if leads_on(&about) || !is_bare => Ok((url, about)),
            Err(error) if !is_bare => Err(error),
            said => {
                let Ok(known) = self.base.join("/.well-known/caldav") else { return said };
                let there = self.ask_and_follow("PROPFIND", &known, "0", ABOUT).await;
                if there.is_ok() { there } else { said }
            }
        }
    }

    async fn ask(&self, method: &str, url: &Url, depth: &str, question: &str) -> Result<Vec<Thing>, Error> {
        self.ask_and_follow(method, url, depth, question).await.map(|(_, things)| things)
    }

    async fn ask_and_follow(
        &self,
        method: &str,
        url: &Url,
        depth: &str,
        question: &str,
    ) -> Result<(Url, Vec<Thing>), Error> {
        let failed = |error| Error::from_net(SOURCE, error);
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let asking = Method::from_bytes(method.as_bytes()).unwrap_or_default();
            let request = self.net.request(asking, &url).map_err(failed)?;
            let request = request.basic_auth(&self.account.user, Some(self.password.expose_secret()));
            let request = request.header("depth", depth).header(CONTENT_TYPE, "application/xml; charset=utf-8");
            let response = send(request.body(question.to_owned()), &url, self.now).await?;
            if response.status().is_redirection() {
                match redirected(&response, &url) {
                    Some(next) if may_know_password(&self.base, &next) => url = next,
                    next => return Err(self.unaccounted(&url, next.as_ref())),
                }
                continue;
            }
            let is_multistatus = response.status() == StatusCode::MULTI_STATUS;
            let text = Body::new(response, &url, LONGEST).read_to_end().await.map_err(failed)?;
            let things = run_blocking(SOURCE, move || Ok(things(&String::from_utf8_lossy(&text)))).await?;
            return match things {
                Ok(things) if things.iter().any(|thing| thing.is_withheld(method == "REPORT")) => {
                    Err(Error::transient(
                        SOURCE,
                        format!("the server did not give all that is there ({})", host_port(&url)),
                    ))
                }
                Ok(things) if is_multistatus => Ok((url, things)),
                Err(NoReply::Broken) => {
                    Err(Error::transient(SOURCE, format!("the answer was cut off, or is broken ({})", host_port(&url))))
                }
                _ => {
                    let what = format!("what is there speaks no CalDAV ({})", host_port(&url));
                    let advice = "Check caldav.url: it is the address that your provider gives for CalDAV.";
                    Err(Error::action_required(SOURCE, what, advice))
                }
            };
        }
        Err(self.unaccounted(&url, None))
    }

    fn url(&self, base: &Url, href: &str) -> Result<Url, Error> {
        match base.join(href.trim()) {
            Ok(url) if may_know_password(&self.base, &url) => Ok(url),
            elsewhere => Err(self.unaccounted(base, elsewhere.ok().as_ref())),
        }
    }

    /// `next` is where the server sends us, if that is an address.
    fn unaccounted(&self, from: &Url, next: Option<&Url>) -> Error {
        let what = format!("the server sends us elsewhere, where the password does not belong ({})", host_port(from));
        let advice = match next.filter(|next| next.scheme() == "https") {
            Some(next) => {
                format!("If your calendars really are at {}, set caldav.url to the address there.", host_port(next))
            }
            None => "Check caldav.url of this calendar.".into(),
        };
        Error::action_required(SOURCE, what, advice)
    }
}

/// Read every text of a reply, away from the engine's thread.
async fn read_all(things: Vec<Thing>, mut reader: Reader) -> Result<Reader, Error> {
    run_blocking(SOURCE, move || {
        for text in things.into_iter().filter_map(|thing| thing.data) {
            reader.push(text.as_bytes());
            reader.push(b"\n");
        }
        Ok(reader)
    })
    .await
}

fn addresses(things: &[Thing]) -> Vec<String> {
    let all = things.iter().flat_map(|thing| &thing.addresses);
    all.filter_map(|address| Some(address.split_once("mailto:")?.1.to_owned())).collect()
}

/// By the name that people see, or by the last part of its address.
fn is_called(thing: &Thing, name: &str) -> bool {
    let last = thing.href.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    thing.name.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(name)) || last == name
}

fn is_same(one: &Url, other: &Url) -> bool {
    one.path().trim_end_matches('/') == other.path().trim_end_matches('/')
}
