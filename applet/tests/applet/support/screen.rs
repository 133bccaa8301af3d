//! A screen with Xfce's panel and, when something is told, its notifications; nothing of the user's own session is used.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use usbnet_tests::wait::{wait_for, wait_until};

use super::{Daemon, Process, bus};

/// A panel with a tray and nothing else.
const PANEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
    </property>
  </property>
</channel>
"#;

/// As large as the N800's.
const SIZE: &str = "800x480x24";
/// The panel is this high, and the icon is in a square of it at its left end.
const ICON: usize = 32;
/// Where nothing is.
const NOWHERE: [&str; 2] = ["600", "440"];
/// This many equal looks after each other: nothing moves any more.
const ENOUGH: usize = 10;

type Colour = [u8; 3];
const BLACK: Colour = [0; 3];

/// What is to be seen: a window dump (`X11/XWDFile.h`), which is how the X server has its frame buffer in a file.
#[derive(PartialEq, Eq)]
pub struct Picture(Vec<u8>);

impl Picture {
    pub fn save(&self, file: &Path) {
        fs::write(file, &self.0).expect("a file");
    }

    fn field(&self, nth: usize) -> usize {
        let bytes = self.0[4 * nth..4 * nth + 4].try_into().expect("four bytes");
        usize::try_from(u32::from_be_bytes(bytes)).expect("a size")
    }

    fn width(&self) -> usize {
        self.field(4)
    }

    fn at(&self, x: usize, y: usize) -> Colour {
        let (header, line, colours) = (self.field(0), self.field(12), self.field(19));
        let at = header + 12 * colours + line * y + 4 * x;
        [self.0[at + 2], self.0[at + 1], self.0[at]]
    }

    /// In the middle, where there is never anything else.
    fn panel(&self) -> Colour {
        self.at(self.width() / 2, ICON / 2)
    }

    pub fn has_icon(&self) -> bool {
        self.icon().any(|colour| colour != self.panel())
    }

    /// An icon of about this colour, since the panel makes it smaller.
    pub fn has_icon_of(&self, colour: Colour) -> bool {
        let like = |pixel: &Colour| pixel.iter().zip(colour).all(|(is, wanted)| is.abs_diff(wanted) < 24);
        self.icon().filter(like).count() > ICON / 2
    }

    fn icon(&self) -> impl Iterator<Item = Colour> {
        (4..ICON - 4).flat_map(move |y| (4..ICON - 4).map(move |x| self.at(x, y)))
    }

    /// Below the icon; the rest of the screen is black.
    pub fn has_menu(&self) -> bool {
        self.at(5, ICON + 15) != BLACK
    }

    /// At the right.
    pub fn has_note(&self) -> bool {
        self.at(self.width() - 30, ICON + 15) != BLACK
    }

    /// Within the last button of the notification, which is at the bottom right of it.
    fn button(&self) -> (usize, usize) {
        let (x, top) = (self.width() - 72, ICON + 15);
        let bottom = (top..).find(|y| self.at(x, *y) == BLACK).expect("its end");
        (x, bottom - 30)
    }
}

/// The screen. All on it ends with the bus or the X server.
pub struct Screen {
    home: TempDir,
    theme: &'static str,
    display: String,
    address: String,
    _panel: Process,
    _bus: Process,
    _server: Process,
}

impl Screen {
    /// With a theme of GTK, such as `Adwaita` or `Adwaita:dark`.
    pub fn start(theme: &'static str) -> Self {
        let home = TempDir::new().expect("a directory");
        let channels = home.path().join(".config/xfce4/xfconf/xfce-perchannel-xml");
        fs::create_dir_all(&channels).expect("a directory");
        fs::write(channels.join("xfce4-panel.xml"), PANEL).expect("a file");
        let (server, display) = x_server(home.path());
        let services = "<standard_session_servicedirs/>";
        let (bus, address) = bus(&home, services, |command| on_screen(command, home.path(), &display, theme));
        let mut panel = Command::new("xfce4-panel");
        on_screen(panel.arg("--disable-wm-check"), home.path(), &display, theme);
        panel.env("DBUS_SESSION_BUS_ADDRESS", &address);
        let panel = Process(panel.spawn().expect("xfce4-panel starts"));
        let screen = Self { home, theme, display, address, _panel: panel, _bus: bus, _server: server };
        screen.xdotool(&["mousemove"], &NOWHERE);
        screen.settled("the panel", |picture| picture.panel() != BLACK);
        screen
    }

    /// The applet on it, in a language.
    pub fn applet(&self, daemon: &Daemon, locale: &str) -> Process {
        let mut command = Process::applet(daemon);
        on_screen(&mut command, self.home.path(), &self.display, self.theme);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address).env("LC_ALL", locale);
        Process(command.spawn().expect("the applet starts"))
    }

    /// Waits until what is wanted is there, and nothing moves any more.
    #[track_caller]
    pub fn settled(&self, what: &str, shows: impl Fn(&Picture) -> bool) -> Picture {
        let (mut last, mut looks) = (self.look(), 0);
        wait_until(what, || {
            let now = self.look();
            looks = if now == last { looks + 1 } else { 0 };
            last = now;
            looks >= ENOUGH && shows(&last)
        });
        last
    }

    fn look(&self) -> Picture {
        Picture(fs::read(self.home.path().join("Xvfb_screen0")).expect("the frame buffer"))
    }

    /// Clicks on the icon; again, if the panel has not had the menu yet.
    #[track_caller]
    pub fn open_menu(&self) -> Picture {
        wait_for("the menu", || {
            self.click(ICON / 2, ICON / 2);
            Some(self.settled("an end of the movement", |_| true)).filter(Picture::has_menu)
        })
    }

    /// Clicks on the last button of the notification, once that is there.
    #[track_caller]
    pub fn click_button(&self) {
        let (x, y) = self.settled("a notification", Picture::has_note).button();
        self.click(x, y);
    }

    /// Chooses one of the menu's entries, counting those that can be chosen.
    pub fn choose(&self, nth: usize) {
        self.xdotool(&["key"], &vec!["Down"; nth]);
        self.xdotool(&["key"], &["Return"]);
    }

    pub fn close_menu(&self) {
        self.xdotool(&["key"], &["Escape"]);
        self.settled("no menu", |picture| !picture.has_menu());
    }

    fn click(&self, x: usize, y: usize) {
        self.xdotool(&["mousemove"], &[&x.to_string(), &y.to_string()]);
        self.xdotool(&["click", "1", "mousemove"], &NOWHERE);
    }

    fn xdotool(&self, command: &[&str], values: &[&str]) {
        let mut xdotool = Command::new("xdotool");
        let status = xdotool.args(command).args(values).env("DISPLAY", &self.display).status();
        let status = status.expect("xdotool starts");
        assert!(status.success(), "{xdotool:?}: {status}");
    }
}

fn x_server(home: &Path) -> (Process, String) {
    let options = ["-displayfd", "1", "-screen", "0", SIZE, "-nolisten", "tcp", "-nocursor", "-fbdir"];
    let mut server = Command::new("Xvfb");
    server.args(options).arg(home).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().expect("Xvfb starts");
    let mut number = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut number).expect("a display");
    (Process(server), format!(":{}", number.trim()))
}

fn on_screen<'a>(command: &'a mut Command, home: &Path, display: &str, theme: &str) -> &'a mut Command {
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home).env("XDG_RUNTIME_DIR", home).env("DISPLAY", display).env("GTK_THEME", theme);
    command.envs([("LC_ALL", "C.UTF-8"), ("NO_AT_BRIDGE", "1"), ("GSETTINGS_BACKEND", "memory")])
}
