//! Thousands of recurrence rules, put beside what python-dateutil makes of them.

use std::io::Write;
use std::process::{Command, Stdio};

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::kit::{Dice, calendar, event, occurrences, read};

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/rrule_oracle.py");

const RULES: usize = 2000;

struct Question {
    rule: String,
    start: DateTime,
    from: DateTime,
    to: DateTime,
}

const MONTHS: [&str; 8] = ["1", "2", "3", "6", "9", "10", "11", "12"];
const MONTH_DAYS: [&str; 9] = ["1", "5", "13", "29", "30", "31", "-1", "-2", "-31"];
const YEAR_DAYS: [&str; 8] = ["1", "60", "100", "200", "365", "366", "-1", "-366"];
const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const NTH_DAYS: [&str; 8] = ["1MO", "2TU", "-1FR", "3WE", "5SA", "-2SU", "-5MO", "4TH"];
const POSITIONS: [&str; 6] = ["1", "2", "-1", "3", "-2", "5"];

/// What RFC 5545 leaves open is left out, and where the library is wrong or slow: it counts the positions of a first week from the
/// first day on, takes the last week of some years for none, and looks for a second's third second long.
fn question(dice: &mut Dice) -> Question {
    let step = dice.pick(&["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]);
    let is_short = ["HOURLY", "MINUTELY", "SECONDLY"].contains(&step);
    let mut rule = format!("FREQ={step}");
    let mut add = |key: &str, value: String| rule.push_str(&format!(";{key}={value}"));
    if dice.hits(2) {
        add("INTERVAL", (1 + dice.roll(if is_short { 50 } else { 5 })).to_string());
    }
    let mut limits = 0;
    let mut limit = |dice: &mut Dice, one_in: usize| {
        let hit = dice.hits(one_in);
        limits += usize::from(hit);
        hit
    };
    if limit(dice, 3) {
        add("BYMONTH", dice.some(&MONTHS));
    }
    let weeks = step == "YEARLY" && dice.hits(5);
    if weeks {
        add("BYWEEKNO", dice.some(&["1", "2", "20", "40", "-2"]));
        add("BYDAY", dice.some(&DAYS));
    } else if limit(dice, 3) {
        let may_count = ["YEARLY", "MONTHLY"].contains(&step) && dice.hits(2);
        add("BYDAY", dice.some(if may_count { &NTH_DAYS } else { &DAYS }));
    }
    if step != "WEEKLY" && limit(dice, 4) {
        add("BYMONTHDAY", dice.some(&MONTH_DAYS));
    }
    if !["DAILY", "WEEKLY", "MONTHLY"].contains(&step) && limit(dice, 8) {
        add("BYYEARDAY", dice.some(&YEAR_DAYS));
    }
    if limit(dice, 4) {
        add("BYHOUR", dice.some(&["0", "8", "9", "17", "23"]));
    }
    if limit(dice, 4) {
        add("BYMINUTE", dice.some(&["0", "15", "30", "59"]));
    }
    if dice.hits(8) {
        add("BYSECOND", dice.some(&["0", "10", "59"]));
    }
    if (limits > 0 || weeks) && !["WEEKLY", "SECONDLY"].contains(&step) && dice.hits(4) {
        add("BYSETPOS", dice.some(&POSITIONS));
    }
    if dice.hits(3) {
        add("WKST", dice.pick(&["MO", "SU", "WE"]).to_owned());
    }
    let day = 1 + i8::try_from(dice.roll(28)).unwrap();
    let month = 1 + i8::try_from(dice.roll(12)).unwrap();
    let hour = i8::try_from(dice.roll(24)).unwrap();
    let minute = i8::try_from(dice.roll(60)).unwrap();
    let start = jiff::civil::date(1999 + i16::try_from(dice.roll(25)).unwrap(), month, day).at(hour, minute, 0, 0);
    // Short steps are followed for hours, long ones for years.
    let (away, long) = match step {
        "SECONDLY" => (SignedDuration::from_mins(90), SignedDuration::from_mins(10)),
        "MINUTELY" => (SignedDuration::from_hours(24), SignedDuration::from_hours(12)),
        "HOURLY" => (SignedDuration::from_hours(24 * 20), SignedDuration::from_hours(24 * 9)),
        _ => (SignedDuration::from_hours(24 * 500), SignedDuration::from_hours(24 * 400)),
    };
    let from = start + away * i32::try_from(dice.roll(4)).unwrap() - SignedDuration::from_hours(1);
    let to = from + long;
    match dice.roll(4) {
        0 => add("COUNT", (1 + dice.roll(60)).to_string()),
        1 => add("UNTIL", (from + long / 2).strftime("%Y%m%dT%H%M%S").to_string()),
        _ => {}
    }
    Question { rule, start, from, to }
}

/// The Python that has the library: Debian's own, or the one that is there.
fn python() -> &'static str {
    let has = |python: &&str| {
        let found = Command::new(python).args(["-c", "import dateutil"]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    ["/usr/bin/python3", "python3"].into_iter().find(has).expect("python-dateutil is installed, see tests/run")
}

fn answers(questions: &[Question]) -> Vec<Vec<String>> {
    let mut oracle =
        Command::new(python()).arg(ORACLE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut asks = oracle.stdin.take().unwrap();
    let lines: Vec<Value> = questions
        .iter()
        .map(|one| json!({"rule": one.rule, "start": one.start, "from": one.from, "to": one.to}))
        .collect();
    let asking = std::thread::spawn(move || {
        for line in lines {
            writeln!(asks, "{line}").expect("it listens");
        }
    });
    let output = oracle.wait_with_output().unwrap();
    asking.join().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ours(question: &Question) -> Vec<String> {
    let start = question.start.strftime("%Y%m%dT%H%M%S");
    let lines = format!("UID:1\nDTSTART:{start}\nRRULE:{}", question.rule);
    let content = read(&calendar(&event(&lines)));
    let at = |civil: DateTime| civil.to_zoned_datetime(TimeZone::UTC).unwrap().timestamp();
    // What begins before the window and has no length is not in it.
    let found = occurrences(&content, &(at(question.from)..at(question.to)), &TimeZone::UTC);
    found.iter().map(|one| one.start.to_zoned_datetime(TimeZone::UTC).datetime().to_string()).collect()
}

#[test]
fn rules_are_understood_as_dateutil_understands_them() {
    let mut dice = Dice(20_261_120);
    let questions: Vec<Question> = (0..RULES).map(|_| question(&mut dice)).collect();
    let answers = answers(&questions);
    assert_eq!(answers.len(), RULES);
    let mut wrong = Vec::new();
    let mut told = 0;
    for (question, expected) in questions.iter().zip(&answers) {
        let ours = ours(question);
        told += expected.len();
        if ours != *expected {
            let start = question.start;
            wrong.push(format!(
                "{} from {start}\n  in {} .. {}\n  ours {ours:?}\n  not  {expected:?}",
                question.rule, question.from, question.to
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {RULES}, for example\n{}",
        wrong.len(),
        wrong.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n")
    );
    // The rules must not all be of the kind that never comes.
    assert!(told > 20 * RULES, "{told}");
}
