//! What a CalDAV server replies: a multistatus, as far as we ask for it. Names count without their prefixes: none of them means two
//! things there.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Nothing that we ask for lies deeper.
const DEEPEST: usize = 32;

/// What is said of one thing on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Thing {
    /// Where it is.
    pub(super) href: String,
    /// Whether it is a calendar.
    pub(super) is_calendar: bool,
    /// What people call it.
    pub(super) name: Option<String>,
    /// What it may hold, such as `VEVENT`; empty if it does not say.
    pub(super) components: Vec<String>,
    /// An event or a to-do, as text.
    pub(super) data: Option<String>,
    /// Where the person who is logged in is described.
    pub(super) principal: Option<String>,
    /// Where their calendars are.
    pub(super) home: Option<String>,
    /// Their addresses.
    pub(super) addresses: Vec<String>,
}

/// The reply is no multistatus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoMultistatus;

/// All things that a reply speaks of.
pub(super) fn things(xml: &str) -> Result<Vec<Thing>, NoMultistatus> {
    let mut reader = Reader::from_str(xml);
    let mut reply = Reply::default();
    loop {
        match reader.read_event().map_err(|_| NoMultistatus)? {
            Event::Start(element) => reply.begin(&element)?,
            Event::Empty(element) => {
                reply.begin(&element)?;
                reply.end();
            }
            Event::End(_) => reply.end(),
            Event::Text(text) => reply.text.push_str(&text.xml10_content()),
            Event::CData(text) => reply.text.push_str(&text.xml10_content()),
            Event::GeneralRef(name) => {
                reply.text.extend(named(name.resolve_char_ref().ok().flatten(), &name.xml10_content()))
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    if reply.is_multistatus { Ok(reply.things) } else { Err(NoMultistatus) }
}

/// The five names that XML knows; documents that define others are none that a server sends.
fn named(number: Option<char>, name: &str) -> Option<char> {
    number.or(match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    })
}

#[derive(Default)]
struct Reply {
    is_multistatus: bool,
    open: Vec<String>,
    text: String,
    thing: Thing,
    /// Properties that may turn out not to be there: their status comes behind them.
    said: Thing,
    is_refused: bool,
    things: Vec<Thing>,
}

impl Reply {
    fn begin(&mut self, element: &BytesStart<'_>) -> Result<(), NoMultistatus> {
        let name = element.local_name().into_inner().to_owned();
        if self.open.len() >= DEEPEST {
            return Err(NoMultistatus);
        }
        match (self.open.last().map(String::as_str), name.as_str()) {
            (None, "multistatus") => self.is_multistatus = true,
            (_, "response") => self.thing = Thing::default(),
            (_, "propstat") => (self.said, self.is_refused) = (Thing::default(), false),
            (Some("resourcetype"), "calendar") => self.said.is_calendar = true,
            (Some("supported-calendar-component-set"), "comp") => {
                let attribute = element.try_get_attribute("name").ok().flatten();
                let value = attribute.and_then(|name| name.normalized_value(XmlVersion::Implicit1_0).ok());
                self.said.components.extend(value.map(|value| value.to_ascii_uppercase()));
            }
            _ => {}
        }
        self.open.push(name);
        self.text.clear();
        Ok(())
    }

    fn end(&mut self) {
        let Some(name) = self.open.pop() else { return };
        let text = std::mem::take(&mut self.text);
        let own = || Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        match (self.open.last().map(String::as_str), name.as_str()) {
            (Some("response"), "href") => self.thing.href = text.trim().to_owned(),
            (Some("current-user-principal"), "href") => self.said.principal = own(),
            (Some("calendar-home-set"), "href") => self.said.home = self.said.home.take().or_else(own),
            (Some("calendar-user-address-set"), "href") => self.said.addresses.extend(own()),
            (Some("prop"), "displayname") => self.said.name = own(),
            (Some("prop"), "calendar-data") => self.said.data = Some(text),
            (Some("propstat"), "status") => self.is_refused = text.split_whitespace().nth(1) != Some("200"),
            (_, "propstat") if !self.is_refused => {
                self.thing = Thing { href: std::mem::take(&mut self.thing.href), ..std::mem::take(&mut self.said) }
            }
            (_, "response") => self.things.push(std::mem::take(&mut self.thing)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const REPLY: &str = r#"<?xml version="1.0"?>
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
    fn what_is_not_found_is_not_said() {
        let expected = Thing {
            href: "/ada/work/".into(),
            is_calendar: true,
            name: Some("R&D ét".into()),
            components: vec!["VEVENT".into()],
            ..Thing::default()
        };
        assert_eq!(things(REPLY).unwrap(), [expected]);
    }

    #[test]
    fn a_page_is_no_multistatus() {
        for text in ["", "{}", "<html><body>Log in</body></html>", "<multistatus", &"<a>".repeat(1000)] {
            assert_eq!(things(text), Err(NoMultistatus), "{text}");
        }
    }
}
