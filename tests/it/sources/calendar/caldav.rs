//! CalDAV accounts on a real Radicale, and on servers that misbehave.

use operator::sources::ErrorKind;
use operator::sources::calendar::{CalDavAccount, Calendar, Location};
use rstest::rstest;

use super::{assert_failed, at, calendar, ics_text, meeting_minutes, titles};
use crate::support::dav::{PASSWORD, Radicale, USER};
use crate::support::http::{Answer, Server};

fn account(url: &str, names: &[&str]) -> Calendar {
    calendar(Location::CalDav(CalDavAccount {
        url: url.into(),
        user: USER.into(),
        password: Some(PASSWORD.into()),
        password_file: None,
        calendars: names.iter().map(|name| (*name).to_owned()).collect(),
    }))
}

fn calendar_with(component: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:{component}\r\nDTSTAMP:20260101T000000Z\r\n{lines}END:{component}\r\nEND:VCALENDAR\r\n"
    )
}

/// The calendar `Work & more` has a meeting at 14:00 and to-dos, `Family` one at 14:30.
fn start_server() -> Radicale {
    let server = Radicale::start();
    let meeting = calendar_with("VEVENT", "UID:m\r\nDTSTART:20260102T130000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY\r\n");
    let old = calendar_with("VEVENT", "UID:o\r\nDTSTART:20200102T130000Z\r\nDURATION:PT9H\r\n");
    let open = calendar_with("VTODO", "UID:t\r\nSUMMARY:Tax & <rent>\r\nDUE;VALUE=DATE:20261122\r\n");
    let done = calendar_with("VTODO", "UID:d\r\nSUMMARY:Done\r\nSTATUS:COMPLETED\r\nCOMPLETED:20261101T000000Z\r\n");
    server.add_calendar("c0ffee", "Work & more", &[meeting, old, open, done]);
    let dinner = calendar_with("VEVENT", "UID:f\r\nDTSTART:20261120T133000Z\r\nDURATION:PT1H\r\n");
    server.add_calendar("family", "Family", &[dinner]);
    server
}

#[tokio::test]
async fn calendars_are_discovered() {
    let server = start_server();
    for url in [server.url.clone(), format!("{}/", server.url), format!("{}/{USER}/", server.url)] {
        let reading = account(&url, &[]).fetch(&at(0)).await.unwrap();
        assert_eq!((meeting_minutes(&reading), titles(&reading)), (Some(90), vec!["Tax & <rent>"]), "{url}");
        assert_eq!((reading.events_today, reading.notes.len()), (2, 0));
    }
}

#[tokio::test]
async fn calendar_is_selected_by_url_or_name() {
    let server = start_server();
    let own = account(&format!("{}/{USER}/c0ffee/", server.url), &[]).fetch(&at(0)).await.unwrap();
    assert_eq!((meeting_minutes(&own), own.tasks.len()), (Some(60), 1));
    let named = account(&server.url, &["work & more"]).fetch(&at(0)).await.unwrap();
    assert_eq!((meeting_minutes(&named), named.tasks.len()), (Some(60), 1));
    let none = account(&server.url, &["Holidays"]).fetch(&at(0)).await;
    assert_failed(none, ErrorKind::ActionRequired, "there is no calendar 'Holidays'");
}

#[tokio::test]
async fn unwanted_components_are_not_fetched() {
    let server = start_server();
    let todos = Calendar { busy: false, ..account(&server.url, &[]) }.fetch(&at(0)).await.unwrap();
    assert_eq!((todos.events_today, todos.tasks.len()), (0, 1));
    let events = Calendar { tasks: false, ..account(&server.url, &[]) }.fetch(&at(0)).await.unwrap();
    assert_eq!((events.events_today, events.tasks.len()), (2, 0));
}

#[tokio::test]
async fn new_calendar_is_found_within_a_day() {
    let server = start_server();
    let account = account(&server.url, &[]);
    assert_eq!(account.fetch(&at(0)).await.unwrap().events_today, 2);
    let call = calendar_with("VEVENT", "UID:c\r\nDTSTART:20261120T170000Z\r\nDURATION:PT1H\r\n");
    server.add_calendar("family", "Family", &[call]);
    assert_eq!(meeting_minutes(&account.fetch(&at(15)).await.unwrap()), Some(60), "the call replaced the dinner");
    let more = calendar_with("VEVENT", "UID:x\r\nDTSTART:20261120T130000Z\r\nDURATION:PT3H\r\n");
    server.add_calendar("new", "New", &[more]);
    assert_eq!(meeting_minutes(&account.fetch(&at(30)).await.unwrap()), Some(60));
    let tomorrow = account.fetch(&at(24 * 60 + 1)).await.unwrap();
    assert_eq!(meeting_minutes(&tomorrow), Some(180));
}

#[tokio::test]
async fn wrong_password_is_an_error() {
    let server = start_server();
    let mut wrong = account(&server.url, &[]);
    if let Location::CalDav(account) = &mut wrong.location {
        account.password = Some("s3cret, but wrong".into());
    }
    let error = assert_failed(wrong.fetch(&at(0)).await, ErrorKind::ActionRequired, "answered 401");
    assert!(error.advice.contains("password"), "{error:?}");
}

#[tokio::test]
async fn password_is_not_sent_unencrypted() {
    assert_failed(
        account("http://192.0.2.1/dav", &[]).fetch(&at(0)).await,
        ErrorKind::ActionRequired,
        "not sent without encryption",
    );
    assert_failed(account("nowhere", &[]).fetch(&at(0)).await, ErrorKind::ActionRequired, "not a web address");
}

const MULTISTATUS: &str = r#"<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:response><D:href>HREF</D:href>
    <D:propstat><D:prop>PROP</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"#;

fn multistatus(prop: &str) -> Answer {
    Answer::Whole(207, "", MULTISTATUS.replace("HREF", "/dav/").replace("PROP", prop))
}

#[rstest]
#[case::principal("<D:current-user-principal><D:href>http://192.0.2.1/me</D:href></D:current-user-principal>")]
#[case::home("<C:calendar-home-set><D:href>https://evil.example/</D:href></C:calendar-home-set>")]
#[tokio::test]
async fn password_is_not_sent_to_another_server(#[case] prop: &'static str) {
    let server = Server::start(move |_| multistatus(prop));
    let error = assert_failed(
        account(&server.url, &[]).fetch(&at(0)).await,
        ErrorKind::ActionRequired,
        "must not receive the password",
    );
    let names_host = error.advice.contains("are at evil.example:443, set caldav.url") || prop.contains("http://");
    assert!(names_host, "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn password_does_not_follow_redirects() {
    let server = Server::start(|_| Answer::Whole(301, "location: http://192.0.2.1/\r\n", String::new()));
    assert_failed(
        account(&format!("{}/dav/", server.url), &[]).fetch(&at(0)).await,
        ErrorKind::ActionRequired,
        "must not receive the password",
    );
}

#[rstest]
#[case::web_page(200, "<html>Log in</html>", ErrorKind::ActionRequired, "is not CalDAV")]
#[case::broken_xml(207, "<D:multistatus", ErrorKind::ActionRequired, "is not CalDAV")]
#[case::not_found(404, "", ErrorKind::ActionRequired, "answered 404")]
#[case::bad_gateway(502, "", ErrorKind::Transient, "answered 502")]
#[tokio::test]
async fn other_server_is_an_error(
    #[case] status: u16,
    #[case] body: &'static str,
    #[case] kind: ErrorKind,
    #[case] message: &str,
) {
    let server = Server::start(move |_| Answer::Whole(status, "", body.into()));
    assert_failed(account(&format!("{}/dav/", server.url), &[]).fetch(&at(0)).await, kind, message);
}

#[tokio::test]
async fn known_calendars_need_one_query_per_kind() {
    let server = Server::start(|request| match request.method.as_str() {
        "PROPFIND" => multistatus("<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>"),
        _ => multistatus(&format!("<C:calendar-data>{}</C:calendar-data>", ics_text())),
    });
    let account = account(&format!("{}/dav/", server.url), &[]);
    for minutes in [0, 15, 30] {
        assert_eq!(meeting_minutes(&account.fetch(&at(minutes)).await.unwrap()), Some(60));
    }
    let methods: Vec<String> = server.requests().iter().map(|request| request.method.clone()).collect();
    assert_eq!(methods, ["PROPFIND", "REPORT", "REPORT", "REPORT", "REPORT", "REPORT", "REPORT"]);
}

#[rstest]
#[case::truncated_in_data(|body: String| body.split("END:VTODO").next().unwrap().into(), "is truncated or invalid")]
#[case::truncated_between_resources(|body: String| body.replace("</D:multistatus>", ""), "is truncated or invalid")]
#[case::truncated_calendar_data(|body: String| body.replace("END:VTODO\r\nEND:VCALENDAR\r\n", ""), "calendar is truncated")]
#[case::response_too_large(
    |body: String| body.replace("</D:multistatus>", "<D:response><D:href>/dav/</D:href><D:status>HTTP/1.1 507 X</D:status></D:response></D:multistatus>"),
    "only a part"
)]
#[case::resource_unavailable(
    |body: String| body.replace("</D:multistatus>", "<D:response><D:href>/dav/x</D:href><D:status>HTTP/1.1 503 X</D:status></D:response></D:multistatus>"),
    "only a part"
)]
#[tokio::test]
async fn incomplete_response_is_transient(#[case] change: fn(String) -> String, #[case] message: &str) {
    let server = Server::start(move |request| match request.method.as_str() {
        "PROPFIND" => multistatus("<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>"),
        _ => match multistatus(&format!("<C:calendar-data>{}</C:calendar-data>", ics_text())) {
            Answer::Whole(status, headers, body) => Answer::Whole(status, headers, change(body)),
            other => other,
        },
    });
    assert_failed(account(&format!("{}/dav/", server.url), &[]).fetch(&at(0)).await, ErrorKind::Transient, message);
}
