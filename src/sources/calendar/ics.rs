//! An ICS feed at a secret address, as Google, iCloud and Outlook offer it. Conditional requests avoid unchanged downloads.

use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;

use super::fetch::{MAX_REDIRECTS, parse_url, redirect_target, send};
use super::ical::{Content, Reader};
use super::{Fetched, MAX_CALENDAR_BYTES, SOURCE, Validator, finish};
use crate::net::HttpClient;
use crate::net::client::Body;
use crate::net::host::{host_port, is_loopback};
use crate::sources::Error;
use crate::sources::blocking::run_blocking;
use crate::sys::secret_file;

/// Between the download and the parser.
const MAX_QUEUED_CHUNKS: usize = 4;

#[derive(Debug, Clone)]
pub struct IcsFeed {
    pub url: Option<SecretString>,
    pub url_file: Option<PathBuf>,
}

/// Identifies one version of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ETag {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

impl ETag {
    fn from_headers(headers: &HeaderMap) -> Self {
        let header = |name: HeaderName| headers.get(name).cloned();
        Self { etag: header(ETAG), last_modified: header(LAST_MODIFIED) }
    }
}

impl IcsFeed {
    pub(super) async fn fetch(
        &self,
        http: &HttpClient,
        known: Option<&Validator>,
        reader: Reader,
        now: Timestamp,
    ) -> Result<Fetched, Error> {
        let mut url = self.load_url().await?;
        let known = match known {
            Some(Validator::Ics(etag)) => etag.clone(),
            _ => ETag::default(),
        };
        for _ in 0..=MAX_REDIRECTS {
            let mut request = http.get(&url).map_err(|error| Error::from_net(SOURCE, error))?;
            for (name, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)] {
                request = value.iter().fold(request, |request, value| request.header(&name, value));
            }
            let response = send(request, &url, now).await?;
            if response.status() == StatusCode::NOT_MODIFIED {
                return Ok(Fetched::Unchanged);
            }
            if !response.status().is_redirection() {
                let validator = Validator::Ics(ETag::from_headers(response.headers()));
                return Ok(Fetched::Changed(parse_body(response, &url, reader).await?, Some(validator)));
            }
            match redirect_target(&response, &url) {
                Some(next) if may_follow(&url, &next) => url = next,
                _ => break,
            }
        }
        let message = format!("the server redirects to no usable address ({})", host_port(&url));
        Err(Error::action_required(SOURCE, message, "Copy the calendar's address again."))
    }

    async fn load_url(&self) -> Result<Url, Error> {
        let advice = "Set url or url_file of this calendar to its address: https://… or webcal://….";
        let secret = secret_file::load(self.url.as_ref(), self.url_file.as_ref())
            .await
            .map_err(|error| Error::from_secret_file(SOURCE, error))?;
        let secret = secret.ok_or_else(|| Error::action_required(SOURCE, "its address is empty", advice))?;
        let text = secret.expose_secret();
        // Phones write `webcal` for `https`.
        let without_scheme = ["webcal://", "webcals://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let text = without_scheme.map_or_else(|| text.to_owned(), |rest| format!("https://{rest}"));
        parse_url(&text, |url| url.password().is_some(), advice)
    }
}

/// A redirect must not weaken the protection of the secret address.
fn may_follow(from: &Url, to: &Url) -> bool {
    match (from.scheme(), to.scheme()) {
        (_, "https") => true,
        ("http", "http") => is_loopback(to) || !is_loopback(from),
        _ => false,
    }
}

/// Parses on a blocking thread during the download.
async fn parse_body(response: Response, url: &Url, mut reader: Reader) -> Result<Content, Error> {
    let (chunks, mut queue) = mpsc::channel::<Vec<u8>>(MAX_QUEUED_CHUNKS);
    let parsing = tokio::task::spawn_blocking(move || {
        while let Some(chunk) = queue.blocking_recv() {
            reader.push(&chunk);
        }
        reader
    });
    let mut body = Body::new(response, url, MAX_CALENDAR_BYTES);
    let downloaded = loop {
        match body.next().await {
            // The parser stops early only if it panics. `parsing` reports that below.
            Ok(Some(chunk)) => drop(chunks.send(chunk).await),
            Ok(None) => break Ok(()),
            Err(error) => break Err(Error::from_net(SOURCE, error)),
        }
    };
    drop(chunks);
    let reader = parsing.await.map_err(|_| {
        Error::transient(SOURCE, "parsing the calendar failed unexpectedly; please report this with the log")
    })?;
    downloaded?;
    let location = host_port(url);
    // Components with a late time zone are parsed at the end, which takes time too.
    run_blocking(SOURCE, move || finish(reader, &location)).await
}
