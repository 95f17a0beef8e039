//! A calendar at a secret address, such as Google, iCloud and Outlook give: asked for only when it has changed, where the server
//! can tell.

use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;

use super::fetch::{redirected, send};
use super::{LONGEST, Mark, SOURCE, Version, finished};
use crate::net::HttpClient;
use crate::net::client::Body;
use crate::net::host::{host_port, is_loopback};
use crate::sources::Error;
use crate::sources::blocking::run_blocking;
use crate::sources::calendar::ical::{Content, Reader};
use crate::sys::secret_file;

/// More redirects lead nowhere.
const MOST_REDIRECTS: usize = 5;

/// So many pieces of an answer may wait to be read.
const PIECES: usize = 4;

/// Where the address stands.
#[derive(Debug, Clone)]
pub struct Address {
    /// In the configuration.
    pub url: Option<SecretString>,
    /// In a file.
    pub url_file: Option<PathBuf>,
}

/// What the server called the version that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    tag: Option<HeaderValue>,
    modified: Option<HeaderValue>,
}

impl Stamp {
    fn of(headers: &HeaderMap) -> Self {
        let header = |name: &HeaderName| headers.get(name).cloned();
        Self { tag: header(&ETAG), modified: header(&LAST_MODIFIED) }
    }
}

impl Address {
    /// Read it; none if it is as it was.
    pub(crate) async fn read(
        &self,
        net: &HttpClient,
        known: Option<&Version>,
        reader: Reader,
        now: Timestamp,
    ) -> Result<Option<(Content, Mark)>, Error> {
        let mut url = self.resolve().await?;
        let stamp = match known.map(|version| &version.mark) {
            Some(Mark::Address(stamp)) => stamp.clone(),
            _ => Stamp::default(),
        };
        for _ in 0..=MOST_REDIRECTS {
            let mut request = net.get(&url).map_err(|error| Error::from_net(SOURCE, error))?;
            for (name, value) in [(IF_NONE_MATCH, &stamp.tag), (IF_MODIFIED_SINCE, &stamp.modified)] {
                request = value.iter().fold(request, |request, value| request.header(&name, value));
            }
            let response = send(request, &url, now).await?;
            if response.status() == StatusCode::NOT_MODIFIED {
                return Ok(None);
            }
            match redirected(&response, &url) {
                Some(next) if may_follow(&url, &next) => url = next,
                Some(_) => return Err(unaccounted(&url)),
                None if response.status().is_redirection() => return Err(unaccounted(&url)),
                None => {
                    let mark = Mark::Address(Stamp::of(response.headers()));
                    return Ok(Some((parsed(response, &url, reader).await?, mark)));
                }
            }
        }
        Err(unaccounted(&url))
    }

    /// `webcal://` is how phones write `https://`.
    async fn resolve(&self) -> Result<Url, Error> {
        let advice = "Set url or url_file of this calendar to its address: https://…, or webcal://….";
        let secret = secret_file::load(self.url.as_ref(), self.url_file.as_ref())
            .await
            .map_err(|error| Error::from_secret_file(SOURCE, error))?;
        let secret = secret.ok_or_else(|| Error::action_required(SOURCE, "its address is empty", advice))?;
        let text = secret.expose_secret();
        let https = ["webcal://", "webcals://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let text = https.map_or_else(|| text.to_owned(), |rest| format!("https://{rest}"));
        let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| Error::action_required(SOURCE, "its address is no web address", advice))?;
        if url.password().is_some() && url.scheme() != "https" && !is_loopback(&url) {
            let what = format!("a password is not sent in the open ({})", host_port(&url));
            return Err(Error::action_required(SOURCE, what, advice));
        }
        Ok(url)
    }
}

/// Whether a redirect keeps the secret as safe as it was.
fn may_follow(from: &Url, to: &Url) -> bool {
    match (from.scheme(), to.scheme()) {
        (_, "https") => true,
        ("http", "http") => is_loopback(to) || !is_loopback(from),
        _ => false,
    }
}

fn unaccounted(url: &Url) -> Error {
    let what = format!("the server sends us elsewhere, which leads nowhere safe ({})", host_port(url));
    Error::action_required(SOURCE, what, "Copy the calendar's address again.")
}

/// Read while it comes in, away from the engine's thread.
async fn parsed(response: Response, url: &Url, mut reader: Reader) -> Result<Content, Error> {
    let (pieces, mut coming) = mpsc::channel::<Vec<u8>>(PIECES);
    let reading = tokio::task::spawn_blocking(move || {
        while let Some(piece) = coming.blocking_recv() {
            reader.push(&piece);
        }
        reader
    });
    let broke_off = || Error::transient(SOURCE, "reading it broke off; please report this with the log");
    let mut body = Body::new(response, url, LONGEST);
    let taken = loop {
        match body.next().await {
            // Whoever reads has not broken off before all is read, unless it panicked: that is told below.
            Ok(Some(piece)) => drop(pieces.send(piece).await),
            Ok(None) => break Ok(()),
            Err(error) => break Err(Error::from_net(SOURCE, error)),
        }
    };
    drop(pieces);
    let reader = reading.await.map_err(|_| broke_off())?;
    taken?;
    let place = host_port(url);
    // What waits for a time zone to be defined is read at the end: that too may take a while.
    run_blocking(SOURCE, move || finished(reader, &place)).await
}
