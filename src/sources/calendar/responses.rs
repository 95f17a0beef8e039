//! CalDAV responses: multistatus documents. Elements count by local name, which is unambiguous here.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Nothing that we request is nested deeper.
const MAX_DEPTH: usize = 32;

const INSUFFICIENT_STORAGE: u16 = 507;
const NOT_FOUND: u16 = 404;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) href: String,
    pub(super) is_calendar: bool,
    pub(super) display_name: Option<String>,
    /// Supported components, such as `VEVENT`; empty if unknown.
    pub(super) components: Vec<String>,
    /// iCalendar text.
    pub(super) data: Option<String>,
    /// The address of the user who is logged in.
    pub(super) principal: Option<String>,
    /// The address of the user's calendars.
    pub(super) home: Option<String>,
    /// The user's e-mail addresses, as URIs.
    pub(super) addresses: Vec<String>,
    /// The HTTP status of the resource or of a property, if it is not 200.
    pub(super) error_status: Option<u16>,
}

impl Resource {
    /// 404 means that the resource was deleted during the request, 507 that the response is too large.
    pub(super) fn is_incomplete(&self, expects_data: bool) -> bool {
        let has_data = self.data.as_ref().is_some_and(|data| !data.trim().is_empty());
        self.error_status == Some(INSUFFICIENT_STORAGE)
            || (expects_data && !has_data && self.error_status != Some(NOT_FOUND))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParseError {
    NotMultistatus,
    /// Starts as a multistatus, and is truncated or invalid.
    Invalid,
}

pub(super) fn parse_multistatus(xml: &str) -> Result<Vec<Resource>, ParseError> {
    let mut reader = Reader::from_str(xml);
    let mut parser = Parser::default();
    loop {
        let error = if parser.is_multistatus { ParseError::Invalid } else { ParseError::NotMultistatus };
        match reader.read_event().map_err(|_| error)? {
            Event::Start(element) => parser.start(&element).ok_or(error)?,
            Event::Empty(element) => {
                parser.start(&element).ok_or(error)?;
                parser.end();
            }
            Event::End(_) => parser.end(),
            Event::Text(text) => parser.text.push_str(&text.xml10_content()),
            Event::CData(text) => parser.text.push_str(&text.xml10_content()),
            Event::GeneralRef(name) => {
                let number = name.resolve_char_ref().ok().flatten();
                parser.text.extend(number.or_else(|| predefined_entity(&name.xml10_content())));
            }
            Event::Eof if parser.is_multistatus && parser.open.is_empty() => return Ok(parser.resources),
            Event::Eof => return Err(error),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn predefined_entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[derive(Default)]
struct Parser {
    is_multistatus: bool,
    /// Names of the open elements.
    open: Vec<String>,
    text: String,
    resource: Resource,
    /// The properties of the current `propstat`. Its status follows them.
    properties: Resource,
    properties_status: Option<u16>,
    resources: Vec<Resource>,
}

impl Parser {
    /// `None` beyond `MAX_DEPTH`.
    fn start(&mut self, element: &BytesStart<'_>) -> Option<()> {
        let name = element.local_name().into_inner().to_owned();
        if self.open.len() >= MAX_DEPTH {
            return None;
        }
        match (self.open.last().map(String::as_str), name.as_str()) {
            (None, "multistatus") => self.is_multistatus = true,
            (_, "response") => self.resource = Resource::default(),
            (_, "propstat") => (self.properties, self.properties_status) = (Resource::default(), None),
            (Some("resourcetype"), "calendar") => self.properties.is_calendar = true,
            (Some("supported-calendar-component-set"), "comp") => {
                let attribute = element.try_get_attribute("name").ok().flatten();
                let value = attribute.and_then(|name| name.normalized_value(XmlVersion::Implicit1_0).ok());
                self.properties.components.extend(value.map(|value| value.to_ascii_uppercase()));
            }
            _ => {}
        }
        self.open.push(name);
        self.text.clear();
        Some(())
    }

    fn end(&mut self) {
        let Some(name) = self.open.pop() else { return };
        let text = std::mem::take(&mut self.text);
        let non_empty = || Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let properties = &mut self.properties;
        match (self.open.last().map(String::as_str), name.as_str()) {
            (Some("response"), "href") => self.resource.href = text.trim().to_owned(),
            (Some("current-user-principal"), "href") => properties.principal = non_empty(),
            (Some("calendar-home-set"), "href") => properties.home = properties.home.take().or_else(non_empty),
            (Some("calendar-user-address-set"), "href") => properties.addresses.extend(non_empty()),
            (Some("prop"), "displayname") => properties.display_name = non_empty(),
            (Some("prop"), "calendar-data") => properties.data = Some(text),
            (Some("response"), "status") => self.resource.error_status = parse_error_status(&text),
            (Some("propstat"), "status") => self.properties_status = parse_error_status(&text),
            (_, "propstat") if self.properties_status.is_some() => self.resource.error_status = self.properties_status,
            (_, "propstat") => {
                let Resource { href, error_status, .. } = std::mem::take(&mut self.resource);
                self.resource = Resource { href, error_status, ..std::mem::take(&mut self.properties) };
            }
            (_, "response") => self.resources.push(std::mem::take(&mut self.resource)),
            _ => {}
        }
    }
}

/// `HTTP/1.1 404 Not Found` is 404. `None` for 200; an unreadable status is 0.
fn parse_error_status(status: &str) -> Option<u16> {
    let code = status.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (code != 200).then_some(code)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

    use super::*;

    const RESPONSE: &str = r#"<?xml version="1.0"?>
        <D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
          <D:response><D:href>/ada/work/</D:href>
            <D:propstat><D:prop>
              <D:resourcetype><D:collection/><C:calendar/></D:resourcetype><D:displayname>R&amp;D &#233;t&eacute;</D:displayname>
              <C:supported-calendar-component-set><C:comp name="vevent"/></C:supported-calendar-component-set>
            </D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
            <D:propstat><D:prop><C:calendar-data>no</C:calendar-data></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>
          </D:response>
        </D:multistatus>"#;

    #[test]
    fn property_with_404_is_ignored() {
        let expected = Resource {
            href: "/ada/work/".into(),
            is_calendar: true,
            display_name: Some("R&D ét".into()),
            components: vec!["VEVENT".into()],
            error_status: Some(404),
            ..Resource::default()
        };
        assert_eq!(parse_multistatus(RESPONSE).unwrap(), [expected]);
    }

    #[test]
    fn page_is_not_a_multistatus() {
        for text in ["", "{}", "<html><body>Log in</body></html>", "<multistatus", &"<a>".repeat(1000)] {
            assert_eq!(parse_multistatus(text), Err(ParseError::NotMultistatus), "{text}");
        }
    }

    #[test]
    fn truncated_response_is_invalid() {
        let whole = RESPONSE.trim_end();
        let root = RESPONSE.find("<D:response>").unwrap();
        for end in (root..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            assert_eq!(parse_multistatus(&whole[..end]), Err(ParseError::Invalid), "{}", &whole[..end]);
        }
    }

    #[rstest]
    #[case::complete("<C:calendar-data>BEGIN</C:calendar-data>", "200", "", false)]
    #[case::property_deleted("<C:calendar-data/>", "404", "", false)]
    #[case::resource_deleted("", "", "404", false)]
    #[case::no_data("", "200", "", true)]
    #[case::empty_data("<C:calendar-data/>", "200", "", true)]
    #[case::property_forbidden("<C:calendar-data/>", "403", "", true)]
    #[case::resource_failed("", "", "500", true)]
    #[case::response_too_large("", "", "507", true)]
    fn incomplete_response_is_detected(
        #[case] prop: &str,
        #[case] found: &str,
        #[case] whole: &str,
        #[case] expected: bool,
    ) {
        let line = |status: &str| match status {
            "" => String::new(),
            status => format!("<D:status>HTTP/1.1 {status} X</D:status>"),
        };
        let propstat = format!("<D:propstat><D:prop>{prop}</D:prop>{}</D:propstat>", line(found));
        let propstat = if found.is_empty() { String::new() } else { propstat };
        let xml = format!(
            "<D:multistatus xmlns:D='DAV:' xmlns:C='C'><D:response><D:href>/a</D:href>{propstat}{}</D:response></D:multistatus>",
            line(whole)
        );
        assert_eq!(parse_multistatus(&xml).unwrap()[0].is_incomplete(true), expected);
        assert_eq!(parse_multistatus(&xml).unwrap()[0].is_incomplete(false), whole == "507");
    }
}
