//! Hostile requests to the HTTP server: each is rejected and logged once, and the engine keeps working.

use std::io::Write;
use std::net::TcpStream;

use jiff::{SignedDuration, Timestamp};
use operator::http::Credentials;
use serde_json::json;

use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::raw_http::{REJECTED, RawConnection, TestServer};

const READINESS: &str = "health:readiness_low";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";

/// Paths that need the token or a cookie.
const PROTECTED: [&str; 9] = [
    "/",
    "/events",
    "/dashboard.css",
    "/dashboard.js",
    "/api/status",
    "/api/alerts",
    "/api/why?key=health:readiness_low",
    "/api/journal",
    "/api/health-days",
];

#[test]
fn foreign_host_is_rejected() {
    let server = TestServer::start();
    let (port, other) = (server.port, server.port + 1);
    let (bearer, cookie, origin) = (server.bearer(), server.sign_in(), server.origin());
    let hosts = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("evil.example#127.0.0.1:{port}"),
        format!("evil@127.0.0.1:{port}"),
        format!("127.0.0.1:{other}"),
        format!("localhost:{other}"),
        "127.0.0.1".to_owned(),
        "localhost".to_owned(),
        "127.0.0.1:".to_owned(),
        format!("127.0.0.1:+{port}"),
        format!("127.0.0.1:0{port}"),
        format!("127.0.0.1.:{port}"),
        format!("127.0.0.2:{port}"),
        format!("127.1:{port}"),
        format!("2130706433:{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("127.0.0.1:{port}, evil.example"),
        format!(":{port}"),
        String::new(),
    ];
    for host in &hosts {
        let line = format!("Host: {host}");
        for target in ["/health", "/open?ticket=x", "/", "/api/status"] {
            server.send("GET", target, &[&line, &bearer], "").expect_code(421);
        }
        server.send("POST", "/api/pause", &[&line, &cookie, &format!("Origin: http://{host}")], "").expect_code(421);
        server.send("POST", "/api/pause", &[&line, &cookie, &origin], "").expect_code(421);
    }
    for (request, why) in [
        (format!("GET /api/status HTTP/1.1\r\n{bearer}\r\n\r\n"), "none"),
        (format!("GET /api/status HTTP/1.0\r\n{bearer}\r\n\r\n"), "none, HTTP/1.0"),
        (format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}\r\n{bearer}\r\n\r\n"), "two"),
        (
            format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n{bearer}\r\n\r\n"),
            "two different",
        ),
        (format!("GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{bearer}\r\n\r\n"), "another address"),
        (format!("GET http://u@127.0.0.1:{port}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{bearer}\r\n\r\n"), "a user"),
        (
            format!("GET http://localhost:{port}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{bearer}\r\n\r\n"),
            "not the same",
        ),
        (format!("CONNECT evil.example:443 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{bearer}\r\n\r\n"), "a proxy request"),
        (format!("GET / HTTP/1.1\r\nHost: \u{7f}\u{e9}:{port}\r\n{bearer}\r\n\r\n"), "not ASCII"),
    ] {
        let mut connection = RawConnection::open(port);
        connection.send(request);
        let code = connection.response().expect("a response").code;
        assert!(code == 421 || (why == "not ASCII" && code == 400), "{why}: {code}");
    }
    for host in [format!("LOCALHOST:{port}"), format!("localhost:{port}"), format!("127.0.0.1:{port}")] {
        server.send("GET", "/health", &[&format!("Host: {host}")], "").expect_code(200);
        server
            .send("GET", &format!("http://{host}/api/status"), &[&format!("Host: {host}"), &bearer], "")
            .expect_code(200);
        let origin = format!("Origin: http://{}", host.to_lowercase());
        server.send("POST", "/api/resume", &[&format!("Host: {host}"), &cookie, &origin], "").expect_code(200);
    }
    assert_eq!(server.engine.status()["paused"], false);
    assert!(server.logged_rejections().contains(&"wrong host".to_owned()));
    server.assert_healthy();
}

#[test]
fn change_from_foreign_origin_is_rejected() {
    let server = TestServer::start();
    let (port, other, cookie) = (server.port, server.port + 1, server.sign_in());
    let foreign = [
        String::new(), // none
        "Origin: null".into(),
        "Origin: null\r\nSec-Fetch-TestServer: cross-server".into(),
        "Origin: null\r\nSec-Fetch-TestServer: same-server".into(),
        "Origin: null\r\nSec-Fetch-TestServer: none".into(),
        "Origin: null\r\nSec-Fetch-TestServer: same-origin".into(),
        "Sec-Fetch-TestServer: same-origin".into(),
        "Origin: evil.example\r\nSec-Fetch-TestServer: same-origin".into(),
        "Origin:".into(),
        format!("Origin: http://127.0.0.1:{other}"),
        "Origin: http://127.0.0.1".into(),
        format!("Origin: https://127.0.0.1:{port}"),
        format!("Origin: http://localhost:{port}"), // not the requested host
        format!("Origin: http://127.0.0.1:{port}.evil.example"),
        format!("Origin: http://evil.example?http://127.0.0.1:{port}"),
        format!("Origin: http://127.0.0.1:{port}/"),
        format!("Origin: http://127.0.0.1:{port} http://evil.example"),
        format!("Origin: http://127.0.0.1:{port}\r\nOrigin: http://evil.example"),
        format!("Origin: http://127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}"),
        format!("Referer: http://127.0.0.1:{port}/"),
    ];
    for origin in &foreign {
        for (path, body) in [("/api/pause", ""), ("/api/ack", "key=health:readiness_low"), ("/api/run", "")] {
            let kind = if body.is_empty() { "" } else { FORM };
            let response = server.send("POST", path, &[&cookie, origin, kind], body).expect_code(403);
            assert!(response.message().contains("Operator's own page"), "{origin}: {response:?}");
        }
        // Other methods do not help either.
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE"] {
            server.send(method, "/api/pause", &[&cookie, origin], "").expect_code(403);
        }
    }
    let status = server.engine.status();
    assert_eq!(status["paused"], false);
    assert!(status["open"].as_array().unwrap().iter().all(|alert| alert["acknowledged"] == false), "{status:#}");
    // A program with the token needs no origin.
    server.send("POST", "/api/pause", &[&server.bearer(), "Origin: http://evil.example"], "").expect_code(200);
    assert_eq!(server.logged_rejections(), ["change from another website"]);
    server.assert_healthy();
}

#[test]
fn invalid_credentials_are_rejected() {
    let server = TestServer::start();
    let (port, token, now) = (server.port, server.token(), Timestamp::now());
    let ours = Credentials::new(&token.clone().into(), now);
    let foreign = Credentials::new(&"0".repeat(64).into(), now);
    let (session, ticket) = (ours.new_session(now).unwrap(), ours.new_ticket(now).unwrap());
    let old = ours.new_session(now - SignedDuration::from_hours(24 * 7 + 1)).unwrap();
    let ahead = ours.new_session(now + SignedDuration::from_hours(1)).unwrap();
    let (body, signature) = session.rsplit_once('.').unwrap();
    let younger = format!("{}{}", now.as_millisecond() + 1, &session[13..]);
    let cookie = |value: &str| format!("Cookie: operator_{port}={value}");
    let mut keys = vec![
        String::new(),
        "Authorization: Bearer".into(),
        "Authorization: Bearer ".into(),
        format!("Authorization: Bearer {}", "0".repeat(64)),
        format!("Authorization: Bearer {}", &token[..63]),
        format!("Authorization: Bearer {token}0"),
        format!("Authorization: Bearer {token}{token}"),
        format!("Authorization: Bearer {}", token.to_uppercase()),
        format!("Authorization: Bearer \"{token}\""),
        format!("Authorization: Bearer,{token}"),
        format!("Authorization: Bearer {session}"),
        format!("Authorization: Bearer {ticket}"),
        format!("Authorization: Basic {token}"),
        format!("Authorization: Digest {token}"),
        format!("Authorization: {token}"),
        format!("Authorization: Bearer nonsense\r\nAuthorization: Bearer {token}"),
        format!("Authorization: Bearer nonsense\r\n{}", cookie(&session)),
        format!("X-Token: {token}"),
        format!("Proxy-Authorization: Bearer {token}"),
        format!("Cookie: token={token}"),
        format!("Cookie: operator={session}"),
        format!("Cookie: operator_{}={session}", port + 1),
        format!("Cookie: Operator_{port}={session}"),
        format!("Cookie: xoperator_{port}={session}"),
        format!("Cookie: operator_{port}"),
        format!("Cookie: x=\"; operator_{port}={session}x\""),
    ];
    let values = [
        "",
        "x",
        ".",
        "..",
        &token,
        &ticket,
        &old,
        &ahead,
        &younger,
        &session[..session.len() - 1],
        &session[..session.len() - 2],
        &session[1..],
        body,
        signature,
        &format!("{body}."),
        &format!("{body}.{}", "00".repeat(32)),
        &format!("{body}.{}", "é".repeat(32)),
        &foreign.new_session(now).unwrap(),
        &format!("\"{session}\""),
        &"9".repeat(15_000),
    ];
    keys.extend(values.map(cookie));
    for key in &keys {
        for target in PROTECTED {
            let response = server.send("GET", target, &[key], "").expect_code(401);
            assert!(response.header("set-cookie").is_none(), "{key}: {response:?}");
        }
        server.send("POST", "/api/pause", &[key, &server.origin()], "").expect_code(401);
        server.send("GET", &format!("/api/status?token={token}"), &[key], "").expect_code(401);
        server.send("GET", "/nowhere", &[key], "").expect_code(401); // does not reveal which paths exist
    }
    assert_eq!(server.engine.status()["paused"], false);
    for ticket in
        ["", "x", &token, &session, &foreign.new_ticket(now).unwrap(), &old, &ticket[1..], &ticket.replace('.', "%00")]
    {
        let response = server.send("GET", &format!("/open?ticket={ticket}"), &[], "").expect_code(401);
        assert!(response.header("set-cookie").is_none(), "{ticket}: {response:?}");
    }
    for target in ["/open".into(), format!("/open?Ticket={ticket}"), format!("/open/?ticket={ticket}")] {
        server.send("GET", &target, &[], "").expect_code(401);
    }
    server.send("GET", &format!("/open?ticket={ticket}&ticket={ticket}"), &[], "").expect_code(400);
    server.send("POST", "/open", &[FORM], &format!("ticket={ticket}")).expect_code(401);
    // The failed attempts did not use the ticket.
    server.send("GET", &format!("/open?ticket={ticket}"), &[], "").expect_code(200);
    server.send("GET", "/api/status", &[&cookie(&session)], "").expect_code(200);
    server.send("GET", "/api/status", &[&format!("authorization: bearer  {token} ")], "").expect_code(200);
    assert_eq!(
        server.logged_rejections(),
        ["invalid or expired token or cookie", "no token and no cookie", "used or expired link"]
    );
    server.assert_healthy();
}

#[test]
fn path_tricks_bypass_nothing() {
    let server = TestServer::start();
    let long = format!("/{}", "a/".repeat(7000));
    let paths = [
        "//",
        "//health",
        "/health/",
        "/health/..",
        "/health/../api/status",
        "/health/../../etc/passwd",
        "/health/%2e%2e/api/status",
        "/health%2f..%2fapi%2fstatus",
        "/health;/api/status",
        "/health%00",
        "/health%20",
        "/HEALTH",
        "/%68ealth",
        "/open/",
        "/open/../api/status",
        "/open%3fticket=x",
        "/./api/status",
        "/../api/status",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%5c..%5cetc/passwd",
        "/api//status",
        "//api/status",
        "/api/./status",
        "/api/status/",
        "/api/status%00",
        "/api/status%0d%0aSet-Cookie:x=1",
        "/API/STATUS",
        "/api/%73tatus",
        "/state/http-token",
        "/http-token",
        "/operator.db",
        "/{*path}",
        "/%",
        "/%zz",
        "/\u{e9}",
        "/?/health",
        "/#/health",
        &long,
    ];
    let root = server.home.root().to_str().unwrap();
    for path in paths {
        let mut connection = RawConnection::open(server.port);
        connection.send(server.raw_request("GET", path, &[], ""));
        let response = connection.response().expect("a response");
        assert!([400, 401].contains(&response.code), "{path}: {response:?}");
        let known = server.get(path);
        let fine =
            [400, 404].contains(&known.code) || (known.code == 200 && ["/?/health", "/#/health"].contains(&path));
        assert!(fine && !known.body.contains("root:") && !known.body.contains(root), "{path}: {known:?}");
        assert!(known.header("set-cookie").is_none());
    }
    let mut connection = RawConnection::open(server.port);
    connection.send(server.raw_request("GET", &format!("/{}", "a".repeat(100_000)), &[], ""));
    let response = connection.response();
    assert!(response.as_ref().is_none_or(|response| [414, 431].contains(&response.code)), "{response:?}");
    server.assert_healthy();
}

#[test]
fn oversized_and_malformed_bodies_are_rejected() {
    let server = TestServer::start();
    let (bearer, host) = (server.bearer(), format!("Host: 127.0.0.1:{}", server.port));
    let megabyte = "x".repeat(1_000_000);
    let chunks = |body: &str| format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let chunked = |lines: &str, body: &str| {
        format!("POST /api/ack HTTP/1.1\r\n{host}\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n{lines}\r\n\r\n{body}")
    };
    let send = |request: &str| {
        let mut connection = RawConnection::open(server.port);
        connection.send(request);
        connection.response()
    };
    for kind in [FORM, JSON, ""] {
        server.send("POST", "/api/ack", &[&bearer, kind], &megabyte).expect_code(413);
        server.send("POST", "/api/ack", &[kind], &megabyte).expect_code(401);
        server.send("POST", "/nowhere", &[&bearer, kind], &megabyte).expect_code(413);
        server.send("GET", "/api/status", &[&bearer, kind], &megabyte).expect_code(413);
    }
    send(&chunked(&bearer, &chunks(&megabyte))).expect("a response").expect_code(413);
    send(&chunked("A: b", &chunks(&megabyte))).expect("a response").expect_code(401);
    // 16 KiB are accepted, one byte more is not.
    let key = |length: usize| format!("key={}", "k".repeat(length - 4));
    server.send("POST", "/api/ack", &[&bearer, FORM], &key(16 * 1024)).expect_code(400);
    server.send("POST", "/api/ack", &[&bearer, FORM], &key(16 * 1024 + 1)).expect_code(413);

    let acknowledged = || {
        let status = server.engine.status();
        let open = status["open"].as_array().unwrap().clone();
        open.iter().any(|alert| alert["acknowledged"] == true)
    };
    let body = format!(r#"{{"key": "{READINESS}"}}"#);
    let malformed = [
        (format!("Content-Length: {}\r\nContent-Length: 3", body.len()), "two lengths"),
        ("Content-Length: -1".into(), "negative"),
        ("Content-Length: +5".into(), "a sign"),
        ("Content-Length: 0x10".into(), "hexadecimal"),
        (format!("Content-Length: {0},{0}", 7), "a list"),
        ("Content-Length: 99999999999999999999999".into(), "overflow"),
        ("Transfer-Encoding: identity".into(), "identity"),
        ("Transfer-Encoding: chunked, identity".into(), "identity after chunked"),
        (format!("Content-Length: {}\r\n Transfer-Encoding: chunked", body.len()), "a folded line"),
        (format!("Content-Length : {}", body.len()), "a space before the colon"),
    ];
    for (lines, why) in malformed {
        let response =
            send(&format!("POST /api/ack HTTP/1.1\r\n{host}\r\n{bearer}\r\n{JSON}\r\n{lines}\r\n\r\n{body}"));
        assert!(response.as_ref().is_none_or(|response| response.code == 400), "{why}: {response:?}");
    }
    for chunks in
        ["zz\r\nabc\r\n0\r\n\r\n", "fffffffffffffffff\r\nabc", "-1\r\n\r\n", "5\r\n{\"key\"0\r\n\r\n", "3\r\nabc"]
    {
        let mut connection = RawConnection::open(server.port);
        connection.send(chunked(&bearer, chunks));
        connection.shutdown_write();
        let response = connection.response();
        assert!(response.as_ref().is_none_or(|response| response.code == 400), "{chunks}: {response:?}");
    }
    // Shorter than announced.
    let mut connection = RawConnection::open(server.port);
    connection
        .send(format!("POST /api/ack HTTP/1.1\r\n{host}\r\n{bearer}\r\n{JSON}\r\nContent-Length: 900\r\n\r\n{body}"));
    connection.shutdown_write();
    let response = connection.response();
    assert!(response.as_ref().is_none_or(|response| response.code == 400), "{response:?}");
    assert!(!acknowledged(), "an incomplete body changes nothing");

    // Longer than announced: the rest is a request of its own, without the token.
    let mut connection = RawConnection::open(server.port);
    let smuggled =
        format!("POST /api/ack HTTP/1.1\r\n{host}\r\n{JSON}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    connection.send(format!("POST /api/resume HTTP/1.1\r\n{host}\r\n{bearer}\r\nContent-Length: 0\r\n\r\n{smuggled}"));
    assert_eq!(connection.response().expect("a response").code, 200);
    connection.response().expect("a response").expect_code(401);
    for lines in ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let mut connection = RawConnection::open(server.port);
        let both = format!("POST /api/resume HTTP/1.1\r\n{host}\r\n{bearer}\r\n{lines}\r\n\r\n0\r\n\r\n{smuggled}");
        connection.send(both);
        let first = connection.response().expect("a response").code;
        assert!([200, 400].contains(&first), "{first}");
        let second = connection.response();
        assert!(second.as_ref().is_none_or(|response| [400, 401].contains(&response.code)), "{second:?}");
    }
    assert!(!acknowledged());
    let refusals = server.logged_rejections();
    assert_eq!(refusals, ["body larger than 16 KiB", "no token and no cookie", "not HTTP"]);
    server.assert_healthy();
}

/// The start of a TLS connection.
const TLS_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x9a\x11\x00\x00\x00\x00\x00\r\n\r\n";

#[test]
fn each_rejection_is_logged_once() {
    let server = TestServer::start();
    let (bearer, cookie) = (server.bearer(), server.sign_in());
    let long = "x".repeat(17_000);
    let request =
        |method: &str, target: &str, lines: &[&str], body: &str| server.raw_request(method, target, lines, body);
    let many: Vec<String> = (0..200).map(|number| format!("X-Flood-{number}: {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let huge = format!("X-Flood: {}", "x".repeat(1_000_000));
    let wide = format!("X-Flood: {}", "x".repeat(20_000));
    let kinds: [(&str, u16, Vec<u8>); 13] = [
        ("another host", 421, request("GET", "/", &["Host: evil.example"], "").into()),
        ("another page", 403, request("POST", "/api/pause", &[&cookie], "").into()),
        ("no token", 401, request("GET", "/", &[], "").into()),
        ("wrong token", 401, request("GET", "/", &["Authorization: Bearer x"], "").into()),
        ("wrong ticket", 401, request("GET", "/open?ticket=x", &[], "").into()),
        ("long body", 413, request("POST", "/api/ack", &[&bearer, FORM], &long).into()),
        ("200 headers", 431, request("GET", "/health", &many, "").into()),
        ("20 KB of headers", 431, request("GET", "/health", &[&wide], "").into()),
        ("1 MB of headers", 431, request("GET", "/health", &[&huge], "").into()),
        ("noise", 400, vec![0xfe; 4096]),
        ("TLS", 400, TLS_HELLO.into()),
        ("HTTP/2", 400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".into()),
        ("another protocol", 400, b"SSH-2.0-OpenSSH_9.9\r\n\r\n".into()),
    ];
    for (kind, code, bytes) in &kinds {
        for _ in 0..50 {
            let mut connection = RawConnection::open(server.port);
            connection.send(bytes);
            // A client that keeps sending may be cut off before the response.
            let response = connection.response().map(|response| response.code);
            assert!(response.is_none_or(|response| response == *code), "{kind}: {response:?}");
            assert!(response.is_some() || *code > 413 || *code == 400, "{kind}: no response");
        }
    }
    let expected = [
        "body larger than 16 KiB",
        "change from another website",
        "invalid or expired token or cookie",
        "no token and no cookie",
        "not HTTP",
        "request head too large",
        "used or expired link",
        "wrong host",
    ];
    assert_eq!(server.logged_rejections(), expected);
    let log = std::fs::read_to_string(server.home.path("logs/operator.log")).unwrap();
    assert_eq!(log.matches(REJECTED).count(), expected.len(), "in the log file too");
    server.assert_healthy();
}

#[test]
fn slow_requests_time_out() {
    let server = TestServer::start();
    let bearer = server.bearer();
    let open = |bytes: &str| {
        let mut connection = RawConnection::open(server.port);
        connection.send(bytes);
        connection
    };
    let mut idle = open("");
    let mut half = open("GET /api/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-");
    let mut between = open(&server.raw_request("GET", "/health", &[], ""));
    assert_eq!(between.response().expect("a response").code, 200);
    let whole = server.raw_request("POST", "/api/ack", &[&bearer, FORM, "Content-Length: 4000"], "");
    let mut body = open(&whole);
    let mut drip = open(&whole);
    let mut unauthorized = open(&server.raw_request("POST", "/api/ack", &[FORM, "Content-Length: 40"], ""));
    // A client that sends single bytes until the server closes.
    let dripping = std::thread::spawn(move || {
        let mut head = TcpStream::connect(("127.0.0.1", drip.port())).unwrap();
        let lines = "GET /health HTTP/1.1\r\n".bytes().chain("X-Drip: 1\r\n".bytes().cycle());
        for byte in lines {
            let head_open = head.write_all(&[byte]).is_ok();
            let body_open = drip.send(b"k");
            if !head_open && !body_open {
                break;
            }
            pause();
        }
        drip
    });
    unauthorized.response().expect("a response").expect_code(401);
    body.response().expect("a response").expect_code(408);
    server.assert_healthy();
    assert_eq!(
        (idle.read_to_close(), half.read_to_close(), between.read_to_close()),
        (String::new(), String::new(), String::new())
    );
    let mut drip = dripping.join().unwrap();
    assert!(drip.response().is_none_or(|response| response.code == 408));
    assert_eq!(server.logged_rejections(), ["body timeout", "no token and no cookie"]);
    server.assert_healthy();
}

#[expect(clippy::disallowed_methods, reason = "a slow client waits by the clock")]
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(50));
}

#[test]
fn idle_connections_are_not_logged() {
    let server = TestServer::start();
    let mut resting: Vec<RawConnection> = (0..20).map(|_| RawConnection::open(server.port)).collect();
    for connection in &mut resting {
        assert_eq!(connection.read_to_close(), "");
    }
    assert_eq!(server.logged_rejections(), [""; 0], "browsers open connections ahead");
}

/// Raise the limit of open files of this process.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "setrlimit")]
fn allow_files(count: libc::rlim_t) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = limit.rlim_cur.max(count).min(limit.rlim_max);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
    }
}

/// Open files and resident memory (KiB) of the engine.
#[cfg(target_os = "linux")]
fn resources(engine: &Running) -> (usize, usize) {
    let of = |name: &str| format!("/proc/{}/{name}", engine.pid());
    let files = std::fs::read_dir(of("fd")).expect("its files").count();
    let pages = std::fs::read_to_string(of("statm")).expect("its memory");
    (files, pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4)
}

#[test]
#[cfg(target_os = "linux")]
fn thousand_idle_connections_block_no_one() {
    allow_files(4096);
    let server = TestServer::start();
    let mut events = RawConnection::open(server.port);
    events.send(server.raw_request("GET", "/events", &[&server.bearer()], ""));
    assert_eq!(events.response().expect("a response").code, 200);
    server.get("/").expect_code(200);
    let (files, memory) = resources(&server.engine);
    let mut idle = Vec::new();
    for number in 0..1000 {
        let mut connection = RawConnection::open(server.port);
        if number % 3 == 0 {
            connection.send("GET / HTTP/1.1\r\nHost: ");
        }
        idle.push(connection);
        if number % 100 == 99 {
            server.send("GET", "/health", &[], "").expect_code(200);
            let (files_now, _) = resources(&server.engine);
            assert!(files_now <= files + 60, "{files_now} files, {files} before");
        }
    }
    server.assert_healthy();
    server.home.run(&["run-now"]).ok();
    server.get("/api/status").expect_code(200);
    server.post("/api/ack", &format!("key={READINESS}")).expect_code(200);
    // An authorized connection was not closed for the others.
    while events.read_line().expect("an event") != "event: changed" {}
    drop(idle);
    eventually("the files are closed", || (resources(&server.engine).0 <= files + 2).then_some(()));
    let (_, memory_now) = resources(&server.engine);
    assert!(memory_now <= memory + 8 * 1024, "{memory_now} KiB, {memory} before");
    assert_eq!(server.logged_rejections().iter().filter(|reason| **reason == "too many connections").count(), 1);
    server.assert_healthy();
}

/// More slow bodies than connections are allowed.
#[test]
fn unfinished_bodies_block_no_one() {
    let server = TestServer::start();
    let request = server.raw_request("GET", "/health", &["Content-Length: 10"], "");
    let slow = || {
        let mut connection = RawConnection::open(server.port);
        connection.send(&request);
        connection
    };
    let mut all = Vec::new();
    for _ in 0..5 {
        all.extend((0..60).map(|_| slow()));
        server.send("GET", "/health", &[], "").expect_code(200);
        server.get("/api/status").expect_code(200);
    }
    server.assert_healthy();
}

#[test]
fn client_that_never_reads_blocks_no_one() {
    let mut server = TestServer::start();
    let request = server.raw_request("GET", "/api/journal", &[&server.bearer()], "");
    let unread: Vec<TcpStream> = (0..4)
        .map(|_| {
            let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            stream.set_write_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
            // The write blocks when all buffers are full.
            let _ = (&stream).write_all(request.repeat(200).as_bytes());
            stream
        })
        .collect();
    for _ in 0..10 {
        server.get("/").expect_code(200);
    }
    server.assert_healthy();
    assert_eq!(server.engine.stop("TERM"), Some(0), "the shutdown does not wait for it");
    drop(unread);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = TestServer::start();
    let bearer = server.bearer();
    let mut connection = RawConnection::open(server.port);
    let requests = [
        server.raw_request("GET", "/health", &[], ""),
        server.raw_request("GET", "/api/status", &[], ""),
        server.raw_request("GET", "/api/status", &[&bearer], ""),
        server.raw_request("POST", "/api/pause", &[&bearer, FORM], "for=1h"),
        server.raw_request("GET", "/api/status", &[], ""), // a token authorizes its own request only
        server.raw_request("GET", "/nowhere", &[&bearer], ""),
    ];
    connection.send(requests.concat());
    let codes: Vec<u16> = requests.iter().map(|_| connection.response().expect("a response").code).collect();
    assert_eq!(codes, [200, 401, 200, 200, 401, 404]);
    assert_eq!(server.engine.status()["paused"], true);
}

#[test]
fn secrets_reach_no_log_or_output() {
    let home = Home::new();
    let port = crate::support::raw_http::free_port();
    home.set(json!({"http": {"enabled": true, "port": port}}));
    let engine = Running::spawn(&home, &["--verbose"]);
    eventually("the engine responds", || engine.ask(r#"{"command": "status"}"#));
    let mut server = TestServer { home, engine, port };
    let (token, link, unused) = (server.token(), server.link(), server.link());
    let cookie = server.sign_in();
    let ticket_of = |link: &str| link.split_once("ticket=").unwrap().1.to_owned();
    server.send("GET", &server.target(&link), &[], "").expect_code(200);
    server.send("GET", &server.target(&link), &[], "").expect_code(401);
    let bearer = server.bearer();
    for target in PROTECTED.iter().filter(|target| **target != "/events").chain(&["/nowhere", "/health"]) {
        server.send("GET", target, &[&bearer], "");
        server.send("GET", target, &[&cookie], "");
        server.send("GET", target, &[&bearer, "Host: evil.example"], "").expect_code(421);
        server.send("GET", target, &[&format!("{bearer}0")], "");
        server.send("GET", target, &[&format!("{cookie}0")], "");
    }
    server.send("POST", "/api/pause", &[&cookie], "").expect_code(403);
    server.send("POST", "/api/ack", &[&bearer, FORM], &format!("key={token}")).expect_code(400);
    server.send("POST", "/api/reset-circuit", &[&bearer, FORM], "name=x").expect_code(409);
    let status = server.get("/api/status").expect_code(200).body;
    let whole = server.home.run(&["--status", "--json", "--verbose"]).ok();
    assert_eq!(server.engine.stop("TERM"), Some(0));
    let ticket = ticket_of(&link);
    let session = cookie.rsplit_once('=').unwrap().1;
    // Not even a part that could be combined with another.
    let parts = ticket.split('.').chain(session.split('.')).filter(|part| part.len() > 20);
    let secrets: Vec<String> =
        parts.map(str::to_owned).chain([token.clone(), ticket_of(&unused), ticket.clone(), session.into()]).collect();
    assert!(secrets.len() == 8, "{secrets:?}");
    let own = server.home.path("state/http-token");
    let files = server.home.everything();
    assert!(files.keys().any(|path| path.ends_with("operator.log")) && files.contains_key(&own));
    let shown = [("status", status), ("command line", whole.out + &whole.err), ("stderr", server.engine.stderr_text())];
    for secret in &secrets {
        for (path, bytes) in files.iter().filter(|(path, _)| **path != own) {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
        for (name, text) in &shown {
            assert!(!text.contains(secret.as_str()), "{name} holds a secret");
        }
    }
}
