//! The applet on a real panel with a real notification daemon, both Xfce's, in a virtual frame buffer.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde_json::json;
use usbnet_tests::wait::wait_until;

use crate::support::{Daemon, Picture, Screen, refuse_at_length, refuse_busy, refuse_host_busy};

const CONNECTED: [u8; 3] = [0x35, 0x84, 0xe4];
const WAITING: [u8; 3] = [0x2e, 0xa0, 0x67];
const UNPLUGGED: [u8; 3] = [0x8a, 0x8a, 0x8a];
const SWITCHING: [u8; 3] = [0xe6, 0x8a, 0x00];
const FAILED: [u8; 3] = [0xe0, 0x1b, 0x24];

fn icon(colour: [u8; 3]) -> impl Fn(&Picture) -> bool {
    move |picture| picture.has_icon_of(colour)
}

#[test]
fn clicks_on_a_panel_and_on_a_notification_switch_the_mode() {
    let (daemon, screen) = (Daemon::start(), Screen::start("Adwaita"));
    let _applet = screen.applet(&daemon, "C");
    screen.settled("the icon", icon(CONNECTED));
    screen.open_menu();
    screen.choose(3);
    assert_eq!(daemon.next_call("SetMode")["name"], "storage");
    screen.settled("the icon of the new mode", icon(UNPLUGGED));

    screen.open_menu();
    daemon.answer_next("SetMode", refuse_busy());
    screen.choose(2);
    assert_eq!(daemon.next_call("SetMode")["name"], "network");
    screen.click_button();
    assert_eq!(daemon.next_call("SetMode")["on_busy"], json!({"action": "terminate", "seconds": 10}));
    screen.settled("no notification", |picture| !picture.has_note());
}

/// Pictures, of one theme.
struct Gallery {
    directory: PathBuf,
    screen: Screen,
    icon: RefCell<Option<Picture>>,
    menu: RefCell<Option<Picture>>,
}

impl Gallery {
    fn new(directory: PathBuf, theme: &'static str) -> Self {
        std::fs::create_dir_all(&directory).expect("a directory");
        Self { directory, screen: Screen::start(theme), icon: RefCell::default(), menu: RefCell::default() }
    }

    fn save(&self, name: &str, picture: &Picture) {
        picture.save(&self.directory.join(format!("{name}.xwd")));
    }

    /// What is shown has changed since the last picture.
    #[track_caller]
    fn shoot(&self, name: &str, shows: impl Fn(&Picture) -> bool) {
        let last = self.icon.take();
        let picture = self.screen.settled(name, |now| shows(now) && last.as_ref() != Some(now));
        self.save(name, &picture);
        self.icon.replace(Some(picture));
    }

    /// A change comes to the panel's menu late, and an open menu keeps its size: so it is opened until it is another one
    /// than before, and then once more.
    #[track_caller]
    fn shoot_menu(&self, name: &str) {
        let last = self.menu.take();
        wait_until(name, || {
            let menu = self.screen.open_menu();
            self.screen.close_menu();
            last.as_ref() != Some(&menu)
        });
        let menu = self.screen.open_menu();
        self.save(name, &menu);
        self.menu.replace(Some(menu));
    }

    fn cables(&self, daemon: &Daemon) {
        let cables = [("connected", CONNECTED), ("waiting", WAITING), ("unplugged", UNPLUGGED)]
            .into_iter()
            .zip(["configured", "suspended", "not attached"]);
        for ((name, colour), state) in cables {
            for mode in ["network", "storage", "network+storage"] {
                daemon.change(|status| {
                    status["mode"] = json!(mode);
                    status["udc"]["state"] = json!(state);
                });
                self.shoot(&format!("icon-{mode}-{name}"), icon(colour));
            }
        }
        for mode in ["charging", "host"] {
            daemon.change(|status| status["mode"] = json!(mode));
            self.shoot(&format!("icon-{mode}"), icon(WAITING));
        }
        daemon.change(|status| {
            status["mode"] = json!("network");
            status["udc"]["state"] = json!("configured");
        });
    }

    fn states(&self, daemon: &Daemon) {
        daemon.change(|status| {
            status["state"] = json!("switching");
            status["target"] = json!("storage");
            let what = "writing back";
            status["progress"] =
                json!({"card": "/media/mmc1", "what": what, "bytes_left": 12_300_000, "seconds": 4});
        });
        self.shoot("icon-switching", icon(SWITCHING));
        self.shoot_menu("menu-switching");
        self.screen.close_menu();
        daemon.change(|status| {
            status["state"] = json!("confirmed");
            status["target"] = json!(null);
            status["progress"] = json!(null);
            status["error"] = json!("card /media/mmc1 cannot be mounted: wrong fs type; see dmesg");
        });
        self.shoot("icon-failed", icon(FAILED));
        self.shoot_menu("menu-failed");
        self.screen.close_menu();
        daemon.change(|status| status["error"] = json!(null));
        self.screen.settled("the icon", icon(CONNECTED));
    }

    /// Neither user nor bridge may, a card is in use here, and then on the host.
    fn refusals(&self, daemon: &Daemon) {
        self.shoot_menu("menu");
        daemon.answer_next("SetMode", refuse_at_length());
        self.screen.choose(3);
        assert_eq!(daemon.next_call("SetMode")["name"], "storage");
        self.shoot("refused", Picture::has_note);
        self.shoot_menu("menu-refused");
        daemon.answer_next("SetMode", refuse_busy());
        self.screen.choose(3);
        assert_eq!(daemon.next_call("SetMode")["name"], "storage");
        self.shoot("card-busy", Picture::has_note);
        self.shoot_menu("menu-card-busy");
        daemon.answer_next("SetMode", refuse_host_busy());
        self.screen.choose(3);
        assert_eq!(daemon.next_call("SetMode")["on_busy"], json!({"action": "terminate", "seconds": 10}));
        self.shoot("host-busy", Picture::has_note);
        self.shoot_menu("menu-host-busy");
        self.screen.choose(1);
        assert_eq!(daemon.next_call("SetMode")["wait"], 600);
        self.screen.settled("the icon", icon(UNPLUGGED));
    }

    fn end(&self, daemon: Daemon) {
        drop(daemon);
        self.shoot("icon-not-running", |picture| picture.has_icon() && !picture.has_icon_of(UNPLUGGED));
        self.shoot_menu("menu-not-running");
        self.screen.choose(1);
        self.screen.settled("no icon", |picture| !picture.has_icon());
    }
}

#[test]
#[ignore = "makes many pictures: run by applet/screenshots"]
fn gallery() {
    let out = std::env::var_os("USBNET_SCREENSHOTS").expect("USBNET_SCREENSHOTS says where the pictures go");
    let table = [
        ("light-en", "Adwaita", "en_GB.UTF-8"),
        ("dark-fi", "Adwaita:dark", "fi_FI.UTF-8"),
        ("light-de", "Adwaita", "de_DE.UTF-8"),
    ];
    for (name, theme, locale) in table {
        let gallery = Gallery::new(Path::new(&out).join(name), theme);
        let daemon = Daemon::start();
        let _applet = gallery.screen.applet(&daemon, locale);
        gallery.screen.settled("the icon", icon(CONNECTED));
        if name != "light-de" {
            gallery.cables(&daemon);
        }
        gallery.states(&daemon);
        gallery.refusals(&daemon);
        gallery.end(daemon);
    }
}
