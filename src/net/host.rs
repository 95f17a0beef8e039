//! Hosts: how a URL is shown without its secrets, and whether a host can be reached at all.

use std::net::{IpAddr, UdpSocket};

use reqwest::Url;

/// `api.telegram.org:443`: the only part of a URL that is safe to show.
pub(crate) fn host_port(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}

/// Whether a request to `url` stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    is_loopback_host(url.host_str().unwrap_or_default().trim_matches(['[', ']']))
}

pub(crate) fn is_loopback_host(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether the system has a route to the internet. Connecting a datagram socket sends nothing.
pub(crate) fn has_network() -> bool {
    let has_route = |from: &str, to: &str| UdpSocket::bind(from).and_then(|socket| socket.connect(to)).is_ok();
    has_route("0.0.0.0:0", "1.1.1.1:53") || has_route("[::]:0", "[2606:4700:4700::1111]:53")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://ada:pw@example.org/token?key=1", "example.org:443", false)]
    #[case("http://localhost:8123/x", "localhost:8123", true)]
    #[case("http://[::1]/x", "[::1]:80", true)]
    #[case("http://10.0.0.1/", "10.0.0.1:80", false)]
    fn url_shows_host_and_port_only(#[case] url: &str, #[case] shown: &str, #[case] loopback: bool) {
        let url = Url::parse(url).unwrap();
        assert_eq!((host_port(&url).as_str(), is_loopback(&url)), (shown, loopback));
    }
}
