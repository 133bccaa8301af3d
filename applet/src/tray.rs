//! The view as a StatusNotifierItem with its menu.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use ksni::blocking::{Handle, TrayMethods};
use ksni::menu::{CheckmarkItem, StandardItem};
use ksni::{Category, MenuItem, OfflineReason, Status, ToolTip, Tray};
use zbus::blocking::Connection;

use crate::markup;
use crate::model::{Choice, Input};
use crate::view::{Entry, View};

/// The item in the tray.
#[derive(Debug)]
pub struct Item {
    view: View,
    choices: Sender<Input>,
    /// No tray was there.
    alone: Arc<AtomicBool>,
}

/// Puts it into the tray, now or when there is one; what is chosen there is sent to `choices`.
///
/// # Errors
/// The session bus's.
pub fn show(view: View, choices: Sender<Input>) -> Result<Handle<Item>, ksni::Error> {
    loop {
        let alone = Arc::<AtomicBool>::default();
        // Nobody listens only when the applet ends, here and below.
        let _ = choices.send(Input::Shown(true));
        let item = Item { view: view.clone(), choices: choices.clone(), alone: Arc::clone(&alone) };
        let handle = item.assume_sni_available(true).spawn()?;
        // ksni looks for a tray first and then begins to wait for one: it must not have come in between.
        if !(alone.load(Ordering::Relaxed) && has_tray().unwrap_or_default()) {
            return Ok(handle);
        }
        handle.shutdown().wait();
    }
}

fn has_tray() -> zbus::Result<bool> {
    let (bus, path) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
    let watcher = "org.kde.StatusNotifierWatcher";
    let reply = Connection::session()?.call_method(Some(bus), path, Some(bus), "NameHasOwner", &watcher)?;
    reply.body().deserialize()
}

/// Shows another view.
pub fn update(item: &Handle<Item>, view: View) {
    item.update(|item| item.view = view);
}

impl Item {
    fn choose(&self, choice: &Choice) {
        let _ = self.choices.send(Input::Chosen(choice.clone()));
    }
}

impl Tray for Item {
    const MENU_ON_ACTIVATE: bool = true;

    fn id(&self) -> String {
        "usbnet".into()
    }

    fn watcher_online(&self) {
        let _ = self.choices.send(Input::Shown(true));
    }

    fn watcher_offline(&self, _reason: OfflineReason) -> bool {
        self.alone.store(true, Ordering::Relaxed);
        let _ = self.choices.send(Input::Shown(false));
        true
    }

    fn category(&self) -> Category {
        Category::Hardware
    }

    fn title(&self) -> String {
        self.view.title.clone()
    }

    fn status(&self) -> Status {
        if self.view.asks { Status::NeedsAttention } else { Status::Active }
    }

    /// Without a name: LXQt's panel looks at no pixels of an item whose icon has one, though no theme knows it.
    fn icon_pixmap(&self) -> Vec<ksni::Icon> {
        self.view.icon.pixmaps()
    }

    fn attention_icon_pixmap(&self) -> Vec<ksni::Icon> {
        self.icon_pixmap()
    }

    fn tool_tip(&self) -> ToolTip {
        let facts: Vec<String> = self.view.facts.iter().map(|fact| markup::escape(fact)).collect();
        ToolTip {
            title: self.view.title.clone(),
            description: facts.join("\n"),
            icon_pixmap: self.icon_pixmap(),
            ..ToolTip::default()
        }
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        self.view.menu.iter().map(menu_item).collect()
    }

    /// Traffic has no events: its figures are to be those of now when somebody looks.
    fn menu_about_to_show(&mut self) {
        self.choose(&Choice::Look);
    }
}

fn menu_item(entry: &Entry) -> MenuItem<Item> {
    // An underscore alone would mark the access key.
    let label = |text: &str| text.replace('_', "__");
    match entry.clone() {
        Entry::Separator => MenuItem::Separator,
        Entry::Fact(text) => {
            StandardItem { label: label(&text), enabled: false, ..StandardItem::default() }.into()
        }
        Entry::Action(text, choice) => StandardItem {
            label: label(&text),
            activate: Box::new(move |item: &mut Item| item.choose(&choice)),
            ..StandardItem::default()
        }
        .into(),
        Entry::Mode { label: text, current, choice } => CheckmarkItem {
            label: label(&text),
            checked: current,
            enabled: choice.is_some(),
            activate: Box::new(move |item: &mut Item| {
                if let Some(choice) = &choice {
                    item.choose(choice);
                }
            }),
            ..CheckmarkItem::default()
        }
        .into(),
    }
}
