//! Decides which server may exchange the code of the browser's redirect.

use reqwest::Url;

use crate::net::host::is_loopback;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    pub token: Url,
    pub revoke: Url,
}

/// The host of Oura's newer applications, which may name its own endpoints.
const TRUSTED_HOST: &str = "moi.ouraring.com";

/// The last path segments of an issuer and of its endpoints.
const ISSUER_SEGMENT: &str = "oauth-anonymous";
const TOKEN_SEGMENT: &str = "oauth-token";
const REVOKE_SEGMENT: &str = "oauth-revoke";

impl Endpoints {
    /// The endpoints for a redirect with this issuer (`iss`, RFC 9207). The user was sent to `authorize`.
    ///
    /// Any page can redirect a browser to our callback, and the application's secret goes to the token endpoint. Three issuers
    /// are accepted: a configured server, Oura's own host over HTTPS, and a server on this machine if `authorize` is on this
    /// machine too. The error is a sentence.
    pub fn from_issuer(issuer: Option<&str>, authorize: &Url, configured: Self) -> Result<Self, String> {
        let Some(issuer) = issuer.filter(|text| !text.is_empty()) else { return Ok(configured) };
        let untrusted = || "the answer comes from a server that is not Oura's: nothing was sent to it".to_owned();
        let issuer = Url::parse(issuer).map_err(|_| untrusted())?;
        if !issuer.username().is_empty() || issuer.password().is_some() {
            return Err(untrusted());
        }
        let is_oura = issuer.scheme() == "https" && issuer.host_str() == Some(TRUSTED_HOST) && issuer.port().is_none();
        let is_trusted = is_oura || is_loopback(&issuer) && is_loopback(authorize);
        match (is_trusted, Self::next_to(&issuer)) {
            (true, Some(endpoints)) => Ok(endpoints),
            _ if [authorize, &configured.token].into_iter().any(|known| known.origin() == issuer.origin()) => {
                Ok(configured)
            }
            _ => Err(untrusted()),
        }
    }

    /// `…/oauth-anonymous` has its token endpoint at `…/oauth-token`.
    fn next_to(issuer: &Url) -> Option<Self> {
        let mut base = issuer.clone();
        base.set_query(None);
        base.set_fragment(None);
        let is_issuer = base.path_segments()?.next_back() == Some(ISSUER_SEGMENT);
        is_issuer.then_some(())?;
        Some(Self { token: base.join(TOKEN_SEGMENT).ok()?, revoke: base.join(REVOKE_SEGMENT).ok()? })
    }
}

/// Whether this endpoint revokes as RFC 7009 says.
pub(super) fn revokes_by_form(revoke: &Url) -> bool {
    revoke.path().ends_with(REVOKE_SEGMENT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    const AUTHORIZE: &str = "https://cloud.ouraring.com/oauth/authorize";
    const USUAL: (&str, &str) = ("https://api.ouraring.com/oauth/token", "https://api.ouraring.com/oauth/revoke");
    const NEWER: (&str, &str) =
        ("https://moi.ouraring.com/oauth/v2/ext/oauth-token", "https://moi.ouraring.com/oauth/v2/ext/oauth-revoke");
    const LOOPBACK: &str = "http://127.0.0.1:81/oauth/authorize";

    fn endpoints((token, revoke): (&str, &str)) -> Endpoints {
        Endpoints { token: token.parse().unwrap(), revoke: revoke.parse().unwrap() }
    }

    #[rstest]
    #[case::none(None, USUAL)]
    #[case::empty(Some(""), USUAL)]
    #[case::authorize_server(Some("https://cloud.ouraring.com"), USUAL)]
    #[case::configured_token_server(Some("https://api.ouraring.com/"), USUAL)]
    #[case::newer(Some("https://moi.ouraring.com/oauth/v2/ext/oauth-anonymous"), NEWER)]
    #[case::with_a_query(Some("https://moi.ouraring.com/oauth/v2/ext/oauth-anonymous?x=1#y"), NEWER)]
    fn oura_issuers_are_accepted(#[case] issuer: Option<&str>, #[case] expected: (&str, &str)) {
        assert_eq!(
            Endpoints::from_issuer(issuer, &AUTHORIZE.parse().unwrap(), endpoints(USUAL)),
            Ok(endpoints(expected))
        );
    }

    #[rstest]
    #[case("http://moi.ouraring.com/oauth/v2/ext/oauth-anonymous")]
    #[case("https://moi.ouraring.com:8443/oauth/v2/ext/oauth-anonymous")]
    #[case("https://moi.ouraring.com.evil.example/oauth/v2/ext/oauth-anonymous")]
    #[case("https://moi.ouraring.com@evil.example/oauth/v2/ext/oauth-anonymous")]
    #[case("https://x:y@moi.ouraring.com/oauth/v2/ext/oauth-anonymous")]
    #[case("https://evil.example/oauth/v2/ext/oauth-anonymous")]
    #[case("https://moi.ouraring.com/somewhere/else")]
    #[case("http://127.0.0.1:81/oauth-anonymous")]
    #[case("http://localhost/oauth-anonymous")]
    #[case("http://cloud.ouraring.com")]
    #[case("moi.ouraring.com")]
    #[case("javascript:alert(1)")]
    fn other_issuers_are_refused(#[case] issuer: &str) {
        let refused = Endpoints::from_issuer(Some(issuer), &AUTHORIZE.parse().unwrap(), endpoints(USUAL)).unwrap_err();
        assert!(!refused.contains("evil"), "{refused}");
    }

    #[rstest]
    #[case("http://127.0.0.1:82/a/oauth-anonymous", Some(("http://127.0.0.1:82/a/oauth-token", "http://127.0.0.1:82/a/oauth-revoke")))]
    #[case("https://evil.example/oauth-anonymous", None)]
    fn loopback_issuer_needs_loopback_authorize(#[case] issuer: &str, #[case] expected: Option<(&str, &str)>) {
        let found = Endpoints::from_issuer(Some(issuer), &LOOPBACK.parse().unwrap(), endpoints(USUAL)).ok();
        assert_eq!(found, expected.map(endpoints));
    }
}
