//! The alerter of Linux desktops by itself, on a real session bus: what the built program does only once in a blue moon.

use std::sync::Arc;

use jiff::Timestamp;
use operator::alerters::{Alerter, Failure, FailureKind, notification};
use operator::config::schema::NotificationConfig;
use operator::core::alert::{AlertKey, Category, Priority};
use operator::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};
use tokio::runtime::Runtime;

use crate::support::desktop::{Answer, Banner, Desktop, Service, USUAL, silent_bus};
use crate::support::home::Home;

/// Numbers of the program's own begin here.
const OURS: u32 = 0x4000_0000;

struct Alone {
    runtime: Runtime,
    alerter: Arc<dyn Alerter>,
}

impl Alone {
    fn at(address: &str) -> Self {
        let env = |name: &str| (name == "DBUS_SESSION_BUS_ADDRESS").then(|| address.to_owned());
        let alerter = notification::alerter(&NotificationConfig::default(), &env).expect("it is on");
        Self { runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(), alerter }
    }

    fn send(&self, message: &Message) -> Result<Option<String>, Failure> {
        self.runtime.block_on(self.alerter.send(message))
    }
}

fn notice(id: &str, kind: MessageKind, message: &str, replaces: Option<String>) -> Message {
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
fn a_message_too_long_for_a_glance_is_cut_and_says_so() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let long = "<&> ".repeat(2_500);
    Alone::at(&desktop.address()).send(&notice("a-1", MessageKind::New, &long, None)).unwrap();
    let body = shown_by(&service).body;
    assert!(body.starts_with("&lt;&amp;&gt; &lt;") && body.ends_with(" more characters)"), "{body}");
    let read = body.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert!(read.chars().count() <= 1_000 && !read.contains("; "), "no entity is cut: {read}");
}

#[test]
fn news_takes_the_place_of_earlier_news_where_that_stands() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let alone = Alone::at(&desktop.address());
    let first = alone.send(&notice("a-1", MessageKind::New, "one", None)).unwrap();
    let before = shown_by(&service);
    let second = alone.send(&notice("a-2", MessageKind::New, "two", first.clone())).unwrap();
    assert_eq!((shown_by(&service).replaces, &second), (before.number, &first));
    // Of another server, or nothing that we wrote.
    for stale in [first.unwrap().replace(':', ":9"), "7".into()] {
        let update = notice("a-3", MessageKind::Update, "over", Some(stale.clone()));
        assert_eq!(alone.send(&update), Ok(None));
        assert_eq!(service.shown().len() % 2, 0, "an update has nothing to bring up to date");
        alone.send(&notice("a-4", MessageKind::New, "three", Some(stale))).unwrap();
        assert!(shown_by(&service).replaces >= OURS, "{:?}", shown_by(&service));
        alone.send(&notice("a-5", MessageKind::New, "four", None)).unwrap();
    }
}

#[test]
fn what_may_have_been_seen_is_taken_back_where_it_can_be_seen() {
    let desktop = Desktop::start();
    let service = desktop.serve(USUAL);
    let alone = Alone::at(&desktop.address());
    service.will(&[Answer::Silence]);
    let doubt = alone.send(&notice("a-1", MessageKind::New, "one", None)).unwrap_err();
    assert_eq!(doubt, Failure::new(FailureKind::Unconfirmed, "the notification service did not answer in time"));
    // Nobody knows what it is called.
    alone.send(&notice("a-2", MessageKind::Update, "over", None)).unwrap();
    let update = shown_by(&service);
    assert_eq!((update.title.as_str(), update.urgency(), update.is("transient")), ("Resolved: x", 0, true));
}

#[test]
fn the_way_to_the_bus_decides_what_is_said() {
    let home = Home::new();
    let (listener, address) = silent_bus(&home);
    drop(listener);
    for (address, said) in [
        (address.as_str(), "the session bus cannot be reached (Connection refused (os error 111))"),
        ("unix:path=/nowhere;nonsense", "the session bus cannot be reached (its address cannot be read)"),
        (";", "the session bus cannot be reached (its address cannot be read)"),
    ] {
        let failure = Alone::at(address).send(&notice("a-1", MessageKind::New, "one", None)).unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::NoTransport, said));
        assert!(failure.hint.contains("DBUS_SESSION_BUS_ADDRESS"), "{failure}");
    }
}
