//! Refreshes Oura tokens against a server that issues each once, loses responses, and sends nonsense.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use operator::app::runtime::Runtime;
use operator::core::status::OuraConnection;
use operator::sources::oura::api::{Access, OuraApi};
use operator::sources::oura::oauth::token_store::{FILE_NAME, TokenStore};
use operator::sources::oura::oauth::tokens::Tokens;
use operator::sources::oura::oauth::{Account, ClientConfig};
use operator::sources::{self, ErrorKind};
use rstest::rstest;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::support::home::eventually;
use crate::support::http::Answer;
use crate::support::oura::{FakeOura, ID, NextAnswer, SECRET, access_token, refresh_token};

/// The first tokens were issued at midnight for a day.
fn at(hour: i64) -> Timestamp {
    let midnight: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
    midnight + SignedDuration::from_hours(hour)
}

/// Hours at which the first token needs no refresh, and has expired.
const VALID: i64 = 12;
const EXPIRED: i64 = 25;

fn due() -> Timestamp {
    at(24) - SignedDuration::from_mins(5)
}

/// A state directory with stored tokens.
struct Connection {
    folder: TempDir,
}

impl Connection {
    fn new(oura: &FakeOura) -> Self {
        let connection = Self { folder: tempfile::tempdir().unwrap() };
        let address = |path: &str| format!("{}/oauth/{path}", oura.server.url);
        let tokens = Tokens {
            client_id: ID.into(),
            client_secret: Some(SECRET.into()),
            access_token: access_token(1).into(),
            refresh_token: refresh_token(1).into(),
            obtained_at: at(0),
            lifetime_seconds: Some(86_400),
            token_url: address("token"),
            revoke_url: address("revoke"),
            connected_at: at(0),
            revoked: false,
            wait_until: None,
        };
        TokenStore::file(connection.folder.path()).save(&tokens).unwrap();
        connection
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
        self.account_of(ClientConfig::default())
    }

    fn account_of(&self, client: ClientConfig) -> Arc<Account> {
        Arc::new(Account::new(TokenStore::file(self.folder.path()), self.folder.path(), client))
    }

    fn tokens(&self) -> Tokens {
        TokenStore::file(self.folder.path()).load().unwrap().unwrap()
    }
}

async fn token(account: &Arc<Account>, now: Timestamp) -> Result<String, sources::Error> {
    let token = account.access_token(true, now).await;
    if let Err(error) = &token {
        let shown = format!("{error:?}");
        assert!(["3cret", "acc3ss", "r3fresh"].iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
    token.map(|token| token.expect("a connection").expose_secret().to_owned())
}

#[tokio::test]
async fn token_is_refreshed_before_it_expires() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let account = connection.account();
    assert_eq!(account.connection(), None, "not used yet");
    assert_eq!(token(&account, at(VALID)).await.unwrap(), access_token(1));
    assert_eq!((oura.token_requests().len(), account.connection()), (0, Some(OuraConnection::Connected)));
    assert_eq!(token(&account, due()).await.unwrap(), access_token(2));
    let asked = &oura.token_requests()[0];
    assert_eq!((asked["grant_type"].as_str(), asked["refresh_token"].clone()), ("refresh_token", refresh_token(1)));
    let next = connection.tokens();
    assert_eq!((next.refresh_token.expose_secret(), next.obtained_at), (refresh_token(2).as_str(), due()));
    assert_eq!((next.connected_at, next.client_secret.unwrap().expose_secret()), (at(0), SECRET));
    assert_eq!(token(&account, at(EXPIRED)).await.unwrap(), access_token(2), "valid for another day by our clock");
    assert_eq!(oura.token_requests().len(), 1);
}

#[tokio::test]
async fn open_circuit_sends_no_refresh() {
    let oura = FakeOura::connected();
    let account = Connection::new(&oura).account();
    assert!(account.access_token(false, due()).await.is_ok());
    assert!(oura.server.requests().is_empty());
}

#[tokio::test]
async fn new_tokens_are_stored_before_use() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let (path, account) = (connection.path(), connection.account());
    oura.check_stored_with(move |refresh| fs::read_to_string(&path).unwrap().contains(refresh));
    for hour in [EXPIRED, 50, 75] {
        let token = account.access_token(true, at(hour)).await.unwrap().unwrap();
        read(&oura, &account, token, at(hour)).await.unwrap();
    }
    assert_eq!(oura.issued_pairs(), 4);
    assert!(!oura.used_before_stored());
    assert_eq!(fs::metadata(connection.path()).unwrap().mode() & 0o777, 0o600);
    let names = fs::read_dir(connection.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, [FILE_NAME, "oura-tokens.lock"], "no draft is left");
}

async fn read(
    oura: &FakeOura,
    account: &Arc<Account>,
    token: secrecy::SecretString,
    now: Timestamp,
) -> Result<usize, sources::Error> {
    let access = Access::Connection(token, Arc::clone(account));
    let base = format!("{}/v2/usercollection", oura.server.url);
    let api = OuraApi::new(&base, access, Duration::from_secs(20)).unwrap();
    let reading = api.fetch(date(2026, 11, 14), date(2026, 11, 20), now).await?;
    Ok(reading.days.len())
}

#[tokio::test]
async fn concurrent_refreshes_send_one_request() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    // Half of them use an account of their own, like another process.
    let shared = connection.account();
    let tasks: Vec<_> = (0..12)
        .map(|number| if number % 2 == 0 { Arc::clone(&shared) } else { connection.account() })
        .map(|account| tokio::spawn(async move { token(&account, at(EXPIRED)).await }))
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), access_token(2));
    }
    assert_eq!(oura.token_requests().len(), 1);
}

#[tokio::test]
async fn revoked_connection_is_not_retried() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    oura.rotate_tokens(); // another machine has used the refresh token
    let account = connection.account();
    for account in [Arc::clone(&account), account, connection.account()] {
        let error = token(&account, due()).await.unwrap_err();
        assert_eq!((error.kind, account.connection()), (ErrorKind::ActionRequired, Some(OuraConnection::Revoked)));
        assert!(
            error.message.contains("connect it again") && error.advice.contains("operator connect oura"),
            "{error:?}"
        );
    }
    assert_eq!(oura.token_requests().len(), 1);
}

#[tokio::test]
async fn wrong_client_can_be_corrected() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let wrong = connection.account_of(ClientConfig { secret: Some("another-one".into()), ..ClientConfig::default() });
    let error = token(&wrong, at(EXPIRED)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains("invalid_client") && error.advice.contains("disconnect oura"), "{error:?}");
    let other = connection.account_of(ClientConfig { id: Some("other-app".into()), ..ClientConfig::default() });
    assert!(token(&other, at(EXPIRED)).await.unwrap_err().message.contains("another application"));
    assert_eq!(token(&connection.account(), at(EXPIRED)).await.unwrap(), access_token(2), "nothing was used up");
}

#[tokio::test]
async fn configured_secret_overrides_stored_one() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    TokenStore::file(connection.folder.path()).save(&Tokens { client_secret: None, ..connection.tokens() }).unwrap();
    let missing = token(&connection.account(), at(EXPIRED)).await.unwrap_err();
    assert!(missing.advice.contains("sources.oura.client_secret"), "{missing:?}");
    let file = connection.folder.path().join("secret");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let account = connection.account_of(ClientConfig { secret_file: Some(file), ..ClientConfig::default() });
    assert_eq!(token(&account, at(EXPIRED)).await.unwrap(), access_token(2));
}

fn broken_answer(kind: &str) -> Answer {
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
async fn broken_answer_keeps_the_valid_token(
    #[values("500", "503", "close", "cut", "half", "HTML", "no token", "empty token", "list", "10 MB", "garbage")]
    kind: &'static str,
) {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let account = connection.account();
    oura.set_next_answer(NextAnswer::Instead(broken_answer(kind)));
    assert_eq!(token(&account, due()).await.unwrap(), access_token(1), "the old token is still valid");
    oura.set_next_answer(NextAnswer::Instead(broken_answer(kind)));
    let error = token(&account, at(EXPIRED)).await.unwrap_err();
    assert_eq!((error.kind, account.connection()), (ErrorKind::Transient, Some(OuraConnection::Connected)), "{error}");
    assert_eq!(oura.token_requests().len(), 2, "a token request is never repeated");
    assert_eq!(token(&account, at(EXPIRED)).await.unwrap(), access_token(2), "the next refresh succeeds");
}

#[rstest]
#[case(302)]
#[case(400)]
#[case(403)]
#[case(404)]
#[case(426)]
#[tokio::test]
async fn other_error_status_does_not_revoke(#[case] status: u16) {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    oura.set_next_answer(NextAnswer::Instead(Answer::Whole(status, "location: http://127.0.0.1:9/\r\n", "{}".into())));
    let error = token(&connection.account(), at(EXPIRED)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains(&status.to_string()) && !error.advice.is_empty(), "{error:?}");
    assert!(!connection.tokens().revoked);
}

#[rstest]
#[case("retry-after: 90\r\n", 90)]
#[case("retry-after: Fri, 20 Nov 2026 23:58:00 GMT\r\n", 180)]
#[case("date: Fri, 20 Nov 2026 22:00:00 GMT\r\nretry-after: Fri, 20 Nov 2026 22:03:00 GMT\r\n", 180)]
#[case("retry-after: a while\r\n", 60)]
#[case("", 60)]
#[tokio::test]
async fn retry_after_is_stored_and_honoured(#[case] header: &'static str, #[case] seconds: i64) {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    oura.set_next_answer(NextAnswer::Instead(Answer::Whole(429, header, "{}".into())));
    let after = |seconds| due() + SignedDuration::from_secs(seconds);
    for late in [0, 1, seconds - 1] {
        // With a new account each time, like another process.
        assert_eq!(token(&connection.account(), after(late)).await.unwrap(), access_token(1));
    }
    assert_eq!(oura.token_requests().len(), 1);
    let account = connection.account();
    let error = account.refresh(&access_token(1).into(), after(seconds - 10)).await.unwrap_err();
    assert_eq!((error.kind, error.retry_after), (ErrorKind::Transient, Some(SignedDuration::from_secs(10))));
    assert_eq!(token(&account, after(seconds)).await.unwrap(), access_token(2));
    assert_eq!((oura.token_requests().len(), connection.tokens().wait_until), (2, None));
}

#[rstest]
#[case::cut(Answer::Cut(r#"{"access_token":"x","refresh_token":"y"}"#.into()))]
#[case::closed(Answer::Close)]
#[case::broken(Answer::status(502))]
#[tokio::test]
async fn lost_response_needs_a_new_connection(#[case] lost: Answer) {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let account = connection.account();
    oura.set_next_answer(NextAnswer::AfterRotation(lost));
    assert_eq!(token(&account, at(EXPIRED)).await.unwrap_err().kind, ErrorKind::Transient);
    let error = token(&account, at(EXPIRED)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains("connect it again"), "{error}");
}

#[tokio::test]
async fn dropped_caller_does_not_stop_the_refresh() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let account = connection.account();
    oura.set_next_answer(NextAnswer::BlockedAfterRotation);
    let impatient = tokio::time::timeout(Duration::from_millis(1), token(&account, at(EXPIRED)));
    assert!(impatient.await.is_err());
    // The second caller receives the tokens that the first has requested.
    let patient = tokio::spawn(async move { token(&account, at(EXPIRED)).await });
    tokio::task::spawn_blocking(move || {
        eventually("the server is asked", || (oura.issued_pairs() == 2).then_some(()));
        oura.unblock();
        oura
    })
    .await
    .unwrap();
    assert_eq!(patient.await.unwrap().unwrap(), access_token(2));
    assert_eq!(connection.tokens().refresh_token.expose_secret(), refresh_token(2));
}

#[test]
fn runtime_waits_for_a_refresh_at_shutdown() {
    let oura = Arc::new(FakeOura::connected());
    let connection = Connection::new(&oura);
    let account = connection.account();
    oura.set_next_answer(NextAnswer::BlockedAfterRotation);
    let runtime = Runtime::new().unwrap();
    let behind = Arc::clone(&oura);
    runtime.block_on(async move {
        let asked = tokio::task::spawn_blocking(move || {
            eventually("the server is asked", || (behind.issued_pairs() == 2).then_some(()));
        });
        tokio::select! {
            _ = token(&account, at(EXPIRED)) => panic!("nothing is answered yet"),
            asked = asked => asked.unwrap(),
        }
    });
    let opening = std::thread::spawn(move || oura.unblock());
    runtime.shutdown(Duration::from_millis(100));
    opening.join().unwrap();
    assert_eq!(connection.tokens().refresh_token.expose_secret(), refresh_token(2));
}

#[tokio::test]
async fn dry_run_never_refreshes() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let account = connection.account();
    account.allow_refresh(false);
    assert_eq!(token(&account, due()).await.unwrap(), access_token(1));
    let error = token(&account, at(EXPIRED)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.message.contains("a dry run does not"), "{error}");
    assert!(oura.server.requests().is_empty());
    account.allow_refresh(true);
    assert_eq!(token(&account, at(EXPIRED)).await.unwrap(), access_token(2));
}

#[tokio::test]
async fn store_check_changes_nothing() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let before = connection.tokens().to_json();
    connection.account().check_store().await.unwrap();
    assert_eq!(connection.tokens().to_json(), before);
    connection.block();
    let error = connection.account().check_store().await.unwrap_err();
    assert!(error.kind == ErrorKind::ActionRequired && error.message.contains("can be written"), "{error}");
}

#[tokio::test]
async fn unstorable_connection_is_revoked() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let tokens = connection.tokens();
    connection.block();
    let error = connection.account().connect(&tokens).await.unwrap_err();
    assert!(error.message.contains("cannot be written"), "{error}");
    assert!(oura.is_revoked());
}

#[tokio::test]
async fn unwritable_store_sends_no_refresh() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    // The name fits, the longer name of a draft does not: a permission would not stop root.
    let path = connection.folder.path().join("x".repeat(250));
    fs::rename(connection.path(), &path).unwrap();
    let account = Arc::new(Account::new(TokenStore::File(path), connection.folder.path(), ClientConfig::default()));
    let error = token(&account, at(EXPIRED)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains("cannot be written"), "{error}");
    assert!(oura.token_requests().is_empty());
}

#[rstest]
#[case::nothing("")]
#[case::cut(r#"{"client_id":"app-of-ada","access_token":"acc3ss-token-1","ref"#)]
#[case::other(r#"{"hello":"r3fresh-token-1"}"#)]
#[tokio::test]
async fn unreadable_tokens_are_not_shown(#[case] text: &str) {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    fs::write(connection.path(), text).unwrap();
    fs::set_permissions(connection.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let error = token(&connection.account(), at(VALID)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ActionRequired);
    assert!(error.message.contains(FILE_NAME) && error.advice.contains("connect"), "{error:?}");
}

#[tokio::test]
async fn token_refused_early_is_refreshed_once() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let account = connection.account();
    // The server's clock is ahead: it refuses a token that is valid by ours. The refresh token works.
    let refused = secrecy::SecretString::from("acc3ss-of-yesterday");
    TokenStore::file(connection.folder.path())
        .save(&Tokens { access_token: refused.clone(), ..connection.tokens() })
        .unwrap();
    assert_eq!(read(&oura, &account, refused, at(VALID)).await.unwrap(), 7);
    assert_eq!((oura.token_requests().len(), oura.server.times("daily_readiness")), (1, 2));
    assert_eq!((oura.server.times("sleep"), oura.server.times("daily_stress")), (1, 1), "the rest uses the new token");
}

#[tokio::test]
async fn refused_fresh_token_is_not_refreshed_again() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let account = connection.account();
    oura.add_field("access_token", "acc3ss-that-opens-nothing".into());
    let used = secrecy::SecretString::from("acc3ss-of-yesterday");
    TokenStore::file(connection.folder.path())
        .save(&Tokens { access_token: used.clone(), ..connection.tokens() })
        .unwrap();
    let error = read(&oura, &account, used, at(VALID)).await.unwrap_err();
    assert_eq!((error.kind, account.connection()), (ErrorKind::ActionRequired, Some(OuraConnection::Revoked)));
    assert!(error.message.contains("even a new token"), "{error}");
    assert_eq!(oura.token_requests().len(), 1);
}

#[tokio::test]
async fn missing_lifetime_disables_early_refresh() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    oura.set_lifetime(serde_json::Value::Null);
    assert_eq!(token(&connection.account(), due()).await.unwrap(), access_token(2));
    assert_eq!(connection.tokens().lifetime_seconds, None);
    assert_eq!(token(&connection.account(), at(9999)).await.unwrap(), access_token(2), "the API will refuse it");
}

#[tokio::test]
async fn disconnect_revokes_and_deletes() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let account = connection.account();
    let draft = connection.folder.path().join(format!(".{FILE_NAME}.a1B2c3.new"));
    fs::write(&draft, "left over from a crash").unwrap();
    assert!(matches!(account.disconnect().await, Ok(Some(Ok(())))));
    assert!(oura.is_revoked() && !connection.path().exists() && !draft.exists());
    assert_eq!(
        (account.connection(), account.access_token(true, at(VALID)).await.unwrap().is_none()),
        (Some(OuraConnection::Off), true)
    );
    assert!(matches!(account.disconnect().await, Ok(None)), "there is no connection");
}

#[rstest]
#[case::broken(Answer::status(500))]
#[case::gone(Answer::Close)]
#[case::echo(Answer::Whole(400, "", "acc3ss-token-1".into()))]
#[tokio::test]
async fn failed_revocation_deletes_too(#[case] answer: Answer) {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    oura.set_next_answer(NextAnswer::Instead(answer));
    let error = connection.account().disconnect().await.unwrap().unwrap().unwrap_err();
    assert!(!format!("{error:?}").contains("acc3ss"), "{error:?}");
    assert!(!connection.path().exists());
}

#[tokio::test]
async fn issuer_endpoint_revokes_by_form() {
    let oura = FakeOura::connected();
    let connection = Connection::new(&oura);
    let revoke_url = format!("{}/oauth/v2/ext/oauth-revoke", oura.server.url);
    TokenStore::file(connection.folder.path()).save(&Tokens { revoke_url, ..connection.tokens() }).unwrap();
    assert!(matches!(connection.account().disconnect().await, Ok(Some(Ok(())))));
    assert!(oura.is_revoked());
    let asked = oura.server.requests().pop().unwrap();
    assert!(asked.query.is_empty(), "no token in an address");
}
