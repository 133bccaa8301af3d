//! The interface `org.usbnet.Control` as Rust types; the shapes are those of `org.usbnet.Control.varlink`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use usbnet_host_profiles::Shape;

use super::{Card, Progress};
use crate::config::OnBusy;
use crate::exit::Exit;

/// A call that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// What the device is now.
    Status,
    /// What it can become.
    Modes,
    /// Become it.
    SetMode(SetMode),
    /// Tell what happens.
    Watch,
    /// Who has an address.
    Leases,
    /// What a host needs for the link as it is.
    Profile {
        /// The host's name.
        host: String,
        /// What the link is for; none for the first shape that the host has.
        shape: Option<Shape>,
    },
    /// Take everything down and end.
    Stop(Stop),
    /// Give up the switch under way.
    Cancel,
}

impl Call {
    /// Whether the call changes something, so that only some may make it.
    #[must_use]
    pub fn changes(&self) -> bool {
        match self {
            Self::SetMode(set) => !set.plan,
            Self::Stop(_) | Self::Cancel => true,
            Self::Status | Self::Modes | Self::Watch | Self::Leases | Self::Profile { .. } => false,
        }
    }
}

/// How long a call may wait for the host to eject its cards, in seconds.
pub const WAIT_SECONDS: std::ops::RangeInclusive<u32> = 1..=86_400;

/// Parameters of `SetMode`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SetMode {
    /// The mode to switch to.
    pub name: String,
    /// Take a card from the host although it uses it.
    pub force: bool,
    /// Only answer the shell lines the switch equals.
    pub plan: bool,
    /// What to do about holders on the device, instead of what the configuration says.
    pub on_busy: Option<OnBusy>,
    /// Wait so many seconds for the host to eject its cards, instead of refusing at once: one of [`WAIT_SECONDS`].
    pub wait: Option<u32>,
}

/// Parameters of `Stop`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// Take a card from the host although it uses it.
    pub force: bool,
    /// Wait so many seconds for the host to eject its cards, instead of refusing at once: one of [`WAIT_SECONDS`].
    pub wait: Option<u32>,
    /// Begin anew afterwards, as the same process and with the configuration file as it is then, if a supervisor runs the
    /// daemon: ended, it would be started again at some time, or not.
    ///
    /// A daemon of before knows neither this nor the next, and refuses what it does not know.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
    /// The configuration file that it shall have then: refused if its supervisor has it take another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

/// Results of `Stop`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The daemon begins anew instead of ending.
    #[serde(default)]
    pub restarts: bool,
}

/// Results of `SetMode`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeReply {
    /// The mode that is confirmed (or planned).
    pub mode: String,
    /// With `plan`: shell lines; else empty.
    pub steps: Vec<String>,
}

/// Where the mode engine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No gadget of ours.
    Stopped,
    /// Between two modes.
    Switching,
    /// The UDC went away; the mode is set again when there is one.
    Lost,
    /// The mode was read back from the kernel.
    Confirmed,
}

/// What the device is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The confirmed mode.
    pub mode: Option<String>,
    /// The mode being switched to.
    pub target: Option<String>,
    /// Where the engine stands.
    pub state: Phase,
    /// Why the last switch failed, until one succeeds; not why one was refused to a client, which was told.
    pub error: Option<String>,
    /// How the kernel was reached.
    pub backend: Option<String>,
    /// The device controller in use.
    pub udc: Option<Udc>,
    /// The port's role in the kernel's word, in the mode that makes it a host's.
    pub role: Option<String>,
    /// The network interface, in a mode that has one.
    pub link: Option<Link>,
    /// The DHCP/DNS process, in a mode that has one.
    pub responder: Option<Responder>,
    /// Who has an address.
    pub leases: Vec<Lease>,
    /// The configured cards in the order of their slots, then those that are only still lent.
    pub cards: Vec<Card>,
    /// What the switch under way is at.
    pub progress: Option<Progress>,
    /// The machine.
    pub system: System,
}

/// A USB device controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Udc {
    /// Its name under `/sys/class/udc`.
    pub name: String,
    /// The kernel's word for its state.
    pub state: String,
    /// The negotiated speed, if there is one.
    pub speed: Option<String>,
}

/// The network interface of the gadget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Name as read from the kernel.
    pub interface: String,
    /// This end's MAC address.
    pub mac: String,
    /// The host end's MAC address, if the backend sets one.
    pub host_mac: Option<String>,
    /// `ADDRESS/PREFIX` of this end.
    pub address: String,
    /// The address the host is given.
    pub host: String,
    /// In bytes.
    pub mtu: u32,
    /// Administratively up.
    pub up: bool,
    /// The host end listens.
    pub carrier: bool,
    /// Bytes from the host.
    pub received_bytes: u64,
    /// Bytes to the host.
    pub sent_bytes: u64,
    /// Why another subnet than the configured one is in use.
    pub moved: Option<String>,
}

/// The DHCP/DNS process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responder {
    /// It answered when last asked.
    pub running: bool,
    /// Its process id.
    pub pid: Option<u32>,
    /// How often it had to be started again in this mode.
    pub restarts: u32,
    /// Packets that came in on another interface and were ignored.
    pub wrong_interface: u64,
    /// DHCP packets.
    pub dhcp: Counters,
    /// DNS packets.
    pub dns: Counters,
}

/// Packets of one protocol since the responder's last start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Came in.
    pub received: u64,
    /// Were answered.
    pub answered: u64,
    /// Were not, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// One host's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The address it has.
    pub address: String,
    /// Its hardware address.
    pub mac: String,
    /// The name it calls itself.
    pub hostname: Option<String>,
    /// Until it has to ask again.
    pub seconds_left: u64,
}

/// The machine this runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Its name.
    pub hostname: String,
    /// Kernel release.
    pub kernel: String,
    /// Since boot.
    pub uptime_seconds: u64,
}

/// A mode and whether it can be chosen here and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mode {
    /// Its name in the configuration.
    pub name: String,
    /// The functions the host will see.
    pub functions: Vec<String>,
    /// It is the confirmed one.
    pub current: bool,
    /// Why it cannot be chosen.
    pub why: Option<String>,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A mode was confirmed.
    Mode,
    /// A switch began.
    Switching,
    /// A switch failed.
    Failed,
    /// The UDC's state changed: a cable came or went.
    Cable,
    /// The interface changed: link up, carrier, address put back.
    Link,
    /// A lease was given or ended.
    Lease,
    /// The responder ended or was started again.
    Responder,
    /// A card changed hands, came or went.
    Card,
    /// A switch takes its time: writing back, waiting, checking.
    Progress,
}

/// What the text of an event of this kind begins with; the reason follows.
pub const FAILED: &str = "failed: ";

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What it is about.
    pub kind: EventKind,
    /// One line for a person.
    pub text: String,
    /// The mode it concerns.
    pub mode: Option<String>,
    /// The new value: UDC state, address, pid…
    pub value: Option<String>,
    /// Of a switch that failed: what a command that had asked for it ends with. A daemon of before says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
}
