//! A session bus of its own, with the two services of a desktop that the applet speaks to.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};

use tempfile::TempDir;
use usbnet_tests::wait::{wait_for, wait_until};
use zbus::blocking::{Connection, Proxy, connection::Builder};
use zbus::zvariant::{OwnedValue, Structure, Value};

use super::bridge::{Bridge, Call, Failure};
use super::{Daemon, Process, next};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
const NOTIFICATIONS_PATH: &str = "/org/freedesktop/Notifications";

/// A notification, as it was asked for.
#[derive(Debug)]
pub struct Note {
    pub id: u32,
    pub summary: String,
    pub body: String,
    pub actions: Vec<String>,
}

struct Watcher {
    items: Mutex<Sender<String>>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: &str) {
        let _ = self.items.lock().expect("no panic").send(service.to_owned());
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
}

struct Notifications {
    last: u32,
    notes: Mutex<Sender<Note>>,
    closed: Mutex<Sender<u32>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    fn get_capabilities(&self) -> Vec<&str> {
        vec!["actions", "body", "body-markup"]
    }

    #[allow(clippy::too_many_arguments)]
    fn notify(
        &mut self,
        _app_name: &str,
        _replaces: u32,
        _icon: &str,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expires: i32,
    ) -> u32 {
        self.last += 7;
        let _ = self.notes.lock().expect("no panic").send(Note { id: self.last, summary, body, actions });
        self.last
    }

    fn close_notification(&self, id: u32) {
        let _ = self.closed.lock().expect("no panic").send(id);
    }
}

/// The session.
pub struct Desktop {
    address: String,
    connection: Connection,
    items: Receiver<String>,
    notes: Receiver<Note>,
    closed: Receiver<u32>,
    has_bridge: bool,
    _bus: Process,
    _directory: TempDir,
}

impl Desktop {
    pub fn start() -> Self {
        let directory = TempDir::new().expect("a directory");
        let (bus, address) = bus(&directory, "", |command| command);
        let ((items_in, items), (notes_in, notes), (closed_in, closed)) =
            (mpsc::channel(), mpsc::channel(), mpsc::channel());
        let watcher = Watcher { items: items_in.into() };
        let notifications = Notifications { last: 0, notes: notes_in.into(), closed: closed_in.into() };
        let connection = Builder::address(address.as_str())
            .and_then(|builder| builder.serve_at("/StatusNotifierWatcher", watcher))
            .and_then(|builder| builder.serve_at(NOTIFICATIONS_PATH, notifications))
            .and_then(|builder| builder.name(WATCHER)?.name(NOTIFICATIONS)?.build())
            .expect("the desktop's services");
        Self {
            address,
            connection,
            items,
            notes,
            closed,
            has_bridge: false,
            _bus: bus,
            _directory: directory,
        }
    }

    /// Has usbnet-dbus on the system bus too, for applets that start from now on; tells what it is asked for.
    pub fn with_bridge(&mut self, refusals: Vec<Failure>) -> Receiver<Call> {
        let (asked, told) = mpsc::channel();
        let bridge = Bridge { asked: asked.into(), refusals: Mutex::new(refusals.into()) };
        let served = self.connection.object_server().at("/com/meego/usb_moded", bridge);
        assert!(served.expect("an object"));
        self.connection.request_name("com.meego.usb_moded").expect("it is free");
        self.has_bridge = true;
        told
    }

    /// Ends the notification daemon.
    pub fn without_notifications(self) -> Self {
        self.connection.release_name(NOTIFICATIONS).expect("it was there");
        self
    }

    /// The applet, in the tray.
    pub fn applet(&self, daemon: &Daemon, locale: &str) -> Applet {
        let process = Process(self.command(daemon).env("LC_ALL", locale).spawn().expect("the applet starts"));
        Applet { name: self.next_item(), connection: self.connection.clone(), _process: process }
    }

    /// Another one: how it ends, and what it says.
    #[track_caller]
    pub fn second_applet(&self, daemon: &Daemon) -> (ExitStatus, String) {
        let child = self.command(daemon).stderr(Stdio::piped()).spawn().expect("the applet starts");
        let mut applet = Process(child);
        let status = wait_for("its end", || applet.0.try_wait().expect("a child"));
        let mut said = String::new();
        applet.0.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        (status, said)
    }

    fn command(&self, daemon: &Daemon) -> Command {
        let mut command = Process::applet(daemon);
        if self.has_bridge {
            command.env("DBUS_SYSTEM_BUS_ADDRESS", &self.address);
        }
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command
    }

    #[track_caller]
    pub fn next_item(&self) -> String {
        next(&self.items, "an item in the tray")
    }

    #[track_caller]
    pub fn next_note(&self) -> Note {
        next(&self.notes, "a notification")
    }

    #[track_caller]
    pub fn next_closed(&self) -> u32 {
        next(&self.closed, "a notification to be closed")
    }

    /// The user clicks on a button of a notification.
    pub fn invoke(&self, id: u32, action: &str) {
        self.connection
            .emit_signal(None::<&str>, NOTIFICATIONS_PATH, NOTIFICATIONS, "ActionInvoked", &(id, action))
            .expect("a signal");
    }

    pub fn restart_tray(&self) {
        self.connection.release_name(WATCHER).expect("it was there");
        self.connection.request_name(WATCHER).expect("it is free");
    }
}

pub fn bus(
    directory: &TempDir,
    services: &str,
    environment: impl FnOnce(&mut Command) -> &mut Command,
) -> (Process, String) {
    let file = directory.path().join("bus.conf");
    let config = format!(
        "<busconfig><type>session</type><listen>unix:dir={}</listen>{services}<policy context='default'>\
         <allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/><allow own='*'/></policy></busconfig>",
        directory.path().display()
    );
    fs::write(&file, config).expect("a file");
    let mut command = Command::new("dbus-daemon");
    environment(&mut command).arg("--config-file").arg(&file).args(["--nofork", "--print-address"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("dbus-daemon starts");
    let mut address = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut address).expect("its address");
    (Process(child), address.trim().to_owned())
}

/// An entry of the menu, as the tray gets it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: i32,
    pub label: String,
    pub enabled: bool,
    pub checked: bool,
}

/// The applet and its item.
pub struct Applet {
    name: String,
    connection: Connection,
    _process: Process,
}

impl Applet {
    /// Where its item is on the bus.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it wants attention.
    pub fn status(&self) -> String {
        self.item().get_property("Status").expect("a property")
    }

    /// Of the icon: its first pixel that is not transparent.
    pub fn colour(&self) -> Vec<u8> {
        let pixmaps: Vec<(i32, i32, Vec<u8>)> = self.item().get_property("IconPixmap").expect("a property");
        let (width, height, pixels) = pixmaps.into_iter().next().expect("a size");
        assert_eq!(usize::try_from(width * height * 4).ok(), Some(pixels.len()));
        pixels.chunks(4).find(|pixel| pixel[0] != 0).expect("not empty").to_vec()
    }

    /// Waits until the tooltip says something.
    #[track_caller]
    pub fn tool_tip_when(&self, says: &str) {
        type ToolTip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
        wait_until("the tooltip", || {
            let (_, _, _, description): ToolTip = self.item().get_property("ToolTip").expect("a property");
            description.contains(says)
        });
    }

    fn item(&self) -> Proxy<'_> {
        self.proxy("/StatusNotifierItem", "org.kde.StatusNotifierItem")
    }

    /// The user clicks on an entry of the menu.
    #[track_caller]
    pub fn click_on(&self, label: &str) {
        let id = self.menu().iter().find(|entry| entry.label == label).expect("the entry").id;
        let menu = self.proxy("/MenuBar", "com.canonical.dbusmenu");
        menu.call::<_, _, ()>("Event", &(id, "clicked", Value::I32(0), 0_u32)).expect("a click");
    }

    /// The menu, once it is as wanted.
    #[track_caller]
    pub fn menu_when(&self, wanted: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
        wait_for("the menu", || Some(self.menu()).filter(|menu| wanted(menu)))
    }

    fn menu(&self) -> Vec<Entry> {
        let menu = self.proxy("/MenuBar", "com.canonical.dbusmenu");
        let no_names: &[&str] = &[];
        let (_, (_, _, entries)): (u32, (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>)) =
            menu.call("GetLayout", &(0, -1, no_names)).expect("a menu");
        entries.into_iter().map(entry).collect()
    }

    fn proxy(&self, path: &'static str, interface: &'static str) -> Proxy<'_> {
        zbus::blocking::proxy::Builder::new(&self.connection)
            .destination(self.name.as_str())
            .and_then(|builder| builder.path(path)?.interface(interface))
            .expect("valid names")
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .expect("a proxy")
    }
}

fn entry(value: OwnedValue) -> Entry {
    let fields = Structure::try_from(value).expect("an entry").into_fields();
    let [Value::I32(id), Value::Dict(properties), _] = &fields[..] else { panic!("{fields:?}") };
    let get = |name: &str| {
        let named = |(key, _): &(&Value, _)| matches!(key, Value::Str(key) if key.as_str() == name);
        properties.iter().find(named).map(|(_, value)| match value {
            Value::Value(inner) => &**inner,
            other => other,
        })
    };
    Entry {
        id: *id,
        label: match get("label") {
            Some(Value::Str(label)) => label.to_string(),
            _ => String::new(),
        },
        enabled: !matches!(get("enabled"), Some(Value::Bool(false))),
        checked: matches!(get("toggle-state"), Some(Value::I32(1))),
    }
}
