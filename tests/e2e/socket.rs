//! Whatever is said to the socket, the engine goes on.

use std::io::{Read, Write};

use rstest::rstest;

use crate::support::engine::Running;
use crate::support::home::Home;

/// Bytes that look like nothing.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 42_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..count).map(|_| byte()).collect()
}

#[rstest]
#[case::noise(noise(4096))]
#[case::noise_and_newline([noise(4096), vec![b'\n']].concat())]
#[case::empty_line(b"\n".to_vec())]
#[case::not_json(b"status\n".to_vec())]
#[case::unknown_command(b"{\"command\": \"sudo\"}\n".to_vec())]
#[case::missing_field(b"{\"command\": \"snooze\"}\n".to_vec())]
#[case::not_a_key(b"{\"command\": \"acknowledge\", \"key\": \"\"}\n".to_vec())]
#[case::deep(vec![b'['; 60_000])]
#[case::long_line([vec![b'x'; 1_000_000], vec![b'\n']].concat())]
#[case::long_request([b"{\"command\": \"reset_circuit\", \"name\": \"".to_vec(), vec![b'x'; 1_000_000], b"\"}\n".to_vec()].concat())]
fn garbage_on_socket_is_refused(#[case] bytes: Vec<u8>) {
    let home = Home::new();
    let mut engine = Running::start(&home);
    let mut stream = engine.connect().unwrap();
    // It may hang up before it has heard all of it.
    let _ = stream.write_all(&bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
    let mut reply = String::new();
    if stream.read_to_string(&mut reply).is_ok() && !reply.is_empty() {
        let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
        assert_eq!(reply["ok"], false, "{reply}");
        assert!(reply["message"].as_str().is_some_and(|message| (1..500).contains(&message.len())), "{reply}");
    }
    assert_eq!(engine.status()["running"], true);
    assert!(!engine.stderr_text().contains("panicked"), "{}", engine.stderr_text());
    assert_eq!(engine.stop("TERM"), Some(0));
}

#[test]
fn idle_clients_block_no_command() {
    let home = Home::new();
    let mut engine = Running::start(&home);
    let mut silent: Vec<_> = (0..50).map(|_| engine.connect().unwrap()).collect();
    for stream in &mut silent {
        stream.write_all(b"{\"command\": \"sta").unwrap();
    }
    home.run(&["run-now"]).ok();
    assert_eq!(home.run(&["--status", "--json"]).ok().json()["running"], true);
    assert_eq!(engine.stop("TERM"), Some(0), "nor does it wait for them to end");
}

#[test]
fn disconnected_client_is_ignored() {
    let home = Home::new();
    let engine = Running::start(&home);
    for _ in 0..20 {
        let mut stream = engine.connect().unwrap();
        stream.write_all(b"{\"command\": \"run_now\"}\n").unwrap();
    }
    assert_eq!(home.run(&["run-now", "--json"]).ok().json()["monitors"]["health"]["status"], "ok");
    assert_eq!(engine.status()["running"], true);
}
