//! Paints a `TrayView`. Only differences are applied, because an open menu must not flicker.

use tray_icon::menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tray_icon::{Icon as NativeIcon, TrayIcon, TrayIconBuilder};

use super::icon::Icon;
use super::menu::{Entry, TrayView};
use crate::tray::icon_pixels;

/// Lives on the main thread.
pub(crate) struct StatusItem {
    item: TrayIcon,
    menu: Menu,
    painted: Option<TrayView>,
    widgets: Vec<Widget>,
}

/// A native menu item and the id of its entry.
struct Widget {
    id: String,
    kind: Kind,
}

enum Kind {
    Separator(PredefinedMenuItem),
    Item(MenuItem),
    Check(CheckMenuItem),
    Submenu(Submenu, Vec<Widget>),
}

/// A menu or a submenu.
trait MenuContainer {
    fn insert_item(&self, item: &dyn IsMenuItem, position: usize) -> tray_icon::menu::Result<()>;
    fn remove_item(&self, item: &dyn IsMenuItem) -> tray_icon::menu::Result<()>;
}

impl MenuContainer for Menu {
    fn insert_item(&self, item: &dyn IsMenuItem, position: usize) -> tray_icon::menu::Result<()> {
        self.insert(item, position)
    }

    fn remove_item(&self, item: &dyn IsMenuItem) -> tray_icon::menu::Result<()> {
        self.remove(item)
    }
}

impl MenuContainer for Submenu {
    fn insert_item(&self, item: &dyn IsMenuItem, position: usize) -> tray_icon::menu::Result<()> {
        self.insert(item, position)
    }

    fn remove_item(&self, item: &dyn IsMenuItem) -> tray_icon::menu::Result<()> {
        self.remove(item)
    }
}

impl StatusItem {
    pub(crate) fn new() -> Result<Self, String> {
        let menu = Menu::new();
        let builder =
            TrayIconBuilder::new().with_id("operator").with_title("Operator").with_menu(Box::new(menu.clone()));
        let item = builder.with_autosave_name("operator").build().map_err(|error| error.to_string())?;
        Ok(Self { item, menu, painted: None, widgets: Vec::new() })
    }

    pub(crate) fn paint(&mut self, view: TrayView) {
        if self.painted.as_ref() == Some(&view) {
            return;
        }
        let before = self.painted.take();
        let result = self.paint_differences(before.as_ref(), &view);
        if let Err(error) = result {
            tracing::warn!(%error, "tray menu not updated");
        }
        self.painted = Some(view);
    }

    fn paint_differences(&mut self, before: Option<&TrayView>, view: &TrayView) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        if before.is_none_or(|before| before.icon != view.icon) {
            self.set_icon(view.icon).map_err(|error| text(&error))?;
        }
        if before.is_none_or(|before| before.tooltip != view.tooltip) {
            self.item.set_tooltip(Some(&view.tooltip)).map_err(|error| text(&error))?;
        }
        let known = before.map_or(&[] as &[Entry], |before| &before.menu);
        reconcile(&self.menu, &mut self.widgets, known, &view.menu).map_err(|error| text(&error))
    }

    /// On macOS the system colours the icon.
    fn set_icon(&self, icon: Icon) -> Result<(), String> {
        let (pixels, width, height) = icon_pixels::pixels(icon)?;
        let image = NativeIcon::from_rgba(pixels, width, height).map_err(|error| error.to_string())?;
        #[cfg(target_os = "macos")]
        let result = self.item.set_icon_templated(Some(image));
        #[cfg(not(target_os = "macos"))]
        let result = self.item.set_icon(Some(image));
        result.map_err(|error| error.to_string())
    }

    /// A click flips the checkmark natively; the engine's state counts.
    pub(crate) fn restore_checkmarks(&self) {
        let Some(view) = &self.painted else { return };
        for (widget, entry) in self.widgets.iter().zip(&view.menu) {
            if let (Kind::Check(item), Entry::Item { checked: Some(checked), .. }) = (&widget.kind, entry) {
                item.set_checked(*checked);
            }
        }
    }
}

/// Change the widgets of `known` into those of `wanted`.
fn reconcile(
    container: &dyn MenuContainer,
    widgets: &mut Vec<Widget>,
    known: &[Entry],
    wanted: &[Entry],
) -> tray_icon::menu::Result<()> {
    let ids: Vec<String> = wanted.iter().map(Entry::id).collect();
    for place in (0..widgets.len()).rev() {
        if widgets.get(place).is_some_and(|widget| !ids.contains(&widget.id)) {
            container.remove_item(widgets.remove(place).item())?;
        }
    }
    for (place, (entry, id)) in wanted.iter().zip(ids).enumerate() {
        if let Some(found) = widgets.iter().skip(place).position(|widget| widget.id == id) {
            if found > 0 {
                let widget = widgets.remove(place + found);
                container.remove_item(widget.item())?;
                container.insert_item(widget.item(), place)?;
                widgets.insert(place, widget);
            }
            if let Some(widget) = widgets.get_mut(place) {
                let before = known.iter().find(|before| before.id() == id);
                widget.update(before, entry)?;
            }
        } else {
            let widget = Widget::from_entry(entry, id)?;
            container.insert_item(widget.item(), place)?;
            widgets.insert(place, widget);
        }
    }
    Ok(())
}

impl Widget {
    fn from_entry(entry: &Entry, id: String) -> tray_icon::menu::Result<Self> {
        let kind = match entry {
            Entry::Separator(_) => Kind::Separator(PredefinedMenuItem::separator()),
            Entry::Text { label, .. } => Kind::Item(MenuItem::with_id(id.as_str(), escape_label(label), false, None)),
            Entry::Item { label, enabled, checked: None, .. } => {
                Kind::Item(MenuItem::with_id(id.as_str(), escape_label(label), *enabled, None))
            }
            Entry::Item { label, enabled, checked: Some(checked), .. } => {
                Kind::Check(CheckMenuItem::with_id(id.as_str(), escape_label(label), *enabled, *checked, None))
            }
            Entry::Submenu { label, entries, .. } => {
                let menu = Submenu::with_id(id.as_str(), escape_label(label), true);
                let mut widgets = Vec::new();
                reconcile(&menu, &mut widgets, &[], entries)?;
                Kind::Submenu(menu, widgets)
            }
        };
        Ok(Self { id, kind })
    }

    fn item(&self) -> &dyn IsMenuItem {
        match &self.kind {
            Kind::Separator(item) => item,
            Kind::Item(item) => item,
            Kind::Check(item) => item,
            Kind::Submenu(menu, _) => menu,
        }
    }

    fn update(&mut self, before: Option<&Entry>, entry: &Entry) -> tray_icon::menu::Result<()> {
        if before == Some(entry) {
            return Ok(());
        }
        match (&mut self.kind, entry) {
            (Kind::Item(item), Entry::Text { label, .. }) => item.set_text(escape_label(label)),
            (Kind::Item(item), Entry::Item { label, enabled, .. }) => {
                item.set_text(escape_label(label));
                item.set_enabled(*enabled);
            }
            (Kind::Check(item), Entry::Item { label, enabled, checked, .. }) => {
                item.set_text(escape_label(label));
                item.set_enabled(*enabled);
                item.set_checked(checked.unwrap_or(false));
            }
            (Kind::Submenu(menu, widgets), Entry::Submenu { label, entries, .. }) => {
                menu.set_text(escape_label(label));
                let known: &[Entry] = match before {
                    Some(Entry::Submenu { entries, .. }) => entries,
                    _ => &[],
                };
                reconcile(menu, widgets, known, entries)?;
            }
            // Ids differ by kind: an entry never changes its kind.
            _ => {}
        }
        Ok(())
    }
}

/// A single `&` marks an access key.
fn escape_label(label: &str) -> String {
    label.replace('&', "&&")
}
