//! Which day is today: the zone of the configuration decides, not the machine's.

use jiff::civil::date;
use rstest::rstest;

use crate::support::home::{Home, finish, outcome};

const READINESS: &str = "health:readiness_low";

/// The same moment is another day on the two sides of the world.
#[rstest]
#[case("Pacific/Kiritimati", "2026-11-21T00:30:00+14:00", 21)]
#[case("America/Chicago", "2026-11-20T04:30:00-06:00", 20)]
#[case("Pacific/Pago_Pago", "2026-11-19T23:30:00-11:00", 19)]
#[case("UTC", "2026-11-20T10:30:00+00:00", 20)]
fn today_is_the_users_date(#[case] zone: &str, #[case] local: &str, #[case] day: i8) {
    const MOMENT: &str = "2026-11-20T10:30:00Z";
    for known in 18..=22 {
        let home = Home::on(date(2026, 11, known), zone);
        let report = home.run(&["--once", "--dry-run", "--json", "--at", MOMENT]).ok().json();
        assert_eq!(report["at"], local);
        let health = &report["monitors"]["health"];
        if known < day {
            assert_eq!(health["reason"], "not_synced_yet", "never judged on yesterday's: {report:#}");
        } else if known == day {
            assert_eq!(health["status"], "ok");
            let found = report["alerts"].as_array().unwrap().iter().any(|alert| alert["key"] == READINESS);
            assert!(found, "{report:#}");
        }
        // The invoice is due on the day `known`.
        let (today, overdue) = ("task:deadline_today:invoice", "task:deadline_overdue:invoice");
        assert_eq!(outcome(&report, overdue) != "none", known < day, "{zone} {known}: {report:#}");
        let hour: u32 = local[11..13].parse().unwrap();
        assert_eq!(outcome(&report, today) != "none", known == day && hour >= 9, "{zone} {known}");
    }
}

#[rstest]
#[case("Pacific/Kiritimati", "deliver first")]
#[case("America/Chicago", "hold quiet_hours")]
fn quiet_hours_follow_the_users_zone(#[case] zone: &str, #[case] expected: &str) {
    let home = Home::on(date(2026, 11, 20), zone);
    // 09:05 and 04:00 on the wall of the one and the other, of the same date.
    let at = home.at(if zone.starts_with("Pacific") { "09:05" } else { "04:00" });
    assert_eq!(outcome(&home.check(&at), READINESS), expected);
}

#[rstest]
#[case::machine_east("Pacific/Kiritimati")]
#[case::machine_west("Pacific/Pago_Pago")]
fn configured_zone_overrides_the_machine(#[case] machine: &str) {
    let home = Home::on(date(2026, 11, 20), "Europe/Berlin");
    let reports = ["UTC", machine].map(|zone| {
        let mut program = home.program();
        program.env("TZ", zone).arg("--config").arg(home.path("config.yaml"));
        program.args(["--once", "--dry-run", "--json", "--at", "2026-11-20T23:40:00+01:00"]);
        let mut report = finish(program).ok().json();
        for key in ["health", "tasks", "patterns"] {
            report["monitors"][key]["duration_ms"] = 0.into();
        }
        report["duration_ms"] = 0.into();
        report
    });
    assert_eq!(reports[0], reports[1]);
    assert_eq!(reports[0]["monitors"]["health"]["status"], "ok");
}

#[test]
fn system_zone_is_the_default() {
    let home = Home::on(date(2026, 11, 20), "UTC");
    home.set(serde_json::json!({"quiet_hours": {"timezone": "system"}}));
    let at = |zone: &str| {
        let mut program = home.program();
        program.env("TZ", zone).arg("--config").arg(home.path("config.yaml"));
        program.args(["--once", "--dry-run", "--json", "--at", "2026-11-20T10:30:00Z"]);
        let report = finish(program).ok().json();
        (report["at"].as_str().unwrap().to_owned(), report["monitors"]["health"]["status"].clone())
    };
    assert_eq!(at("America/Chicago"), ("2026-11-20T04:30:00-06:00".into(), "ok".into()));
    assert_eq!(at("Pacific/Kiritimati"), ("2026-11-21T00:30:00+14:00".into(), "skipped".into()));
}

/// The calendar has ends; a check there has nothing to say, and says so.
#[rstest]
#[case("-009999-01-02T01:59:59Z")]
#[case("-009999-01-03T00:00:00Z")]
#[case("9999-12-30T22:00:00Z")]
fn extreme_dates_are_accepted(#[case] moment: &str) {
    let home = Home::new();
    let report = home.run(&["--once", "--dry-run", "--json", &format!("--at={moment}")]).ok().json();
    assert!(report["monitors"]["tasks"].is_object(), "{report:#}");
}
