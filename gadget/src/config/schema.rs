//! What a configuration consists of, and the default of every part.
//!
//! Values only: nothing here reads, checks or prints.

use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf};

use super::{Card, FunctionKind, HOST, HostPreset, InterfaceAddress, Pool, Storage};
use crate::identity::MacAddr;

/// The whole configuration, every field decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How the device presents itself on USB.
    pub gadget: Gadget,
    /// How a mode reaches the kernel.
    pub backend: Backend,
    /// Which USB device controller is used.
    pub udc: UdcChoice,
    /// Addresses and services of the network modes.
    pub link: Link,
    /// The cards that storage modes lend, in the order of their LUNs; at most 16.
    pub cards: Vec<Card>,
    /// What is done around lending.
    pub storage: Storage,
    /// The modes by name; at least one. [`HOST`] is there beside them, see [`Config::mode`].
    pub modes: BTreeMap<String, Mode>,
    /// The mode that `start` enters.
    pub start_mode: StartMode,
    /// Who may switch modes.
    pub control: Control,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            gadget: Gadget::default(),
            backend: Backend::Auto,
            udc: UdcChoice::Auto,
            link: Link::default(),
            cards: Vec::new(),
            storage: Storage::DEFAULT,
            modes: Mode::defaults(&Backend::Auto),
            start_mode: StartMode::Last { or: "network".into() },
            control: Control { group: None, console: Console::Off },
        }
    }
}

impl Config {
    /// The mode of that name.
    #[must_use]
    pub fn mode(&self, name: &str) -> Option<&Mode> {
        self.modes.get(name).or((name == HOST).then_some(&HOST_ROLE))
    }

    /// What every mode is called.
    #[must_use]
    pub fn mode_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.modes.keys().cloned().collect();
        names.push(HOST.to_owned());
        names
    }
}

/// The device shows the other end nothing.
static HOST_ROLE: Mode = Mode { functions: Vec::new(), host_preset: HostPreset::Any, profile_disk: false };

/// The device descriptor's identity and strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gadget {
    /// `idVendor`, never 0.
    pub vendor_id: u16,
    /// `idProduct`.
    pub product_id: u16,
    /// `iManufacturer`, 1 to 126 UTF-16 units, and at most 126 bytes.
    pub manufacturer: String,
    /// `iProduct`, 1 to 126 UTF-16 units, and at most 126 bytes.
    pub product: String,
    /// `iSerialNumber`.
    pub serial: SerialChoice,
    /// The network function's two hardware addresses.
    pub mac: MacChoice,
}

impl Default for Gadget {
    fn default() -> Self {
        Self {
            // The Linux Foundation's "Multifunction Composite Gadget". Not 0525:a4a2, for which Windows
            // hosts tend to have a driver cached that fits another composition.
            vendor_id: 0x1d6b,
            product_id: 0x0104,
            manufacturer: "usbnet".into(),
            product: "Linux device".into(),
            serial: SerialChoice::Auto,
            mac: MacChoice::Auto,
        }
    }
}

/// The USB serial number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SerialChoice {
    /// Derived from the device's identity.
    Auto,
    /// This text, 1 to 126 printable ASCII characters.
    Fixed(String),
}

/// The hardware addresses of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacChoice {
    /// Derived from the device's identity, per function and side.
    Auto,
    /// Exactly these two; they differ, and both are unicast.
    Fixed {
        /// The device's end (`dev_addr`).
        device: MacAddr,
        /// The host's end (`host_addr`).
        host: MacAddr,
    },
}

/// How a mode reaches the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// configfs where the kernel has it, else the legacy modules.
    Auto,
    /// libcomposite through configfs.
    Configfs,
    /// A module that is a whole gadget.
    Legacy {
        /// The network module, usually `g_ether`.
        ether: String,
        /// The storage module, usually `g_mass_storage`.
        storage: String,
        /// Where modules are loaded from with the running kernel's version appended, instead of
        /// asking `modprobe`.
        insmod_from: Option<PathBuf>,
    },
}

impl Backend {
    /// The network module of the legacy backend unless the configuration names another.
    pub const ETHER: &str = "g_ether";

    /// The storage module of the legacy backend unless the configuration names another.
    pub const STORAGE: &str = "g_mass_storage";

    /// Whether a mode can have this function: `g_ether` shows RNDIS and ECM, or RNDIS and EEM, and
    /// `g_mass_storage` cards.
    #[must_use]
    pub const fn carries(&self, function: FunctionKind) -> bool {
        use FunctionKind::{Ecm, Eem, MassStorage, Rndis};
        !matches!(self, Self::Legacy { .. }) || matches!(function, Ecm | Rndis | Eem | MassStorage)
    }
}

/// The USB device controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UdcChoice {
    /// The best one there is, virtual ones skipped.
    Auto,
    /// The one of this name in `/sys/class/udc`.
    Named(String),
}

/// Addresses and services of the network modes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The device's address.
    pub address: InterfaceAddress,
    /// The address that the host gets.
    pub host: Ipv4Addr,
    /// Addresses for further hosts; may contain `host`, never the device's.
    pub pool: Option<Pool>,
    /// Whether another subnet is taken when this one overlaps a route of the device; `false` pins it.
    pub avoid_overlap: bool,
    /// Whether the responder answers DHCP.
    pub dhcp: Switch,
    /// Whether the responder answers DNS.
    pub dns: Switch,
    /// The device's name in DNS, one label; without it the system's host name.
    pub name: Option<String>,
    /// The domain of that name.
    pub domain: String,
    /// The interface's MTU in bytes; without it the function's own.
    pub mtu: Option<u16>,
    /// How long a DHCP lease lasts, in seconds.
    pub lease_seconds: u32,
    /// Whether the host may use the device's uplink.
    pub share: Share,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            // The address that the Maemo tablets have had since 2006. Not with /28: it would be the
            // broadcast address there.
            address: InterfaceAddress { address: Ipv4Addr::new(192, 168, 2, 15), prefix: 27 },
            host: Ipv4Addr::new(192, 168, 2, 14),
            pool: None,
            avoid_overlap: true,
            dhcp: Switch::On,
            dns: Switch::On,
            name: None,
            domain: "usbnet".into(),
            mtu: None,
            lease_seconds: 86_400,
            share: Share::None,
        }
    }
}

/// Something that is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It runs.
    On,
    /// It does not.
    Off,
}

/// How the device's uplink is shared with the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Not at all.
    None,
}

/// A named set of functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    /// The functions, in the order of their interfaces: at most one network function, no duplicates.
    /// What the host preset picked is in here already.
    pub functions: Vec<FunctionKind>,
    /// The kind of host that the mode is meant for.
    pub host_preset: HostPreset,
    /// Whether the host finds its profiles on a small read-only disk beside the network function.
    pub profile_disk: bool,
}

impl Mode {
    /// The shipped modes, with the network function that the backend has. A legacy module is one gadget, so
    /// there are no two functions side by side with them.
    pub(super) fn defaults(backend: &Backend) -> BTreeMap<String, Self> {
        let host_preset = HostPreset::Any;
        let network = host_preset.network_function(backend);
        let storage = FunctionKind::MassStorage;
        let mut modes = BTreeMap::new();
        let mut mode = |name: &str, functions: &[FunctionKind]| {
            let mode = Self { functions: functions.to_vec(), host_preset, profile_disk: false };
            modes.insert(name.to_owned(), mode);
        };
        mode("network", &[network]);
        mode("storage", &[storage]);
        mode("charging", &[]);
        if !matches!(backend, Backend::Legacy { .. }) {
            mode("network+storage", &[network, storage]);
        }
        modes
    }

    /// Whether it lends the cards.
    #[must_use]
    pub fn has_storage(&self) -> bool {
        self.functions.contains(&FunctionKind::MassStorage)
    }

    /// Its functions, and the one that the profile disk needs beside them.
    #[must_use]
    pub fn all_functions(&self) -> Vec<FunctionKind> {
        let disk = (self.profile_disk && !self.has_storage()).then_some(FunctionKind::MassStorage);
        self.functions.iter().copied().chain(disk).collect()
    }

    /// The mode's network function, if it has one.
    #[must_use]
    pub fn network(&self) -> Option<FunctionKind> {
        self.functions.iter().copied().find(|function| function.is_network())
    }
}

/// The mode that `start` enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartMode {
    /// The one that was active last, or this one when there is none or it is gone.
    Last {
        /// The mode's name.
        or: String,
    },
    /// Always this one.
    Named(String),
}

/// Who may do what over the control socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The group that may switch modes beside root.
    pub group: Option<String>,
    /// What the host may do over the gadget's serial port.
    pub console: Console,
}

/// The control socket's protocol on the gadget's serial port, in modes that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Console {
    /// There is none: the port is free for other programs.
    Off,
    /// The host may look.
    ReadOnly,
    /// The host may do what root may.
    Full,
}

impl Console {
    /// Every choice, in the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::Off, Self::ReadOnly, Self::Full];

    /// The word for it in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "Off",
            Self::ReadOnly => "ReadOnly",
            Self::Full => "Full",
        }
    }
}
