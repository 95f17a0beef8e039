//! The alerter of Notification Center: asks for permission first, shows one banner per message, and updates it silently in place.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use super::permission::{CenterError, Permission, denied, not_bundled, unanswered};
use crate::alerters::notification::banner::Banner;
use crate::alerters::{Alerter, BoxFuture, Failure, FailureKind, Inbound, UserAction};
use crate::core::channel::Channel;
use crate::core::delivery::message::{Message, MessageKind};

/// A completion handler runs immediately or never: UserNotifications hangs in a bundle that was started by path.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The user may have to read the question first. Together with the rest of a send this stays below a minute.
const PERMISSION_TIMEOUT: Duration = Duration::from_secs(20);

const RETRYABLE: FailureKind = FailureKind::Retryable { retry_after: None };

/// UserNotifications. Each receiver resolves in a completion handler, on a thread of the system.
pub(super) trait NotificationCenter: std::fmt::Debug + Send + Sync + 'static {
    /// The current permission, without asking the user.
    fn permission(&self) -> oneshot::Receiver<Permission>;

    /// Asks the user, who may take any time to answer.
    fn request_permission(&self) -> oneshot::Receiver<Result<bool, CenterError>>;

    /// The id of the message that a banner shows, if the banner is still in Notification Center.
    fn visible_message(&self, banner_name: &str) -> oneshot::Receiver<Option<String>>;

    /// Shows a banner in place of the one with the same name. Its buttons refer to `message_id`.
    fn show(&self, name: &str, message_id: &str, banner: &Banner) -> oneshot::Receiver<Result<(), CenterError>>;

    /// Button presses from now on, queued until a listener receives them.
    fn actions(&self) -> ActionQueue;
}

pub(super) type ActionQueue = Arc<Mutex<mpsc::Receiver<UserAction>>>;

#[derive(Debug)]
pub(super) struct MacAlerter<C> {
    /// `None` outside an app bundle.
    center: Option<C>,
    /// The pending permission request: the user is asked once, and every message waits for the answer.
    request: Mutex<Option<oneshot::Receiver<Result<bool, CenterError>>>>,
}

impl<C: NotificationCenter> MacAlerter<C> {
    pub(super) fn new(center: Option<C>) -> Self {
        Self { center, request: Mutex::default() }
    }

    fn center(&self) -> Result<&C, Failure> {
        self.center.as_ref().ok_or_else(not_bundled)
    }

    /// A banner is named after its first message and keeps that name.
    async fn deliver(&self, message: &Message) -> Result<Option<String>, Failure> {
        let center = self.center()?;
        let name = match (&message.replaces, message.kind) {
            (Some(first), _) => first,
            (None, MessageKind::Update) => return Ok(None),
            (None, _) => &message.id,
        };
        if message.kind != MessageKind::Update {
            self.ensure_permission(center).await?;
        }
        let visible = completion(center.visible_message(name), RETRYABLE).await?;
        let message_id = match (message.kind, visible) {
            // Cleared by the user or by a press: an update does not bring it back.
            (MessageKind::Update, None) => return Ok(Some(name.clone())),
            // Buttons refer to the last new message, not to an update: the engine knows only that one.
            (MessageKind::Update, Some(shown)) => shown,
            // An earlier, unconfirmed attempt did show it.
            (_, Some(shown)) if shown == message.id => return Ok(Some(name.clone())),
            _ => message.id.clone(),
        };
        completion(center.show(name, &message_id, &Banner::new(message)), FailureKind::Unconfirmed).await??;
        Ok(Some(name.clone()))
    }

    async fn ensure_permission(&self, center: &C) -> Result<(), Failure> {
        match completion(center.permission(), RETRYABLE).await? {
            Permission::Granted { .. } => Ok(()),
            Permission::Denied => Err(denied()),
            Permission::NotAsked => self.request_permission(center).await,
        }
    }

    async fn request_permission(&self, center: &C) -> Result<(), Failure> {
        let mut request = self.request.lock().await;
        let pending = request.get_or_insert_with(|| center.request_permission());
        let Ok(answer) = timeout(PERMISSION_TIMEOUT, pending).await else { return Err(unanswered()) };
        *request = None;
        match answer {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(denied()),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(unanswered()),
        }
    }
}

/// Waits for a completion handler; `kind` is the failure kind of one that never runs.
async fn completion<T>(result: oneshot::Receiver<T>, kind: FailureKind) -> Result<T, Failure> {
    let no_answer = || Failure {
        hint: "if this persists, start Operator from Finder or as a login item".into(),
        ..Failure::new(kind, format!("macOS did not answer within {} s", CALL_TIMEOUT.as_secs()))
    };
    timeout(CALL_TIMEOUT, result).await.map_err(|_| no_answer())?.map_err(|_| no_answer())
}

impl<C: NotificationCenter> Alerter for MacAlerter<C> {
    fn channel(&self) -> Channel {
        Channel::Notification
    }

    fn is_local(&self) -> bool {
        true
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(self.deliver(message))
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async move { completion(self.center()?.permission(), RETRYABLE).await?.describe() })
    }

    /// Queues presses from the call on, not only once the future runs.
    fn listen(self: Arc<Self>, _cursor: Option<String>, engine: mpsc::Sender<Inbound>) -> BoxFuture<'static, ()> {
        let Some(actions) = self.center.as_ref().map(C::actions) else { return Box::pin(async {}) };
        Box::pin(async move {
            let mut actions = actions.lock().await;
            while let Some(action) = actions.recv().await {
                // macOS removes the banner with the press: there is no place for the reply.
                let (reply, _) = oneshot::channel();
                let inbound = Inbound { channel: Channel::Notification, action: Some(action), cursor: None, reply };
                if engine.send(inbound).await.is_err() {
                    return;
                }
            }
        })
    }

    /// Nothing is configurable.
    fn config_hash(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex as Lock;

    use super::*;
    use crate::alerters::ActionButton;
    use crate::core::alert::{AlertKey, Category, Priority};
    use crate::core::delivery::message::{AlertState, MessageItem};

    fn new_message(id: &str) -> Message {
        let at: jiff::ZonedDateTime = "2026-11-24T10:00[Europe/Berlin]".parse().unwrap();
        let item = MessageItem {
            key: AlertKey::new(Category::Task, "overdue"),
            priority: Priority::High,
            title: "3 tasks overdue".into(),
            message: "The oldest is due since Monday.".into(),
            source: None,
            at: at.clone(),
            state: AlertState::Open,
        };
        Message {
            id: id.into(),
            kind: MessageKind::New,
            priority: Priority::High,
            items: vec![item],
            omitted: 0,
            replaces: None,
            at,
        }
    }

    fn update(replaces: Option<&str>) -> Message {
        let replaces = replaces.map(str::to_owned);
        let mut update = Message { kind: MessageKind::Update, replaces, ..new_message("1f2e-9") };
        update.items[0].state = AlertState::Resolved;
        update
    }

    /// A Notification Center in memory.
    #[derive(Debug)]
    struct FakeCenter {
        permission: Lock<Permission>,
        /// The user's answer to a permission request; `None` while there is none.
        answer: Option<Result<bool, CenterError>>,
        requests: Lock<Vec<oneshot::Sender<Result<bool, CenterError>>>>,
        show_error: Lock<Option<CenterError>>,
        hangs: bool,
        /// Message id and title by banner name.
        visible: Lock<BTreeMap<String, (String, String)>>,
        times_shown: Lock<usize>,
        press: mpsc::Sender<UserAction>,
        actions: ActionQueue,
    }

    fn fake(permission: Permission) -> FakeCenter {
        let (press, actions) = mpsc::channel(4);
        FakeCenter {
            permission: Lock::new(permission),
            answer: None,
            requests: Lock::default(),
            show_error: Lock::default(),
            hangs: false,
            visible: Lock::default(),
            times_shown: Lock::default(),
            press,
            actions: Arc::new(Mutex::new(actions)),
        }
    }

    const ALLOWED: Permission = Permission::Granted { banners: true, sound: true };

    fn ready<T>(value: T) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        assert!(sender.send(value).is_ok());
        receiver
    }

    impl NotificationCenter for FakeCenter {
        fn permission(&self) -> oneshot::Receiver<Permission> {
            ready(*self.permission.lock().unwrap())
        }

        fn request_permission(&self) -> oneshot::Receiver<Result<bool, CenterError>> {
            let (sender, receiver) = oneshot::channel();
            let sender = match self.answer.clone() {
                Some(answer) => {
                    sender.send(answer).unwrap();
                    oneshot::channel().0
                }
                None => sender,
            };
            self.requests.lock().unwrap().push(sender);
            receiver
        }

        fn visible_message(&self, name: &str) -> oneshot::Receiver<Option<String>> {
            ready(self.visible.lock().unwrap().get(name).map(|(id, _)| id.clone()))
        }

        fn show(&self, name: &str, message_id: &str, banner: &Banner) -> oneshot::Receiver<Result<(), CenterError>> {
            if let Some(error) = self.show_error.lock().unwrap().clone() {
                return ready(Err(error));
            }
            *self.times_shown.lock().unwrap() += 1;
            self.visible.lock().unwrap().insert(name.into(), (message_id.into(), banner.title.clone()));
            if self.hangs { oneshot::channel().1 } else { ready(Ok(())) }
        }

        fn actions(&self) -> ActionQueue {
            Arc::clone(&self.actions)
        }
    }

    fn mac_alerter(center: FakeCenter) -> MacAlerter<FakeCenter> {
        MacAlerter::new(Some(center))
    }

    fn fake_of(alerter: &MacAlerter<FakeCenter>) -> &FakeCenter {
        alerter.center.as_ref().unwrap()
    }

    /// Message id and title of a visible banner.
    fn visible(alerter: &MacAlerter<FakeCenter>, name: &str) -> Option<(String, String)> {
        fake_of(alerter).visible.lock().unwrap().get(name).cloned()
    }

    fn shown(message_id: &str, title: &str) -> Option<(String, String)> {
        Some((message_id.into(), title.into()))
    }

    #[tokio::test]
    async fn repeat_and_update_replace_the_banner() {
        let alerter = mac_alerter(fake(ALLOWED));
        assert_eq!(alerter.send(&new_message("1f2e-1")).await, Ok(Some("1f2e-1".into())));
        let again = Message { replaces: Some("1f2e-1".into()), ..new_message("1f2e-4") };
        assert_eq!(alerter.send(&again).await, Ok(Some("1f2e-1".into())));
        assert_eq!(visible(&alerter, "1f2e-1"), shown("1f2e-4", "3 tasks overdue"));
        assert_eq!(alerter.send(&update(Some("1f2e-1"))).await, Ok(Some("1f2e-1".into())));
        // Its buttons still refer to the last new message.
        assert_eq!(visible(&alerter, "1f2e-1"), shown("1f2e-4", "Resolved: 3 tasks overdue"));
    }

    #[tokio::test]
    async fn unconfirmed_message_is_shown_once() {
        let alerter = mac_alerter(FakeCenter { hangs: true, ..fake(ALLOWED) });
        tokio::time::pause();
        let failure = alerter.send(&new_message("1f2e-1")).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unconfirmed);
        assert_eq!(alerter.send(&new_message("1f2e-1")).await, Ok(Some("1f2e-1".into())));
        assert_eq!(*fake_of(&alerter).times_shown.lock().unwrap(), 1);
    }

    #[tokio::test]
    async fn update_does_not_restore_a_cleared_banner() {
        let alerter = mac_alerter(fake(ALLOWED));
        assert_eq!(alerter.send(&update(Some("1f2e-1"))).await, Ok(Some("1f2e-1".into())));
        assert_eq!(alerter.send(&update(None)).await, Ok(None));
        assert_eq!(*fake_of(&alerter).times_shown.lock().unwrap(), 0);
    }

    #[tokio::test]
    async fn user_is_asked_once_for_all_messages() {
        let alerter = mac_alerter(fake(Permission::NotAsked));
        tokio::time::pause();
        for _ in 0..3 {
            assert_eq!(alerter.send(&new_message("1f2e-1")).await, Err(unanswered()));
        }
        let request = fake_of(&alerter).requests.lock().unwrap().pop().unwrap();
        assert!(fake_of(&alerter).requests.lock().unwrap().is_empty());
        request.send(Ok(true)).unwrap();
        assert_eq!(alerter.send(&new_message("1f2e-1")).await, Ok(Some("1f2e-1".into())));
    }

    #[tokio::test]
    async fn later_permission_is_noticed() {
        let alerter = mac_alerter(FakeCenter { answer: Some(Ok(false)), ..fake(Permission::NotAsked) });
        assert_eq!(alerter.send(&new_message("1f2e-1")).await, Err(denied()));
        *fake_of(&alerter).permission.lock().unwrap() = Permission::Denied;
        assert_eq!(alerter.send(&new_message("1f2e-1")).await, Err(denied()));
        assert_eq!(fake_of(&alerter).requests.lock().unwrap().len(), 1);
        *fake_of(&alerter).permission.lock().unwrap() = ALLOWED;
        assert_eq!(alerter.send(&new_message("1f2e-1")).await, Ok(Some("1f2e-1".into())));
    }

    #[tokio::test]
    async fn rejected_build_fails_without_waiting() {
        let error = CenterError { domain: "UNErrorDomain".into(), code: 1, message: "Not allowed".into() };
        let alerter = mac_alerter(FakeCenter { answer: Some(Err(error.clone())), ..fake(Permission::NotAsked) });
        assert_eq!(alerter.send(&new_message("1f2e-1")).await, Err(error.clone().into()));
        *fake_of(&alerter).permission.lock().unwrap() = ALLOWED;
        *fake_of(&alerter).show_error.lock().unwrap() = Some(error.clone());
        assert_eq!(alerter.send(&new_message("1f2e-1")).await, Err(error.into()));
    }

    #[tokio::test]
    async fn probe_does_not_ask_the_user() {
        let alerter = mac_alerter(fake(Permission::NotAsked));
        assert!(alerter.probe().await.is_ok());
        assert!(fake_of(&alerter).requests.lock().unwrap().is_empty());
        assert_eq!(mac_alerter(fake(Permission::Denied)).probe().await, Err(denied()));
    }

    #[tokio::test]
    async fn press_before_listening_is_delivered() {
        let alerter = Arc::new(mac_alerter(fake(ALLOWED)));
        let action = UserAction { message_id: "1f2e-1".into(), button: ActionButton::Snooze };
        fake_of(&alerter).press.send(action.clone()).await.unwrap();
        // The next listener continues.
        for _ in 0..2 {
            let (engine, mut inbound) = mpsc::channel(1);
            let listener = tokio::spawn(Arc::clone(&alerter).listen(None, engine));
            let event = inbound.recv().await.unwrap();
            assert_eq!((event.channel, event.action), (Channel::Notification, Some(action.clone())));
            listener.abort();
            assert!(listener.await.unwrap_err().is_cancelled());
            fake_of(&alerter).press.send(action.clone()).await.unwrap();
        }
        assert_eq!((alerter.channel(), alerter.config_hash()), (Channel::Notification, 0));
    }

    #[tokio::test]
    async fn missing_bundle_is_reported() {
        let alerter = MacAlerter::<FakeCenter>::new(None);
        assert_eq!(alerter.send(&new_message("1f2e-1")).await, Err(not_bundled()));
        assert_eq!(alerter.probe().await, Err(not_bundled()));
    }
}
