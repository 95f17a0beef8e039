//! The D-Bus alerter on a real session bus: cases that are hard to reach with the built program.

use std::sync::Arc;

use jiff::Timestamp;
use operator::alerters::{Alerter, Failure, FailureKind, notification};
use operator::core::alert::{AlertKey, Category, Priority};
use operator::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};
use tokio::runtime::Runtime;

use crate::support::desktop::{Answer, Banner, Desktop, Service, USUAL, silent_bus};
use crate::support::home::Home;

/// The first number of `stable_id`.
const FIRST_STABLE_ID: u32 = 0x4000_0000;

struct SingleAlerter {
    runtime: Runtime,
    alerter: Arc<dyn Alerter>,
}

impl SingleAlerter {
    fn at(address: &str) -> Self {
        let env = |name: &str| (name == "DBUS_SESSION_BUS_ADDRESS").then(|| address.to_owned());
        let alerter = notification::alerter(&env);
        Self { runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(), alerter }
    }

    fn send(&self, message: &Message) -> Result<Option<String>, Failure> {
        self.runtime.block_on(self.alerter.send(message))
    }
}

fn message(id: &str, kind: MessageKind, message: &str, replaces: Option<String>) -> Message {
    let at = Timestamp::UNIX_EPOCH.to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let item = MessageItem {
        key: AlertKey::new(Category::Task, "x"),
        priority: Priority::High,
        title: "x".into(),
        message: message.into(),
        source: None,
        at: at.clone(),
        state: if kind == MessageKind::Update { AlertState::Resolved } else { AlertState::Open },
    };
    Message { id: id.into(), kind, priority: Priority::High, items: vec![item], omitted: 0, replaces, at }
}

fn shown_by(service: &Service) -> Banner {
    service.shown().pop().expect("a banner")
}

#[test]
fn long_message_is_cut() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let long = "<&> ".repeat(2_500);
    SingleAlerter::at(&desktop.address()).send(&message("a-1", MessageKind::New, &long, None)).unwrap();
    let body = shown_by(&service).body;
    assert!(body.starts_with("&lt;&amp;&gt; &lt;") && body.ends_with(" more characters)"), "{body}");
    let read = body.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert!(read.chars().count() <= 1_000 && !read.contains("; "), "no entity is cut: {read}");
}

#[test]
fn repeat_replaces_a_visible_banner() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let alerter = SingleAlerter::at(&desktop.address());
    let first = alerter.send(&message("a-1", MessageKind::New, "one", None)).unwrap();
    let before = shown_by(&service);
    let second = alerter.send(&message("a-2", MessageKind::New, "two", first.clone())).unwrap();
    assert_eq!((shown_by(&service).replaces, &second), (before.number, &first));
    // The id of another server, or no valid id.
    for stale in [first.unwrap().replace(':', ":9"), "7".into()] {
        let update = message("a-3", MessageKind::Update, "over", Some(stale.clone()));
        assert_eq!(alerter.send(&update), Ok(None));
        assert_eq!(service.shown().len() % 2, 0, "an update without a visible banner is not shown");
        alerter.send(&message("a-4", MessageKind::New, "three", Some(stale))).unwrap();
        assert!(shown_by(&service).replaces >= FIRST_STABLE_ID, "{:?}", shown_by(&service));
        alerter.send(&message("a-5", MessageKind::New, "four", None)).unwrap();
    }
}

#[test]
fn unconfirmed_message_gets_its_update() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let alerter = SingleAlerter::at(&desktop.address());
    service.answer_next(&[Answer::Silence]);
    let doubt = alerter.send(&message("a-1", MessageKind::New, "one", None)).unwrap_err();
    assert_eq!(doubt, Failure::new(FailureKind::Unconfirmed, "the notification service did not answer in time"));
    // The id of the banner is unknown.
    alerter.send(&message("a-2", MessageKind::Update, "over", None)).unwrap();
    let update = shown_by(&service);
    assert_eq!((update.title.as_str(), update.urgency(), update.is("transient")), ("Resolved: x", 0, true));
}

#[test]
fn unreachable_bus_is_described() {
    let home = Home::new();
    let (listener, address) = silent_bus(&home);
    drop(listener);
    for (address, text) in [
        (address.as_str(), "the session bus cannot be reached (Connection refused (os error 111))"),
        ("unix:path=/nowhere;nonsense", "the session bus cannot be reached (its address is not valid)"),
        (";", "the session bus cannot be reached (its address is not valid)"),
    ] {
        let failure = SingleAlerter::at(address).send(&message("a-1", MessageKind::New, "one", None)).unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::NoTransport, text));
        assert!(failure.hint.contains("DBUS_SESSION_BUS_ADDRESS"), "{failure}");
    }
}
