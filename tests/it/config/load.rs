//! Reading `config.yaml`: defaults, the environment, paths, the file itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use operator::config::schema::{Config, LogLevel};
use operator::config::{DEFAULT, load, parse, paths};
use operator::core::alert::Priority;
use proptest::prelude::*;
use rstest::rstest;
use secrecy::ExposeSecret;
use tempfile::{TempDir, tempdir};

const PASSWORD: &str = r##"p: #{}[]"'*&!|>%@`, \n$${X}"##;

fn env(name: &str) -> Option<String> {
    let value = match name {
        "HOME" => "/home/ada",
        "USER" => "ada",
        "PASSWORD" => PASSWORD,
        "INTERVAL" => "120",
        "ON" => "true",
        "HOUR" => "21",
        "NULLISH" => "null",
        "EMPTY" => "",
        _ => return None,
    };
    Some(value.into())
}

fn none(_: &str) -> Option<String> {
    None
}

fn config(text: &str) -> Config {
    let (config, warnings) = parse(text, "/etc/operator/c.yaml", &env).unwrap();
    assert_eq!(warnings, [""; 0]);
    config
}

fn is_equal(a: &Config, b: &Config) -> bool {
    format!("{a:?}") == format!("{b:?}") // complete, because neither holds a secret
}

// The shipped file

#[test]
fn shipped_file_holds_the_defaults() {
    let (config, warnings) = parse(DEFAULT, "config.yaml", &none).unwrap();
    assert!(is_equal(&config, &Config::default()));
    assert_eq!(warnings, [""; 0]);
}

/// Keys of a section, from the error that lists the allowed keys; none if `path` is no section.
fn keys_of(path: &str) -> Option<Vec<String>> {
    let open: String = path.split('.').filter(|key| !key.is_empty()).map(|key| format!("{{{key}: ")).collect();
    let text = format!("{open}{{zzzzzzzzzz: 1}}{}", "}".repeat(open.matches('{').count()));
    let message = parse(&text, "c", &none).unwrap_err().to_string();
    let (_, keys) = message.split_once("allowed here are ")?;
    Some(keys.lines().next().unwrap().split(", ").map(str::to_owned).collect())
}

fn leaf_keys(path: &str, into: &mut BTreeSet<String>) {
    match keys_of(path) {
        Some(keys) => {
            for key in keys {
                leaf_keys(&if path.is_empty() { key } else { format!("{path}.{key}") }, into);
            }
        }
        None => assert!(into.insert(path.to_owned())),
    }
}

/// Keys of the shipped file, and those without a value.
fn shipped_keys() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut all, mut empty, mut sections) = (BTreeSet::new(), BTreeSet::new(), Vec::<String>::new());
    let lines: Vec<&str> = DEFAULT.lines().filter(|l| !l.trim_start().starts_with('#') && l.contains(':')).collect();
    for (index, line) in lines.iter().enumerate() {
        let depth = |line: &str| (line.len() - line.trim_start().len()) / 2;
        let (key, value) = line.trim().split_once(':').unwrap();
        sections.truncate(depth(line));
        sections.push(key.to_owned());
        if lines.get(index + 1).is_some_and(|next| depth(next) > depth(line)) {
            continue;
        }
        all.insert(sections.join("."));
        if value.split('#').next().unwrap().trim().is_empty() {
            empty.insert(sections.join("."));
        }
    }
    (all, empty)
}

#[test]
fn shipped_file_holds_every_key() {
    let mut known = BTreeSet::new();
    leaf_keys("", &mut known);
    for other_name in ["sources.oura.cache_path", "sources.oura.api_url", "sources.workos.database_url"] {
        assert!(known.remove(other_name), "{other_name}");
    }
    let (all, empty) = shipped_keys();
    assert_eq!(all, known);
    let optional = [
        "alerters.email.ca_file",
        "alerters.email.from",
        "alerters.email.password",
        "alerters.email.password_file",
        "alerters.email.port",
        "alerters.email.server",
        "alerters.email.user",
        "alerters.ntfy.token",
        "alerters.ntfy.token_file",
        "alerters.ntfy.topic",
        "alerters.ntfy.topic_file",
        "alerters.pushover.device",
        "alerters.pushover.token",
        "alerters.pushover.token_file",
        "alerters.pushover.user",
        "alerters.pushover.user_file",
        "alerters.telegram.chat_id",
        "alerters.telegram.token",
        "alerters.telegram.token_file",
        "alerters.webhook.secret",
        "alerters.webhook.secret_file",
        "alerters.webhook.url",
        "alerters.webhook.url_file",
        "http.heartbeat_url",
        "http.heartbeat_url_file",
        "paths.log_dir",
        "paths.state_dir",
        "sources.focus_file.path",
        "sources.markdown.folder",
        "sources.oura.cache_dir",
        "sources.oura.client_id",
        "sources.oura.client_secret",
        "sources.oura.client_secret_file",
        "sources.oura.token",
        "sources.oura.token_file",
        "sources.state_store.path",
        "sources.taskwarrior.data_dir",
        "sources.todoist.token",
        "sources.todoist.token_file",
        "sources.workos.ca_file",
        "sources.workos.url",
        "sources.workos.url_file",
    ];
    assert_eq!(empty, optional.map(str::to_owned).into());
}

// Values

#[rstest]
#[case("")]
#[case("# nothing but a comment\n")]
#[case("\u{feff}")]
#[case("---\n")]
#[case("---\n...\n")]
#[case("~")]
#[case("{}")]
#[case("monitors:\nalerters: ~\nhttp: {}\nintervals:\n  check_interval:\n  task_check: null\n")]
#[case("quiet_hours:\n  start:\n  timezone: ~\nlogging:\n  level:\n")]
#[case("monitors:\n  tasks:\n    thresholds:\n      due_today_hours:\n")]
fn missing_value_keeps_its_default(#[case] text: &str) {
    assert!(is_equal(&config(text), &Config::default()));
}

#[test]
fn byte_order_mark_and_crlf_are_accepted() {
    let config = config("\u{feff}http:\r\n  port: 9000\r\nquiet_hours:\r\n  start: \"21:30\"\r\n  enabled: no\r\n");
    assert_eq!(config.http.port, 9000);
    assert_eq!(config.quiet_hours.start.to_string(), "21:30");
    assert!(!config.quiet_hours.enabled);
}

#[test]
fn values_are_parsed_by_key_type() {
    let config = config(
        "quiet_hours: {start: 21:30, end: '6', timezone: Europe/Berlin}\n\
         monitors: {health: {enabled: off, thresholds: {readiness_medium: 70, sleep_hours_medium: 6.5}}}\n\
         sources: {oura: {token: 0123, api_url: 'http://localhost:1/v2/'}, workos: {database_url: postgres://x@y/z}}\n\
         alerters: {notification: {min_priority: HIGH}, telegram: {chat_id: -1001234567890}}\n\
         logging: {level: WARNING}",
    );
    assert_eq!(
        (config.quiet_hours.start.to_string(), config.quiet_hours.end.to_string()),
        ("21:30".into(), "06:00".into())
    );
    assert_eq!(config.quiet_hours.timezone.now().iana_name(), Some("Europe/Berlin"));
    assert!(!config.monitors.health.enabled);
    assert_eq!(config.monitors.health.thresholds.readiness_medium, 70.0);
    assert_eq!(config.monitors.health.thresholds.sleep_hours_medium, 6.5);
    assert_eq!(config.sources.oura.token.unwrap().expose_secret(), "0123");
    assert_eq!(config.sources.oura.base_url, "http://localhost:1/v2");
    assert_eq!(config.sources.workos.url.unwrap().expose_secret(), "postgres://x@y/z");
    assert_eq!(config.alerters.notification.min_priority, Priority::High);
    assert_eq!(config.alerters.telegram.chat_id.unwrap(), "-1001234567890");
    assert_eq!(config.logging.level, LogLevel::Warn);
}

#[test]
fn empty_text_is_no_secret() {
    let config = config("sources: {oura: {token: ''}, workos: {url: '${WORKOS_DATABASE_URL:-}'}}");
    assert!(config.sources.oura.token.is_none() && config.sources.workos.url.is_none());
}

#[test]
fn anchors_and_merges_work() {
    let config =
        config("intervals: &a {health_check: 60}\nmonitors: {health: &off {enabled: false}, tasks: {<<: *off}}");
    assert_eq!(config.intervals.health_check, 60);
    assert!(!config.monitors.health.enabled && !config.monitors.tasks.enabled && config.monitors.patterns.enabled);
}

// The environment

fn url(value: &str) -> Option<String> {
    let config = config(&format!("sources:\n  workos:\n    url: {value}\n"));
    config.sources.workos.url.map(|url| url.expose_secret().to_owned())
}

#[rstest]
#[case("postgres://${USER}@host", "postgres://ada@host")]
#[case("\"postgres://${USER}@host\"", "postgres://ada@host")]
#[case("'${USER}${USER}'", "adaada")]
#[case("${PASSWORD}", PASSWORD)]
#[case("\"${PASSWORD}\"", PASSWORD)]
#[case("${NULLISH}", "null")]
#[case("${NOT_SET:-postgres://b:c@d/e}", "postgres://b:c@d/e")]
#[case("${EMPTY:-b}", "b")]
#[case("${USER:-b}", "ada")]
#[case("a${EMPTY}b", "ab")]
#[case("$${USER}", "${USER}")]
#[case("a$$b$c$", "a$b$c$")]
#[case("$USER", "$USER")]
fn variables_are_expanded(#[case] value: &str, #[case] expected: &str) {
    assert_eq!(url(value).unwrap(), expected);
}

#[rstest]
#[case("${EMPTY}")]
#[case("${EMPTY:-}")]
#[case("${NOT_SET:-}")]
#[case("\"${NOT_SET:-}\"")]
fn empty_expansion_is_unset(#[case] value: &str) {
    assert_eq!(url(value), None);
}

#[test]
fn variables_expand_in_numbers_and_words() {
    let config = config(
        "intervals: {check_interval: '${INTERVAL}', task_check: '${NOT_SET:-60}'}\n\
         quiet_hours:\n  enabled: ${ON}\n  start: ${HOUR}\n\
         monitors:\n  tasks:\n    thresholds:\n      due_today_hours: [8, \"${HOUR}\"]\n",
    );
    assert_eq!((config.intervals.check_interval, config.intervals.task_check), (120, 60));
    assert!(config.quiet_hours.enabled);
    assert_eq!(config.quiet_hours.start.to_string(), "21:00");
    assert_eq!(config.monitors.tasks.thresholds.due_today_hours, [8, 21]);
}

#[test]
fn unset_variable_warns_once() {
    let text = "http:\n  port: ${PORT}\nsources:\n  oura:\n    token: \"a${TOKEN}b\"\n    base_url: ${HOST}/x\n\
                monitors:\n  tasks:\n    thresholds:\n      due_today_hours: [8, '${TOKEN}']\n";
    let (config, warnings) = parse(text, "c.yaml", &env).unwrap();
    assert!(is_equal(&config, &Config::default()));
    let expected = [
        "c.yaml:2:3: ${PORT} is not set: http.port keeps its default",
        "c.yaml:5:5: ${TOKEN} is not set: sources.oura.token and monitors.tasks.thresholds.due_today_hours keep their defaults",
        "c.yaml:6:5: ${HOST} is not set: sources.oura.base_url keeps its default",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn telegram_with_unset_token_is_disabled() {
    let text = "alerters:\n  telegram:\n    enabled: true\n    token: ${TELEGRAM_BOT_TOKEN}\n    chat_id: 7\n";
    let (config, warnings) = parse(text, "c.yaml", &env).unwrap();
    assert!(!config.alerters.telegram.enabled);
    let expected = [
        "c.yaml:4:5: ${TELEGRAM_BOT_TOKEN} is not set: alerters.telegram.token keeps its default",
        "Telegram stays off: it has no token or token_file",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn webhook_with_unset_url_is_disabled() {
    let text = "alerters: {webhook: {enabled: true, url: '${ALERT_WEBHOOK}', secret: '${ALERT_SECRET}'}}\n";
    let (config, warnings) = parse(text, "c.yaml", &env).unwrap();
    assert!(!config.alerters.webhook.enabled);
    let expected = [
        "c.yaml:1:37: ${ALERT_WEBHOOK} is not set: alerters.webhook.url keeps its default",
        "c.yaml:1:62: ${ALERT_SECRET} is not set: alerters.webhook.secret keeps its default",
        "The webhook stays off: it has no url or url_file",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn webhook_with_unset_secret_is_disabled() {
    let text = "alerters: {webhook: {enabled: true, url: 'https://h/x', secret: '${ALERT_SECRET}'}}\n";
    let (config, warnings) = parse(text, "c.yaml", &env).unwrap();
    assert!(!config.alerters.webhook.enabled);
    assert_eq!(warnings[1..], ["The webhook stays off: it has no secret"]);
}

#[test]
fn secret_files_are_relative_to_config() {
    let text = "alerters: {telegram: {token_file: bot}, webhook: {url_file: hook, secret_file: /run/key}}\n";
    let (config, _) = parse(text, "etc/c.yaml", &env).unwrap();
    let (telegram, webhook) = (config.alerters.telegram, config.alerters.webhook);
    let files = [telegram.token_file, webhook.url_file, webhook.secret_file];
    assert_eq!(files, ["etc/bot", "etc/hook", "/run/key"].map(|path| Some(path.into())));
}

// Secrets

fn with_secrets() -> Config {
    config(
        "sources: {oura: {token: s3cret}, workos: {url: 'postgres://ada:s3cret@db/work'}}\n\
         alerters: {telegram: {enabled: true, token: '1:s3cret', chat_id: 77123},
                    webhook: {enabled: true, url: 'https://ada:s3cret@h/s3cret', secret: s3cret},
                    ntfy: {enabled: true, topic: s3cret, token: s3cret},
                    pushover: {enabled: true, token: s3cret, user: s3cret},
                    email: {enabled: true, server: mail, from: a@b.de, to: [a@b.de], user: ada, password: s3cret}}",
    )
}

#[test]
fn debug_output_shows_no_secret() {
    let config = with_secrets();
    assert!(!format!("{config:?}{config:#?}").contains("s3cret"));
    let summary = config.summary().to_string();
    assert!(!summary.contains("s3cret") && !summary.contains("postgres"), "{summary}");
}

#[test]
fn summary_shows_effective_values() {
    let summary = with_secrets().summary();
    assert_eq!(summary["intervals"]["check_interval"], 300);
    assert_eq!(summary["quiet_hours"]["start"], "22:00");
    assert_eq!(summary["quiet_hours"]["timezone"], "system");
    assert_eq!(summary["deduplication"]["max_alerts_per_run"], 20);
    assert_eq!(summary["circuit_breaker"]["failure_threshold"], 3);
    assert_eq!(summary["enabled_monitors"], serde_json::json!(["health", "tasks", "patterns"]));
    assert_eq!(summary["alerters"]["telegram"]["token_set"], true);
    assert_eq!(summary["sources"]["workos"]["url_set"], true);
    assert_eq!(summary["alerters"]["webhook"]["url_set"], true);
    assert_eq!(summary["alerters"]["webhook"]["secret_set"], true);
    assert_eq!(summary["alerters"]["ntfy"]["topic_set"], true);
    assert_eq!(summary["alerters"]["pushover"]["user_set"], true);
    assert_eq!(summary["alerters"]["email"]["password_set"], true);
    assert_eq!(summary["alerters"]["email"]["security"], "tls");
    assert_eq!(Config::default().summary()["alerters"]["telegram"]["token_set"], false);
    assert_eq!(Config::default().summary()["alerters"]["webhook"]["url_set"], false);
}

#[test]
fn workos_url_falls_back_to_environment() {
    let from = |config: &Config| {
        let env = |name: &str| (name == "WORKOS_DATABASE_URL").then(|| "postgres://env".to_owned());
        paths::workos_url(config, &env).map(|url| url.expose_secret().to_owned())
    };
    assert_eq!(from(&Config::default()).unwrap(), "postgres://env");
    assert_eq!(from(&config("sources: {workos: {url: 'postgres://own'}}")).unwrap(), "postgres://own");
    assert!(from(&config("sources: {workos: {url_file: /run/secret}}")).is_none(), "the file speaks");
    assert!(paths::workos_url(&Config::default(), &none).is_none());
}

// Calendars

#[test]
fn calendars_are_parsed_as_a_list() {
    let text = "sources: {calendars: [{name: work, file: work.ics}, {name: google, url: '${USER}://s3cret', tasks: true},
                {name: dav, caldav: {url: 'https://h', user: ada, password_file: '~/pw', calendars: [A, B]}, busy: no}]}";
    let config = config(text);
    let [work, google, dav] = &config.sources.calendars[..] else { panic!("three") };
    assert_eq!(work.file.as_deref(), Some(Path::new("/etc/operator/work.ics")));
    assert_eq!((work.has_tasks(), google.has_tasks(), dav.has_tasks()), (true, true, true));
    assert_eq!(dav.caldav.password_file.as_deref(), Some(Path::new("/home/ada/pw")));
    assert_eq!((dav.busy, work.busy, &dav.caldav.calendars[..]), (false, true, &["A".into(), "B".into()][..]));
    let summary = config.summary();
    assert!(!format!("{config:?}{summary}").contains("s3cret"));
    assert_eq!(summary["sources"]["calendars"][1]["url_set"], true);
    assert_eq!(summary["quiet_hours"]["quiet_during_events"], false);
}

#[rstest]
#[case("[{file: a.ics}]", "c:1:23: sources.calendars[0]: a calendar cannot be read without name")]
#[case("[{name: a}]", "c:1:23: sources.calendars[0]: a calendar cannot be read without file, url or caldav.url")]
#[case(
    "[{name: a, caldav: {url: 'https://h'}}]",
    "c:1:23: sources.calendars[0]: a calendar cannot be read without caldav.user"
)]
#[case(
    "[{name: a, file: b, url: 'https://h'}]",
    "c:1:42: sources.calendars[0].url: 'file' is given too: a calendar is in one place only"
)]
#[case(
    "[{name: a, url: h, url_file: f}]",
    "c:1:41: sources.calendars[0].url_file: 'url' is given too: keep only one of the two"
)]
#[case(
    "[{name: a, file: f}, {name: a, file: g}]",
    "c:1:44: sources.calendars[1].name: sources.calendars[0] has the same name: give each its own"
)]
fn incomplete_calendar_is_refused(#[case] list: &str, #[case] expected: &str) {
    let error = parse(&format!("sources: {{calendars: {list}}}"), "c", &none).unwrap_err().to_string();
    assert_eq!(error, expected);
}

#[test]
fn calendar_with_unset_url_is_disabled() {
    let text = "sources: {calendars: [{name: a, url: '${CALENDAR}'}, {name: b, file: b.ics}]}";
    let (config, warnings) = parse(text, "c", &env).unwrap();
    assert_eq!(config.sources.calendars.iter().map(|one| one.enabled).collect::<Vec<_>>(), [false, true]);
    assert_eq!(warnings[1], "sources.calendars[0] is left out: it has no file, url or caldav.url");
}

// Paths

#[test]
fn relative_paths_start_from_config_folder() {
    let config = config(
        "sources: {oura: {cache_dir: '~/oura'}, state_store: {path: data/state.db}, focus_file: {path: /focus.md}}\n\
         paths: {state_dir: '~', log_dir: '${HOME}/logs'}",
    );
    assert_eq!(config.sources.oura.cache_dir.unwrap(), Path::new("/home/ada/oura"));
    assert_eq!(config.sources.state_store.path.unwrap(), Path::new("/etc/operator/data/state.db"));
    assert_eq!(config.sources.focus_file.path.unwrap(), Path::new("/focus.md"));
    assert_eq!(config.paths.state_dir.unwrap(), Path::new("/home/ada"));
    assert_eq!(config.paths.log_dir.unwrap(), Path::new("/home/ada/logs"));
}

#[test]
fn configured_folders_are_used() {
    let config = config("paths: {state_dir: /s, log_dir: /l}");
    assert_eq!(paths::state_dir(&config, &none).unwrap(), Path::new("/s"));
    assert_eq!(paths::log_dir(&config, &none).unwrap(), Path::new("/l"));
    let error = paths::state_dir(&Config::default(), &none).unwrap_err().to_string();
    assert_eq!(error, "$HOME is not set: set it, or give paths.state_dir");
}

#[test]
fn oura_cache_has_three_locations() {
    let env = |name: &str| match name {
        "HOME" => Some("/home/ada".to_owned()),
        "OURA_CACHE_DIR" => Some("~/cache".to_owned()),
        _ => None,
    };
    let configured = config("sources: {oura: {cache_path: /c}}");
    assert_eq!(paths::oura_cache(&configured, &env), Some(PathBuf::from("/c")));
    assert_eq!(paths::oura_cache(&Config::default(), &env), Some(PathBuf::from("/home/ada/cache")));
    assert_eq!(paths::oura_cache(&Config::default(), &self::env), Some(PathBuf::from("/home/ada/.oura-cache")));
    assert_eq!(paths::oura_cache(&Config::default(), &none), None);
}

#[test]
fn private_folder_has_mode_0700() {
    let dir = tempdir().unwrap();
    let (outer, inner) = (dir.path().join("a"), dir.path().join("a/b"));
    paths::private_dir(&inner).unwrap();
    paths::private_dir(&inner).unwrap();
    assert_eq!((mode(&outer), mode(&inner)), (0o700, 0o700));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

// The file

/// An empty home folder.
fn home() -> (TempDir, impl Fn(&str) -> Option<String>) {
    let dir = tempdir().unwrap();
    let path = dir.path().to_str().unwrap().to_owned();
    (dir, move |name: &str| (name == "HOME").then(|| path.clone()))
}

#[test]
fn missing_default_file_is_written() {
    let (_dir, env) = home();
    let path = paths::default_config(&env).unwrap();
    let nothing = load(None, &env, false).unwrap();
    assert!(nothing.path.is_none() && !path.exists());

    let loaded = load(None, &env, true).unwrap();
    assert_eq!(loaded.path.as_ref(), Some(&path));
    assert!(is_equal(&loaded.config, &Config::default()));
    assert_eq!(fs::read_to_string(&path).unwrap(), DEFAULT);
    let folder = path.parent().unwrap();
    assert_eq!((mode(folder), mode(&path)), (0o700, 0o600));
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "a draft was left behind");
}

#[test]
fn existing_default_file_is_kept() {
    let (_dir, env) = home();
    let path = paths::default_config(&env).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "http: {port: 9000}").unwrap();
    let loaded = load(None, &env, true).unwrap();
    assert_eq!((loaded.config.http.port, loaded.path.as_ref()), (9000, Some(&path)));
    assert_eq!(fs::read_to_string(&path).unwrap(), "http: {port: 9000}");
}

#[test]
fn unwritable_default_file_only_warns() {
    let (dir, _) = home();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/proc/nowhere", &file).unwrap();
    let home = file.to_str().unwrap().to_owned();
    let loaded = load(None, &move |name: &str| (name == "HOME").then(|| home.clone()), true).unwrap();
    assert!(loaded.path.is_none() && is_equal(&loaded.config, &Config::default()));
    assert!(loaded.warnings[0].contains("could not be written"), "{:?}", loaded.warnings);
}

#[test]
fn missing_home_uses_the_defaults() {
    let loaded = load(None, &none, true).unwrap();
    assert_eq!(loaded.warnings, ["$HOME is not set: set it, or give --config"]);
}

#[test]
fn explicit_file_is_read() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("my.yaml");
    fs::write(&path, "http: {port: 9000}\nsources: {state_store: {path: state.db}}").unwrap();
    let loaded = load(Some(&path), &none, true).unwrap();
    assert_eq!((loaded.config.http.port, loaded.path), (9000, Some(path)));
    assert_eq!(loaded.config.sources.state_store.path, Some(dir.path().join("state.db")));
}

fn error_of(make: impl FnOnce(&Path)) -> String {
    let dir = tempdir().unwrap();
    let path = dir.path().join("c.yaml");
    make(&path);
    let message = load(Some(&path), &none, true).unwrap_err().to_string();
    message.replace(dir.path().to_str().unwrap(), "")
}

#[test]
fn unusable_file_is_refused_with_reason() {
    let missing = error_of(|_| {});
    assert_eq!(missing, "/c.yaml: there is no such file: create it, or leave --config out to use the default one");
    let folder = error_of(|path| fs::create_dir(path).unwrap());
    assert_eq!(folder, "/c.yaml: this is a folder: give the file in it");
    let link = error_of(|path| std::os::unix::fs::symlink("nowhere", path).unwrap());
    assert_eq!(link, "/c.yaml: this is a link to a file that does not exist: fix or remove it");
    let large = error_of(|path| fs::write(path, "#".repeat((1 << 20) + 1)).unwrap());
    assert_eq!(large, "/c.yaml: this file is larger than 1 MiB, the most that is read");
    let binary = error_of(|path| fs::write(path, b"http:\n  port: \xff1").unwrap());
    assert_eq!(binary, "/c.yaml:2:9: this is not UTF-8 text: save the file as UTF-8");
    let wrong = error_of(|path| fs::write(path, "http:\n  port: x").unwrap());
    assert_eq!(wrong, "/c.yaml:2:3: http.port: 'x' is not a whole number");
}

#[test]
fn megabyte_of_garbage_is_refused_briefly() {
    for text in
        ["[".repeat(1 << 20), "a: ".repeat(1 << 18), "- ".repeat(1 << 19), "? ".repeat(1 << 19), "{a: ".repeat(1 << 18)]
    {
        let message = parse(&text, "c.yaml", &none).unwrap_err().to_string();
        assert!(message.starts_with("c.yaml:") && message.len() < 1000, "{message}");
    }
    let many_keys: String = (0..50_000).map(|n| format!("key_{n}: 1\n")).collect();
    assert!(parse(&many_keys, "c.yaml", &none).is_err());
}

proptest! {
    #[test]
    fn any_text_parses_without_panic(text in any::<String>()) {
        let _ = parse(&text, "c.yaml", &env);
    }

    #[test]
    fn any_yaml_parses_without_panic(text in "([a-z_]{0,9}|quiet_hours|start|token|sources|oura|[-?:,\\[\\]{}#&*!|>'\"%@` \n\t$0-9]|: |\n  |- |\\$\\{A:-){0,40}") {
        let _ = parse(&text, "c.yaml", &env);
    }

    #[test]
    fn any_variable_value_is_kept(value in any::<String>().prop_filter("empty", |v| !v.is_empty())) {
        let env = |name: &str| (name == "V").then(|| value.clone());
        let (config, _) = parse("sources: {workos: {url: 'a${V}b'}}", "c.yaml", &env).unwrap();
        let url = config.sources.workos.url.unwrap();
        prop_assert_eq!(url.expose_secret(), format!("a{value}b"));
    }

    #[test]
    fn errors_hide_values_of_variables(value in "[a-z]{12}", key in "(http: \\{port|quiet_hours: \\{start|quiet_hours: \\{enabled|quiet_hours: \\{timezone|logging: \\{level|sources: \\{oura)") {
        let env = |name: &str| (name == "V").then(|| value.clone());
        let message = parse(&format!("{key}: '${{V}}'}}"), "c.yaml", &env).unwrap_err().to_string();
        prop_assert!(!message.contains(&value), "{}", message);
    }
}

#[test]
fn any_bytes_load_without_panic() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("c.yaml");
    proptest!(ProptestConfig::with_cases(64), |(bytes in any::<Vec<u8>>())| {
        fs::write(&path, &bytes).unwrap();
        let _ = load(Some(&path), &env, false);
    });
}
