//! CalDAV requests (RFC 4791).

use std::borrow::Cow;

use jiff::tz::TimeZone;
use jiff::{ToSpan, ZonedDateTime};

/// Properties that lead from an address to the user's calendars.
const DISCOVERY: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<D:propfind xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop>
<D:resourcetype/><D:displayname/><D:current-user-principal/>
<C:calendar-home-set/><C:calendar-user-address-set/><C:supported-calendar-component-set/>
</D:prop></D:propfind>"#;

#[derive(Debug)]
pub(super) struct Query {
    /// The HTTP method.
    pub(super) method: &'static str,
    pub(super) depth: &'static str,
    pub(super) body: Cow<'static, str>,
}

impl Query {
    /// The properties of a resource, and with depth 1 those of its children.
    pub(super) const fn discovery(depth: &'static str) -> Self {
        Self { method: "PROPFIND", depth, body: Cow::Borrowed(DISCOVERY) }
    }

    /// Events from two days before `now` to nine days after.
    pub(super) fn events_near(now: &ZonedDateTime) -> Self {
        let in_days = |days: i64| {
            now.saturating_add(days.days()).with_time_zone(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
        };
        Self::report("VEVENT", &format!(r#"<C:time-range start="{}" end="{}"/>"#, in_days(-2), in_days(9)))
    }

    pub(super) fn open_todos() -> Self {
        Self::report("VTODO", r#"<C:prop-filter name="COMPLETED"><C:is-not-defined/></C:prop-filter>"#)
    }

    /// Whether every resource in the response must hold data.
    pub(super) fn expects_data(&self) -> bool {
        self.method == "REPORT"
    }

    fn report(component: &str, filter: &str) -> Self {
        let body = format!(
            r#"<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<D:prop><C:calendar-data/></D:prop>
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="{component}">{filter}</C:comp-filter></C:comp-filter></C:filter>
</C:calendar-query>"#
        );
        Self { method: "REPORT", depth: "1", body: Cow::Owned(body) }
    }
}
