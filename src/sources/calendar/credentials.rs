//! Which servers may receive the password of a CalDAV account.

use reqwest::Url;

/// Providers that give each account its own host, such as `p42-caldav.icloud.com`. A shared suffix alone proves nothing:
/// `one.co.uk` and `another.co.uk` are unrelated.
const MULTI_HOST_PROVIDERS: [&str; 1] = ["icloud.com"];

/// Whether `url` is on the same server as the configured `base`, or both belong to one provider.
pub(super) fn may_send_credentials(base: &Url, url: &Url) -> bool {
    let is_host_of = |provider: &str, url: &Url| {
        let subdomain = url.domain().and_then(|host| host.strip_suffix(provider));
        url.scheme() == "https"
            && url.port_or_known_default() == Some(443)
            && subdomain.is_some_and(|subdomain| subdomain.is_empty() || subdomain.ends_with('.'))
    };
    url.origin() == base.origin()
        || MULTI_HOST_PROVIDERS.iter().any(|provider| is_host_of(provider, base) && is_host_of(provider, url))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::same_server("https://dav.example.org/", "https://dav.example.org/ada/", true)]
    #[case::explicit_port("https://dav.example.org/", "https://dav.example.org:443/ada/", true)]
    #[case::host_of_the_account("https://caldav.icloud.com", "https://p42-caldav.icloud.com/1/principal/", true)]
    #[case::other_port("https://dav.example.org/", "https://dav.example.org:8443/", false)]
    #[case::unencrypted("https://dav.example.org/", "http://dav.example.org/", false)]
    #[case::sibling_host("https://dav.example.org/", "https://cal.example.org/", false)]
    #[case::public_suffix("https://dav.one.co.uk/", "https://dav.another.co.uk/", false)]
    #[case::hosting_suffix("https://ada.github.io/", "https://eve.github.io/", false)]
    #[case::similar_domain("https://caldav.icloud.com", "https://caldav.not-icloud.com/", false)]
    #[case::provider_as_subdomain("https://caldav.icloud.com", "https://icloud.com.evil.example/", false)]
    #[case::provider_unencrypted("https://caldav.icloud.com", "http://p42-caldav.icloud.com/", false)]
    #[case::other_port_of_provider("https://caldav.icloud.com", "https://p42-caldav.icloud.com:8443/", false)]
    #[case::from_another_provider("https://dav.example.org/", "https://caldav.icloud.com/", false)]
    fn password_stays_with_its_provider(#[case] base: Url, #[case] url: Url, #[case] expected: bool) {
        assert_eq!(may_send_credentials(&base, &url), expected);
    }
}
