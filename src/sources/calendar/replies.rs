//! What a CalDAV server replies: a multistatus, as far as we ask for it. Names count without their prefixes: none of them means two
//! things there.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Nothing that we ask for lies deeper.
const DEEPEST: usize = 32;

/// What is said of one thing on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Thing {
    /// Where it is.
    pub(crate) href: String,
    /// Whether it is a calendar.
    pub(crate) is_calendar: bool,
    /// What people call it.
    pub(crate) name: Option<String>,
    /// What it may hold, such as `VEVENT`; empty if it does not say.
    pub(crate) components: Vec<String>,
    /// An event or a to-do, as text.
    pub(crate) data: Option<String>,
    /// Where the person who is logged in is described.
    pub(crate) principal: Option<String>,
    /// Where their calendars are.
    pub(crate) home: Option<String>,
    /// Their addresses.
    pub(crate) addresses: Vec<String>,
    /// Why it, or some of what was asked of it, is not here: an HTTP status.
    pub(crate) refused: Option<u16>,
}

impl Thing {
    /// Whether there is more than the server gave. What is not found was removed while it looked; 507 stands for all that is too much.
    pub(crate) fn is_withheld(&self, is_data_wanted: bool) -> bool {
        let has_data = self.data.as_ref().is_some_and(|data| !data.trim().is_empty());
        self.refused == Some(507) || (is_data_wanted && !has_data && self.refused != Some(404))
    }
}

/// Why there is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// It is no multistatus.
    NoMultistatus,
    /// It begins as one, and is cut off or broken.
    Broken,
}

/// All things that a reply speaks of.
pub(crate) fn things(xml: &str) -> Result<Vec<Thing>, NoReply> {
    let mut reader = Reader::from_str(xml);
    let mut reply = Reply::default();
    loop {
        let failed = if reply.is_multistatus { NoReply::Broken } else { NoReply::NoMultistatus };
        match reader.read_event().map_err(|_| failed)? {
            Event::Start(element) => reply.begin(&element).ok_or(failed)?,
            Event::Empty(element) => {
                reply.begin(&element).ok_or(failed)?;
                reply.end();
            }
            Event::End(_) => reply.end(),
            Event::Text(text) => reply.text.push_str(&text.xml10_content()),
            Event::CData(text) => reply.text.push_str(&text.xml10_content()),
            Event::GeneralRef(name) => {
                reply.text.extend(named(name.resolve_char_ref().ok().flatten(), &name.xml10_content()))
            }
            Event::Eof if reply.is_multistatus && reply.open.is_empty() => return Ok(reply.things),
            Event::Eof => return Err(failed),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
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
    refused: Option<u16>,
    things: Vec<Thing>,
}

impl Reply {
    /// None if it lies too deep.
    fn begin(&mut self, element: &BytesStart<'_>) -> Option<()> {
        let name = element.local_name().into_inner().to_owned();
        if self.open.len() >= DEEPEST {
            return None;
        }
        match (self.open.last().map(String::as_str), name.as_str()) {
            (None, "multistatus") => self.is_multistatus = true,
            (_, "response") => self.thing = Thing::default(),
            (_, "propstat") => (self.said, self.refused) = (Thing::default(), None),
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
        Some(())
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
            (Some("response"), "status") => self.thing.refused = refusal(&text),
            (Some("propstat"), "status") => self.refused = refusal(&text),
            (_, "propstat") => match self.refused {
                Some(status) => self.thing.refused = Some(status),
                None => {
                    let Thing { href, refused, .. } = std::mem::take(&mut self.thing);
                    self.thing = Thing { href, refused, ..std::mem::take(&mut self.said) }
                }
            },
            (_, "response") => self.things.push(std::mem::take(&mut self.thing)),
            _ => {}
        }
    }
}

/// `HTTP/1.1 404 Not Found`; none where all is well. What cannot be read is no good news.
fn refusal(status: &str) -> Option<u16> {
    let code = status.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (code != 200).then_some(code)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rstest::rstest;

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
            refused: Some(404),
            ..Thing::default()
        };
        assert_eq!(things(REPLY).unwrap(), [expected]);
    }

    #[test]
    fn a_page_is_no_multistatus() {
        for text in ["", "{}", "<html><body>Log in</body></html>", "<multistatus", &"<a>".repeat(1000)] {
            assert_eq!(things(text), Err(NoReply::NoMultistatus), "{text}");
        }
    }

    #[test]
    fn a_reply_that_breaks_off_is_none() {
        let whole = REPLY.trim_end();
        let root = REPLY.find("<D:response>").unwrap();
        for end in (root..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            assert_eq!(things(&whole[..end]), Err(NoReply::Broken), "{}", &whole[..end]);
        }
    }

    #[rstest]
    #[case::all_is_there("<C:calendar-data>BEGIN</C:calendar-data>", "200", "", false)]
    #[case::removed_meanwhile("<C:calendar-data/>", "404", "", false)]
    #[case::gone_as_a_whole("", "", "404", false)]
    #[case::nothing_said("", "200", "", true)]
    #[case::nothing_in_it("<C:calendar-data/>", "200", "", true)]
    #[case::refused("<C:calendar-data/>", "403", "", true)]
    #[case::failed_as_a_whole("", "", "500", true)]
    #[case::too_many("", "", "507", true)]
    fn what_a_server_withholds(#[case] prop: &str, #[case] found: &str, #[case] whole: &str, #[case] expected: bool) {
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
        assert_eq!(things(&xml).unwrap()[0].is_withheld(true), expected);
        assert_eq!(things(&xml).unwrap()[0].is_withheld(false), whole == "507");
    }
}
