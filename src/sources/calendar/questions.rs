//! What a CalDAV server is asked, as XML.

use jiff::tz::TimeZone;
use jiff::{ToSpan, ZonedDateTime};

/// What something is, whose it is, and where that person's calendars are.
pub(crate) const ABOUT: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<D:propfind xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop>
<D:resourcetype/><D:displayname/><D:current-user-principal/>
<C:calendar-home-set/><C:calendar-user-address-set/><C:supported-calendar-component-set/>
</D:prop></D:propfind>"#;

/// Whatever happens near now.
pub(crate) fn events_near(now: &ZonedDateTime) -> String {
    let at = |days: i64| {
        now.saturating_add(days.days()).with_time_zone(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
    };
    query("VEVENT", &format!(r#"<C:time-range start="{}" end="{}"/>"#, at(-2), at(9)))
}

/// Whatever was never completed.
pub(crate) fn todos() -> String {
    query("VTODO", r#"<C:prop-filter name="COMPLETED"><C:is-not-defined/></C:prop-filter>"#)
}

fn query(component: &str, filter: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<D:prop><C:calendar-data/></D:prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="{component}">{filter}</C:comp-filter></C:comp-filter></C:filter>
</C:calendar-query>"#
    )
}
