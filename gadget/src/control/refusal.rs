//! Why a call has no results: the typed errors of the interface, with their words and exit codes.

use serde_json::{Value, json};

use super::{Held, INTERFACE, Reply};
use crate::exit::Exit;

/// Why a call has no results: the typed errors of the interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was tried and failed.
    #[error("{message}")]
    Failed {
        /// What the command ends with.
        exit: Exit,
        /// Its error line.
        message: String,
    },
    /// No such mode.
    #[error("mode {name:?} is not configured; the configuration has {}", modes.join(", "))]
    UnknownMode {
        /// What was asked for.
        name: String,
        /// What there is.
        modes: Vec<String>,
    },
    /// Another switch is under way.
    #[error(
        "a switch to mode {target}{} is under way; wait for it (usbnet watch), or cancel it with usbnet mode --cancel",
        who.as_ref().map(|who| format!(", asked for by {who},")).unwrap_or_default()
    )]
    Switching {
        /// Where it goes.
        target: String,
        /// Who asked for it: `uid 1000 (pid 812)`; none if it was nobody at the socket.
        who: Option<String>,
    },
    /// Something on the device holds a card; nothing was changed.
    #[error("{}", busy(holders))]
    CardBusy {
        /// All that holds one of the cards; at least one.
        holders: Vec<Held>,
    },
    /// The host holds a card; nothing was changed.
    #[error(
        "the host still uses card {}; eject it there, or use --force (what it has not written yet is lost)",
        cards.join(", card ")
    )]
    HostBusy {
        /// What the configuration calls the cards.
        cards: Vec<String>,
    },
    /// The switch was cancelled, and undone as far as it had come.
    #[error("the switch was cancelled; usbnet status shows the mode that is set")]
    Cancelled {},
    /// No such host.
    #[error("no host {name:?}; there is a profile for {}", hosts.join(", "))]
    UnknownHost {
        /// What was asked for.
        name: String,
        /// What there is.
        hosts: Vec<String>,
    },
    /// The host has no profile of this shape, or for this link.
    #[error("{why}")]
    NoProfile {
        /// The host's name.
        host: String,
        /// Why not, and what to do instead.
        why: String,
    },
    /// There is no link to make a profile for.
    #[error("{} has no link to a host; set one with a network function (usbnet modes)", mode_words(mode.as_deref()))]
    NoLink {
        /// The mode that is set, if one is.
        mode: Option<String>,
    },
    /// The caller may only read.
    #[error("only root{} may do this", group.as_ref().map(|g| format!(" and members of group {g}")).unwrap_or_default())]
    NotPermitted {
        /// Whose members may.
        group: Option<String>,
    },
    /// The caller is the host, and its console may only read.
    #[error("the host's console may only read; {setting} in the device's configuration allows it more")]
    ReadOnlyConsole {
        /// What to configure on the device.
        setting: String,
    },
}

/// One holder a line: a person has to go through them one by one.
fn busy(holders: &[Held]) -> String {
    let line = |Held { card, holder }: &Held| format!("card {card} is busy: {holder}");
    let lines: Vec<String> = holders.iter().map(line).collect();
    let them = if lines.len() == 1 { "it" } else { "them" };
    format!("{}; close {them}, or use --on-busy", lines.join(";\n  "))
}

fn mode_words(mode: Option<&str>) -> String {
    mode.map_or_else(|| "no mode is set, so the device".to_owned(), |mode| format!("mode {mode}"))
}

impl Refusal {
    /// What a command that got this answer ends with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Failed { exit, .. } => *exit,
            Self::UnknownMode { .. } | Self::UnknownHost { .. } | Self::NoProfile { .. } => Exit::Usage,
            Self::Switching { .. } | Self::Cancelled {} | Self::NoLink { .. } => Exit::Failed,
            Self::CardBusy { .. } => Exit::CardBusy,
            Self::HostBusy { .. } => Exit::HostBusy,
            Self::NotPermitted { .. } | Self::ReadOnlyConsole { .. } => Exit::NotPermitted,
        }
    }

    /// The refusal as a Varlink reply. By hand, as is the way back: what serde derives for the two is ten times as long.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let (name, parameters) = match self {
            Self::Failed { exit, message } => ("Failed", json!({ "exit": exit, "message": message })),
            Self::UnknownMode { name, modes } => ("UnknownMode", json!({ "name": name, "modes": modes })),
            Self::Switching { target, who } => ("Switching", json!({ "target": target, "who": who })),
            Self::CardBusy { holders } => ("CardBusy", json!({ "holders": holders })),
            Self::HostBusy { cards } => ("HostBusy", json!({ "cards": cards })),
            Self::Cancelled {} => ("Cancelled", json!({})),
            Self::UnknownHost { name, hosts } => ("UnknownHost", json!({ "name": name, "hosts": hosts })),
            Self::NoProfile { host, why } => ("NoProfile", json!({ "host": host, "why": why })),
            Self::NoLink { mode } => ("NoLink", json!({ "mode": mode })),
            Self::NotPermitted { group } => ("NotPermitted", json!({ "group": group })),
            Self::ReadOnlyConsole { setting } => ("ReadOnlyConsole", json!({ "setting": setting })),
        };
        Reply::error(&format!("{INTERFACE}.{name}"), parameters)
    }

    /// Reads back what [`Refusal::reply`] wrote; any other error becomes [`Refusal::Failed`].
    #[must_use]
    pub fn from_reply(error: &str, parameters: &Value) -> Self {
        Self::read(error, parameters).unwrap_or_else(|| Self::Failed {
            exit: Exit::Failed,
            message: format!("the daemon answered {error} {parameters}"),
        })
    }

    fn read(error: &str, parameters: &Value) -> Option<Self> {
        let field = |name: &str| parameters[name].clone();
        let text = |name: &str| parameters[name].as_str().map(str::to_owned);
        Some(match error.strip_prefix(INTERFACE)?.strip_prefix('.')? {
            "Failed" => {
                Self::Failed { exit: serde_json::from_value(field("exit")).ok()?, message: text("message")? }
            }
            "UnknownMode" => {
                Self::UnknownMode { name: text("name")?, modes: serde_json::from_value(field("modes")).ok()? }
            }
            "Switching" => Self::Switching { target: text("target")?, who: text("who") },
            "CardBusy" => Self::CardBusy { holders: serde_json::from_value(field("holders")).ok()? },
            "HostBusy" => Self::HostBusy { cards: serde_json::from_value(field("cards")).ok()? },
            "Cancelled" => Self::Cancelled {},
            "UnknownHost" => {
                Self::UnknownHost { name: text("name")?, hosts: serde_json::from_value(field("hosts")).ok()? }
            }
            "NoProfile" => Self::NoProfile { host: text("host")?, why: text("why")? },
            "NoLink" => Self::NoLink { mode: text("mode") },
            "NotPermitted" => Self::NotPermitted { group: text("group") },
            "ReadOnlyConsole" => Self::ReadOnlyConsole { setting: text("setting")? },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cards::{Holder, HolderKind};

    fn held(card: &str, kind: HolderKind, pid: Option<u32>, path: &str) -> Held {
        let (program, user) = (pid.map(|_| "vi".into()), pid.map(|_| "user".into()));
        Held { card: card.into(), holder: Holder { kind, pid, program, user, path: path.into() } }
    }

    #[test]
    fn refusals_cross_the_socket_whole() {
        let open = held("/media/mmc1", HolderKind::OpenFile, Some(812), "/media/mmc1/notes.txt");
        let swap = held("LABEL=MUSIC", HolderKind::Swap, None, "/dev/mmcblk1p2");
        let who = Some("uid 1000 (pid 812)".to_owned());
        let table = [
            (
                Refusal::Failed { exit: Exit::NoKernelSupport, message: "no UDC".into() },
                "Failed",
                Exit::NoKernelSupport,
                "no UDC",
            ),
            (
                Refusal::UnknownMode { name: "x".into(), modes: vec!["network".into()] },
                "UnknownMode",
                Exit::Usage,
                "mode \"x\" is not configured; the configuration has network",
            ),
            (
                Refusal::Switching { target: "network".into(), who },
                "Switching",
                Exit::Failed,
                "a switch to mode network, asked for by uid 1000 (pid 812), is under way; wait for it (usbnet watch), \
                 or cancel it with usbnet mode --cancel",
            ),
            (
                Refusal::Switching { target: "network".into(), who: None },
                "Switching",
                Exit::Failed,
                "a switch to mode network is under way; wait for it (usbnet watch), or cancel it with usbnet mode \
                 --cancel",
            ),
            (
                Refusal::CardBusy { holders: vec![open.clone()] },
                "CardBusy",
                Exit::CardBusy,
                "card /media/mmc1 is busy: vi (pid 812, user) has /media/mmc1/notes.txt open; close it, or use --on-busy",
            ),
            (
                Refusal::CardBusy { holders: vec![open, swap] },
                "CardBusy",
                Exit::CardBusy,
                "card /media/mmc1 is busy: vi (pid 812, user) has /media/mmc1/notes.txt open;\n  \
                 card LABEL=MUSIC is busy: /dev/mmcblk1p2 is used as swap; close them, or use --on-busy",
            ),
            (
                Refusal::HostBusy { cards: vec!["/media/mmc1".into(), "LABEL=MUSIC".into()] },
                "HostBusy",
                Exit::HostBusy,
                "the host still uses card /media/mmc1, card LABEL=MUSIC; eject it there, or use --force (what it has \
                 not written yet is lost)",
            ),
            (
                Refusal::Cancelled {},
                "Cancelled",
                Exit::Failed,
                "the switch was cancelled; usbnet status shows the mode that is set",
            ),
            (
                Refusal::UnknownHost { name: "plan9".into(), hosts: vec!["udev".into(), "ssh".into()] },
                "UnknownHost",
                Exit::Usage,
                "no host \"plan9\"; there is a profile for udev, ssh",
            ),
            (
                Refusal::NoProfile { host: "ssh".into(), why: "ssh has no bridge".into() },
                "NoProfile",
                Exit::Usage,
                "ssh has no bridge",
            ),
            (
                Refusal::NoLink { mode: Some("charging".into()) },
                "NoLink",
                Exit::Failed,
                "mode charging has no link to a host; set one with a network function (usbnet modes)",
            ),
            (
                Refusal::NoLink { mode: None },
                "NoLink",
                Exit::Failed,
                "no mode is set, so the device has no link to a host; set one with a network function (usbnet modes)",
            ),
            (
                Refusal::NotPermitted { group: Some("plugdev".into()) },
                "NotPermitted",
                Exit::NotPermitted,
                "only root and members of group plugdev may do this",
            ),
            (
                Refusal::NotPermitted { group: None },
                "NotPermitted",
                Exit::NotPermitted,
                "only root may do this",
            ),
            (
                Refusal::ReadOnlyConsole { setting: "control: (console: Full)".into() },
                "ReadOnlyConsole",
                Exit::NotPermitted,
                "the host's console may only read; control: (console: Full) in the device's configuration allows it \
                 more",
            ),
        ];
        for (refusal, name, exit, message) in table {
            let reply = refusal.reply();
            assert_eq!(reply.error.as_deref(), Some(format!("{INTERFACE}.{name}").as_str()));
            assert_eq!(Refusal::from_reply(&reply.error.unwrap(), &reply.parameters), refusal);
            assert_eq!((refusal.exit(), refusal.to_string().as_str()), (exit, message));
        }
        let foreign = Refusal::from_reply("org.varlink.service.MethodNotFound", &json!({"method": "X"}));
        assert_eq!(foreign.exit(), Exit::Failed);
        assert!(foreign.to_string().contains("MethodNotFound"));
    }
}
