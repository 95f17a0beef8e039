//! Whatever is said to the page, by whomever: it is refused, logged once, and the engine goes on.

use std::io::Write;
use std::net::TcpStream;

use jiff::{SignedDuration, Timestamp};
use operator::http::keys::Keys;
use serde_json::json;

use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::visitor::{Site, Talk};

const READINESS: &str = "health:readiness_low";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";

/// What must be kept, besides the open `/health` and the way in.
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
fn another_host_is_refused_whatever_is_asked_and_by_whomever() {
    let site = Site::open();
    let (port, other) = (site.port, site.port + 1);
    let (pass, cookie, origin) = (site.pass(), site.come_in(), site.origin());
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
            site.ask("GET", target, &[&line, &pass], "").with(421);
        }
        site.ask("POST", "/api/pause", &[&line, &cookie, &format!("Origin: http://{host}")], "").with(421);
        site.ask("POST", "/api/pause", &[&line, &cookie, &origin], "").with(421);
    }
    for (request, why) in [
        (format!("GET /api/status HTTP/1.1\r\n{pass}\r\n\r\n"), "none"),
        (format!("GET /api/status HTTP/1.0\r\n{pass}\r\n\r\n"), "none, as in old times"),
        (format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}\r\n{pass}\r\n\r\n"), "two"),
        (format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n{pass}\r\n\r\n"), "two others"),
        (format!("GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{pass}\r\n\r\n"), "another address"),
        (format!("GET http://u@127.0.0.1:{port}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{pass}\r\n\r\n"), "a user"),
        (format!("GET http://localhost:{port}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{pass}\r\n\r\n"), "not the same"),
        (format!("CONNECT evil.example:443 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{pass}\r\n\r\n"), "a proxy is meant"),
        (format!("GET / HTTP/1.1\r\nHost: \u{7f}\u{e9}:{port}\r\n{pass}\r\n\r\n"), "no letters"),
    ] {
        let mut talk = Talk::with(port);
        talk.say(request);
        let code = talk.answer().expect("an answer").code;
        assert!(code == 421 || (why == "no letters" && code == 400), "{why}: {code}");
    }
    for host in [format!("LOCALHOST:{port}"), format!("localhost:{port}"), format!("127.0.0.1:{port}")] {
        site.ask("GET", "/health", &[&format!("Host: {host}")], "").with(200);
        site.ask("GET", &format!("http://{host}/api/status"), &[&format!("Host: {host}"), &pass], "").with(200);
        let origin = format!("Origin: http://{}", host.to_lowercase());
        site.ask("POST", "/api/resume", &[&format!("Host: {host}"), &cookie, &origin], "").with(200);
    }
    assert_eq!(site.engine.status()["paused"], false);
    assert!(site.refusals().contains(&"asked for another host".to_owned()));
    site.is_well();
}

#[test]
fn changes_are_taken_from_our_own_page_alone() {
    let site = Site::open();
    let (port, other, cookie) = (site.port, site.port + 1, site.come_in());
    let foreign = [
        String::new(), // none
        "Origin: null".into(),
        "Origin: null\r\nSec-Fetch-Site: cross-site".into(),
        "Origin: null\r\nSec-Fetch-Site: same-site".into(),
        "Origin: null\r\nSec-Fetch-Site: none".into(),
        "Origin: null\r\nSec-Fetch-Site: same-origin".into(),
        "Sec-Fetch-Site: same-origin".into(),
        "Origin: evil.example\r\nSec-Fetch-Site: same-origin".into(),
        "Origin:".into(),
        format!("Origin: http://127.0.0.1:{other}"),
        "Origin: http://127.0.0.1".into(),
        format!("Origin: https://127.0.0.1:{port}"),
        format!("Origin: http://localhost:{port}"), // the host is not called so
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
            let answer = site.ask("POST", path, &[&cookie, origin, kind], body).with(403);
            assert!(answer.message().contains("Operator's own page"), "{origin}: {answer:?}");
        }
        // Neither do the other methods help.
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE"] {
            site.ask(method, "/api/pause", &[&cookie, origin], "").with(403);
        }
    }
    let status = site.engine.status();
    assert_eq!(status["paused"], false);
    assert!(status["open"].as_array().unwrap().iter().all(|alert| alert["acknowledged"] == false), "{status:#}");
    // Whom the token is entrusted to needs no page.
    site.ask("POST", "/api/pause", &[&site.pass(), "Origin: http://evil.example"], "").with(200);
    assert_eq!(site.refusals(), ["would change something from another page"]);
    site.is_well();
}

#[test]
fn nobody_comes_in_without_a_key_that_is_ours() {
    let site = Site::open();
    let (port, token, now) = (site.port, site.token(), Timestamp::now());
    let ours = Keys::new(&token.clone().into(), now);
    let foreign = Keys::new(&"0".repeat(64).into(), now);
    let (session, ticket) = (ours.session(now).unwrap(), ours.ticket(now).unwrap());
    let old = ours.session(now - SignedDuration::from_hours(24 * 7 + 1)).unwrap();
    let ahead = ours.session(now + SignedDuration::from_hours(1)).unwrap();
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
        &foreign.session(now).unwrap(),
        &format!("\"{session}\""),
        &"9".repeat(15_000),
    ];
    keys.extend(values.map(cookie));
    for key in &keys {
        for target in PROTECTED {
            let answer = site.ask("GET", target, &[key], "").with(401);
            assert!(answer.header("set-cookie").is_none(), "{key}: {answer:?}");
        }
        site.ask("POST", "/api/pause", &[key, &site.origin()], "").with(401);
        site.ask("GET", &format!("/api/status?token={token}"), &[key], "").with(401);
        site.ask("GET", "/nowhere", &[key], "").with(401); // what there is, is told to nobody
    }
    assert_eq!(site.engine.status()["paused"], false);
    for ticket in
        ["", "x", &token, &session, &foreign.ticket(now).unwrap(), &old, &ticket[1..], &ticket.replace('.', "%00")]
    {
        let answer = site.ask("GET", &format!("/open?ticket={ticket}"), &[], "").with(401);
        assert!(answer.header("set-cookie").is_none(), "{ticket}: {answer:?}");
    }
    for target in ["/open".into(), format!("/open?Ticket={ticket}"), format!("/open/?ticket={ticket}")] {
        site.ask("GET", &target, &[], "").with(401);
    }
    site.ask("GET", &format!("/open?ticket={ticket}&ticket={ticket}"), &[], "").with(400);
    site.ask("POST", "/open", &[FORM], &format!("ticket={ticket}")).with(401);
    // What was tried in vain was not used up.
    site.ask("GET", &format!("/open?ticket={ticket}"), &[], "").with(200);
    site.ask("GET", "/api/status", &[&cookie(&session)], "").with(200);
    site.ask("GET", "/api/status", &[&format!("authorization: bearer  {token} ")], "").with(200);
    assert_eq!(
        site.refusals(),
        [
            "came by a link that was used before or is too old",
            "had a token or a cookie that is not ours or too old",
            "had no token"
        ]
    );
    site.is_well();
}

#[test]
fn no_path_leads_around_the_guard_or_out_of_the_house() {
    let site = Site::open();
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
    let root = site.home.root().to_str().unwrap();
    for path in paths {
        let mut talk = Talk::with(site.port);
        talk.say(site.request("GET", path, &[], ""));
        let answer = talk.answer().expect("an answer");
        assert!([400, 401].contains(&answer.code), "{path}: {answer:?}");
        let known = site.get(path);
        let fine =
            [400, 404].contains(&known.code) || (known.code == 200 && ["/?/health", "/#/health"].contains(&path));
        assert!(fine && !known.body.contains("root:") && !known.body.contains(root), "{path}: {known:?}");
        assert!(known.header("set-cookie").is_none());
    }
    let mut talk = Talk::with(site.port);
    talk.say(site.request("GET", &format!("/{}", "a".repeat(100_000)), &[], ""));
    let answer = talk.answer();
    assert!(answer.as_ref().is_none_or(|answer| [414, 431].contains(&answer.code)), "{answer:?}");
    site.is_well();
}

#[test]
fn bodies_that_are_too_long_or_lie_are_refused() {
    let site = Site::open();
    let (pass, host) = (site.pass(), format!("Host: 127.0.0.1:{}", site.port));
    let megabyte = "x".repeat(1_000_000);
    let chunks = |body: &str| format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let chunked = |lines: &str, body: &str| {
        format!("POST /api/ack HTTP/1.1\r\n{host}\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n{lines}\r\n\r\n{body}")
    };
    let said = |request: &str| {
        let mut talk = Talk::with(site.port);
        talk.say(request);
        talk.answer()
    };
    for kind in [FORM, JSON, ""] {
        site.ask("POST", "/api/ack", &[&pass, kind], &megabyte).with(413);
        site.ask("POST", "/api/ack", &[kind], &megabyte).with(401);
        site.ask("POST", "/nowhere", &[&pass, kind], &megabyte).with(413);
        site.ask("GET", "/api/status", &[&pass, kind], &megabyte).with(413);
    }
    said(&chunked(&pass, &chunks(&megabyte))).expect("an answer").with(413);
    said(&chunked("A: b", &chunks(&megabyte))).expect("an answer").with(401);
    // 16 KiB are taken, and not a byte more.
    let key = |length: usize| format!("key={}", "k".repeat(length - 4));
    site.ask("POST", "/api/ack", &[&pass, FORM], &key(16 * 1024)).with(400);
    site.ask("POST", "/api/ack", &[&pass, FORM], &key(16 * 1024 + 1)).with(413);

    let acknowledged = || {
        let status = site.engine.status();
        let open = status["open"].as_array().unwrap().clone();
        open.iter().any(|alert| alert["acknowledged"] == true)
    };
    let body = format!(r#"{{"key": "{READINESS}"}}"#);
    let lies = [
        (format!("Content-Length: {}\r\nContent-Length: 3", body.len()), "two lengths"),
        ("Content-Length: -1".into(), "less than nothing"),
        ("Content-Length: +5".into(), "a sign"),
        ("Content-Length: 0x10".into(), "no digits"),
        (format!("Content-Length: {0},{0}", 7), "a list"),
        ("Content-Length: 99999999999999999999999".into(), "more than can be"),
        ("Transfer-Encoding: identity".into(), "an encoding that is none"),
        ("Transfer-Encoding: chunked, identity".into(), "chunks inside of something"),
        (format!("Content-Length: {}\r\n Transfer-Encoding: chunked", body.len()), "a line that goes on"),
        (format!("Content-Length : {}", body.len()), "a space before the colon"),
    ];
    for (lines, why) in lies {
        let answer = said(&format!("POST /api/ack HTTP/1.1\r\n{host}\r\n{pass}\r\n{JSON}\r\n{lines}\r\n\r\n{body}"));
        assert!(answer.as_ref().is_none_or(|answer| answer.code == 400), "{why}: {answer:?}");
    }
    for chunks in
        ["zz\r\nabc\r\n0\r\n\r\n", "fffffffffffffffff\r\nabc", "-1\r\n\r\n", "5\r\n{\"key\"0\r\n\r\n", "3\r\nabc"]
    {
        let mut talk = Talk::with(site.port);
        talk.say(chunked(&pass, chunks));
        talk.fall_silent();
        let answer = talk.answer();
        assert!(answer.as_ref().is_none_or(|answer| answer.code == 400), "{chunks}: {answer:?}");
    }
    // Less than was announced, and nothing more to come.
    let mut talk = Talk::with(site.port);
    talk.say(format!("POST /api/ack HTTP/1.1\r\n{host}\r\n{pass}\r\n{JSON}\r\nContent-Length: 900\r\n\r\n{body}"));
    talk.fall_silent();
    let answer = talk.answer();
    assert!(answer.as_ref().is_none_or(|answer| answer.code == 400), "{answer:?}");
    assert!(!acknowledged(), "half a body is none");

    // More than was announced: the rest is no request, and shares no key.
    let mut talk = Talk::with(site.port);
    let smuggled =
        format!("POST /api/ack HTTP/1.1\r\n{host}\r\n{JSON}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    talk.say(format!("POST /api/resume HTTP/1.1\r\n{host}\r\n{pass}\r\nContent-Length: 0\r\n\r\n{smuggled}"));
    assert_eq!(talk.answer().expect("an answer").code, 200);
    talk.answer().expect("an answer").with(401);
    for lines in ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let mut talk = Talk::with(site.port);
        let both = format!("POST /api/resume HTTP/1.1\r\n{host}\r\n{pass}\r\n{lines}\r\n\r\n0\r\n\r\n{smuggled}");
        talk.say(both);
        let first = talk.answer().expect("an answer").code;
        assert!([200, 400].contains(&first), "{first}");
        let second = talk.answer();
        assert!(second.as_ref().is_none_or(|answer| [400, 401].contains(&answer.code)), "{second:?}");
    }
    assert!(!acknowledged());
    let refusals = site.refusals();
    assert_eq!(refusals, ["had a body longer than 16 KiB", "had no token", "was no HTTP"]);
    site.is_well();
}

/// The beginning of a TLS connection.
const HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x9a\x11\x00\x00\x00\x00\x00\r\n\r\n";

#[test]
fn each_kind_is_logged_once_however_often_it_comes() {
    let site = Site::open();
    let (pass, cookie) = (site.pass(), site.come_in());
    let long = "x".repeat(17_000);
    let request = |method: &str, target: &str, lines: &[&str], body: &str| site.request(method, target, lines, body);
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
        ("long body", 413, request("POST", "/api/ack", &[&pass, FORM], &long).into()),
        ("200 headers", 431, request("GET", "/health", &many, "").into()),
        ("20 KB of headers", 431, request("GET", "/health", &[&wide], "").into()),
        ("1 MB of headers", 431, request("GET", "/health", &[&huge], "").into()),
        ("noise", 400, vec![0xfe; 4096]),
        ("TLS", 400, HELLO.into()),
        ("HTTP/2", 400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".into()),
        ("another protocol", 400, b"SSH-2.0-OpenSSH_9.9\r\n\r\n".into()),
    ];
    for (kind, code, bytes) in &kinds {
        for _ in 0..50 {
            let mut talk = Talk::with(site.port);
            talk.say(bytes);
            // Who goes on talking may be cut off before the answer.
            let answer = talk.answer().map(|answer| answer.code);
            assert!(answer.is_none_or(|answer| answer == *code), "{kind}: {answer:?}");
            assert!(answer.is_some() || *code > 413 || *code == 400, "{kind}: no answer");
        }
    }
    let told = [
        "asked for another host",
        "came by a link that was used before or is too old",
        "had a body longer than 16 KiB",
        "had a head that is too long",
        "had a token or a cookie that is not ours or too old",
        "had no token",
        "was no HTTP",
        "would change something from another page",
    ];
    assert_eq!(site.refusals(), told);
    let log = std::fs::read_to_string(site.home.path("logs/operator.log")).unwrap();
    assert_eq!(log.matches("The page refused").count(), told.len(), "in the file too");
    site.is_well();
}

#[test]
fn who_takes_for_ever_is_not_waited_for() {
    let site = Site::open();
    let pass = site.pass();
    let begun = |bytes: &str| {
        let mut talk = Talk::with(site.port);
        talk.say(bytes);
        talk
    };
    let mut idle = begun("");
    let mut half = begun("GET /api/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-");
    let mut between = begun(&site.request("GET", "/health", &[], ""));
    assert_eq!(between.answer().expect("an answer").code, 200);
    let whole = site.request("POST", "/api/ack", &[&pass, FORM, "Content-Length: 4000"], "");
    let mut body = begun(&whole);
    let mut drip = begun(&whole);
    let mut keyless = begun(&site.request("POST", "/api/ack", &[FORM, "Content-Length: 40"], ""));
    // A client that drips as long as somebody listens.
    let dripping = std::thread::spawn(move || {
        let mut head = TcpStream::connect(("127.0.0.1", drip.port())).unwrap();
        let lines = "GET /health HTTP/1.1\r\n".bytes().chain("X-Drip: 1\r\n".bytes().cycle());
        for byte in lines {
            let goes_on = head.write_all(&[byte]).is_ok();
            let went_on = drip.say(b"k");
            if !goes_on && !went_on {
                break;
            }
            pause();
        }
        drip
    });
    keyless.answer().expect("an answer").with(401);
    body.answer().expect("an answer").with(408);
    site.is_well();
    assert_eq!((idle.rest(), half.rest(), between.rest()), (String::new(), String::new(), String::new()));
    let mut drip = dripping.join().unwrap();
    assert!(drip.answer().is_none_or(|answer| answer.code == 408));
    assert_eq!(site.refusals(), ["did not come whole in time", "had no token"]);
    site.is_well();
}

#[expect(clippy::disallowed_methods, reason = "a client that drips does so by the clock")]
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(50));
}

#[test]
fn resting_connections_are_no_offence() {
    let site = Site::open();
    let mut resting: Vec<Talk> = (0..20).map(|_| Talk::with(site.port)).collect();
    for talk in &mut resting {
        assert_eq!(talk.rest(), "");
    }
    assert_eq!(site.refusals(), [""; 0], "browsers open some ahead");
}

/// So many files may be open in this process.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "limits can only be had from the system")]
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
fn weight(engine: &Running) -> (usize, usize) {
    let of = |name: &str| format!("/proc/{}/{name}", engine.pid());
    let files = std::fs::read_dir(of("fd")).expect("its files").count();
    let pages = std::fs::read_to_string(of("statm")).expect("its memory");
    (files, pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4)
}

#[test]
#[cfg(target_os = "linux")]
fn a_thousand_idle_connections_starve_nobody() {
    allow_files(4096);
    let site = Site::open();
    let mut news = Talk::with(site.port);
    news.say(site.request("GET", "/events", &[&site.pass()], ""));
    assert_eq!(news.answer().expect("an answer").code, 200);
    site.get("/").with(200);
    let (files, memory) = weight(&site.engine);
    let mut idle = Vec::new();
    for number in 0..1000 {
        let mut talk = Talk::with(site.port);
        if number % 3 == 0 {
            talk.say("GET / HTTP/1.1\r\nHost: ");
        }
        idle.push(talk);
        if number % 100 == 99 {
            site.ask("GET", "/health", &[], "").with(200);
            let (files_now, _) = weight(&site.engine);
            assert!(files_now <= files + 60, "{files_now} files, {files} before");
        }
    }
    site.is_well();
    site.home.run(&["run-now"]).ok();
    site.get("/api/status").with(200);
    site.post("/api/ack", &format!("key={READINESS}")).with(200);
    // Who had shown a key was not sent away for those who had not.
    while news.line().expect("news") != "event: changed" {}
    drop(idle);
    eventually("the files are given back", || (weight(&site.engine).0 <= files + 2).then_some(()));
    let (_, memory_now) = weight(&site.engine);
    assert!(memory_now <= memory + 8 * 1024, "{memory_now} KiB, {memory} before");
    assert_eq!(site.refusals().iter().filter(|reason| reason.contains("too many connections")).count(), 1);
    site.is_well();
}

/// So many hold their place with a body that does not come, and more than there is room for.
#[test]
fn nor_do_a_hundred_that_never_end_their_bodies() {
    let site = Site::open();
    let request = site.request("GET", "/health", &["Content-Length: 10"], "");
    let slow = || {
        let mut talk = Talk::with(site.port);
        talk.say(&request);
        talk
    };
    let mut all = Vec::new();
    for _ in 0..5 {
        all.extend((0..60).map(|_| slow()));
        site.ask("GET", "/health", &[], "").with(200);
        site.get("/api/status").with(200);
    }
    site.is_well();
}

#[test]
fn one_that_asks_and_never_reads_disturbs_nobody() {
    let mut site = Site::open();
    let request = site.request("GET", "/api/journal", &[&site.pass()], "");
    let deaf: Vec<TcpStream> = (0..4)
        .map(|_| {
            let stream = TcpStream::connect(("127.0.0.1", site.port)).unwrap();
            stream.set_write_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
            // When nobody takes it any more, it waits.
            let _ = (&stream).write_all(request.repeat(200).as_bytes());
            stream
        })
        .collect();
    for _ in 0..10 {
        site.get("/").with(200);
    }
    site.is_well();
    assert_eq!(site.engine.stop("TERM"), Some(0), "nor is its reading waited for");
    drop(deaf);
}

#[test]
fn one_after_the_other_is_answered_in_order() {
    let site = Site::open();
    let pass = site.pass();
    let mut talk = Talk::with(site.port);
    let requests = [
        site.request("GET", "/health", &[], ""),
        site.request("GET", "/api/status", &[], ""),
        site.request("GET", "/api/status", &[&pass], ""),
        site.request("POST", "/api/pause", &[&pass, FORM], "for=1h"),
        site.request("GET", "/api/status", &[], ""), // a key is good for its own request alone
        site.request("GET", "/nowhere", &[&pass], ""),
    ];
    talk.say(requests.concat());
    let codes: Vec<u16> = requests.iter().map(|_| talk.answer().expect("an answer").code).collect();
    assert_eq!(codes, [200, 401, 200, 200, 401, 404]);
    assert_eq!(site.engine.status()["paused"], true);
}

#[test]
fn nothing_that_opens_the_door_is_ever_told() {
    let home = Home::new();
    let port = crate::support::visitor::free_port();
    home.set(json!({"http": {"enabled": true, "port": port}}));
    let engine = Running::spawn(&home, &["--verbose"]);
    eventually("the engine can be asked", || engine.ask(r#"{"command": "status"}"#));
    let mut site = Site { home, engine, port };
    let (token, link, unused) = (site.token(), site.link(), site.link());
    let cookie = site.come_in();
    let ticket_of = |link: &str| link.split_once("ticket=").unwrap().1.to_owned();
    site.ask("GET", &site.target(&link), &[], "").with(200);
    site.ask("GET", &site.target(&link), &[], "").with(401);
    let pass = site.pass();
    for target in PROTECTED.iter().filter(|target| **target != "/events").chain(&["/nowhere", "/health"]) {
        site.ask("GET", target, &[&pass], "");
        site.ask("GET", target, &[&cookie], "");
        site.ask("GET", target, &[&pass, "Host: evil.example"], "").with(421);
        site.ask("GET", target, &[&format!("{pass}0")], "");
        site.ask("GET", target, &[&format!("{cookie}0")], "");
    }
    site.ask("POST", "/api/pause", &[&cookie], "").with(403);
    site.ask("POST", "/api/ack", &[&pass, FORM], &format!("key={token}")).with(400);
    site.ask("POST", "/api/reset-circuit", &[&pass, FORM], "name=x").with(409);
    let status = site.get("/api/status").with(200).body;
    let whole = site.home.run(&["--status", "--json", "--verbose"]).ok();
    assert_eq!(site.engine.stop("TERM"), Some(0));
    let ticket = ticket_of(&link);
    let session = cookie.rsplit_once('=').unwrap().1;
    // Not even a part that could be put together with another.
    let parts = ticket.split('.').chain(session.split('.')).filter(|part| part.len() > 20);
    let secrets: Vec<String> =
        parts.map(str::to_owned).chain([token.clone(), ticket_of(&unused), ticket.clone(), session.into()]).collect();
    assert!(secrets.len() == 8, "{secrets:?}");
    let own = site.home.path("state/http-token");
    let files = site.home.everything();
    assert!(files.keys().any(|path| path.ends_with("operator.log")) && files.contains_key(&own));
    let shown = [("status", status), ("command line", whole.out + &whole.err), ("stderr", site.engine.said())];
    for secret in &secrets {
        for (path, bytes) in files.iter().filter(|(path, _)| **path != own) {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a key", path.display());
        }
        for (what, text) in &shown {
            assert!(!text.contains(secret.as_str()), "{what} holds a key");
        }
    }
}
