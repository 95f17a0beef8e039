//! Errors of `config.yaml`: line, column, one sentence, no secret.

use std::collections::BTreeSet;

use operator::config::parse;
use rstest::rstest;

fn env(name: &str) -> Option<String> {
    match name {
        "SECRET" => Some("s3cret".into()),
        "ZERO" => Some("0".into()),
        _ => None,
    }
}

fn message(fixture: &str) -> String {
    let text = std::fs::read_to_string(format!("tests/fixtures/config/{fixture}.yaml")).unwrap();
    parse(&text, "etc/c.yaml", &env).unwrap_err().to_string()
}

#[rstest]
#[case("alias_bomb", "5:12: this is nested too deeply or repeated too often to be a configuration")]
#[case(
    "api_url",
    "3:5: alerters.telegram.api_url: this must be an address that begins with https:// or http:// and names a host"
)]
#[case("bad_indent", "3:2: no key is expected here: is the line indented like its neighbours?")]
#[case(
    "base_url",
    "3:5: sources.oura.base_url: this must be an address that begins with https:// or http:// and names a host"
)]
#[case("duplicate_by_alias", "2:3: sources.oura: 'cache_dir' is given twice, under two names")]
#[case("duplicate_key", "4:3: 'check_interval' is here twice: first on line 2")]
#[case("empty_list", "4:7: monitors.tasks.thresholds.due_today_hours: the list is too short: give at least 1")]
#[case(
    "far_too_large",
    "2:3: intervals.check_interval: '99999999999999999999' is greater than 86400, the most allowed"
)]
#[case("fraction_for_whole_number", "2:3: intervals.check_interval: '300.5' is not a whole number")]
#[case(
    "goal_contradiction",
    "4:7: monitors.tasks.thresholds.goal_half_hour: 18 is over goal_late_hour (17): it must not be"
)]
#[case("heartbeat_url_twice", "3:3: http.heartbeat_url_file: 'heartbeat_url' is given too: keep only one of the two")]
#[case("home_unknown", "2:3: paths.state_dir: '~' stands for $HOME, which is not set: give the whole path")]
#[case(
    "hour_25",
    r#"2:3: quiet_hours.start: 25 is not an hour: give an hour from 0 to 23, or a time from "00:00" to "23:59""#
)]
#[case(
    "hour_as_list",
    r#"2:3: quiet_hours.start: expected an hour from 0 to 23, or a time from "00:00" to "23:59", found a list"#
)]
#[case("hour_in_list", "4:7: monitors.tasks.thresholds.due_today_hours[1]: '24' is greater than 23, the most allowed")]
#[case(
    "hour_negative",
    r#"2:3: quiet_hours.end: -1 is not an hour: give an hour from 0 to 23, or a time from "00:00" to "23:59""#
)]
#[case(
    "hrv_contradiction",
    "4:7: monitors.health.thresholds.hrv_drop_medium: 30 is over hrv_drop_high (25): it must not be"
)]
#[case(
    "hrv_nights_contradiction",
    "4:7: monitors.health.thresholds.hrv_baseline_min_nights: 31 is over hrv_baseline_days (30): it must not be"
)]
#[case("journal_off", "3:5: alerters.journal.enabled: must stay true: 'operator why' answers from the journal")]
#[case("journal_priority", "3:5: alerters.journal.min_priority: must stay low: the journal takes every alert")]
#[case("list_for_secret", "3:5: alerters.telegram.token: expected text, found a list")]
#[case("list_for_section", "1:1: quiet_hours: expected a section with keys, found a list")]
#[case("log_level", "2:3: logging.level: 'loud' is not allowed: use error, warn, warning, info or debug")]
#[case(
    "minute_75",
    r#"2:3: quiet_hours.start: '22:75' is not a time: give an hour from 0 to 23, or a time from "00:00" to "23:59""#
)]
#[case("missing_colon", "3:13: a ':' is missing on the line above, or text with ': ' in it needs quotes")]
#[case("missing_colon_at_the_end", "3:3: a ':' is missing after this key")]
#[case("negative", "2:3: deduplication.window_seconds: '-1' is lower than 0, the least allowed")]
#[case("negative_below_range", "2:3: intervals.check_interval: '-5' is lower than 10, the least allowed")]
#[case("not_a_section", "1:1: expected a section with keys, found a single value")]
#[case("not_finite", "4:7: monitors.health.thresholds.readiness_medium: '.nan' is not a number")]
#[case(
    "percent_over_hundred",
    "4:7: monitors.health.thresholds.sleep_efficiency: '101' is greater than 100, the most allowed"
)]
#[case("port_too_large", "2:3: http.port: '70000' is greater than 65535, the most allowed")]
#[case("port_zero", "2:3: http.port: '0' is lower than 1, the least allowed")]
#[case(
    "priority",
    "3:5: alerters.notification.min_priority: 'urgent' is not allowed: use low, medium, high or critical"
)]
#[case(
    "quiet_hours_without_end",
    "1:1: quiet_hours.end: quiet hours begin and end at 07:00: give two times, or set enabled to false"
)]
#[case(
    "readiness_contradiction",
    "4:7: monitors.health.thresholds.readiness_high: 70 is over readiness_medium (65): it must not be"
)]
#[case(
    "readiness_contradiction_from_above",
    "4:7: monitors.health.thresholds.readiness_medium: 45 is under readiness_high (50): it must not be"
)]
#[case("section_for_value", "3:5: alerters.telegram.token: expected text, found a section with keys")]
#[case(
    "sleep_contradiction",
    "5:7: monitors.health.thresholds.sleep_hours_high: 6.5 is over sleep_hours_medium (5.5): it must not be"
)]
#[case(
    "stress_contradiction",
    "4:7: monitors.health.thresholds.stress_high: 70 is under stress_medium (75): it must not be"
)]
#[case("tab", "2:2: a tab stands where only spaces may: indent with spaces")]
#[case(
    "telegram_without_anything",
    "2:14: alerters.telegram.enabled: Telegram cannot be on without token (or token_file) and chat_id"
)]
#[case("telegram_token_twice", "4:5: alerters.telegram.token_file: 'token' is given too: keep only one of the two")]
#[case("telegram_without_chat", "3:5: alerters.telegram.enabled: Telegram cannot be on without chat_id")]
#[case("telegram_without_token", "3:5: alerters.telegram.enabled: Telegram cannot be on without token or token_file")]
#[case(
    "time_zone",
    "2:3: quiet_hours.timezone: 'Mars/Olympus_Mons' is not a time zone: give an IANA name such as Europe/Berlin, or system"
)]
#[case("token_twice", "4:5: sources.oura.token_file: 'token' is given too: keep only one of the two")]
#[case("too_deep", "1:22: this is nested too deeply or repeated too often to be a configuration")]
#[case("too_large", "2:3: intervals.check_interval: '90000' is greater than 86400, the most allowed")]
#[case("too_small", "2:3: intervals.check_interval: '5' is lower than 10, the least allowed")]
#[case("two_documents", "4:1: a second document begins here: the file must hold only one")]
#[case("unclosed_bracket", "4:24: this bracket is never closed")]
#[case("unclosed_quote", "3:12: this quote is never closed")]
#[case("unknown_anchor", "2:9: this refers to an anchor (&name) that the file does not define")]
#[case("unknown_key", "1:1: unknown key 'quite_hours': did you mean 'quiet_hours'?")]
#[case(
    "unknown_key_empty",
    "2:3: unknown key 'zebra': allowed here are enabled, port, heartbeat_url, heartbeat_url_file"
)]
#[case(
    "unknown_key_far",
    "2:3: unknown key 'zebra': allowed here are enabled, port, heartbeat_url, heartbeat_url_file"
)]
#[case("unknown_key_nested", "5:7: unknown key 'readines_high': did you mean 'readiness_high'?")]
#[case(
    "unknown_key_strange",
    "2:14: this is not a known key: allowed here are enabled, min_priority, token, token_file, chat_id, api_url"
)]
#[case("url_twice", "4:5: sources.workos.url_file: 'url' is given too: keep only one of the two")]
#[case("value_for_list", "4:7: monitors.tasks.thresholds.due_today_hours: expected a list, such as [9, 14]")]
#[case("value_for_section", "2:3: sources.workos: expected a section with keys, found a single value")]
#[case(
    "variable_name",
    "3:5: sources.workos.url: '${' begins a variable that does not end well: write ${NAME} or ${NAME:-default}, and $$ for a dollar"
)]
#[case("variable_not_a_number", "2:3: intervals.check_interval: the value of ${SECRET} is not a whole number")]
#[case(
    "variable_not_a_priority",
    "3:5: alerters.notification.min_priority: the value of ${SECRET} is not allowed: use low, medium, high or critical"
)]
#[case(
    "variable_not_a_zone",
    "2:3: quiet_hours.timezone: the value of ${SECRET} does not fit: give an IANA name such as Europe/Berlin, or system"
)]
#[case("variable_not_an_hour", r#"2:3: quiet_hours.start: the value of ${SECRET} does not fit: give an hour from 0 to 23, or a time from "00:00" to "23:59""#)]
#[case("variable_out_of_range", "2:3: http.port: the value of ${ZERO} is lower than 1, the least allowed")]
#[case(
    "variable_unclosed",
    "3:5: sources.workos.url: '${' begins a variable that does not end well: write ${NAME} or ${NAME:-default}, and $$ for a dollar"
)]
#[case("email_in_the_open", "4:5: alerters.email.security: none is for localhost only: use tls or starttls")]
#[case("email_without_password", "3:5: alerters.email.enabled: Email cannot be on without password or password_file")]
#[case("email_without_server", "3:5: alerters.email.enabled: Email cannot be on without server, from and to")]
#[case("ntfy_without_topic", "3:5: alerters.ntfy.enabled: ntfy cannot be on without topic or topic_file")]
#[case(
    "oura_client_secret_twice",
    "4:5: sources.oura.client_secret_file: 'client_secret' is given too: keep only one of the two"
)]
#[case("oura_redirect_port", "3:5: sources.oura.redirect_port: '80' is lower than 1024, the least allowed")]
#[case(
    "oura_revoke_url_disguised",
    "3:5: sources.oura.revoke_url: this must begin with https://, for secrets are sent there"
)]
#[case("oura_token_store", "3:5: sources.oura.token_store: 'cloud' is not allowed: use system or file")]
#[case("oura_token_url_open", "3:5: sources.oura.token_url: this must begin with https://, for secrets are sent there")]
#[case("pushover_without_user", "3:5: alerters.pushover.enabled: Pushover cannot be on without user or user_file")]
#[case("webhook_empty_url", "3:5: alerters.webhook.enabled: The webhook cannot be on without url or url_file")]
#[case("webhook_secret_twice", "5:5: alerters.webhook.secret_file: 'secret' is given too: keep only one of the two")]
#[case("webhook_timeout_too_long", "4:5: alerters.webhook.timeout_seconds: '61' is greater than 60, the most allowed")]
#[case("webhook_unknown_key", "3:5: unknown key 'urls': did you mean 'url'?")]
#[case("webhook_url_twice", "5:5: alerters.webhook.url_file: 'url' is given too: keep only one of the two")]
#[case("webhook_without_url", "3:5: alerters.webhook.enabled: The webhook cannot be on without url or url_file")]
#[case("word_for_boolean", "2:3: quiet_hours.enabled: 'maybe' is neither true nor false")]
#[case("word_for_fraction", "4:7: monitors.patterns.thresholds.overcommitment_ratio: 'much' is not a number")]
#[case("word_for_number", "2:3: intervals.check_interval: 'soon' is not a whole number")]
#[case("word_in_list", "4:7: monitors.tasks.thresholds.due_today_hours[1]: 'noon' is not a whole number")]
fn error_names_position_and_fix(#[case] fixture: &str, #[case] expected: &str) {
    assert_eq!(message(fixture), format!("etc/c.yaml:{expected}"));
}

#[test]
fn errors_are_reported_together_in_order() {
    let expected = [
        "etc/c.yaml:2:3: intervals.check_interval: 'soon' is not a whole number",
        "etc/c.yaml:3:3: intervals.task_check: '5' is lower than 10, the least allowed",
        "etc/c.yaml:4:3: unknown key 'patern_check': did you mean 'pattern_check'?",
        "etc/c.yaml:6:3: quiet_hours.timezone: 'Mars' is not a time zone: give an IANA name such as Europe/Berlin, or system",
        "etc/c.yaml:8:3: http.port: '0' is lower than 1, the least allowed",
    ];
    assert_eq!(message("several"), expected.join("\n"));
}

/// `s3cret` is the only secret of the fixtures.
#[test]
fn errors_show_no_secret() {
    let files = std::fs::read_dir("tests/fixtures/config").unwrap();
    let names: BTreeSet<String> =
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert!(names.len() > 60);
    for name in names {
        assert!(!message(&name).contains("s3cret"), "{name}");
    }
}

#[test]
fn many_errors_show_the_first_twenty() {
    let text: String = (0..500).map(|n| format!("key_{n}: 1\n")).collect();
    let message = parse(&text, "c.yaml", &env).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 21);
    assert!(message.ends_with("\nc.yaml: and 480 more"), "{message}");
}
