//! Calendars on CalDAV servers: a real Radicale, and some that lead unaccounted.

use operator::sources::ErrorKind;
use operator::sources::calendar::{Account, Calendar, Place};
use rstest::rstest;

use super::{at, calendar, failed, meeting, tasks, text};
use crate::support::dav::{PASSWORD, Radicale, USER};
use crate::support::http::{Answer, Server};

fn account(url: &str, only: &[&str]) -> Calendar {
    calendar(Place::Account(Account {
        url: url.into(),
        user: USER.into(),
        password: Some(PASSWORD.into()),
        password_file: None,
        only: only.iter().map(|name| (*name).to_owned()).collect(),
    }))
}

fn part(component: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:{component}\r\nDTSTAMP:20260101T000000Z\r\n{lines}END:{component}\r\nEND:VCALENDAR\r\n"
    )
}

/// Budget with a meeting at 14:00 and to-dos, Family with one at 14:30.
fn filled() -> Radicale {
    let server = Radicale::start();
    let meeting = part("VEVENT", "UID:m\r\nDTSTART:20260102T130000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY\r\n");
    let old = part("VEVENT", "UID:o\r\nDTSTART:20200102T130000Z\r\nDURATION:PT9H\r\n");
    let open = part("VTODO", "UID:t\r\nSUMMARY:Tax & <rent>\r\nDUE;VALUE=DATE:20261122\r\n");
    let done = part("VTODO", "UID:d\r\nSUMMARY:Done\r\nSTATUS:COMPLETED\r\nCOMPLETED:20261101T000000Z\r\n");
    server.calendar("c0ffee", "Work & more", &[meeting, old, open, done]);
    let dinner = part("VEVENT", "UID:f\r\nDTSTART:20261120T133000Z\r\nDURATION:PT1H\r\n");
    server.calendar("family", "Family", &[dinner]);
    server
}

#[tokio::test]
async fn calendars_are_found_from_the_servers_name() {
    let server = filled();
    for url in [server.url.clone(), format!("{}/", server.url), format!("{}/{USER}/", server.url)] {
        let reading = account(&url, &[]).read(&at(0)).await.unwrap();
        assert_eq!((meeting(&reading), tasks(&reading)), (Some(90), vec!["Tax & <rent>"]), "{url}");
        assert_eq!((reading.today, reading.notes.len()), (2, 0));
    }
}

#[tokio::test]
async fn one_calendar_may_be_named_by_its_address_or_its_name() {
    let server = filled();
    let own = account(&format!("{}/{USER}/c0ffee/", server.url), &[]).read(&at(0)).await.unwrap();
    assert_eq!((meeting(&own), own.tasks.len()), (Some(60), 1));
    let named = account(&server.url, &["work & more"]).read(&at(0)).await.unwrap();
    assert_eq!((meeting(&named), named.tasks.len()), (Some(60), 1));
    let none = account(&server.url, &["Holidays"]).read(&at(0)).await;
    failed(none, ErrorKind::ActionRequired, "there is no calendar 'Holidays'");
}

#[tokio::test]
async fn only_what_is_wanted_is_asked_for() {
    let server = filled();
    let todos = Calendar { busy: false, ..account(&server.url, &[]) }.read(&at(0)).await.unwrap();
    assert_eq!((todos.today, todos.tasks.len()), (0, 1));
    let events = Calendar { tasks: false, ..account(&server.url, &[]) }.read(&at(0)).await.unwrap();
    assert_eq!((events.today, events.tasks.len()), (2, 0));
}

#[tokio::test]
async fn what_is_new_there_shows_at_the_next_reading_and_a_new_calendar_within_a_day() {
    let server = filled();
    let account = account(&server.url, &[]);
    assert_eq!(account.read(&at(0)).await.unwrap().today, 2);
    let call = part("VEVENT", "UID:c\r\nDTSTART:20261120T170000Z\r\nDURATION:PT1H\r\n");
    server.calendar("family", "Family", &[call]);
    assert_eq!(meeting(&account.read(&at(15)).await.unwrap()), Some(60), "the dinner made way for the call");
    let more = part("VEVENT", "UID:x\r\nDTSTART:20261120T130000Z\r\nDURATION:PT3H\r\n");
    server.calendar("new", "New", &[more]);
    assert_eq!(meeting(&account.read(&at(30)).await.unwrap()), Some(60));
    let tomorrow = account.read(&at(24 * 60 + 1)).await.unwrap();
    assert_eq!(meeting(&tomorrow), Some(180));
}

#[tokio::test]
async fn a_wrong_password_is_told() {
    let server = filled();
    let mut wrong = account(&server.url, &[]);
    if let Place::Account(account) = &mut wrong.place {
        account.password = Some("s3cret, but wrong".into());
    }
    let error = failed(wrong.read(&at(0)).await, ErrorKind::ActionRequired, "answered 401");
    assert!(error.advice.contains("password"), "{error:?}");
}

#[tokio::test]
async fn no_password_goes_out_in_the_open() {
    failed(account("http://192.0.2.1/dav", &[]).read(&at(0)).await, ErrorKind::ActionRequired, "not sent in the open");
    failed(account("nowhere", &[]).read(&at(0)).await, ErrorKind::ActionRequired, "no web address");
}

const MULTISTATUS: &str = r#"<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:response><D:href>HREF</D:href>
    <D:propstat><D:prop>PROP</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"#;

fn multistatus(prop: &str) -> Answer {
    Answer::Whole(207, "", MULTISTATUS.replace("HREF", "/dav/").replace("PROP", prop))
}

#[rstest]
#[case::by_its_principal("<D:current-user-principal><D:href>http://192.0.2.1/me</D:href></D:current-user-principal>")]
#[case::by_its_home("<C:calendar-home-set><D:href>https://evil.example/</D:href></C:calendar-home-set>")]
#[tokio::test]
async fn a_server_cannot_send_the_password_elsewhere(#[case] prop: &'static str) {
    let server = Server::start(move |_| multistatus(prop));
    let error = failed(
        account(&server.url, &[]).read(&at(0)).await,
        ErrorKind::ActionRequired,
        "where the password does not belong",
    );
    let is_told = error.advice.contains("are at evil.example:443, set caldav.url") || prop.contains("http://");
    assert!(is_told, "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn nor_by_a_redirect() {
    let server = Server::start(|_| Answer::Whole(301, "location: http://192.0.2.1/\r\n", String::new()));
    failed(
        account(&format!("{}/dav/", server.url), &[]).read(&at(0)).await,
        ErrorKind::ActionRequired,
        "does not belong",
    );
}

#[rstest]
#[case::a_page(200, "<html>Log in</html>", ErrorKind::ActionRequired, "speaks no CalDAV")]
#[case::broken_xml(207, "<D:multistatus", ErrorKind::ActionRequired, "speaks no CalDAV")]
#[case::no_such_thing(404, "", ErrorKind::ActionRequired, "answered 404")]
#[case::broken(502, "", ErrorKind::Transient, "answered 502")]
#[tokio::test]
async fn what_is_no_caldav_server(
    #[case] status: u16,
    #[case] body: &'static str,
    #[case] fault: ErrorKind,
    #[case] what: &str,
) {
    let server = Server::start(move |_| Answer::Whole(status, "", body.into()));
    failed(account(&format!("{}/dav/", server.url), &[]).read(&at(0)).await, fault, what);
}

#[tokio::test]
async fn one_question_for_each_kind_once_the_calendars_are_known() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "PROPFIND" => multistatus("<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>"),
        _ => multistatus(&format!("<C:calendar-data>{}</C:calendar-data>", text())),
    });
    let account = account(&format!("{}/dav/", server.url), &[]);
    for minutes in [0, 15, 30] {
        assert_eq!(meeting(&account.read(&at(minutes)).await.unwrap()), Some(60));
    }
    let methods: Vec<String> = server.requests().iter().map(|asked| asked.method.clone()).collect();
    assert_eq!(methods, ["PROPFIND", "REPORT", "REPORT", "REPORT", "REPORT", "REPORT", "REPORT"]);
}

#[rstest]
#[case::cut_off(|whole: String| whole.split("END:VTODO").next().unwrap().into(), "was cut off")]
#[case::cut_between_two(|whole: String| whole.replace("</D:multistatus>", ""), "was cut off")]
#[case::cut_inside(|whole: String| whole.replace("END:VTODO\r\nEND:VCALENDAR\r\n", ""), "is cut off")]
#[case::too_many(
    |whole: String| whole.replace("</D:multistatus>", "<D:response><D:href>/dav/</D:href><D:status>HTTP/1.1 507 X</D:status></D:response></D:multistatus>"),
    "did not give all"
)]
#[case::one_withheld(
    |whole: String| whole.replace("</D:multistatus>", "<D:response><D:href>/dav/x</D:href><D:status>HTTP/1.1 503 X</D:status></D:response></D:multistatus>"),
    "did not give all"
)]
#[tokio::test]
async fn a_reply_that_is_not_all_resolves_nothing(#[case] change: fn(String) -> String, #[case] what: &str) {
    let server = Server::start(move |asked| match asked.method.as_str() {
        "PROPFIND" => multistatus("<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>"),
        _ => match multistatus(&format!("<C:calendar-data>{}</C:calendar-data>", text())) {
            Answer::Whole(status, headers, whole) => Answer::Whole(status, headers, change(whole)),
            other => other,
        },
    });
    failed(account(&format!("{}/dav/", server.url), &[]).read(&at(0)).await, ErrorKind::Transient, what);
}
