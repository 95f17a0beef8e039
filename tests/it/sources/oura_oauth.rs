//! The tokens of a connection with Oura against a server that gives each out once, loses answers, and sends nonsense.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use operator::app::runtime::Runtime;
use operator::core::status::OuraLink;
use operator::sources::oura::api::{Access, OuraApi};
use operator::sources::oura::oauth::token_store::{FILE_NAME, TokenStore};
use operator::sources::oura::oauth::tokens::Tokens;
use operator::sources::oura::oauth::{Account, Client};
use operator::sources::{self, ErrorKind};
use rstest::rstest;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::support::home::eventually;
use crate::support::http::Answer;
use crate::support::oura::{ID, Oura, SECRET, Trick, access, refresh};

/// The first pair was given out at midnight, for a day.
fn at(hour: i64) -> Timestamp {
    let midnight: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
    midnight + SignedDuration::from_hours(hour)
}

/// Not due, due and still good, over.
const GOOD: i64 = 12;
const OVER: i64 = 25;

fn due() -> Timestamp {
    at(24) - SignedDuration::from_mins(5)
}

/// A state directory with a connection in it.
struct Kept {
    folder: TempDir,
}

impl Kept {
    fn by(oura: &Oura) -> Self {
        let kept = Self { folder: tempfile::tempdir().unwrap() };
        let address = |path: &str| format!("{}/oauth/{path}", oura.server.url);
        let tokens = Tokens {
            client_id: ID.into(),
            client_secret: Some(SECRET.into()),
            access_token: access(1).into(),
            refresh_token: refresh(1).into(),
            obtained_at: at(0),
            lifetime_seconds: Some(86_400),
            token_url: address("token"),
            revoke_url: address("revoke"),
            connected_at: at(0),
            lapsed: false,
            wait_until: None,
        };
        TokenStore::file(kept.folder.path()).save(&tokens).unwrap();
        kept
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(FILE_NAME)
    }

    /// Put a folder in the place of the token file, where even root cannot write a file.
    fn block(&self) {
        fs::remove_file(self.path()).unwrap();
        fs::create_dir(self.path()).unwrap();
    }

    fn account(&self) -> Arc<Account> {
        self.account_of(Client::default())
    }

    fn account_of(&self, client: Client) -> Arc<Account> {
        Arc::new(Account::new(TokenStore::file(self.folder.path()), self.folder.path(), client))
    }

    fn tokens(&self) -> Tokens {
        TokenStore::file(self.folder.path()).load().unwrap().unwrap()
    }
}

async fn token(account: &Arc<Account>, now: Timestamp) -> Result<String, sources::Error> {
    let token = account.access(true, now).await;
    if let Err(error) = &token {
        let told = format!("{error:?}");
        assert!(["3cret", "acc3ss", "r3fresh"].iter().all(|secret| !told.contains(secret)), "{told}");
    }
    token.map(|token| token.expect("a connection").expose_secret().to_owned())
}

#[tokio::test]
async fn a_token_is_used_as_long_as_it_holds_and_followed_before_it_ends() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let account = kept.account();
    assert_eq!(account.link(), None, "nothing was looked at yet");
    assert_eq!(token(&account, at(GOOD)).await.unwrap(), access(1));
    assert_eq!((oura.questions().len(), account.link()), (0, Some(OuraLink::Connected)));
    assert_eq!(token(&account, due()).await.unwrap(), access(2));
    let asked = &oura.questions()[0];
    assert_eq!((asked["grant_type"].as_str(), asked["refresh_token"].clone()), ("refresh_token", refresh(1)));
    let next = kept.tokens();
    assert_eq!((next.refresh_token.expose_secret(), next.obtained_at), (refresh(2).as_str(), due()));
    assert_eq!((next.connected_at, next.client_secret.unwrap().expose_secret()), (at(0), SECRET));
    assert_eq!(token(&account, at(OVER)).await.unwrap(), access(2), "by our own clock it holds for another day");
    assert_eq!(oura.questions().len(), 1);
}

#[tokio::test]
async fn without_leave_of_the_circuit_nothing_is_asked() {
    let oura = Oura::connected();
    let account = Kept::by(&oura).account();
    assert!(account.access(false, due()).await.is_ok());
    assert!(oura.server.asked().is_empty());
}

#[tokio::test]
async fn a_new_pair_is_on_the_disk_before_it_is_used() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let (path, account) = (kept.path(), kept.account());
    oura.watch(move |refresh| fs::read_to_string(&path).unwrap().contains(refresh));
    for hour in [OVER, 50, 75] {
        let token = account.access(true, at(hour)).await.unwrap().unwrap();
        read(&oura, &account, token, at(hour)).await.unwrap();
    }
    assert_eq!(oura.pairs(), 4);
    assert!(!oura.used_before_it_was_kept());
    assert_eq!(fs::metadata(kept.path()).unwrap().mode() & 0o777, 0o600);
    let names = fs::read_dir(kept.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, [FILE_NAME, "oura-tokens.lock"], "nothing is left lying about");
}

async fn read(
    oura: &Oura,
    account: &Arc<Account>,
    token: secrecy::SecretString,
    now: Timestamp,
) -> Result<usize, sources::Error> {
    let access = Access::Connection(token, Arc::clone(account));
    let base = format!("{}/v2/usercollection", oura.server.url);
    let api = OuraApi::new(&base, access, Duration::from_secs(20)).unwrap();
    let reading = api.read(date(2026, 11, 14), date(2026, 11, 20), now).await?;
    Ok(reading.days.len())
}

#[tokio::test]
async fn of_many_who_need_a_new_pair_at_once_one_asks_for_it() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    // Half of them as another process would: with an account of their own.
    let shared = kept.account();
    let tasks: Vec<_> = (0..12)
        .map(|number| if number % 2 == 0 { Arc::clone(&shared) } else { kept.account() })
        .map(|account| tokio::spawn(async move { token(&account, at(OVER)).await }))
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), access(2));
    }
    assert_eq!(oura.questions().len(), 1);
}

#[tokio::test]
async fn a_refused_connection_is_told_and_not_tried_again() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    oura.change_tokens(); // as if another machine had used ours
    let account = kept.account();
    for account in [Arc::clone(&account), account, kept.account()] {
        let error = token(&account, due()).await.unwrap_err();
        assert_eq!((error.kind, account.link()), (ErrorKind::ActionRequired, Some(OuraLink::Revoked)));
        assert!(
            error.message.contains("connect it again") && error.advice.contains("operator connect oura"),
            "{error:?}"
        );
    }
    assert_eq!(oura.questions().len(), 1);
}

#[tokio::test]
async fn an_application_that_is_not_known_can_be_mended() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let wrong = kept.account_of(Client { secret: Some("another-one".into()), ..Client::default() });
    let error = token(&wrong, at(OVER)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains("invalid_client") && error.advice.contains("disconnect oura"), "{error:?}");
    let other = kept.account_of(Client { id: Some("other-app".into()), ..Client::default() });
    assert!(token(&other, at(OVER)).await.unwrap_err().message.contains("another application"));
    assert_eq!(token(&kept.account(), at(OVER)).await.unwrap(), access(2), "nothing was used up");
}

#[tokio::test]
async fn the_secret_of_the_configuration_goes_before_the_one_that_was_typed() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    TokenStore::file(kept.folder.path()).save(&Tokens { client_secret: None, ..kept.tokens() }).unwrap();
    let lost = token(&kept.account(), at(OVER)).await.unwrap_err();
    assert!(lost.advice.contains("sources.oura.client_secret"), "{lost:?}");
    let file = kept.folder.path().join("secret");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let account = kept.account_of(Client { secret_file: Some(file), ..Client::default() });
    assert_eq!(token(&account, at(OVER)).await.unwrap(), access(2));
}

fn trouble(kind: &str) -> Answer {
    match kind {
        "500" => Answer::status(500),
        "503" => Answer::status(503),
        "close" => Answer::Close,
        "cut" => Answer::Cut(r#"{"access_token":"acc3ss-x","refresh_token":"r3fresh-x","expires_in":5}"#.into()),
        "half" => Answer::json(r#"{"access_token":"acc3ss-x","refresh_"#),
        "HTML" => Answer::json("<html>Sign in to the Wi-Fi</html>"),
        "no token" => Answer::json(r#"{"refresh_token":"r3fresh-x"}"#),
        "empty token" => Answer::json(r#"{"access_token":"","refresh_token":"r3fresh-x"}"#),
        "list" => Answer::json("[]"),
        "10 MB" => Answer::json(format!(r#"{{"access_token":"acc3ss-x","more":"{}"}}"#, "x".repeat(10_000_000))),
        "garbage" => Answer::Raw("220 smtp.example.org\r\n".into()),
        _ => panic!("{kind}"),
    }
}

#[rstest]
#[tokio::test]
async fn trouble_is_an_outage_that_costs_nothing_while_the_token_holds(
    #[values("500", "503", "close", "cut", "half", "HTML", "no token", "empty token", "list", "10 MB", "garbage")]
    kind: &'static str,
) {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let account = kept.account();
    oura.trick(Trick::Says(trouble(kind)));
    assert_eq!(token(&account, due()).await.unwrap(), access(1), "what holds still is good enough");
    oura.trick(Trick::Says(trouble(kind)));
    let error = token(&account, at(OVER)).await.unwrap_err();
    assert_eq!((error.kind, account.link()), (ErrorKind::Transient, Some(OuraLink::Connected)), "{error}");
    assert_eq!(oura.questions().len(), 2, "a question that may use up the token is put once");
    assert_eq!(token(&account, at(OVER)).await.unwrap(), access(2), "and it goes on by itself");
}

#[rstest]
#[case(302)]
#[case(400)]
#[case(403)]
#[case(404)]
#[case(426)]
#[tokio::test]
async fn a_refusal_of_another_kind_needs_the_person_and_does_not_end_the_connection(#[case] status: u16) {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    oura.trick(Trick::Says(Answer::Whole(status, "location: http://127.0.0.1:9/\r\n", "{}".into())));
    let error = token(&kept.account(), at(OVER)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains(&status.to_string()) && !error.advice.is_empty(), "{error:?}");
    assert!(!kept.tokens().lapsed);
}

#[rstest]
#[case("retry-after: 90\r\n", 90)]
#[case("retry-after: Fri, 20 Nov 2026 23:58:00 GMT\r\n", 180)]
#[case("date: Fri, 20 Nov 2026 22:00:00 GMT\r\nretry-after: Fri, 20 Nov 2026 22:03:00 GMT\r\n", 180)]
#[case("retry-after: a while\r\n", 60)]
#[case("", 60)]
#[tokio::test]
async fn a_pause_that_was_asked_for_is_kept(#[case] header: &'static str, #[case] seconds: i64) {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    oura.trick(Trick::Says(Answer::Whole(429, header, "{}".into())));
    let after = |seconds| due() + SignedDuration::from_secs(seconds);
    for late in [0, 1, seconds - 1] {
        // Each as another process would.
        assert_eq!(token(&kept.account(), after(late)).await.unwrap(), access(1));
    }
    assert_eq!(oura.questions().len(), 1);
    let account = kept.account();
    let error = account.renewed(&access(1).into(), after(seconds - 10)).await.unwrap_err();
    assert_eq!((error.kind, error.retry_after), (ErrorKind::Transient, Some(SignedDuration::from_secs(10))));
    assert_eq!(token(&account, after(seconds)).await.unwrap(), access(2));
    assert_eq!((oura.questions().len(), kept.tokens().wait_until), (2, None));
}

#[rstest]
#[case::cut(Answer::Cut(r#"{"access_token":"x","refresh_token":"y"}"#.into()))]
#[case::closed(Answer::Close)]
#[case::broken(Answer::status(502))]
#[tokio::test]
async fn an_answer_that_got_lost_ends_in_a_clear_word(#[case] lost: Answer) {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let account = kept.account();
    oura.trick(Trick::Loses(lost));
    assert_eq!(token(&account, at(OVER)).await.unwrap_err().kind, ErrorKind::Transient);
    let error = token(&account, at(OVER)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains("connect it again"), "{error}");
}

#[tokio::test]
async fn whoever_stops_waiting_does_not_stop_the_renewal() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let account = kept.account();
    oura.trick(Trick::Waits);
    let impatient = tokio::time::timeout(Duration::from_millis(1), token(&account, at(OVER)));
    assert!(impatient.await.is_err());
    // The patient one comes second: it gets what the first has asked for.
    let patient = tokio::spawn(async move { token(&account, at(OVER)).await });
    tokio::task::spawn_blocking(move || {
        eventually("the server is asked", || (oura.pairs() == 2).then_some(()));
        oura.open();
        oura
    })
    .await
    .unwrap();
    assert_eq!(patient.await.unwrap().unwrap(), access(2));
    assert_eq!(kept.tokens().refresh_token.expose_secret(), refresh(2));
}

#[test]
fn a_command_does_not_end_in_the_middle_of_a_renewal() {
    let oura = Arc::new(Oura::connected());
    let kept = Kept::by(&oura);
    let account = kept.account();
    oura.trick(Trick::Waits);
    let runtime = Runtime::new().unwrap();
    let behind = Arc::clone(&oura);
    runtime.block_on(async move {
        let asked = tokio::task::spawn_blocking(move || {
            eventually("the server is asked", || (behind.pairs() == 2).then_some(()));
        });
        tokio::select! {
            _ = token(&account, at(OVER)) => panic!("nothing is answered yet"),
            asked = asked => asked.unwrap(),
        }
    });
    let opening = std::thread::spawn(move || oura.open());
    runtime.shutdown_timeout(Duration::from_millis(100));
    opening.join().unwrap();
    assert_eq!(kept.tokens().refresh_token.expose_secret(), refresh(2));
}

#[tokio::test]
async fn a_dry_run_uses_what_holds_and_renews_nothing() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let account = kept.account();
    account.let_renew(false);
    assert_eq!(token(&account, due()).await.unwrap(), access(1));
    let error = token(&account, at(OVER)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains("a dry run does not"), "{error}");
    assert!(oura.server.asked().is_empty());
    account.let_renew(true);
    assert_eq!(token(&account, at(OVER)).await.unwrap(), access(2));
}

#[tokio::test]
async fn whether_tokens_can_be_kept_is_seen_beforehand_and_changes_nothing() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let before = kept.tokens().to_json();
    kept.account().try_keeping().await.unwrap();
    assert_eq!(kept.tokens().to_json(), before);
    kept.block();
    let error = kept.account().try_keeping().await.unwrap_err();
    assert!(error.kind == ErrorKind::ActionRequired && error.message.contains("can be written"), "{error}");
}

#[tokio::test]
async fn a_connection_that_cannot_be_kept_after_all_is_given_back() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let tokens = kept.tokens();
    kept.block();
    let error = kept.account().keep(&tokens).await.unwrap_err();
    assert!(error.message.contains("cannot be written"), "{error}");
    assert!(oura.is_revoked());
}

#[tokio::test]
async fn what_could_not_be_written_down_is_not_asked_for() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    // The name fits, the longer name of a draft does not: a permission would not stop root.
    let path = kept.folder.path().join("x".repeat(250));
    fs::rename(kept.path(), &path).unwrap();
    let account = Arc::new(Account::new(TokenStore::File(path), kept.folder.path(), Client::default()));
    let error = token(&account, at(OVER)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains("cannot be written"), "{error}");
    assert!(oura.questions().is_empty());
}

#[rstest]
#[case::nothing("")]
#[case::cut(r#"{"client_id":"app-of-ada","access_token":"acc3ss-token-1","ref"#)]
#[case::other(r#"{"hello":"r3fresh-token-1"}"#)]
#[tokio::test]
async fn tokens_that_cannot_be_read_are_told_without_them(#[case] text: &str) {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    fs::write(kept.path(), text).unwrap();
    fs::set_permissions(kept.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let error = token(&kept.account(), at(GOOD)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains(FILE_NAME) && error.advice.contains("connect"), "{error:?}");
}

#[tokio::test]
async fn a_token_that_is_refused_before_its_time_is_followed_once() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let account = kept.account();
    // The server's clock is ahead: it has ended a token that holds by ours, and the refresh token stays good.
    let refused = secrecy::SecretString::from("acc3ss-of-yesterday");
    TokenStore::file(kept.folder.path()).save(&Tokens { access_token: refused.clone(), ..kept.tokens() }).unwrap();
    assert_eq!(read(&oura, &account, refused, at(GOOD)).await.unwrap(), 7);
    assert_eq!((oura.questions().len(), oura.server.times("daily_readiness")), (1, 2));
    assert_eq!((oura.server.times("sleep"), oura.server.times("daily_stress")), (1, 1), "the rest goes by the new one");
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_is_told_and_no_other_asked_for() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let account = kept.account();
    oura.says_too("access_token", "acc3ss-that-opens-nothing".into());
    let used = secrecy::SecretString::from("acc3ss-of-yesterday");
    TokenStore::file(kept.folder.path()).save(&Tokens { access_token: used.clone(), ..kept.tokens() }).unwrap();
    let error = read(&oura, &account, used, at(GOOD)).await.unwrap_err();
    assert_eq!((error.kind, account.link()), (ErrorKind::ActionRequired, Some(OuraLink::Revoked)));
    assert!(error.message.contains("even a new token"), "{error}");
    assert_eq!(oura.questions().len(), 1);
}

#[tokio::test]
async fn a_server_that_says_little_is_understood() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    oura.lifetime(serde_json::Value::Null);
    assert_eq!(token(&kept.account(), due()).await.unwrap(), access(2));
    assert_eq!(kept.tokens().lifetime_seconds, None);
    assert_eq!(token(&kept.account(), at(9999)).await.unwrap(), access(2), "it will say when it is over");
}

#[tokio::test]
async fn the_end_is_told_to_oura_and_forgotten_here() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let account = kept.account();
    let draft = kept.folder.path().join(format!(".{FILE_NAME}.a1B2c3.new"));
    fs::write(&draft, "left over from a crash").unwrap();
    assert!(matches!(account.end().await, Ok(Some(Ok(())))));
    assert!(oura.is_revoked() && !kept.path().exists() && !draft.exists());
    assert_eq!((account.link(), account.access(true, at(GOOD)).await.unwrap().is_none()), (Some(OuraLink::Off), true));
    assert!(matches!(account.end().await, Ok(None)), "there is none any more");
}

#[rstest]
#[case::broken(Answer::status(500))]
#[case::gone(Answer::Close)]
#[case::echo(Answer::Whole(400, "", "acc3ss-token-1".into()))]
#[tokio::test]
async fn what_oura_does_not_hear_is_forgotten_all_the_same(#[case] answer: Answer) {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    oura.trick(Trick::Says(answer));
    let told = kept.account().end().await.unwrap().unwrap().unwrap_err();
    assert!(!format!("{told:?}").contains("acc3ss"), "{told:?}");
    assert!(!kept.path().exists());
}

#[tokio::test]
async fn a_newer_application_is_ended_by_a_form() {
    let oura = Oura::connected();
    let kept = Kept::by(&oura);
    let revoke_url = format!("{}/oauth/v2/ext/oauth-revoke", oura.server.url);
    TokenStore::file(kept.folder.path()).save(&Tokens { revoke_url, ..kept.tokens() }).unwrap();
    assert!(matches!(kept.account().end().await, Ok(Some(Ok(())))));
    assert!(oura.is_revoked());
    let asked = oura.server.asked().pop().unwrap();
    assert!(asked.query.is_empty(), "no token in an address");
}
