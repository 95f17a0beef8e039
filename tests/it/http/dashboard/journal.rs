//! The journal on the page: filters, pages, and what became of every message.

use jiff::SignedDuration;
use operator::core::alert::Priority;
use operator::core::policy::decision::{Decision, PolicyDecision, Reason};
use operator::http::dashboard::Query;
use operator::store::Store;
use rstest::rstest;

use super::kit::{between, calm, commit, lived, now, query, shown, values, verdict, words};

fn keys(page: &str) -> Vec<String> {
    let entries = between(page, "<div id=\"journal-entries\"", "</section>");
    entries.split("<p class=\"key\"><bdi>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

/// One entry an hour: the newest has the highest number.
fn hours(count: i64) -> Store {
    let mut store = Store::in_memory().unwrap();
    for ago in (0..count).rev() {
        let at = now().timestamp() - SignedDuration::from_hours(ago);
        let (decision, reason) = match ago % 3 {
            0 => (Decision::Deliver, Reason::First),
            1 => (Decision::Hold, Reason::QuietHours),
            _ => (Decision::Suppress, Reason::Duplicate),
        };
        let mut verdict = verdict(&format!("task:deadline_overdue:{ago}"), &format!("Call {ago}%_ó"), decision, reason);
        verdict.alert.priority = if ago % 2 == 0 { Priority::High } else { Priority::Low };
        commit(&mut store, at, &[verdict], &[], &[]);
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
#[case::signs_mean_themselves("/?text=1%25_", &["1", "11"])]
#[case::a_letter_with_an_accent("/?text=%C3%B3&priority=low&decision=deliver", &["3", "9"])]
#[case::nonsense("/?priority=urgent&decision=4&since=x&before=-&days=&x=y", &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"])]
#[case::the_last_one_counts("/?priority=low&priority=high&decision=hold", &["4", "10"])]
fn filters(#[case] address: &str, #[case] expected: &[&str]) {
    let page = shown(&calm(), &hours(12), address);
    let found: Vec<String> = keys(&page).iter().map(|key| key.replace("task:deadline_overdue:", "")).collect();
    assert_eq!(found, expected);
}

#[rstest]
#[case("/?since=1", 25)]
#[case("/?since=7", 100)]
#[case("/?since=all", 100)]
fn only_of_late(#[case] address: &str, #[case] expected: usize) {
    assert_eq!(keys(&shown(&calm(), &hours(120), address)).len(), expected);
}

#[test]
fn older_entries_are_a_link_away() {
    let store = hours(230);
    let mut address = String::from("/?since=all&days=90");
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let page = shown(&calm(), &store, &address);
        seen.extend(keys(&page));
        pages += 1;
        let Some((_, link)) = page.split_once("id=\"older\" href=\"") else { break };
        address = link.split("#journal").next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
        assert!(address.contains("days=90") && address.contains("since=all"), "{address}");
    }
    let expected: Vec<String> = (0..230).map(|ago| format!("task:deadline_overdue:{ago}")).collect();
    assert_eq!((pages, seen), (3, expected), "each once, the newest first");
}

#[test]
fn a_filter_shows_what_was_asked_for() {
    let page = shown(&calm(), &hours(3), "/?text=%3Cb%3E%22&priority=high&days=90");
    let form = between(&page, "<form id=\"filter\"", "</form>");
    assert!(form.contains("value=\"&#60;b&#62;&#34;\""), "{form}");
    assert!(form.contains("<option value=\"high\" selected>"), "{form}");
    assert!(
        form.contains("<input type=\"hidden\" name=\"days\" value=\"90\">"),
        "the range of the charts stays: {form}"
    );
    let words = words(between(&page, "<div id=\"journal-entries\"", "</section>"));
    assert!(words.contains("No decision passes this filter."), "{words}");
    assert!(page.contains("href=\"/?priority=high&#38;text=%3Cb%3E%22#body\""), "the filter stays, too");
}

#[test]
fn every_entry_says_what_became_of_its_messages() {
    let mut store = Store::in_memory().unwrap();
    let at = now().timestamp();
    let told = verdict("health:hrv_low", "HRV", Decision::Deliver, Reason::First);
    commit(&mut store, at - SignedDuration::from_hours(1), std::slice::from_ref(&told), &[], &[]);
    let later = PolicyDecision { decision: Decision::Deliver, reason: Reason::Escalated, ..told };
    let digest = |key| verdict(key, "In a digest", Decision::Coalesce, Reason::Storm);
    commit(&mut store, at, &[later, digest("task:pileup"), digest("task:goal_behind")], &[], &[]);
    let page = shown(&calm(), &store, "/");
    let entries: Vec<&str> = page.split("class=\"entry\"").skip(1).collect();
    let fates: Vec<String> =
        entries.iter().map(|entry| words(between(entry, "<ul class=\"channels\">", "</ul>"))).collect();
    let waits = "notification: waits";
    assert_eq!(fates, [waits, waits, waits, "notification: not sent (a newer one takes its place)"]);
    assert!(words(entries[2]).contains("Notified – more urgent than when it was last told"), "{}", words(entries[2]));
    assert!(words(entries[0]).contains("limit 65") && words(entries[0]).contains("source oura_cache"));
}

#[test]
fn a_real_week_stands_in_it() {
    let (home, status, store) = lived();
    let page = shown(&status, &store, "/?since=all&text=procrastination");
    let told: i64 = home
        .database()
        .query_row("SELECT count(*) FROM journal WHERE key LIKE '%procrastination%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(keys(&page).len(), usize::try_from(told).unwrap());
    assert!(words(&page).contains("Put off 3 times: Write the quarterly report"));
    assert!(!values(&page, "datetime").is_empty());
}

#[test]
fn an_address_without_a_query_means_the_defaults() {
    assert_eq!(query("/"), Query::default());
    assert_eq!(query("/?since=all&before=7&text=++a%0Ab++").text, "a b");
    assert_eq!(Query::of([("days", "90")]), Query { days: 90, ..Query::default() });
}
