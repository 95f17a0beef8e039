#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn start() -> Timestamp {
    "2026-11-20T09:05:00.123Z".parse().unwrap()
}

fn after(milliseconds: i64) -> Timestamp {
    start() + SignedDuration::from_millis(milliseconds)
}

fn credentials() -> Credentials {
    Credentials::new(&TOKEN.into(), start())
}

#[test]
fn ticket_is_valid_once() {
    let mut credentials = credentials();
    let (first, second) = (credentials.new_ticket(start()).unwrap(), credentials.new_ticket(start()).unwrap());
    assert_ne!(first, second, "of the same moment");
    assert!(credentials.redeem_ticket(&first, after(SECOND)));
    assert!(!credentials.redeem_ticket(&first, after(SECOND)));
    assert!(credentials.redeem_ticket(&second, after(SECOND)));
    for later in [0, 1, MINUTE, 10 * MINUTE, 10 * MINUTE + 6 * SECOND, HOUR, -HOUR, DAY] {
        let again = [&first, &second].map(|ticket| credentials.redeem_ticket(ticket, after(later)));
        assert_eq!(again, [false, false], "{later}");
    }
}

/// The command line issues the ticket, the engine redeems it.
#[rstest]
#[case::at_once(0, 0, true)]
#[case::in_time(0, 10 * MINUTE, true)]
#[case::expired(0, 10 * MINUTE + 1, false)]
#[case::long_expired(0, 365 * DAY, false)]
#[case::before_start(-1, SECOND, false)]
#[case::long_before_start(-MINUTE, SECOND, false)]
#[case::clock_set_back_a_little(5 * SECOND, 0, true)]
#[case::clock_set_back(5 * SECOND + 1, 0, false)]
#[case::clock_set_back_far(DAY, HOUR, false)]
fn ticket_expires_by_the_clock(#[case] issued: i64, #[case] redeemed: i64, #[case] valid: bool) {
    let ticket = Credentials::new(&TOKEN.into(), after(issued)).new_ticket(after(issued)).unwrap();
    assert_eq!(credentials().redeem_ticket(&ticket, after(redeemed)), valid);
}

#[test]
fn ticket_issued_at_start_is_valid() {
    let start = "2026-11-20T09:05:00.123456789Z".parse().unwrap();
    let mut credentials = Credentials::new(&TOKEN.into(), start);
    let ticket = credentials.new_ticket(start).unwrap();
    assert!(credentials.redeem_ticket(&ticket, start), "the ticket carries milliseconds only");
}

#[test]
fn ticket_tried_too_early_stays_valid() {
    let mut credentials = credentials();
    let ticket = credentials.new_ticket(after(HOUR)).unwrap();
    assert!(!credentials.redeem_ticket(&ticket, start()));
    assert!(credentials.redeem_ticket(&ticket, after(HOUR)), "the clock was corrected");
}

#[test]
fn used_ticket_in_other_letters_is_refused() {
    let mut credentials = credentials();
    let ticket = credentials.new_ticket(start()).unwrap();
    let (body, signature) = ticket.rsplit_once('.').unwrap();
    let upper = format!("{body}.{}", signature.to_uppercase());
    let with_sign = format!("{body}.{}", signature.replace("0a", "+a").replace("0f", "+f"));
    assert!(credentials.redeem_ticket(&ticket, start()));
    assert!(!credentials.redeem_ticket(&upper, start()) && !credentials.redeem_ticket(&with_sign, start()));
}

#[rstest]
#[case::new(0, SessionState::Valid)]
#[case::one_day(DAY, SessionState::Valid)]
#[case::more_than_one_day(DAY + 1, SessionState::RenewalDue)]
#[case::last_moment(7 * DAY, SessionState::RenewalDue)]
#[case::expired(7 * DAY + 1, SessionState::Invalid)]
#[case::long_expired(3650 * DAY, SessionState::Invalid)]
#[case::clock_set_back_a_little(-5 * SECOND, SessionState::Valid)]
#[case::clock_set_back(-5 * SECOND - 1, SessionState::Invalid)]
fn session_expires_by_the_clock(#[case] age: i64, #[case] expected: SessionState) {
    assert_eq!(SESSION_LIFETIME, SignedDuration::from_millis(7 * DAY));
    // Issued before a restart.
    let session = Credentials::new(&TOKEN.into(), after(-9 * DAY)).new_session(after(-MINUTE)).unwrap();
    assert_eq!(credentials().check_session(&session, after(age - MINUTE)), expected);
}

#[test]
fn each_kind_is_valid_in_its_place_only() {
    let mut credentials = credentials();
    let (ticket, session) = (credentials.new_ticket(start()).unwrap(), credentials.new_session(start()).unwrap());
    assert_eq!(credentials.check_session(&ticket, start()), SessionState::Invalid);
    assert!(!credentials.redeem_ticket(&session, start()));
    assert!(!credentials.is_token(&ticket) && !credentials.is_token(&session));
    assert!(!credentials.redeem_ticket(TOKEN, start()));
    assert_eq!(credentials.check_session(TOKEN, start()), SessionState::Invalid);
    assert!(credentials.is_token(TOKEN) && credentials.redeem_ticket(&ticket, start()));
    assert_eq!(credentials.check_session(&session, start()), SessionState::Valid);
}

#[test]
fn credentials_of_another_token_are_refused() {
    let mut credentials = credentials();
    let other = Credentials::new(&TOKEN.replace('0', "1").as_str().into(), start());
    assert!(!credentials.redeem_ticket(&other.new_ticket(start()).unwrap(), start()));
    assert_eq!(credentials.check_session(&other.new_session(start()).unwrap(), start()), SessionState::Invalid);
    assert!(!other.is_token(TOKEN));
}

#[test]
fn debug_output_and_ticket_hide_the_token() {
    let credentials = credentials();
    assert_eq!(format!("{credentials:?}"), "Credentials(…)");
    assert!(!credentials.new_ticket(start()).unwrap().contains(&TOKEN[..8]));
}

proptest! {
    #[test]
    fn changed_ticket_or_session_is_refused(place in 0..143_usize, letter in "[0-9a-z.+%é]") {
        let mut credentials = credentials();
        for valid in [credentials.new_session(start()).unwrap(), credentials.new_ticket(start()).unwrap()] {
            let mut changed: Vec<String> = valid.chars().map(String::from).collect();
            prop_assume!(changed.get(place).is_some_and(|known| *known != letter));
            changed[place] = letter.clone();
            let changed = changed.concat();
            prop_assert_eq!(credentials.check_session(&changed, start()), SessionState::Invalid);
            prop_assert!(!credentials.redeem_ticket(&changed, start()));
        }
    }

    #[test]
    fn arbitrary_text_is_refused(text in "\\PC{0,200}", number in any::<i64>()) {
        let mut credentials = credentials();
        for text in [text.clone(), format!("{number}.{text}"), format!("{number}.x.{text}"), format!("{text}.00")] {
            prop_assert!(!credentials.is_token(&text) && !credentials.redeem_ticket(&text, start()));
            prop_assert_eq!(credentials.check_session(&text, start()), SessionState::Invalid);
        }
    }
}
