//! What the manual pages say and no command line does.

pub const DESCRIPTION: &str = "\
usbnet makes the computer at the other end of a USB cable, the host, see a network card, a card reader, or both.
It gives the host an address and a name to reach the device by, leaves its own network alone, and hands memory
cards over without losing a file.

One daemon does the work. The other commands ask it over its socket: everybody may read, root and the members of
control.group may switch.";

pub const FILES: &[(&str, &str)] = &[
    ("/etc/usbnet/config.ron", "The configuration; without it the defaults apply."),
    ("/run/usbnet/control", "The daemon's socket, see usbnet-control(7)."),
    ("/run/usbnet", "What a daemon that was killed has left for the next one."),
    ("/var/lib/usbnet/mode", "The last mode."),
];

pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("USBNET_LOG", "What is logged: error, warn, info (the default), debug or trace."),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC",
        "Where and how often usbnet daemon tells a service manager that it is ready and alive, as with sd_notify(3).",
    ),
];

pub const BRIDGE: &str = "\
usbnet-dbus answers at com.meego.usb_moded on the system bus, with usb-moded's methods, signals and words, so that
front ends that were written for usb-moded find a service.

D-Bus starts it when it is first called. Who only listens for its signals calls nobody, and no stored mode is set for a cable
before it runs, so it is to be started at boot: with systemctl enable --now usbnet-dbus, rc-update add usbnet-dbus
default, a link to /etc/sv/usbnet-dbus where runit looks, or, elsewhere, a call of org.freedesktop.DBus.StartServiceByName
for com.meego.usb_moded.

It has no privileges: what it is asked for, it asks the daemon of usbnet(8) for, whose configuration must let its
group switch, with control: (group: \"usbnet\"). Everybody may ask. To change something, polkit's action
org.usbnet.switch is needed; without polkit, a supplementary group of usbnet-dbus.

On the same object, org.usbnet.Bridge has SetMode and Cancel of usbnet-control(7), with all that they can be asked for: the
mode's name, and the other parameters as a JSON object. A refusal has its name there, and its parameters as JSON after
the sentence for people.

In the modes charging and host, and stopped, usbnet sees no cable: unlike with usb-moded, plugging one asks nobody and
sets no stored mode then.";

pub const BRIDGE_FILES: &[(&str, &str)] = &[
    ("/run/usbnet/control", "The daemon's socket."),
    (
        "/var/lib/usbnet-dbus/settings.json",
        "What usb-moded's clients have set: mode, hidden modes, whitelist.",
    ),
];

pub const BRIDGE_ENVIRONMENT: &[(&str, &str)] = &[
    ("USBNET_LOG", "What is logged: error, warn, info (the default), debug or trace."),
    ("DBUS_SYSTEM_BUS_ADDRESS", "Another bus than the system's."),
];

pub const APPLET: &str = "\
usbnet-applet shows in the status bar what the device is to the computer at its USB cable, and switches to another
mode from its menu. When a card is in use, a notification names what holds it, and asks whether to wait, to cancel,
or to force the switch.

It needs the daemon of usbnet(8), a session bus, and a panel that hosts a StatusNotifierItem. It may start before
any of them but the bus. A second one in the same session says so and ends.

To switch, the user has to be a member of control.group, or to be permitted polkit's action org.usbnet.switch, as whoever
sits at the device is by default; for that, usbnet-dbus(8) has to be installed. Whom polkit wants a password from is asked
for it.

What is refused is told in a notification, and in the menu until the next choice or success.";

pub const APPLET_FILES: &[(&str, &str)] = &[
    ("/run/usbnet/control", "The daemon's socket."),
    ("/etc/xdg/autostart/usbnet-applet.desktop", "Starts it with the desktop."),
];

pub const APPLET_ENVIRONMENT: &[(&str, &str)] = &[
    ("LC_ALL, LC_MESSAGES, LANG", "Its language: English, Finnish or German."),
    (
        "LANGUAGE",
        "The first known language of this colon-separated list goes before those, unless they say C or POSIX.",
    ),
];

pub const CONFIGURATION: &str = "\
The file is in RON, a notation like Rust's. Whatever it leaves out has its default; unknown fields are errors.
Nothing is touched until the whole file is valid.

usbnet config FILE says what a file amounts to, or which line and column is wrong and what is allowed there.
A daemon keeps the file that it was started with; usbnet restart reads it again.";

pub const EXAMPLE: &str = r#"Config(
    link: (address: "10.66.0.1/29", host: "10.66.0.2"),
    cards: ["/media/mmc1", "UUID=1234-ABCD"],
)"#;

pub const INTERFACE: &str = "\
The daemon speaks Varlink (https://varlink.org): each message is a JSON object and ends with a NUL byte. A call names
its method and has parameters; its reply has parameters too, or the name of an error and what there is to say about it.

The interface is org.usbnet.Control, described below; org.varlink.service describes it to clients that ask. The command
usbnet is one client among others. Optional parameters may be left out or null. What is wrong about parameters is answered
with org.varlink.service.InvalidParameter, whose parameter is the name of the one that is missing, unknown or out of range.

With \"more\": true, Watch goes on to reply: first with the mode that is set, then with each event. A client that was too
slow to read them is disconnected, and asks again for what there is. With \"oneway\": true, a call is carried out and not
answered.

SetMode answers once the mode is confirmed, which can take as long as whoever uses a card; the events say what it waits
for. One switch is under way at a time, and others are refused with Switching. Calls on one connection are answered in
order, so whoever wants to ask something meanwhile opens another one.

An error is typed: its name says what happened, and its parameters what a program needs to tell or to act. Failed
stands for everything else, with the line that the command would print and the code that it would end with.";

pub const PERMISSIONS: &str = "\
Everybody may connect and read. SetMode (but for its plan), Cancel and Stop are for root and the members of the group
control.group in the configuration, as the kernel knows them when they connect; others are answered NotPermitted. Every
switch is logged with who asked for it.";

pub const LIMITS: &str = "\
A call has at most 8192 bytes. What is no call ends the connection.

There are at most 64 connections. One more, and one has to go: first of those who may only read, and of whoever has most
of them the oldest. So nobody can keep root, the group or others out. A connection may be silent as long as it likes.

Those who may only read take turns, one user after the other, and one connection of a user after the other: many calls keep
nobody else waiting.

Whoever does not read its replies is not read from either. Events wait for a watcher up to 16384 bytes beyond what the
kernel keeps; then it is disconnected.";

pub const CONSOLE: &str = "\
With control: (console: ReadOnly), or Full, in the configuration, the host speaks the same protocol over the gadget's
serial port, in every mode with the function Acm: /dev/ttyACM0 on Linux, a COM port on Windows. The port is raw, and its speed
is of no importance. Nobody else on the device can use it meanwhile.

A host may look with ReadOnly, and is answered ReadOnlyConsole to the rest. With Full it may do what root may: whoever can
plug in a cable. So it is off by default.

What is no call is ignored here instead of ending anything, so a program on the host begins with a NUL byte: that ends
whatever the one before it has left. A switch takes the port away and brings it back, if the new mode has one; its answer is
the mode that Status then shows.";

pub const EXAMPLES: &[(&str, &str)] = &[
    ("With Python's package varlink:", include_str!("../varlink-example.py")),
    ("On the host, over the serial port, with bash:", include_str!("../console-example.sh")),
];
