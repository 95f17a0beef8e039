#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::core::alert::Category;

const OPEN: ClaimOptions = ClaimOptions { send_window: SendWindow::Open, urgent_only: false, max_separate: 5 };

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

const fn now() -> Timestamp {
    Timestamp::constant(1_800_000_000, 0)
}

fn kind(letter: char) -> OutboxKind {
    match letter {
        'd' => OutboxKind::Digest,
        'r' => OutboxKind::Resolve,
        'u' => OutboxKind::Update,
        't' => OutboxKind::Test,
        _ => OutboxKind::Alert,
    }
}

/// `cd` is a critical digest, `h` a high alert, `l-` one that is late, `c2` one with an unconfirmed attempt in batch 2, `c*` one in
/// flight, `r>7` a resolve of an alert in the message of batch 7. Ids count from 1.
fn rows(text: &str) -> Vec<PendingRow> {
    let row = |(index, word): (usize, &str)| {
        let priority = match word.chars().next() {
            Some('c') => Priority::Critical,
            Some('m') => Priority::Medium,
            Some('l') => Priority::Low,
            _ => Priority::High,
        };
        let id = i64::try_from(index).unwrap() + 1;
        let in_flight = word.contains('*');
        let digit = || word.chars().last().and_then(|digit| digit.to_digit(10)).map(i64::from);
        let shown_in = word.contains('>').then(digit).flatten();
        let batch_id = if in_flight { Some(id) } else { digit().filter(|_| shown_in.is_none()) };
        PendingRow {
            id,
            kind: word.chars().find_map(|c| "drut".contains(c).then(|| kind(c))).unwrap_or(OutboxKind::Alert),
            priority,
            created_at: if word.contains('-') { seconds(-61) } else { seconds(-60) },
            attempts: u32::from(batch_id.is_some()),
            batch_id,
            in_flight,
            shown_in,
        }
    };
    text.split_whitespace().enumerate().map(row).collect()
}

fn sent(plan: Option<Plan>) -> (i64, Vec<i64>) {
    match plan {
        Some(Plan::Send(plan)) => (plan.id, plan.rows),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case::by_priority("m h l h", 2, &[2])]
#[case::critical_first("h h c", 3, &[3])]
#[case::test_first("c t", 2, &[2])]
#[case::as_many_as_allowed("h h h h h", 1, &[1])]
#[case::crowd_shares_a_message("h m h l h h", 1, &[1, 3, 5, 6, 2, 4])]
#[case::three_late_go_alone("h- h- h-", 1, &[1])]
#[case::late_share_a_message("m- h- h- h- h", 2, &[2, 1, 3, 4, 5])]
#[case::digest_takes_its_class("h d m", 1, &[1, 2, 3])]
#[case::two_critical_of_a_crowd_go_alone("c h h c h h", 1, &[1])]
#[case::critical_crowd_shares("c h h c c h", 1, &[1, 4, 5])]
#[case::critical_digest_takes_all("h m cd c", 3, &[3, 1, 2, 4])]
#[case::unconfirmed_goes_alone_again("h h4 h h4 h h", 1, &[1, 3, 5, 6])]
#[case::unconfirmed_keeps_its_rows("h2 h2 h", 2, &[1, 2])]
#[case::alerts_before_updates("r>9 l", 2, &[2])]
#[case::updates_of_one_message("r>9 u>8 r>9", 1, &[1, 3])]
fn next_batch_takes(#[case] queue: &str, #[case] id: i64, #[case] expected: &[i64]) {
    let (batch, mut rows) = sent(next_batch(&rows(queue), OPEN, now()));
    rows.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!((batch, rows), (id, expected));
}

#[rstest]
#[case::closed(SendWindow::Closed, "c h r>7", 3)]
#[case::critical_only(SendWindow::CriticalOnly, "h c", 2)]
#[case::critical_only_then_updates(SendWindow::CriticalOnly, "h u>7", 2)]
fn window_limits_new_alerts(#[case] send_window: SendWindow, #[case] queue: &str, #[case] id: i64) {
    assert_eq!(sent(next_batch(&rows(queue), ClaimOptions { send_window, ..OPEN }, now())).0, id);
}

#[rstest]
#[case::busy_channel("h* c", Some(2))]
#[case::tried_before("c2 h", None)]
#[case::only_others("h r>7", None)]
#[case::test_in_flight("t* h", None)]
fn urgent_claim_takes_untried_critical(#[case] queue: &str, #[case] id: Option<i64>) {
    let plan = next_batch(&rows(queue), ClaimOptions { urgent_only: true, ..OPEN }, now());
    assert_eq!(plan.map(|plan| sent(Some(plan)).0), id);
}

#[test]
fn update_without_its_message_is_superseded() {
    let plan = next_batch(&rows("r u>7"), OPEN, now());
    assert_eq!(plan, Some(Plan::Supersede(vec![1], SupersedeReason::NotShown)));
}

#[rstest]
#[case::empty(&[], SendWindow::Open, (false, false, false))]
#[case::alert(&[('h', 'a', true)], SendWindow::Open, (true, false, false))]
#[case::alert_at_night(&[('h', 'a', true)], SendWindow::CriticalOnly, (false, false, false))]
#[case::urgent(&[('c', 'a', true)], SendWindow::CriticalOnly, (true, true, false))]
#[case::tried(&[('c', 'a', false)], SendWindow::Open, (true, false, false))]
#[case::paused(&[('c', 'a', true)], SendWindow::Closed, (false, false, false))]
#[case::update_while_paused(&[('h', 'u', true)], SendWindow::Closed, (true, false, false))]
#[case::test_while_paused(&[('h', 't', true)], SendWindow::Closed, (true, false, true))]
fn summary_says_what_may_be_sent(
    #[case] groups: &[(char, char, bool)],
    #[case] window: SendWindow,
    #[case] (any, urgent, test): (bool, bool, bool),
) {
    let group = |(priority, letter, is_untried): &(char, char, bool)| PendingGroup {
        kind: kind(*letter),
        priority: if *priority == 'c' { Priority::Critical } else { Priority::High },
        is_untried: *is_untried,
    };
    let groups: Vec<PendingGroup> = groups.iter().map(group).collect();
    assert_eq!(summarize(&groups, window), PendingSummary { any, urgent, test });
}

fn key(name: &str) -> AlertKey {
    AlertKey::with_entity(Category::Task, "deadline_overdue", name)
}

fn candidate(name: &str) -> Candidate {
    Candidate {
        key: key(name),
        priority: Priority::High,
        open: true,
        acknowledged: false,
        snoozed_until: None,
        digest: None,
    }
}

const ENTRY: DigestEntry = DigestEntry { row_id: 5, number: 3, newest_alert_row: Some(4), newest_number: Some(3) };

#[rstest]
#[case::open(candidate("a"), true)]
#[case::resolved(Candidate { open: false, ..candidate("a") }, false)]
#[case::acknowledged(Candidate { acknowledged: true, ..candidate("a") }, false)]
#[case::snoozed(Candidate { snoozed_until: Some(seconds(1)), ..candidate("a") }, false)]
#[case::snooze_over(Candidate { snoozed_until: Some(seconds(0)), ..candidate("a") }, true)]
#[case::in_digest(Candidate { digest: Some(ENTRY), ..candidate("a") }, true)]
#[case::sent_alone_later(
    Candidate { digest: Some(DigestEntry { newest_alert_row: Some(6), ..ENTRY }), ..candidate("a") }, false
)]
#[case::in_a_later_digest(
    Candidate { digest: Some(DigestEntry { newest_number: Some(4), ..ENTRY }), ..candidate("a") }, false
)]
fn alert_needs_a_notification(#[case] alert: Candidate, #[case] expected: bool) {
    assert_eq!(keys_to_send(vec![alert], now()).len(), usize::from(expected));
}

#[test]
fn keys_are_ranked_and_unique() {
    let urgent = Candidate { priority: Priority::Critical, ..candidate("z") };
    let twice = Candidate { digest: Some(ENTRY), ..candidate("a") };
    let keys = keys_to_send(vec![candidate("b"), candidate("a"), twice, urgent], now());
    assert_eq!(keys, [key("z"), key("a"), key("b")]);
}

fn shown(name: &str, priority: Priority, open: bool) -> ShownAlert {
    ShownAlert { key: key(name), priority, open, shown_as_resolved: false }
}

#[test]
fn update_lists_open_alerts_first() {
    let before = ShownAlert { shown_as_resolved: true, ..shown("0", Priority::Critical, true) };
    let alerts = vec![
        before,
        shown("a", Priority::Medium, true),
        shown("b", Priority::High, true),
        shown("c", Priority::Low, false),
        shown("d", Priority::Critical, true),
    ];
    let content = update_content(alerts, &[key("d")].into(), false);
    assert_eq!(content.open, [key("b"), key("a")]);
    assert_eq!(content.resolved, [key("c"), key("d"), key("0")]);
    assert_eq!(content.newly_resolved, [key("c"), key("d")]);
}

#[test]
fn repeated_update_resolves_no_more_keys() {
    let alerts = vec![shown("a", Priority::High, false), shown("b", Priority::High, false)];
    let content = update_content(alerts, &[key("a")].into(), true);
    assert_eq!((content.resolved.len(), content.newly_resolved), (2, vec![key("a")]));
}

fn pending_row() -> impl Strategy<Value = PendingRow> {
    let kinds = [OutboxKind::Alert, OutboxKind::Alert, OutboxKind::Digest, OutboxKind::Resolve, OutboxKind::Test];
    let priorities = [Priority::Low, Priority::Medium, Priority::High, Priority::Critical];
    (prop::sample::select(kinds.to_vec()), prop::sample::select(priorities.to_vec()), 0..200_i64, 0..4_i64).prop_map(
        |(kind, priority, age, shown_in)| PendingRow {
            id: 0,
            kind,
            priority,
            created_at: seconds(-age),
            attempts: 0,
            batch_id: None,
            in_flight: false,
            shown_in: Some(-shown_in - 1).filter(|target| *target < -1 && kind == OutboxKind::Resolve),
        },
    )
}

proptest! {
    /// Claims until the queue is empty: every row goes out once, in order, and in few messages.
    #[test]
    fn every_row_goes_out_once(mut rows in prop::collection::vec(pending_row(), 0..60), max_separate in 0..10_u32) {
        (1..).zip(&mut rows).for_each(|(id, row)| row.id = id);
        let options = ClaimOptions { max_separate, ..OPEN };
        let (mut queue, mut messages, mut superseded) = (rows.clone(), Vec::new(), 0);
        while let Some(plan) = next_batch(&queue, options, now()) {
            let out = match plan {
                Plan::Send(plan) => {
                    prop_assert!(plan.rows.contains(&plan.id) && !plan.is_repeat);
                    messages.push(plan.rows.clone());
                    plan.rows
                }
                Plan::Supersede(rows, _) => {
                    superseded += rows.len();
                    rows
                }
            };
            let before = queue.len();
            queue.retain(|row| !out.contains(&row.id));
            prop_assert_eq!(queue.len() + out.len(), before, "a row goes out twice");
        }
        prop_assert!(queue.is_empty(), "a row is left");
        let lost = rows.iter().filter(|row| row.kind == OutboxKind::Resolve && row.shown_in.is_none()).count();
        prop_assert_eq!(superseded, lost);

        let row = |id: &i64| rows.iter().find(|row| row.id == *id).unwrap();
        let new: Vec<&Vec<i64>> =
            messages.iter().filter(|ids| row(&ids[0]).kind.message_kind() == MessageKind::New).collect();
        let urgency: Vec<Priority> = new.iter().map(|ids| row(&ids[0]).priority).collect();
        prop_assert!(urgency.is_sorted_by(|a, b| a >= b), "{:?}", urgency);
        let separate = max_separate.max(1) as usize;
        prop_assert!(new.len() <= 2 * separate + 2 * MAX_CRITICAL_SEPARATE + 2, "{} messages", new.len());
    }

    /// A channel that is busy or waits takes critical alerts only.
    #[test]
    fn urgent_claims_take_nothing_else(mut rows in prop::collection::vec(pending_row(), 0..30)) {
        (1..).zip(&mut rows).for_each(|(id, row)| row.id = id);
        rows.retain(|row| row.kind != OutboxKind::Test);
        if let Some(plan) = next_batch(&rows, ClaimOptions { urgent_only: true, ..OPEN }, now()) {
            let (_, ids) = sent(Some(plan));
            prop_assert!(rows.iter().filter(|row| ids.contains(&row.id)).all(|row| row.priority == Priority::Critical));
        }
    }
}
