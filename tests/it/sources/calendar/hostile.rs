//! Hostile files: none causes a panic or a hang, and valid components next to hostile ones survive.

use jiff::tz::TimeZone;
use operator::core::calendar::reading::CalendarReading;
use operator::sources::calendar::ical::{Content, Error, ReadOptions, Reader};

use crate::support::ical::{self, Rng, calendar, event, options, todo};

const FILES: usize = 605;

pub(super) fn parse_in_chunks(bytes: &[u8], size: usize) -> Result<Content, Error> {
    let mut reader = Reader::new(ReadOptions {
        user_addresses: Vec::new(),
        ..options("1900-01-01T00:00:00", "2026-11-20T09:00:00Z")
    });
    bytes.chunks(size).for_each(|chunk| reader.push(chunk));
    reader.finish()
}

fn valid_calendar() -> String {
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Ours\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\n\
                TZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\n\
                DTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n\
                END:DAYLIGHT\r\nEND:VTIMEZONE\r\n";
    let events = [
        "UID:standup\nDTSTART;TZID=Ours:20260105T093000\nDTEND;TZID=Ours:20260105T094500\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;WKST=SU\nEXDATE;TZID=Ours:20261118T093000",
        "UID:standup\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Ours:20261116T093000\nDTSTART;TZID=Ours:20261116T100000\nDURATION:PT15M",
        "UID:trip\nDTSTART;VALUE=DATE:20261119\nDTEND;VALUE=DATE:20261122\nTRANSP:OPAQUE\nSUMMARY:Trip\\, long",
        "UID:rent\nDTSTART:20200131T080000Z\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=200\nRDATE;VALUE=PERIOD:20261120T080000Z/PT2H",
        "UID:call\nDTSTART;TZID=W. Europe Standard Time:20261120T140000\nDURATION:PT30M\nATTENDEE;PARTSTAT=DECLINED;CN=\"Ada, L.\":mailto:ada@example.org",
    ];
    let todos =
        "UID:bins\nSUMMARY:Bins\nDTSTART;VALUE=DATE:20261102\nDUE;VALUE=DATE:20261103\nRRULE:FREQ=WEEKLY;BYDAY=MO";
    calendar(&(zone.to_owned() + &events.map(event).concat() + &todo(todos)))
}

/// A short rule for every second of every year.
fn every_second(more: &str) -> String {
    let list = |to: u8| (0..=to).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let (days, hours, sixty) = (&list(31)[2..], list(23), list(59));
    let rule = format!("FREQ=YEARLY;BYMONTHDAY={days};BYHOUR={hours};BYMINUTE={sixty};BYSECOND={sixty}{more}");
    format!("UID:second\nDTSTART:20260101T080000Z\nDURATION:PT1S\nRRULE:{rule}")
}

#[test]
fn every_second_exceeds_the_budget() {
    for more in ["", ";BYSETPOS=1"] {
        let reading = ical::evaluate(&calendar(&event(&every_second(more))), "2026-11-20T09:00[Europe/Berlin]");
        assert_eq!(reading.notes, ["1 series skipped: too many recurrences"], "{more}");
    }
}

/// Known hostile components, each inside a valid calendar.
fn hostile_files() -> Vec<Vec<u8>> {
    let odd = |lines: &str| event(&format!("UID:odd\n{lines}"));
    let at = "DTSTART:20261120T080000Z\nDURATION:PT1H\n";
    let mut parts: Vec<String> = [
        "RRULE:FREQ=SECONDLY",
        "RRULE:FREQ=SECONDLY;COUNT=4294967295",
        "RRULE:FREQ=MINUTELY;BYDAY=5MO;BYSETPOS=-1",
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=9",
        "RRULE:FREQ=DAILY;INTERVAL=0",
        "RRULE:FREQ=DAILY;INTERVAL=99999999999",
        "RRULE:FREQ=YEARLY;BYWEEKNO=0,99;BYDAY=9MO,-9SU",
        "RRULE:FREQ=MONTHLY;BYSETPOS=0,2147483647,-2147483648",
        "RRULE:FREQ=HOURLY;BYHOUR=99;BYMINUTE=255;BYSECOND=61",
        "RRULE:FREQ=DAILY;UNTIL=00000000",
        "RRULE:FREQ=DAILY;UNTIL=99999999T999999Z",
        "RRULE:",
        "RRULE:FREQ",
        "RRULE:FREQ=;;;=,",
        "RRULE;VALUE=DATE:20261120",
        "RRULE;VALUE=RECUR:FREQ=DAILY",
        "DTSTART;VALUE=RECUR:FREQ=DAILY",
        "DURATION:P99999999999W",
        "DURATION:-PT5M",
        "DURATION:PPP",
        "DTEND:99991231T235959Z",
        "DTEND;VALUE=DATE:99991231",
        "RDATE:20261120T080000Z,20261121T080000Z,,,garbage",
        "RDATE;VALUE=PERIOD:20261120T080000Z/20261120T070000Z",
        "EXDATE:",
        "EXDATE;TZID=:x",
        "RECURRENCE-ID:20261120T080000Z",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261120T080000Z",
        "SEQUENCE:99999999999999999999",
        "SEQUENCE:-1",
        "STATUS:DANCING",
        "TRANSP:",
        "ATTENDEE;PARTSTAT=DECLINED:",
        "ATTENDEE:mailto:",
        "UID:",
        "SUMMARY;ENCODING=BASE64:!!!",
        "SUMMARY;CHARSET=utf-7:+AAA",
    ]
    .iter()
    .map(|line| odd(&format!("{at}{line}")))
    .collect();
    parts.extend(
        [
            "00010101T000000Z",
            "99991231T235959Z",
            "00000000",
            "20261120T08",
            "2026112",
            "-20261120",
            "20261120T080000+2500",
            "1e9",
        ]
        .map(|start| odd(&format!("DTSTART:{start}\nDURATION:P1D\nRRULE:FREQ=DAILY;COUNT=3"))),
    );
    // Overrides that replace each other.
    parts.push(
        (0..50)
            .map(|n| {
                odd(&format!(
                    "RECURRENCE-ID;RANGE=THISANDFUTURE:202611{:02}T080000Z\nDTSTART:202611{:02}T080000Z",
                    n % 28 + 1,
                    (n + 7) % 28 + 1
                ))
            })
            .collect(),
    );
    parts.push(odd(&format!("{at}EXDATE:{}", vec!["20261120T080000Z"; 6000].join(","))));
    parts.push(odd(&format!("{at}{}", "RRULE:FREQ=DAILY\n".repeat(30))));
    parts.push("BEGIN:VEVENT\r\n".repeat(5000));
    parts.push("END:VEVENT\r\n".repeat(5000));
    parts.push(format!("{}{}", "BEGIN:X\r\n".repeat(5000), "END:X\r\n".repeat(5000)));
    parts.push(format!("BEGIN:VEVENT\r\n{}END:VEVENT\r\n", "BEGIN:VALARM\r\n".repeat(20_000)));
    parts.push(odd(&format!("{at}DESCRIPTION:{}", "x".repeat(3_000_000))));
    parts.push(odd(&format!("{at}X{}:y", "=".repeat(200_000))));
    parts.push(odd(&format!("{at}X;{}:y", "A=\"b\";".repeat(50_000))));
    parts.push(odd(&format!("{at}DESCRIPTION:a{}", "\r\n b".repeat(100_000))));
    parts.push(
        (0..3000).map(|n| event(&format!("UID:{n}\nDTSTART;TZID=Zone{n}:20261120T080000\nDURATION:PT1H"))).collect(),
    );
    parts.push((0..3000).map(|n| format!("BEGIN:VTIMEZONE\r\nTZID:Zone{n}\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETTO:+9999\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n")).collect());
    parts.push(todo("UID:never\nDUE:20200101T080000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"));
    parts.push(todo("UID:often\nDUE:19700101T080000Z\nRRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY"));
    parts.push(
        event("UID:big\nDTSTART:20200101T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=100000")
            .repeat(300)
            .replace("UID:big", "X:y"),
    );
    parts.extend([event(&every_second("")), event(&every_second(";BYSETPOS=1")), todo(&every_second(";BYSETPOS=-1"))]);
    let mut all: Vec<Vec<u8>> = parts
        .into_iter()
        .map(|part| valid_calendar().replace("END:VCALENDAR", &format!("{part}END:VCALENDAR")).into_bytes())
        .collect();
    all.push(valid_calendar().replace("\r\n", "\r").into_bytes());
    all.push([b"\xEF\xBB\xBF".as_slice(), valid_calendar().as_bytes()].concat());
    all.push(valid_calendar().bytes().flat_map(|byte| [byte, 0]).collect());
    all.push([valid_calendar().as_bytes(), &[0xFF; 1000], valid_calendar().as_bytes()].concat());
    all.push(vec![0; 1_000_000]);
    all.push(b"BEGIN:VCALENDAR".repeat(100_000));
    all.push(valid_calendar().repeat(2000).into_bytes());
    all.push(vec![b'x'; 10_000_000]);
    all.push(Vec::new());
    all
}

/// A valid calendar with random changes.
fn mutated(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = valid_calendar().into_bytes();
    for _ in 0..=rng.below(6) {
        let at = rng.below(bytes.len());
        match rng.below(7) {
            0 => bytes[at] = u8::try_from(rng.below(256)).unwrap(),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, *b"\r\n\t;:=,\"\\0\xC3".get(rng.below(11)).unwrap()),
            3 => bytes.truncate(at.max(1)),
            4 => {
                let slice = bytes[at..(at + rng.below(200)).min(bytes.len())].to_vec();
                let to = rng.below(bytes.len());
                bytes.splice(to..to, slice);
            }
            5 => drop(bytes.drain(at..(at + rng.below(80)).min(bytes.len()))),
            _ => {
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
                let (one, other) = (rng.below(lines.len()), rng.below(lines.len()));
                lines.swap(one, other);
                bytes = lines.concat();
            }
        }
        if bytes.is_empty() {
            bytes.push(b'\n');
        }
    }
    bytes
}

fn evaluate(content: &Content) -> CalendarReading {
    let now = "2026-11-20T09:00[Europe/Berlin]".parse().unwrap();
    CalendarReading::evaluate(&content.events, &content.todos, &content.notes, &now)
}

#[test]
fn hostile_file_never_panics() {
    let mut files = hostile_files();
    let known = files.len();
    let mut rng = Rng(605);
    files.extend(std::iter::repeat_with(|| mutated(&mut rng)).take(FILES - known));
    assert_eq!(files.len(), FILES);
    let (mut accepted, mut with_events) = (0, 0);
    for bytes in &files {
        // A file may be rejected as a whole. Otherwise the rest must work.
        let Ok(content) = parse_in_chunks(bytes, 64 * 1024) else { continue };
        accepted += 1;
        assert!(content.notes.len() <= 7, "{:?}", content.notes);
        let reading = evaluate(&content);
        assert!(reading.notes.iter().all(|note| note.len() < 300 && !note.contains('\n')), "{:?}", reading.notes);
        with_events += usize::from(!content.events.is_empty());
    }
    assert!(accepted > FILES / 3 && with_events > accepted * 3 / 4, "only {with_events} of {accepted} have events");
}

#[test]
fn valid_events_survive_hostile_ones() {
    let good = evaluate(&parse_in_chunks(valid_calendar().as_bytes(), 4096).unwrap());
    assert!(good.events_today > 0 && good.tasks.len() == 1 && good.notes.is_empty(), "{good:?}");
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let call = "2026-11-20T14:10[Europe/Berlin]".parse::<jiff::ZonedDateTime>().unwrap().timestamp();
    for bytes in hostile_files().iter().take(45) {
        let reading = evaluate(&parse_in_chunks(bytes, 64 * 1024).unwrap());
        let text = String::from_utf8_lossy(bytes);
        let end = reading.busy_times.in_meeting_until(call).map(|end| ical::local_time(end, &berlin));
        assert!(end.is_some(), "the call is missing next to {}", text.chars().skip(1900).take(300).collect::<String>());
        assert!(reading.tasks.iter().any(|task| task.title == "Bins"));
    }
}
