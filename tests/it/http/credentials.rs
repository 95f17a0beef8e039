//! What opens the door of the page: tickets and sessions, by the clock, forged, and mixed up.

use jiff::{SignedDuration, Timestamp};
use operator::http::keys::{Keys, SESSION, Session};
use proptest::prelude::*;
use rstest::rstest;

const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn start() -> Timestamp {
    "2026-11-20T09:05:00.123Z".parse().unwrap()
}

fn later(milliseconds: i64) -> Timestamp {
    start() + SignedDuration::from_millis(milliseconds)
}

fn keys() -> Keys {
    Keys::new(&TOKEN.into(), start())
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

#[test]
fn a_ticket_is_good_once() {
    let mut keys = keys();
    let (first, second) = (keys.ticket(start()).unwrap(), keys.ticket(start()).unwrap());
    assert_ne!(first, second, "of the same moment");
    assert!(keys.redeem(&first, later(SECOND)));
    assert!(!keys.redeem(&first, later(SECOND)));
    assert!(keys.redeem(&second, later(SECOND)), "each its own");
    for again in [0, 1, MINUTE, 10 * MINUTE, 10 * MINUTE + 6 * SECOND, HOUR, -HOUR, DAY] {
        assert!(!keys.redeem(&first, later(again)) && !keys.redeem(&second, later(again)), "{again}");
    }
}

/// Made by the command line, redeemed by the engine.
#[rstest]
#[case::at_once(0, 0, true)]
#[case::in_time(0, 10 * MINUTE, true)]
#[case::too_late(0, 10 * MINUTE + 1, false)]
#[case::much_later(0, 365 * DAY, false)]
#[case::before_the_start(-1, SECOND, false)]
#[case::long_before_the_start(-MINUTE, SECOND, false)]
#[case::clock_put_right_by_a_little(5 * SECOND, 0, true)]
#[case::clock_set_back(5 * SECOND + 1, 0, false)]
#[case::clock_set_back_far(DAY, HOUR, false)]
fn a_ticket_by_the_clock(#[case] made: i64, #[case] redeemed: i64, #[case] good: bool) {
    let ticket = Keys::new(&TOKEN.into(), later(made)).ticket(later(made)).unwrap();
    assert_eq!(keys().redeem(&ticket, later(redeemed)), good);
}

#[test]
fn a_ticket_of_the_moment_of_the_start_is_good() {
    let moment = "2026-11-20T09:05:00.123456789Z".parse().unwrap();
    let mut keys = Keys::new(&TOKEN.into(), moment);
    let ticket = keys.ticket(moment).unwrap();
    assert!(keys.redeem(&ticket, moment), "what is signed says milliseconds");
}

#[test]
fn a_ticket_tried_too_early_is_good_when_its_time_has_come() {
    let mut keys = keys();
    let ticket = keys.ticket(later(HOUR)).unwrap();
    assert!(!keys.redeem(&ticket, start()));
    assert!(keys.redeem(&ticket, later(HOUR)), "the clock was put right");
}

#[test]
fn a_used_ticket_stays_used_however_its_signature_is_written() {
    let mut keys = keys();
    let ticket = keys.ticket(start()).unwrap();
    let (body, signature) = ticket.rsplit_once('.').unwrap();
    let upper = format!("{body}.{}", signature.to_uppercase());
    let signed = format!("{body}.{}", signature.replace("0a", "+a").replace("0f", "+f"));
    assert!(keys.redeem(&ticket, start()));
    assert!(!keys.redeem(&upper, start()) && !keys.redeem(&signed, start()));
}

#[rstest]
#[case::new(0, Session::Good)]
#[case::a_day(DAY, Session::Good)]
#[case::more_than_a_day(DAY + 1, Session::Aging)]
#[case::nearly_over(7 * DAY, Session::Aging)]
#[case::over(7 * DAY + 1, Session::None)]
#[case::long_over(3650 * DAY, Session::None)]
#[case::clock_put_right_by_a_little(-5 * SECOND, Session::Good)]
#[case::clock_set_back(-5 * SECOND - 1, Session::None)]
fn a_session_by_the_clock(#[case] age: i64, #[case] worth: Session) {
    assert_eq!(SESSION, SignedDuration::from_millis(7 * DAY), "what the cookie says");
    // A restart in between changes nothing.
    let session = Keys::new(&TOKEN.into(), later(-9 * DAY)).session(later(-MINUTE)).unwrap();
    assert_eq!(keys().judge(&session, later(age - MINUTE)), worth);
}

#[test]
fn one_is_not_the_other() {
    let mut keys = keys();
    let (ticket, session) = (keys.ticket(start()).unwrap(), keys.session(start()).unwrap());
    assert_eq!(keys.judge(&ticket, start()), Session::None);
    assert!(!keys.redeem(&session, start()));
    assert!(!keys.is_token(&ticket) && !keys.is_token(&session));
    assert!(!keys.redeem(TOKEN, start()) && keys.judge(TOKEN, start()) == Session::None);
    assert!(keys.is_token(TOKEN) && keys.redeem(&ticket, start()), "each in its place");
    assert_eq!(keys.judge(&session, start()), Session::Good);
}

#[test]
fn another_token_opens_nothing() {
    let (mut keys, other) = (keys(), Keys::new(&TOKEN.replace('0', "1").as_str().into(), start()));
    assert!(!keys.redeem(&other.ticket(start()).unwrap(), start()));
    assert_eq!(keys.judge(&other.session(start()).unwrap(), start()), Session::None);
    assert!(!other.is_token(TOKEN));
}

#[test]
fn they_tell_nothing() {
    let text = format!("{:?}", keys());
    assert_eq!(text, "Keys(…)");
    assert!(!keys().ticket(start()).unwrap().contains(&TOKEN[..8]));
}

proptest! {
    /// Whatever is changed in one that is good, it is good no more.
    #[test]
    fn one_that_was_changed_opens_nothing(place in 0..143_usize, letter in "[0-9a-z.+%é]") {
        let mut keys = keys();
        for session in [true, false] {
            let good = if session { keys.session(start()).unwrap() } else { keys.ticket(start()).unwrap() };
            let mut changed: Vec<String> = good.chars().map(String::from).collect();
            prop_assume!(changed.get(place).is_some_and(|known| *known != letter));
            changed[place] = letter.clone();
            let changed = changed.concat();
            prop_assert_eq!(keys.judge(&changed, start()), Session::None);
            prop_assert!(!keys.redeem(&changed, start()));
        }
    }

    #[test]
    fn nonsense_opens_nothing(text in "\\PC{0,200}", number in any::<i64>()) {
        let mut keys = keys();
        for text in [text.clone(), format!("{number}.{text}"), format!("{number}.x.{text}"), format!("{text}.00")] {
            prop_assert!(!keys.is_token(&text) && !keys.redeem(&text, start()));
            prop_assert_eq!(keys.judge(&text, start()), Session::None);
        }
    }
}
