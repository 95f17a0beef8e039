//! `Retry-After`: how long a server wants us to wait.

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// The delay after a 429 without `Retry-After`.
pub(crate) const DEFAULT_RETRY_AFTER: SignedDuration = SignedDuration::from_secs(60);

pub(crate) const MAX_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Seconds, or a date. A date is measured against the server's own `Date`, because the two clocks may differ.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let date = |text: &str| rfc2822::parse(text).ok().map(|at| at.timestamp());
    let value = text(RETRY_AFTER)?;
    let delay = match value.parse() {
        Ok(seconds) => SignedDuration::from_secs(seconds),
        Err(_) => date(value)?.duration_since(text(DATE).and_then(date).unwrap_or(now)),
    };
    Some(clamp_retry_after(delay))
}

/// A server may ask for anything: between nothing and `MAX_RETRY_AFTER` is honoured.
pub(crate) fn clamp_retry_after(delay: SignedDuration) -> SignedDuration {
    delay.clamp(SignedDuration::ZERO, MAX_RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::seconds(&[(RETRY_AFTER, "30")], Some(30))]
    #[case::negative(&[(RETRY_AFTER, "-1")], Some(0))]
    #[case::too_long(&[(RETRY_AFTER, "99999999")], Some(86_400))]
    #[case::date(&[(RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT")], Some(37))]
    #[case::date_by_server_clock(
        &[(RETRY_AFTER, "Sun, 06 Nov 1994 09:49:37 GMT"), (DATE, "Sun, 06 Nov 1994 09:49:07 GMT")],
        Some(30)
    )]
    #[case::nonsense(&[(RETRY_AFTER, "soon")], None)]
    #[case::absent(&[], None)]
    fn delay_is_seconds_or_date(#[case] lines: &[(HeaderName, &str)], #[case] seconds: Option<i64>) {
        let now = "1994-11-06T08:49:00Z".parse().unwrap_or_default();
        let headers = lines.iter().filter_map(|(name, value)| Some((name.clone(), value.parse().ok()?))).collect();
        assert_eq!(retry_after(&headers, now), seconds.map(SignedDuration::from_secs));
    }
}
