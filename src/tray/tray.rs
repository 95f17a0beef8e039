//! Paints a face: the icon in the bar and its menu. Only what differs from what is painted is touched, for an open menu must not flicker.

use tray_icon::menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tray_icon::{Icon as Picture, TrayIcon, TrayIconBuilder};

use super::icon::Icon;
use super::menu::{Entry, Face};
use super::picture;

/// The status item. Lives on the main thread.
pub(crate) struct Tray {
    item: TrayIcon,
    menu: Menu,
    painted: Option<Face>,
    widgets: Vec<Widget>,
}

/// What was made of an entry.
struct Widget {
    name: String,
    kind: Kind,
}

enum Kind {
    Separator(PredefinedMenuItem),
    Item(MenuItem),
    Check(CheckMenuItem),
    Submenu(Submenu, Vec<Widget>),
}

/// A menu or a submenu: what widgets are put into.
trait Shelf {
    fn put(&self, item: &dyn IsMenuItem, place: usize) -> tray_icon::menu::Result<()>;
    fn take(&self, item: &dyn IsMenuItem) -> tray_icon::menu::Result<()>;
}

impl Shelf for Menu {
    fn put(&self, item: &dyn IsMenuItem, place: usize) -> tray_icon::menu::Result<()> {
        self.insert(item, place)
    }

    fn take(&self, item: &dyn IsMenuItem) -> tray_icon::menu::Result<()> {
        self.remove(item)
    }
}

impl Shelf for Submenu {
    fn put(&self, item: &dyn IsMenuItem, place: usize) -> tray_icon::menu::Result<()> {
        self.insert(item, place)
    }

    fn take(&self, item: &dyn IsMenuItem) -> tray_icon::menu::Result<()> {
        self.remove(item)
    }
}

impl Tray {
    /// Put the item into the bar.
    ///
    /// # Errors
    /// In words, when the system has no place for it.
    pub(crate) fn new() -> Result<Self, String> {
        let menu = Menu::new();
        let builder =
            TrayIconBuilder::new().with_id("operator").with_title("Operator").with_menu(Box::new(menu.clone()));
        let item = builder.with_autosave_name("operator").build().map_err(|error| error.to_string())?;
        Ok(Self { item, menu, painted: None, widgets: Vec::new() })
    }

    /// Paint a face.
    pub(crate) fn paint(&mut self, face: Face) {
        if self.painted.as_ref() == Some(&face) {
            return;
        }
        let before = self.painted.take();
        let result = self.paint_differences(before.as_ref(), &face);
        if let Err(what) = result {
            tracing::warn!("The menu bar shows something old: {what}");
        }
        self.painted = Some(face);
    }

    fn paint_differences(&mut self, before: Option<&Face>, face: &Face) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        if before.is_none_or(|before| before.icon != face.icon) {
            self.show(face.icon).map_err(|error| said(&error))?;
        }
        if before.is_none_or(|before| before.tooltip != face.tooltip) {
            self.item.set_tooltip(Some(&face.tooltip)).map_err(|error| said(&error))?;
        }
        let known = before.map_or(&[] as &[Entry], |before| &before.menu);
        arrange(&self.menu, &mut self.widgets, known, &face.menu).map_err(|error| said(&error))
    }

    /// On macOS the system colours it; elsewhere it is outlined, to be seen on light and dark bars.
    fn show(&self, icon: Icon) -> Result<(), String> {
        let (pixels, width, height) = picture::pixels(icon)?;
        let picture = Picture::from_rgba(pixels, width, height).map_err(|error| error.to_string())?;
        #[cfg(target_os = "macos")]
        let shown = self.item.set_icon_templated(Some(picture));
        #[cfg(not(target_os = "macos"))]
        let shown = self.item.set_icon(Some(picture));
        shown.map_err(|error| error.to_string())
    }

    /// A tick flips by itself when it is clicked; what the engine says is what holds.
    pub(crate) fn restore_ticks(&self) {
        let Some(face) = &self.painted else { return };
        for (widget, entry) in self.widgets.iter().zip(&face.menu) {
            if let (Kind::Check(item), Entry::Item { checked: Some(checked), .. }) = (&widget.kind, entry) {
                item.set_checked(*checked);
            }
        }
    }
}

/// Make the widgets those of `wanted`, which were those of `known`.
fn arrange(
    shelf: &dyn Shelf,
    widgets: &mut Vec<Widget>,
    known: &[Entry],
    wanted: &[Entry],
) -> tray_icon::menu::Result<()> {
    let names: Vec<String> = wanted.iter().map(Entry::name).collect();
    for place in (0..widgets.len()).rev() {
        if widgets.get(place).is_some_and(|widget| !names.contains(&widget.name)) {
            shelf.take(widgets.remove(place).item())?;
        }
    }
    for (place, (entry, name)) in wanted.iter().zip(names).enumerate() {
        if let Some(found) = widgets.iter().skip(place).position(|widget| widget.name == name) {
            if found > 0 {
                let widget = widgets.remove(place + found);
                shelf.take(widget.item())?;
                shelf.put(widget.item(), place)?;
                widgets.insert(place, widget);
            }
            if let Some(widget) = widgets.get_mut(place) {
                let before = known.iter().find(|before| before.name() == name);
                widget.change(before, entry)?;
            }
        } else {
            let widget = Widget::of(entry, name)?;
            shelf.put(widget.item(), place)?;
            widgets.insert(place, widget);
        }
    }
    Ok(())
}

impl Widget {
    fn of(entry: &Entry, name: String) -> tray_icon::menu::Result<Self> {
        let kind = match entry {
            Entry::Separator(_) => Kind::Separator(PredefinedMenuItem::separator()),
            Entry::Text { label, .. } => Kind::Item(MenuItem::with_id(name.as_str(), escaped(label), false, None)),
            Entry::Item { label, enabled, checked: None, .. } => {
                Kind::Item(MenuItem::with_id(name.as_str(), escaped(label), *enabled, None))
            }
            Entry::Item { label, enabled, checked: Some(checked), .. } => {
                Kind::Check(CheckMenuItem::with_id(name.as_str(), escaped(label), *enabled, *checked, None))
            }
            Entry::Submenu { label, entries, .. } => {
                let menu = Submenu::with_id(name.as_str(), escaped(label), true);
                let mut widgets = Vec::new();
                arrange(&menu, &mut widgets, &[], entries)?;
                Kind::Submenu(menu, widgets)
            }
        };
        Ok(Self { name, kind })
    }

    fn item(&self) -> &dyn IsMenuItem {
        match &self.kind {
            Kind::Separator(item) => item,
            Kind::Item(item) => item,
            Kind::Check(item) => item,
            Kind::Submenu(menu, _) => menu,
        }
    }

    fn change(&mut self, before: Option<&Entry>, entry: &Entry) -> tray_icon::menu::Result<()> {
        if before == Some(entry) {
            return Ok(());
        }
        match (&mut self.kind, entry) {
            (Kind::Item(item), Entry::Text { label, .. }) => item.set_text(escaped(label)),
            (Kind::Item(item), Entry::Item { label, enabled, .. }) => {
                item.set_text(escaped(label));
                item.set_enabled(*enabled);
            }
            (Kind::Check(item), Entry::Item { label, enabled, checked, .. }) => {
                item.set_text(escaped(label));
                item.set_enabled(*enabled);
                item.set_checked(checked.unwrap_or(false));
            }
            (Kind::Submenu(menu, widgets), Entry::Submenu { label, entries, .. }) => {
                menu.set_text(escaped(label));
                let known: &[Entry] = match before {
                    Some(Entry::Submenu { entries, .. }) => entries,
                    _ => &[],
                };
                arrange(menu, widgets, known, entries)?;
            }
            // Names tell kinds apart: an entry never becomes one of another kind.
            _ => {}
        }
        Ok(())
    }
}

/// `&` marks a key to press in a label, unless there are two.
fn escaped(label: &str) -> String {
    label.replace('&', "&&")
}
