//! The kernel's functions, and the kinds of host that each is for.
//!
//! Values only, and what is known of them; which ones a kernel has is the planner's matter.

use std::fmt;

use super::Backend;

/// One kernel gadget function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FunctionKind {
    /// CDC Ethernet Control Model.
    Ecm,
    /// CDC Network Control Model.
    Ncm,
    /// Microsoft's Remote NDIS.
    Rndis,
    /// CDC Ethernet Emulation Model.
    Eem,
    /// The CDC subset, `geth` in configfs.
    EcmSubset,
    /// CDC Abstract Control Model: a serial port.
    Acm,
    /// USB mass storage, bulk only: a card reader with a slot for each card.
    MassStorage,
}

impl FunctionKind {
    /// Every function, in the order in which messages list them.
    pub const ALL: [Self; 7] =
        [Self::Ecm, Self::Ncm, Self::Rndis, Self::Eem, Self::EcmSubset, Self::Acm, Self::MassStorage];

    /// Whether it gives the device a network interface.
    #[must_use]
    pub const fn is_network(self) -> bool {
        !matches!(self, Self::Acm | Self::MassStorage)
    }

    /// The word for it in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ecm => "Ecm",
            Self::Ncm => "Ncm",
            Self::Rndis => "Rndis",
            Self::Eem => "Eem",
            Self::EcmSubset => "EcmSubset",
            Self::Acm => "Acm",
            Self::MassStorage => "MassStorage",
        }
    }

    /// The kernel's name for it, which begins its directory under configfs
    /// (`Documentation/ABI/testing/configfs-usb-gadget-*`).
    #[must_use]
    pub const fn kernel_name(self) -> &'static str {
        match self {
            Self::Ecm => "ecm",
            Self::Ncm => "ncm",
            Self::Rndis => "rndis",
            Self::Eem => "eem",
            Self::EcmSubset => "geth",
            Self::Acm => "acm",
            Self::MassStorage => "mass_storage",
        }
    }
}

impl fmt::Display for FunctionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kernel_name())
    }
}

/// The kind of host that a mode is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPreset {
    /// Any current system.
    Any,
    /// Windows 7 and 8, which have RNDIS only.
    Windows7,
    /// Linux before 2.6.38, which has no NCM.
    OldLinux,
    /// macOS, which has NCM and ECM.
    MacOs,
}

impl HostPreset {
    /// Every preset, in the order in which messages list them.
    pub const ALL: [Self; 4] = [Self::Any, Self::Windows7, Self::OldLinux, Self::MacOs];

    /// The network functions that such hosts have a driver for, the preferred one first.
    #[must_use]
    pub const fn network_functions(self) -> &'static [FunctionKind] {
        use FunctionKind::{Ecm, EcmSubset, Eem, Ncm, Rndis};
        match self {
            Self::Any => &[Ncm, Ecm, Rndis, Eem, EcmSubset],
            Self::Windows7 => &[Rndis],
            Self::OldLinux => &[Ecm, Rndis, Eem, EcmSubset],
            Self::MacOs => &[Ncm, Ecm],
        }
    }

    /// The network function of a mode that leaves its functions out: the preferred one that the
    /// backend has; each list has one that every backend has.
    #[must_use]
    pub fn network_function(self, backend: &Backend) -> FunctionKind {
        let known = self.network_functions();
        known.iter().copied().find(|function| backend.carries(*function)).unwrap_or(known[0])
    }

    /// The word for it in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Any => "Any",
            Self::Windows7 => "Windows7",
            Self::OldLinux => "OldLinux",
            Self::MacOs => "MacOs",
        }
    }
}

impl fmt::Display for HostPreset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
