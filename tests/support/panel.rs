//! A fake desktop panel on a session bus: it hosts a tray item, reads its icon and menu, and clicks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use tokio::runtime::Handle;
use zbus::message::Header;
use zbus::zvariant::{OwnedValue, Type, Value};
use zbus::{Connection, MatchRule, MessageStream, connection, interface};

use super::desktop::Desktop;
use super::home::eventually;

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

pub(crate) struct Panel {
    connection: Connection,
    runtime: Handle,
    registered: Arc<Mutex<Vec<String>>>,
    repaints: Arc<AtomicUsize>,
}

/// A menu item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    id: i32,
    pub(crate) label: String,
    pub(crate) enabled: bool,
    /// `None` for an item without a check mark.
    pub(crate) ticked: Option<bool>,
    pub(crate) lines: Vec<Self>,
}

struct Watcher(Arc<Mutex<Vec<String>>>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, _service: &str, #[zbus(header)] header: Header<'_>) {
        self.0.lock().unwrap().push(header.sender().unwrap().to_string());
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

#[derive(Deserialize, Type)]
struct Layout {
    _revision: u32,
    root: (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>),
}

impl Panel {
    pub(crate) fn on(desktop: &Desktop) -> Self {
        let registered = Arc::new(Mutex::new(Vec::new()));
        let (watcher, address) = (Watcher(Arc::clone(&registered)), desktop.address());
        let serve = async move {
            let builder = connection::Builder::address(address.as_str())?;
            builder.serve_at("/StatusNotifierWatcher", watcher)?.name(WATCHER)?.build().await
        };
        let runtime = desktop.runtime();
        let connection = runtime.block_on(serve).expect("the panel is on the bus");
        let repaints = Arc::new(AtomicUsize::new(0));
        runtime.spawn(count(connection.clone(), Arc::clone(&repaints)));
        Self { connection, runtime, registered, repaints }
    }

    /// Waits for a tray item.
    pub(crate) fn wait(&self) {
        eventually("a tray item registers itself", || self.item());
    }

    /// The number of items that registered so far.
    pub(crate) fn items(&self) -> usize {
        self.registered.lock().unwrap().len()
    }

    /// The number of change signals of the item.
    pub(crate) fn repaints(&self) -> usize {
        self.repaints.load(Ordering::SeqCst)
    }

    fn item(&self) -> Option<String> {
        self.registered.lock().unwrap().last().cloned()
    }

    fn property(&self, name: &str) -> Option<OwnedValue> {
        let call = self.call("/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Get", &(ITEM, name))?;
        call.body().deserialize().ok()
    }

    fn call<B: serde::Serialize + zbus::zvariant::DynamicType>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Option<zbus::Message> {
        let item = self.item()?;
        let call = self.connection.call_method(Some(item.as_str()), path, Some(interface), method, body);
        self.runtime.block_on(call).ok()
    }

    pub(crate) fn title(&self) -> Option<String> {
        String::try_from(self.property("Title")?).ok()
    }

    pub(crate) fn tooltip(&self) -> Option<String> {
        let Value::Structure(parts) = Value::from(self.property("ToolTip")?) else { return None };
        String::try_from(parts.into_fields().pop()?).ok()
    }

    /// Width and pixels of the icon.
    pub(crate) fn icon(&self) -> Option<(i32, Vec<u8>)> {
        let Value::Array(pictures) = Value::from(self.property("IconPixmap")?) else { return None };
        let Value::Structure(picture) = pictures.get::<Value>(0).ok()?? else { return None };
        let mut fields = picture.into_fields();
        let pixels = Vec::<u8>::try_from(fields.pop()?).ok()?;
        Some((i32::try_from(fields.first()?).ok()?, pixels))
    }

    pub(crate) fn menu(&self) -> Vec<Line> {
        self.layout().unwrap_or_default()
    }

    fn layout(&self) -> Option<Vec<Line>> {
        let reply = self.call("/MenuBar", MENU, "GetLayout", &(0_i32, -1_i32, Vec::<String>::new()))?;
        let layout: Layout = reply.body().deserialize().ok()?;
        let (_, _, children) = layout.root;
        Some(children.into_iter().filter_map(|child| line(child.into())).collect())
    }

    /// Clicks the item with this label; `Submenu > Item` names a nested one. Ids change with the layout, and a click on an old id is
    /// lost: the click waits until the menu no longer changes.
    pub(crate) fn click(&self, path: &str) {
        let seen = std::cell::RefCell::new((0, Vec::new()));
        eventually("the menu stops changing", || {
            let (now, mut seen) = (self.menu(), seen.borrow_mut());
            *seen = if seen.1 == now { (seen.0 + 1, now) } else { (0, now) };
            (seen.0 >= 10).then_some(())
        });
        let id = eventually(&format!("{path} is in the menu"), || find(&self.menu(), path));
        let event = (id, "clicked", Value::from(0_i32), 0_u32);
        // After Quit the item may be gone before it answers.
        let _ = self.call("/MenuBar", MENU, "Event", &event);
    }

    pub(crate) fn line(&self, label: &str) -> Option<Line> {
        self.menu().into_iter().find(|line| line.label == label)
    }

    pub(crate) fn wait_for_tooltip(&self, tooltip: &str) {
        let seen = std::cell::RefCell::new(None);
        eventually(&format!("the tooltip says: {tooltip}; it says: {seen:?}"), || {
            *seen.borrow_mut() = self.tooltip();
            (seen.borrow().as_deref() == Some(tooltip)).then_some(())
        });
    }
}

fn find(lines: &[Line], path: &str) -> Option<i32> {
    match path.split_once(" > ") {
        None => lines.iter().find(|line| line.label == path && line.enabled).map(|line| line.id),
        Some((first, rest)) => find(&lines.iter().find(|line| line.label == first)?.lines, rest),
    }
}

/// `None` for an invalid or hidden item.
fn line(node: Value<'static>) -> Option<Line> {
    let parts = match node {
        Value::Value(inner) => return line(*inner),
        Value::Structure(parts) => parts,
        _ => return None,
    };
    let mut fields = parts.into_fields().into_iter();
    let id = i32::try_from(fields.next()?).ok()?;
    let properties = HashMap::<String, OwnedValue>::try_from(fields.next()?).ok()?;
    let Value::Array(children) = fields.next()? else { return None };
    let text =
        |name: &str| properties.get(name).and_then(|value| value.downcast_ref::<&str>().ok()).unwrap_or_default();
    let truth = |name: &str| properties.get(name).and_then(|value| value.downcast_ref::<bool>().ok());
    let state = properties.get("toggle-state").and_then(|value| value.downcast_ref::<i32>().ok());
    let label = if text("type") == "separator" { "----" } else { text("label") };
    Some(Line {
        id,
        // One `_` marks an access key, two are a literal one.
        label: label.replace("__", "\u{0}").replace('_', "").replace('\u{0}', "_"),
        enabled: truth("enabled").unwrap_or(true),
        ticked: state.filter(|_| text("toggle-type") == "checkmark").map(|state| state == 1),
        lines: children.iter().filter_map(|child| line(child.try_to_owned().ok()?.into())).collect(),
    })
}

/// Counts the change signals of the item and its menu.
async fn count(connection: Connection, repaints: Arc<AtomicUsize>) {
    use futures_lite::StreamExt;
    let rule = MatchRule::builder().msg_type(zbus::message::Type::Signal).build();
    let mut signals = MessageStream::for_match_rule(rule, &connection, None).await.expect("signals");
    while let Some(Ok(signal)) = signals.next().await {
        let header = signal.header();
        let interface = header.interface().map(|name| name.to_string()).unwrap_or_default();
        if interface == ITEM || interface == MENU {
            repaints.fetch_add(1, Ordering::SeqCst);
        }
    }
}
