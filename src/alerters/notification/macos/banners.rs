//! What becomes of a notice in Notification Center: permission first, one banner an alert, updates in place and silent.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use super::permission::{Complaint, Permission, refused, unanswered};
use crate::alerters::notification::banner::Banner;
use crate::alerters::{Alerter, BoxFuture, Failure, FailureKind, Inbound, UserAction};
use crate::core::channel::Channel;
use crate::core::delivery::message::{Message, MessageKind};

/// A completion handler comes at once, or never: UserNotifications has been seen to hang in a bundle that was started by path.
const PATIENCE: Duration = Duration::from_secs(8);

/// The person may have to read the question first. With the rest of a message it stays within a minute.
const THINKING: Duration = Duration::from_secs(20);

/// What UserNotifications is asked for. Each answer comes from its completion handler, on a thread of the system.
pub(super) trait Center: std::fmt::Debug + Send + Sync + 'static {
    /// What the person has decided, without asking.
    fn permission(&self) -> oneshot::Receiver<Permission>;

    /// Ask the person; the answer may take as long as they like.
    fn ask(&self) -> oneshot::Receiver<Result<bool, Complaint>>;

    /// The notice that the banner of this name tells, if it is still in Notification Center.
    fn standing(&self, banner: &str) -> oneshot::Receiver<Option<String>>;

    /// Show a banner in place of the one of the same name. `told` is the notice that a press on it answers.
    fn show(&self, name: &str, told: &str, banner: &Banner) -> oneshot::Receiver<Result<(), Complaint>>;

    /// What is pressed from now on; kept until somebody takes it.
    fn presses(&self) -> Presses;
}

/// Where presses wait.
pub(super) type Presses = Arc<Mutex<mpsc::Receiver<UserAction>>>;

/// The alerter of the app bundle.
#[derive(Debug)]
pub(super) struct Banners<C> {
    center: C,
    /// The question that the person has not answered yet: it is put once, and every message looks for its answer.
    question: Mutex<Option<oneshot::Receiver<Result<bool, Complaint>>>>,
}

impl<C: Center> Banners<C> {
    pub(super) fn new(center: C) -> Self {
        Self { center, question: Mutex::default() }
    }

    /// A banner is named after the notice that showed it first, and keeps the name for as long as it stands.
    async fn deliver(&self, message: &Message) -> Result<Option<String>, Failure> {
        let name = match (&message.replaces, message.kind) {
            (Some(shown), _) => shown,
            (None, MessageKind::Update) => return Ok(None),
            (None, _) => &message.id,
        };
        if message.kind != MessageKind::Update {
            self.be_allowed().await?;
        }
        let standing = answer(self.center.standing(name), FailureKind::Retryable { retry_after: None }).await?;
        let told = match (message.kind, standing) {
            // Cleared away, or gone with a press on its button: it does not come back to say that all is well.
            (MessageKind::Update, None) => return Ok(Some(name.clone())),
            // The engine knows what it told as news; an update's buttons go on answering that.
            (MessageKind::Update, Some(told)) => told,
            // An earlier try whose outcome was not known did show it.
            (_, Some(told)) if told == message.id => return Ok(Some(name.clone())),
            _ => message.id.clone(),
        };
        answer(self.center.show(name, &told, &Banner::of(message)), FailureKind::Unconfirmed).await??;
        Ok(Some(name.clone()))
    }

    async fn be_allowed(&self) -> Result<(), Failure> {
        match answer(self.center.permission(), FailureKind::Retryable { retry_after: None }).await? {
            Permission::Granted { .. } => Ok(()),
            Permission::Refused => Err(refused()),
            Permission::NotAsked => self.ask().await,
        }
    }

    async fn ask(&self) -> Result<(), Failure> {
        let mut question = self.question.lock().await;
        let asked = question.get_or_insert_with(|| self.center.ask());
        let Ok(answer) = timeout(THINKING, asked).await else { return Err(unanswered()) };
        *question = None;
        match answer {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(refused()),
            Ok(Err(complaint)) => Err(complaint.into()),
            Err(_) => Err(unanswered()),
        }
    }
}

/// What a completion handler answers; `kind` is what follows if it does not.
async fn answer<T>(answer: oneshot::Receiver<T>, kind: FailureKind) -> Result<T, Failure> {
    let silent = || Failure {
        hint: "start Operator from Finder or as a login item if this does not pass".into(),
        ..Failure::new(kind, format!("macOS did not answer within {} s", PATIENCE.as_secs()))
    };
    timeout(PATIENCE, answer).await.map_err(|_| silent())?.map_err(|_| silent())
}

impl<C: Center> Alerter for Banners<C> {
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
        let permission = self.center.permission();
        Box::pin(async move { answer(permission, FailureKind::Retryable { retry_after: None }).await?.said() })
    }

    /// Presses are taken in from the moment of the call, not only once the task runs.
    fn listen(self: Arc<Self>, _bookmark: Option<String>, engine: mpsc::Sender<Inbound>) -> BoxFuture<'static, ()> {
        let presses = self.center.presses();
        Box::pin(async move {
            let mut presses = presses.lock().await;
            while let Some(press) = presses.recv().await {
                // Nobody waits for the sentence: macOS takes a banner away that has been answered.
                let (reply, _) = oneshot::channel();
                let heard = Inbound { channel: Channel::Notification, press: Some(press), bookmark: None, reply };
                if engine.send(heard).await.is_err() {
                    return;
                }
            }
        })
    }

    fn settings(&self) -> u64 {
        0
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex as Lock;

    use super::*;
    use crate::alerters::ActionButton;
    use crate::core::alert::{AlertKey, Category, Priority};
    use crate::core::delivery::message::{AlertState, MessageItem};

    pub(in crate::alerters::notification::macos) fn news(id: &str) -> Message {
        let at: jiff::ZonedDateTime = "2026-11-24T10:00[Europe/Berlin]".parse().unwrap();
        let item = MessageItem {
            key: AlertKey::new(Category::Task, "overdue"),
            priority: Priority::High,
            title: "3 tasks overdue".into(),
            message: "The oldest waits since Monday.".into(),
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

    pub(in crate::alerters::notification::macos) fn update(replaces: Option<&str>) -> Message {
        let replaces = replaces.map(str::to_owned);
        let mut update = Message { kind: MessageKind::Update, replaces, ..news("1f2e-9") };
        update.items[0].state = AlertState::Resolved;
        update
    }

    /// A Notification Center in memory.
    #[derive(Debug)]
    struct Fake {
        permission: Lock<Permission>,
        /// What the person says when asked; none: nothing yet.
        says: Option<Result<bool, Complaint>>,
        asked: Lock<Vec<oneshot::Sender<Result<bool, Complaint>>>>,
        complains: Lock<Option<Complaint>>,
        hangs: bool,
        /// Name → (message, title).
        stands: Lock<BTreeMap<String, (String, String)>>,
        shown: Lock<usize>,
        pressed: mpsc::Sender<UserAction>,
        presses: Presses,
    }

    fn fake(permission: Permission) -> Fake {
        let (pressed, presses) = mpsc::channel(4);
        Fake {
            permission: Lock::new(permission),
            says: None,
            asked: Lock::default(),
            complains: Lock::default(),
            hangs: false,
            stands: Lock::default(),
            shown: Lock::default(),
            pressed,
            presses: Arc::new(Mutex::new(presses)),
        }
    }

    const ALLOWED: Permission = Permission::Granted { banners: true, sound: true };

    fn ready<T>(value: T) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        assert!(sender.send(value).is_ok());
        receiver
    }

    impl Center for Fake {
        fn permission(&self) -> oneshot::Receiver<Permission> {
            ready(*self.permission.lock().unwrap())
        }

        fn ask(&self) -> oneshot::Receiver<Result<bool, Complaint>> {
            let (sender, receiver) = oneshot::channel();
            let sender = match self.says.clone() {
                Some(says) => {
                    sender.send(says).unwrap();
                    oneshot::channel().0
                }
                None => sender,
            };
            self.asked.lock().unwrap().push(sender);
            receiver
        }

        fn standing(&self, banner: &str) -> oneshot::Receiver<Option<String>> {
            ready(self.stands.lock().unwrap().get(banner).map(|(told, _)| told.clone()))
        }

        fn show(&self, name: &str, told: &str, banner: &Banner) -> oneshot::Receiver<Result<(), Complaint>> {
            if let Some(complaint) = self.complains.lock().unwrap().clone() {
                return ready(Err(complaint));
            }
            *self.shown.lock().unwrap() += 1;
            self.stands.lock().unwrap().insert(name.into(), (told.into(), banner.title.clone()));
            if self.hangs { oneshot::channel().1 } else { ready(Ok(())) }
        }

        fn presses(&self) -> Presses {
            Arc::clone(&self.presses)
        }
    }

    fn stands(banners: &Banners<Fake>, name: &str) -> Option<(String, String)> {
        banners.center.stands.lock().unwrap().get(name).cloned()
    }

    fn some(told: &str, title: &str) -> Option<(String, String)> {
        Some((told.into(), title.into()))
    }

    #[tokio::test]
    async fn an_alert_told_again_takes_its_old_place_and_an_update_stands_in_it() {
        let banners = Banners::new(fake(ALLOWED));
        assert_eq!(banners.send(&news("1f2e-1")).await, Ok(Some("1f2e-1".into())));
        let again = Message { replaces: Some("1f2e-1".into()), ..news("1f2e-4") };
        assert_eq!(banners.send(&again).await, Ok(Some("1f2e-1".into())));
        assert_eq!(stands(&banners, "1f2e-1"), some("1f2e-4", "3 tasks overdue"));
        assert_eq!(banners.send(&update(Some("1f2e-1"))).await, Ok(Some("1f2e-1".into())));
        // What is pressed on it still answers what was told last as news.
        assert_eq!(stands(&banners, "1f2e-1"), some("1f2e-4", "Resolved: 3 tasks overdue"));
    }

    #[tokio::test]
    async fn a_message_in_doubt_is_shown_once() {
        let banners = Banners::new(Fake { hangs: true, ..fake(ALLOWED) });
        tokio::time::pause();
        let failure = banners.send(&news("1f2e-1")).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unconfirmed);
        assert_eq!(banners.send(&news("1f2e-1")).await, Ok(Some("1f2e-1".into())));
        assert_eq!(*banners.center.shown.lock().unwrap(), 1);
    }

    #[tokio::test]
    async fn what_was_cleared_away_does_not_come_back_and_what_was_never_shown_is_not_updated() {
        let banners = Banners::new(fake(ALLOWED));
        assert_eq!(banners.send(&update(Some("1f2e-1"))).await, Ok(Some("1f2e-1".into())));
        assert_eq!(banners.send(&update(None)).await, Ok(None));
        assert_eq!(*banners.center.shown.lock().unwrap(), 0);
    }

    #[tokio::test]
    async fn the_person_is_asked_once_and_every_message_looks_for_the_answer() {
        let banners = Banners::new(fake(Permission::NotAsked));
        tokio::time::pause();
        for _ in 0..3 {
            assert_eq!(banners.send(&news("1f2e-1")).await, Err(unanswered()));
        }
        let question = banners.center.asked.lock().unwrap().pop().unwrap();
        assert!(banners.center.asked.lock().unwrap().is_empty());
        question.send(Ok(true)).unwrap();
        assert_eq!(banners.send(&news("1f2e-1")).await, Ok(Some("1f2e-1".into())));
    }

    #[tokio::test]
    async fn a_refusal_is_said_and_a_later_permission_is_seen() {
        let banners = Banners::new(Fake { says: Some(Ok(false)), ..fake(Permission::NotAsked) });
        assert_eq!(banners.send(&news("1f2e-1")).await, Err(refused()));
        *banners.center.permission.lock().unwrap() = Permission::Refused;
        assert_eq!(banners.send(&news("1f2e-1")).await, Err(refused()));
        assert_eq!(banners.center.asked.lock().unwrap().len(), 1);
        *banners.center.permission.lock().unwrap() = ALLOWED;
        assert_eq!(banners.send(&news("1f2e-1")).await, Ok(Some("1f2e-1".into())));
    }

    #[tokio::test]
    async fn a_build_that_macos_refuses_keeps_nothing_waiting() {
        let complaint = Complaint { domain: "UNErrorDomain".into(), code: 1, words: "Not allowed".into() };
        let banners = Banners::new(Fake { says: Some(Err(complaint.clone())), ..fake(Permission::NotAsked) });
        assert_eq!(banners.send(&news("1f2e-1")).await, Err(complaint.clone().into()));
        *banners.center.permission.lock().unwrap() = ALLOWED;
        *banners.center.complains.lock().unwrap() = Some(complaint.clone());
        assert_eq!(banners.send(&news("1f2e-1")).await, Err(complaint.into()));
    }

    #[tokio::test]
    async fn check_tells_the_state_and_does_not_ask() {
        let banners = Banners::new(fake(Permission::NotAsked));
        assert!(banners.probe().await.is_ok());
        assert!(banners.center.asked.lock().unwrap().is_empty());
        assert_eq!(Banners::new(fake(Permission::Refused)).probe().await, Err(refused()));
    }

    #[tokio::test]
    async fn what_was_pressed_before_anybody_listened_is_heard() {
        let banners = Arc::new(Banners::new(fake(ALLOWED)));
        let press = UserAction { message: "1f2e-1".into(), button: ActionButton::Snooze };
        banners.center.pressed.send(press.clone()).await.unwrap();
        // Once dropped, the next one that listens goes on.
        for _ in 0..2 {
            let (ears, mut heard) = mpsc::channel(1);
            let listening = tokio::spawn(Arc::clone(&banners).listen(None, ears));
            let came = heard.recv().await.unwrap();
            assert_eq!((came.channel, came.press), (Channel::Notification, Some(press.clone())));
            listening.abort();
            assert!(listening.await.unwrap_err().is_cancelled());
            banners.center.pressed.send(press.clone()).await.unwrap();
        }
        assert_eq!((banners.channel(), banners.settings()), (Channel::Notification, 0));
    }
}
