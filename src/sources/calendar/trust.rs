//! Who may know the password of an account.

use reqwest::Url;

/// Providers that keep each person's calendars on a host of its own, such as `p42-caldav.icloud.com`. What two names end in says
/// nothing by itself: `one.co.uk` and `another.co.uk` have nothing to do with each other.
const PROVIDERS: [&str; 1] = ["icloud.com"];

/// Whether what the person gave as `base` lets the password go to `url`: the same server, or one of the same provider.
pub(crate) fn may_know_password(base: &Url, url: &Url) -> bool {
    let is_of = |provider: &str, url: &Url| {
        let rest = url.domain().and_then(|host| host.strip_suffix(provider));
        url.scheme() == "https"
            && url.port_or_known_default() == Some(443)
            && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    url.origin() == base.origin() || PROVIDERS.iter().any(|provider| is_of(provider, base) && is_of(provider, url))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::the_same("https://dav.example.org/", "https://dav.example.org/ada/", true)]
    #[case::its_port_written_out("https://dav.example.org/", "https://dav.example.org:443/ada/", true)]
    #[case::a_host_of_the_account("https://caldav.icloud.com", "https://p42-caldav.icloud.com/1/principal/", true)]
    #[case::another_port("https://dav.example.org/", "https://dav.example.org:8443/", false)]
    #[case::in_the_open("https://dav.example.org/", "http://dav.example.org/", false)]
    #[case::a_neighbour("https://dav.example.org/", "https://cal.example.org/", false)]
    #[case::under_a_public_suffix("https://dav.one.co.uk/", "https://dav.another.co.uk/", false)]
    #[case::under_a_hosts_suffix("https://ada.github.io/", "https://eve.github.io/", false)]
    #[case::nearly_the_provider("https://caldav.icloud.com", "https://caldav.not-icloud.com/", false)]
    #[case::the_provider_behind("https://caldav.icloud.com", "https://icloud.com.evil.example/", false)]
    #[case::the_provider_in_the_open("https://caldav.icloud.com", "http://p42-caldav.icloud.com/", false)]
    #[case::another_port_of_the_provider("https://caldav.icloud.com", "https://p42-caldav.icloud.com:8443/", false)]
    #[case::to_the_provider_from_elsewhere("https://dav.example.org/", "https://caldav.icloud.com/", false)]
    fn the_password_goes_only_where_it_belongs(#[case] base: Url, #[case] url: Url, #[case] expected: bool) {
        assert_eq!(may_know_password(&base, &url), expected);
    }
}
