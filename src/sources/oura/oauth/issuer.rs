//! Who answers for Oura: where a code may be exchanged, whatever address the browser brings.

use reqwest::Url;

/// Where tokens are given out and given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// For tokens.
    pub token: Url,
    /// For the end of a connection.
    pub revoke: Url,
}

/// Whose word on itself is believed: the host of Oura's newer applications.
const KNOWN: &str = "moi.ouraring.com";

/// What stands at the end of an issuer's address, and what stands there instead for tokens and for the end of a connection.
const ISSUER: &str = "oauth-anonymous";
const TOKEN: &str = "oauth-token";
const REVOKE: &str = "oauth-revoke";

impl Places {
    /// Where a code is exchanged that came with this issuer (`iss`, RFC 9207), when the person was sent to `authorize`.
    ///
    /// Anyone can have a browser bring us an address, and the application's secret goes there. So an issuer is believed only if it is
    /// the very server that the configuration names, or Oura's own host over HTTPS; a server on this machine may speak for itself if
    /// the configuration names one.
    ///
    /// # Errors
    /// In words, when it is anybody else.
    pub fn named_by(issuer: Option<&str>, authorize: &Url, configured: Self) -> Result<Self, String> {
        let Some(issuer) = issuer.filter(|text| !text.is_empty()) else { return Ok(configured) };
        let stranger = || "the answer comes from a server that is not Oura's: nothing was sent to it".to_owned();
        let issuer = Url::parse(issuer).map_err(|_| stranger())?;
        if !issuer.username().is_empty() || issuer.password().is_some() {
            return Err(stranger());
        }
        let speaks_for_itself =
            issuer.scheme() == "https" && issuer.host_str() == Some(KNOWN) && issuer.port().is_none()
                || is_here(&issuer) && is_here(authorize);
        match (speaks_for_itself, Self::beside(&issuer)) {
            (true, Some(places)) => Ok(places),
            _ if [authorize, &configured.token].into_iter().any(|known| known.origin() == issuer.origin()) => {
                Ok(configured)
            }
            _ => Err(stranger()),
        }
    }

    /// `…/oauth-anonymous` has its token endpoint at `…/oauth-token`.
    fn beside(issuer: &Url) -> Option<Self> {
        let mut base = issuer.clone();
        base.set_query(None);
        base.set_fragment(None);
        let is_issuer = base.path_segments()?.next_back() == Some(ISSUER);
        is_issuer.then_some(())?;
        Some(Self { token: base.join(TOKEN).ok()?, revoke: base.join(REVOKE).ok()? })
    }
}

/// Whether a connection is ended there as RFC 7009 says.
#[must_use]
pub(crate) fn takes_a_form(revoke: &str) -> bool {
    Url::parse(revoke).is_ok_and(|url| url.path().ends_with(REVOKE))
}

fn is_here(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
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
    const HERE: &str = "http://127.0.0.1:81/oauth/authorize";

    fn places((token, revoke): (&str, &str)) -> Places {
        Places { token: token.parse().unwrap(), revoke: revoke.parse().unwrap() }
    }

    #[rstest]
    #[case::none(None, USUAL)]
    #[case::empty(Some(""), USUAL)]
    #[case::the_server_that_was_asked(Some("https://cloud.ouraring.com"), USUAL)]
    #[case::the_configured_one(Some("https://api.ouraring.com/"), USUAL)]
    #[case::newer(Some("https://moi.ouraring.com/oauth/v2/ext/oauth-anonymous"), NEWER)]
    #[case::with_a_query(Some("https://moi.ouraring.com/oauth/v2/ext/oauth-anonymous?x=1#y"), NEWER)]
    fn oura_is_believed(#[case] issuer: Option<&str>, #[case] expected: (&str, &str)) {
        assert_eq!(Places::named_by(issuer, &AUTHORIZE.parse().unwrap(), places(USUAL)), Ok(places(expected)));
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
    fn nobody_else_is(#[case] issuer: &str) {
        let refused = Places::named_by(Some(issuer), &AUTHORIZE.parse().unwrap(), places(USUAL)).unwrap_err();
        assert!(!refused.contains("evil"), "{refused}");
    }

    #[rstest]
    #[case("http://127.0.0.1:82/a/oauth-anonymous", Some(("http://127.0.0.1:82/a/oauth-token", "http://127.0.0.1:82/a/oauth-revoke")))]
    #[case("https://evil.example/oauth-anonymous", None)]
    fn a_server_here_speaks_for_itself_if_one_here_was_asked(
        #[case] issuer: &str,
        #[case] expected: Option<(&str, &str)>,
    ) {
        let found = Places::named_by(Some(issuer), &HERE.parse().unwrap(), places(USUAL)).ok();
        assert_eq!(found, expected.map(places));
    }
}
