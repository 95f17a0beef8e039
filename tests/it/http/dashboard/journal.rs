//! The journal of the dashboard: filters, pages and the state of messages.

use jiff::SignedDuration;
use operator::core::alert::Priority;
use operator::core::policy::decision::{Decision, PolicyDecision, Reason};
use operator::http::dashboard::DashboardQuery;
use operator::store::Store;
use rstest::rstest;

use super::support::{between, calm, commit, now, policy_decision, query, real_week, render_page, values, words};

fn keys(page: &str) -> Vec<String> {
    let entries = between(page, "<div id=\"journal-entries\"", "</section>");
    entries.split("<p class=\"key\"><bdi>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

/// One entry per hour.
fn hourly_entries(count: i64) -> Store {
    let mut store = Store::in_memory().unwrap();
    for ago in (0..count).rev() {
        let at = now().timestamp() - SignedDuration::from_hours(ago);
        let (decision, reason) = match ago % 3 {
            0 => (Decision::Deliver, Reason::First),
            1 => (Decision::Hold, Reason::QuietHours),
            _ => (Decision::Suppress, Reason::Duplicate),
        };
        let mut entry =
            policy_decision(&format!("task:deadline_overdue:{ago}"), &format!("Call {ago}%_ó"), decision, reason);
        entry.alert.priority = if ago % 2 == 0 { Priority::High } else { Priority::Low };
        commit(&mut store, at, &[entry], &[], &[]);
    }
    store
}

#[rstest]
#[case::all("/", &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"])]
#[case::urgent("/?priority=high", &["0", "2", "4", "6", "8", "10"])]
#[case::held("/?decision=hold", &["1", "4", "7", "10"])]
#[case::both("/?decision=hold&priority=low", &["1", "7"])]
#[case::by_title("/?text=call+1", &["1", "10", "11"])]
#[case::by_key("/?text=OVERDUE%3A1", &["1", "10", "11"])]
#[case::wildcards_are_literal("/?text=1%25_", &["1", "11"])]
#[case::accented_letter("/?text=%C3%B3&priority=low&decision=deliver", &["3", "9"])]
#[case::invalid_values("/?priority=urgent&decision=4&since=x&before=-&days=&x=y", &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"])]
#[case::last_value_counts("/?priority=low&priority=high&decision=hold", &["4", "10"])]
fn filter_selects_entries(#[case] address: &str, #[case] expected: &[&str]) {
    let page = render_page(&calm(), &hourly_entries(12), address);
    let found: Vec<String> = keys(&page).iter().map(|key| key.replace("task:deadline_overdue:", "")).collect();
    assert_eq!(found, expected);
}

#[rstest]
#[case("/?since=1", 25)]
#[case("/?since=7", 100)]
#[case("/?since=all", 100)]
fn since_limits_the_entries(#[case] address: &str, #[case] expected: usize) {
    assert_eq!(keys(&render_page(&calm(), &hourly_entries(120), address)).len(), expected);
}

#[test]
fn older_link_reaches_every_entry_once() {
    let store = hourly_entries(230);
    let mut address = String::from("/?since=all&days=90");
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let page = render_page(&calm(), &store, &address);
        seen.extend(keys(&page));
        pages += 1;
        let Some((_, link)) = page.split_once("id=\"older\" href=\"") else { break };
        address = link.split("#journal").next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
        assert!(address.contains("days=90") && address.contains("since=all"), "{address}");
    }
    let expected: Vec<String> = (0..230).map(|ago| format!("task:deadline_overdue:{ago}")).collect();
    assert_eq!((pages, seen), (3, expected), "newest first");
}

#[test]
fn filter_form_keeps_its_values() {
    let page = render_page(&calm(), &hourly_entries(3), "/?text=%3Cb%3E%22&priority=high&days=90");
    let form = between(&page, "<form id=\"filter\"", "</form>");
    assert!(form.contains("value=\"&#60;b&#62;&#34;\""), "{form}");
    assert!(form.contains("<option value=\"high\" selected>"), "{form}");
    assert!(
        form.contains("<input type=\"hidden\" name=\"days\" value=\"90\">"),
        "the range of the charts stays: {form}"
    );
    let words = words(between(&page, "<div id=\"journal-entries\"", "</section>"));
    assert!(words.contains("No decision matches this filter."), "{words}");
    assert!(page.contains("href=\"/?priority=high&#38;text=%3Cb%3E%22#health\""), "the filter stays too");
}

#[test]
fn entry_shows_the_state_of_its_messages() {
    let mut store = Store::in_memory().unwrap();
    let at = now().timestamp();
    let first = policy_decision("health:hrv_low", "HRV", Decision::Deliver, Reason::First);
    commit(&mut store, at - SignedDuration::from_hours(1), std::slice::from_ref(&first), &[], &[]);
    let later = PolicyDecision { decision: Decision::Deliver, reason: Reason::Escalated, ..first };
    let digest = |key| policy_decision(key, "In a digest", Decision::Coalesce, Reason::Storm);
    commit(&mut store, at, &[later, digest("task:pileup"), digest("task:goal_behind")], &[], &[]);
    let page = render_page(&calm(), &store, "/");
    let entries: Vec<&str> = page.split("class=\"entry\"").skip(1).collect();
    let states: Vec<String> =
        entries.iter().map(|entry| words(between(entry, "<ul class=\"channels\">", "</ul>"))).collect();
    let pending = "notification: pending";
    assert_eq!(states, [pending, pending, pending, "notification: superseded (a newer message replaces it)"]);
    assert!(
        words(entries[2]).contains("Notified – more urgent than at the last notification"),
        "{}",
        words(entries[2])
    );
    assert!(words(entries[0]).contains("limit 65") && words(entries[0]).contains("source oura_cache"));
}

#[test]
fn real_week_is_listed() {
    let (home, status, store) = real_week();
    let page = render_page(&status, &store, "/?since=all&text=procrastination");
    let count: i64 = home
        .database()
        .query_row("SELECT count(*) FROM journal WHERE key LIKE '%procrastination%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(keys(&page).len(), usize::try_from(count).unwrap());
    assert!(words(&page).contains("Put off 3 times: Write the quarterly report"));
    assert!(!values(&page, "datetime").is_empty());
}

#[test]
fn address_without_query_means_defaults() {
    assert_eq!(query("/"), DashboardQuery::default());
    assert_eq!(query("/?since=all&before=7&text=++a%0Ab++").text, "a b");
    assert_eq!(query("/?days=90"), DashboardQuery { days: 90, ..DashboardQuery::default() });
}
