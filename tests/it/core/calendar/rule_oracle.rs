//! Compares the expansion of random recurrence rules with python-dateutil.

use std::io::Write;
use std::process::{Command, Stdio};

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::support::ical::{Rng, calendar, event, occurrences, parse};

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/rrule_oracle.py");

const RULES: usize = 2000;

struct Case {
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

/// Avoids rules that RFC 5545 leaves undefined, and rules for which dateutil is wrong or slow: BYSETPOS in a partial first week, the
/// last week of some years, and BYSETPOS with SECONDLY.
fn random_case(rng: &mut Rng) -> Case {
    let step = rng.pick(&["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]);
    let is_short = ["HOURLY", "MINUTELY", "SECONDLY"].contains(&step);
    let mut rule = format!("FREQ={step}");
    let mut add = |key: &str, value: String| rule.push_str(&format!(";{key}={value}"));
    if rng.one_in(2) {
        add("INTERVAL", (1 + rng.below(if is_short { 50 } else { 5 })).to_string());
    }
    let mut limits = 0;
    let mut limit = |rng: &mut Rng, one_in: usize| {
        let hit = rng.one_in(one_in);
        limits += usize::from(hit);
        hit
    };
    if limit(rng, 3) {
        add("BYMONTH", rng.pick_list(&MONTHS));
    }
    let weeks = step == "YEARLY" && rng.one_in(5);
    if weeks {
        add("BYWEEKNO", rng.pick_list(&["1", "2", "20", "40", "-2"]));
        add("BYDAY", rng.pick_list(&DAYS));
    } else if limit(rng, 3) {
        let may_count = ["YEARLY", "MONTHLY"].contains(&step) && rng.one_in(2);
        add("BYDAY", rng.pick_list(if may_count { &NTH_DAYS } else { &DAYS }));
    }
    if step != "WEEKLY" && limit(rng, 4) {
        add("BYMONTHDAY", rng.pick_list(&MONTH_DAYS));
    }
    if !["DAILY", "WEEKLY", "MONTHLY"].contains(&step) && limit(rng, 8) {
        add("BYYEARDAY", rng.pick_list(&YEAR_DAYS));
    }
    if limit(rng, 4) {
        add("BYHOUR", rng.pick_list(&["0", "8", "9", "17", "23"]));
    }
    if limit(rng, 4) {
        add("BYMINUTE", rng.pick_list(&["0", "15", "30", "59"]));
    }
    if rng.one_in(8) {
        add("BYSECOND", rng.pick_list(&["0", "10", "59"]));
    }
    if (limits > 0 || weeks) && !["WEEKLY", "SECONDLY"].contains(&step) && rng.one_in(4) {
        add("BYSETPOS", rng.pick_list(&POSITIONS));
    }
    if rng.one_in(3) {
        add("WKST", rng.pick(&["MO", "SU", "WE"]).to_owned());
    }
    let day = 1 + i8::try_from(rng.below(28)).unwrap();
    let month = 1 + i8::try_from(rng.below(12)).unwrap();
    let hour = i8::try_from(rng.below(24)).unwrap();
    let minute = i8::try_from(rng.below(60)).unwrap();
    let start = jiff::civil::date(1999 + i16::try_from(rng.below(25)).unwrap(), month, day).at(hour, minute, 0, 0);
    // Windows of hours for short frequencies, of years for long ones.
    let (away, long) = match step {
        "SECONDLY" => (SignedDuration::from_mins(90), SignedDuration::from_mins(10)),
        "MINUTELY" => (SignedDuration::from_hours(24), SignedDuration::from_hours(12)),
        "HOURLY" => (SignedDuration::from_hours(24 * 20), SignedDuration::from_hours(24 * 9)),
        _ => (SignedDuration::from_hours(24 * 500), SignedDuration::from_hours(24 * 400)),
    };
    let from = start + away * i32::try_from(rng.below(4)).unwrap() - SignedDuration::from_hours(1);
    let to = from + long;
    match rng.below(4) {
        0 => add("COUNT", (1 + rng.below(60)).to_string()),
        1 => add("UNTIL", (from + long / 2).strftime("%Y%m%dT%H%M%S").to_string()),
        _ => {}
    }
    Case { rule, start, from, to }
}

/// Debian's Python, or another one that has dateutil.
fn python() -> &'static str {
    let has = |python: &&str| {
        let found = Command::new(python).args(["-c", "import dateutil"]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    ["/usr/bin/python3", "python3"].into_iter().find(has).expect("python-dateutil is installed, see tests/run")
}

fn expand_with_dateutil(cases: &[Case]) -> Vec<Vec<String>> {
    let mut oracle =
        Command::new(python()).arg(ORACLE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python starts");
    let mut stdin = oracle.stdin.take().unwrap();
    let lines: Vec<Value> = cases
        .iter()
        .map(|case| json!({"rule": case.rule, "start": case.start, "from": case.from, "to": case.to}))
        .collect();
    let writer = std::thread::spawn(move || {
        for line in lines {
            writeln!(stdin, "{line}").expect("the oracle reads");
        }
    });
    let output = oracle.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn expand(case: &Case) -> Vec<String> {
    let start = case.start.strftime("%Y%m%dT%H%M%S");
    let lines = format!("UID:1\nDTSTART:{start}\nRRULE:{}", case.rule);
    let content = parse(&calendar(&event(&lines)));
    let at = |civil: DateTime| civil.to_zoned_datetime(TimeZone::UTC).unwrap().timestamp();
    // The event has no duration: an instance before the window does not overlap it.
    let found = occurrences(&content, &(at(case.from)..at(case.to)), &TimeZone::UTC);
    found.iter().map(|one| one.start.to_zoned_datetime(TimeZone::UTC).datetime().to_string()).collect()
}

#[test]
fn random_rules_expand_like_dateutil() {
    let mut rng = Rng(20_261_120);
    let cases: Vec<Case> = (0..RULES).map(|_| random_case(&mut rng)).collect();
    let expected = expand_with_dateutil(&cases);
    assert_eq!(expected.len(), RULES);
    let mut wrong = Vec::new();
    let mut instances = 0;
    for (case, expected) in cases.iter().zip(&expected) {
        let actual = expand(case);
        instances += expected.len();
        if actual != *expected {
            let start = case.start;
            wrong.push(format!(
                "{} from {start}\n  in {} .. {}\n  actual   {actual:?}\n  expected {expected:?}",
                case.rule, case.from, case.to
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {RULES}, for example\n{}",
        wrong.len(),
        wrong.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n")
    );
    // Most rules must have instances.
    assert!(instances > 20 * RULES, "{instances}");
}
