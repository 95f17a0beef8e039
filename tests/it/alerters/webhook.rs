//! The webhook against correct and broken servers.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use operator::alerters::{Alerter, Failure, FailureKind};
use operator::core::channel::Channel;
use operator::core::delivery::message::{AlertState, Message, MessageKind};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::http::{Answer, Request, Server};
use crate::support::messages::{alerter, at, item, item_in_state, new_message, update};

const RETRYABLE: FailureKind = FailureKind::Retryable { retry_after: None };

/// Path and query are secrets.
fn webhook(server: &Server) -> Arc<dyn Alerter> {
    webhook_at(&format!("{}/hook/s3cret-path?key=s3cret-query", server.url))
}

fn webhook_at(url: &str) -> Arc<dyn Alerter> {
    alerter(Channel::Webhook, &format!("url: '{url}', secret: s3cret-key, timeout_seconds: 1"))
}

fn clean(failure: Failure) -> Failure {
    let all = format!("{failure:?} {failure}");
    for secret in ["s3cret", "/hook", "ada", "http://"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    failure
}

async fn failure_of(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Failure {
    let server = Server::start(answer);
    clean(webhook(&server).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err())
}

async fn posted(message: &Message) -> Value {
    let server = Server::start(|_| Answer::json("{}"));
    assert_eq!(webhook(&server).send(message).await, Ok(Some(message.id.clone())));
    server.requests()[0].json()
}

// === Content ===

#[tokio::test]
async fn alert_is_posted_as_json_with_a_key() {
    let server = Server::start(|_| Answer::json("{}"));
    webhook(&server).send(&new_message(vec![item("Readiness <low> & \"bad\"", "Rest.\nSleep.")])).await.unwrap();
    let [request] = &server.requests()[..] else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hook/s3cret-path"));
    assert_eq!(request.query["key"], "s3cret-query");
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["idempotency-key"], "1f2e3d4c-17");
    assert!(request.headers["user-agent"].starts_with("operator/"));
    let expected = json!({
        "id": "1f2e3d4c-17", "kind": "new", "at": "2026-11-20T07:06:00-06:00", "priority": "high",
        "title": "Readiness <low> & \"bad\"", "text": "Rest.\nSleep.",
        "alerts": [{
            "key": "health:readiness_low", "priority": "high", "state": "open", "snoozed_until": null,
            "title": "Readiness <low> & \"bad\"", "message": "Rest.\nSleep.", "source": "Oura",
            "at": "2026-11-20T07:05:00-06:00",
        }],
        "omitted": 0, "replaces": null,
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn digest_lists_alerts_and_counts_the_rest() {
    let body =
        posted(&Message { omitted: 9_950, ..new_message(vec![item("Low", "Rest."), item("Late", "Call.")]) }).await;
    assert_eq!((&body["title"], &body["omitted"]), (&json!("9952 alerts"), &json!(9_950)));
    assert_eq!(body["alerts"].as_array().unwrap().len(), 2);
    assert_eq!(body["text"], "Low: Rest.\nLate: Call.\nand 9950 more: operator alerts");
}

#[rstest]
#[case(AlertState::Resolved, "resolved", "Resolved: Low", None)]
#[case(AlertState::Acknowledged, "acknowledged", "Acknowledged: Low", None)]
#[case(AlertState::Snoozed { until: at("10:30") }, "snoozed", "Snoozed until 10:30: Low", Some("2026-11-20T10:30:00-06:00"))]
#[tokio::test]
async fn update_has_state_and_replaced_id(
    #[case] state: AlertState,
    #[case] word: &str,
    #[case] title: &str,
    #[case] until: Option<&str>,
) {
    let body =
        posted(&Message { id: "1f2e3d4c-18".into(), ..update(vec![item_in_state("Low", state)], "1f2e3d4c-17") }).await;
    assert_eq!(
        (&body["kind"], &body["replaces"], &body["title"]),
        (&json!("update"), &json!("1f2e3d4c-17"), &json!(title))
    );
    assert_eq!((&body["alerts"][0]["state"], &body["alerts"][0]["snoozed_until"]), (&json!(word), &json!(until)));
}

#[tokio::test]
async fn test_message_is_marked() {
    assert_eq!(
        posted(&Message { kind: MessageKind::Test, ..new_message(vec![item("Test", "x")]) }).await["kind"],
        "test"
    );
}

/// An independent implementation.
fn openssl(key: &str, body: &[u8]) -> String {
    let mut program = Command::new("openssl");
    program.args(["dgst", "-sha256", "-hmac", key]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = program.spawn().expect("openssl is there");
    child.stdin.take().unwrap().write_all(body).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn body_is_signed_with_the_secret() {
    let server = Server::start(|_| Answer::json("{}"));
    webhook(&server).send(&new_message(vec![item("Größe 😀", "Rest.")])).await.unwrap();
    let [request] = &server.requests()[..] else { panic!("one request") };
    let expected = format!("sha256={}", openssl("s3cret-key", &request.body));
    assert_eq!(request.headers["x-operator-signature"], expected);
}

#[tokio::test]
async fn missing_secret_sends_no_signature() {
    let server = Server::start(|_| Answer::json("{}"));
    alerter(Channel::Webhook, &format!("url: '{}'", server.url))
        .send(&new_message(vec![item("Low", "x")]))
        .await
        .unwrap();
    assert!(!server.requests()[0].headers.contains_key("x-operator-signature"));
}

#[tokio::test]
async fn retry_has_the_same_idempotency_key() {
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |_| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Close,
        _ => Answer::json("{}"),
    });
    let (webhook, message) = (webhook(&server), new_message(vec![item("Low", "Rest.")]));
    assert_eq!(webhook.send(&message).await.unwrap_err().kind, FailureKind::Unconfirmed);
    webhook.send(&message).await.unwrap();
    let keys: Vec<String> =
        server.requests().iter().map(|request| request.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys, ["1f2e3d4c-17", "1f2e3d4c-17"]);
}

#[tokio::test]
async fn url_credentials_become_a_header() {
    let server = Server::start(|_| Answer::json("{}"));
    let url = server.url.replace("http://", "http://ada:s3cret-word@");
    webhook_at(&url).send(&new_message(vec![item("Low", "x")])).await.unwrap();
    assert_eq!(server.requests()[0].headers["authorization"], "Basic YWRhOnMzY3JldC13b3Jk");
}

#[tokio::test]
async fn url_may_contain_a_template() {
    let server = Server::start(|_| Answer::json("{}"));
    let url = format!("{}/operator?template=yes&title={{{{.title}}}}&message={{{{.text}}}}", server.url);
    alerter(Channel::Webhook, &format!("url: '{url}'")).send(&new_message(vec![item("Low", "x")])).await.unwrap();
    let query = &server.requests()[0].query;
    let decoded = |name: &str| query[name].replace("%7B", "{").replace("%7D", "}");
    assert_eq!((decoded("title"), decoded("message")), ("{{.title}}".into(), "{{.text}}".into()));
}

// === Responses ===

#[rstest]
#[case::ok(Answer::json("{}"))]
#[case::created(Answer::Whole(201, "", String::new()))]
#[case::cut(Answer::Cut("a long body that is cut".into()))]
#[case::garbage(Answer::json("\u{0}\u{1}"))]
#[case::large(Answer::json("x".repeat(10_000_000)))]
#[case::stalls(Answer::Stall("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf".into()))]
#[tokio::test]
async fn success_is_delivered_whatever_the_body(#[case] answer: Answer) {
    let answer = std::sync::Mutex::new(Some(answer));
    let server = Server::start(move |_| answer.lock().unwrap().take().expect("one request"));
    assert!(webhook(&server).send(&new_message(vec![item("Low", "Rest.")])).await.is_ok());
}

fn retry(seconds: i64) -> FailureKind {
    FailureKind::Retryable { retry_after: Some(SignedDuration::from_secs(seconds)) }
}

#[rstest]
#[case(429, "Retry-After: 41\r\n", retry(41))]
#[case(429, "", RETRYABLE)]
#[case(503, "Retry-After: 120\r\n", retry(120))]
#[case(503, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", retry(0))]
#[case(408, "", RETRYABLE)]
#[case(409, "", RETRYABLE)]
#[case(425, "", RETRYABLE)]
#[case(500, "", FailureKind::Unconfirmed)]
#[case(502, "", FailureKind::Unconfirmed)]
#[case(504, "", FailureKind::Unconfirmed)]
#[tokio::test]
async fn transient_failure_is_retryable(#[case] status: u16, #[case] header: &'static str, #[case] kind: FailureKind) {
    let failure = failure_of(move |_| Answer::Whole(status, header, "<html>s3cret-path</html>".into())).await;
    assert_eq!((failure.kind, failure.hint.as_str()), (kind, ""));
    assert!(failure.message.contains(&status.to_string()), "{failure}");
}

#[rstest]
#[case(400, "docs/webhook.md")]
#[case(401, "check alerters.webhook.url and secret")]
#[case(403, "check alerters.webhook.url and secret")]
#[case(404, "nothing at that address")]
#[case(405, "takes no POST")]
#[case(410, "nothing at that address")]
#[case(413, "shorter messages")]
#[case(422, "docs/webhook.md")]
#[tokio::test]
async fn permanent_failure_has_a_hint(#[case] status: u16, #[case] advice: &str) {
    let failure = failure_of(move |_| Answer::status(status)).await;
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains(advice), "{failure}");
    assert!(failure.message.contains(&status.to_string()) && failure.message.starts_with("127.0.0.1:"), "{failure}");
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let other = Server::start(|_| Answer::json("{}"));
    let location: &'static str = Box::leak(format!("Location: {}/s3cret\r\n", other.url).into_boxed_str());
    for status in [301, 302, 307, 308] {
        let failure = failure_of(move |_| Answer::Whole(status, location, String::new())).await;
        assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("moved"), "{failure}");
    }
    assert_eq!(other.requests().len(), 0);
}

#[rstest]
#[case::hangs(Answer::Hang, "no answer within 1 s")]
#[case::closes(Answer::Close, "")]
#[case::closes_in_the_head(Answer::Raw("HTTP/1.1 200 OK\r\ncontent-le".into()), "")]
#[case::no_http(Answer::Raw("220 mail.example.com ESMTP\r\n".into()), "")]
#[tokio::test]
async fn missing_response_is_unconfirmed(#[case] answer: Answer, #[case] text: &str) {
    let answer = std::sync::Mutex::new(Some(answer));
    let failure = failure_of(move |_| answer.lock().unwrap().take().unwrap_or(Answer::Close)).await;
    assert!(failure.kind == FailureKind::Unconfirmed && failure.message.contains(text), "{failure}");
}

#[tokio::test]
async fn refused_connection_is_retryable() {
    let message = new_message(vec![item("Low", "Rest.")]);
    let refused = clean(webhook_at("http://ada:s3cret@127.0.0.1:1/hook?key=s3cret").send(&message).await.unwrap_err());
    assert!(refused.kind == RETRYABLE && refused.message.contains("refused"), "{refused}");
    let unknown = clean(webhook_at("https://ada:s3cret@no.such.host.invalid/hook").send(&message).await.unwrap_err());
    assert!([RETRYABLE, FailureKind::Offline].contains(&unknown.kind), "{unknown}");
}

#[rstest]
#[case("s3cret")]
#[case("ftp://ada:s3cret@h/x")]
#[case("http://ada:s3cret@h:99999/x")]
#[case("http://")]
#[tokio::test]
async fn invalid_url_is_refused_but_not_shown(#[case] url: &str) {
    let failure = clean(
        webhook_at(url)
            .send(&new_message(vec![item("Low", "Rest.")]))
            .await
            .map_err(|mut failure| {
                failure.hint = failure.hint.replace("https:// or http://", "…"); // the hint names the valid form
                failure
            })
            .unwrap_err(),
    );
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("alerters.webhook.url"), "{failure}");
}

// === Secret files and probe ===

#[tokio::test]
async fn secret_files_are_read_at_every_use() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let (old, new) = (Server::start(|_| Answer::json("{}")), Server::start(|_| Answer::json("{}")));
    let place = |name: &str| folder.path().join(name).display().to_string();
    let webhook = alerter(Channel::Webhook, &format!("url_file: '{}', secret_file: '{}'", place("url"), place("key")));
    let mut marks = BTreeMap::new();
    for (server, key) in [(&old, "one"), (&new, "two")] {
        write("url", &format!("{}\n", server.url));
        write("key", &format!("{key}\n"));
        marks.insert(webhook.config_hash(), key);
        webhook.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap();
        let [request] = &server.requests()[..] else { panic!("one request") };
        assert_eq!(request.headers["x-operator-signature"], format!("sha256={}", openssl(key, &request.body)));
    }
    assert_eq!(marks.len(), 2, "a new URL changes the hash");
    write("key", "\n");
    let failure = webhook.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err();
    assert!(
        failure.kind == FailureKind::Permanent && failure.message.contains("is empty"),
        "not sent unsigned: {failure}"
    );
    assert_eq!(new.requests().len(), 1);
}

#[tokio::test]
async fn probe_posts_nothing() {
    let server = Server::start(|_| Answer::status(405));
    let probe = webhook(&server).probe().await.unwrap();
    assert!(probe.contains("answers (HTTP 405)") && !probe.contains("s3cret"), "{probe}");
    assert_eq!(server.requests().iter().map(|request| request.method.as_str()).collect::<Vec<_>>(), ["OPTIONS"]);
}
