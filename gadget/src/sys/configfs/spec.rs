//! A gadget as it shall be: plain values, nothing of the running system.

use serde::{Deserialize, Serialize};

/// A gadget with one configuration, as it shall look in configfs.
///
/// The attribute names and their meaning are those of the kernel's
/// `Documentation/ABI/testing/configfs-usb-gadget`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GadgetSpec {
    /// The directory below `usb_gadget/`; also what marks a gadget as ours.
    pub name: String,
    /// `idVendor`.
    pub vendor_id: u16,
    /// `idProduct`.
    pub product_id: u16,
    /// `bcdDevice`: every nibble is a decimal digit, or the kernel refuses it.
    pub bcd_device: u16,
    /// `bDeviceClass`, `bDeviceSubClass`, `bDeviceProtocol`.
    pub class: ClassTriple,
    /// `strings/0x409`.
    pub strings: Strings,
    /// `configs/c.1`.
    pub configuration: ConfigurationSpec,
    /// In the order in which the host sees their interfaces.
    pub functions: Vec<FunctionSpec>,
    /// Microsoft OS 1.0 descriptors, when some function carries a compatible id.
    pub os_descriptors: Option<OsDescriptors>,
}

/// A class, subclass and protocol number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassTriple(pub u8, pub u8, pub u8);

impl ClassTriple {
    /// "Every interface has a class of its own", for a device of one function.
    pub const PER_INTERFACE: Self = Self(0, 0, 0);
    /// "Look at the interface associations", which a composite device has to say.
    pub const MISCELLANEOUS: Self = Self(0xEF, 0x02, 0x01);
    /// "Wireless controller, RF, RNDIS", which Windows binds to its own RNDIS driver.
    pub const WIRELESS_RNDIS: Self = Self(0xE0, 0x01, 0x03);
    /// "Miscellaneous, RNDIS over Ethernet", the other triple that Windows binds.
    pub const MISCELLANEOUS_RNDIS: Self = Self(0xEF, 0x04, 0x01);
}

/// The English (0x409) strings of a gadget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strings {
    /// `manufacturer`.
    pub manufacturer: String,
    /// `product`.
    pub product: String,
    /// `serialnumber`.
    pub serial: String,
}

/// The one configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationSpec {
    /// `strings/0x409/configuration`.
    pub description: String,
    /// `MaxPower` in mA, at most 500.
    pub max_power: u16,
    /// Bit 6 of `bmAttributes`.
    pub self_powered: bool,
}

/// `os_desc/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsDescriptors {
    /// `b_vendor_code`: the request number that the host then asks with. Below 0x80: Linux 6.1 takes it for a
    /// signed number when it is read back.
    pub vendor_code: u8,
    /// `qw_sign`.
    pub signature: String,
}

impl Default for OsDescriptors {
    fn default() -> Self {
        Self { vendor_code: 0x20, signature: "MSFT100".to_owned() }
    }
}

/// `interface.*/compatible_id` and `sub_compatible_id` of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompatibleId {
    /// At most 8 characters.
    pub compatible: String,
    /// At most 8 characters.
    pub sub_compatible: String,
}

/// One function of a gadget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FunctionSpec {
    /// A network card.
    Ethernet(EthernetSpec),
    /// A serial port: `acm.INSTANCE`.
    Acm {
        /// The part of the directory name after the dot.
        instance: String,
    },
    /// A card reader: `mass_storage.INSTANCE`.
    MassStorage(MassStorageSpec),
}

/// The kernel's function drivers that make a network card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EthernetDriver {
    /// CDC ECM, `usb_f_ecm`.
    Ecm,
    /// CDC NCM, `usb_f_ncm`.
    Ncm,
    /// RNDIS, `usb_f_rndis`.
    Rndis,
    /// CDC EEM, `usb_f_eem`.
    Eem,
    /// The CDC subset, which the kernel calls `geth`: `usb_f_ecm_subset`.
    Subset,
}

/// A network function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EthernetSpec {
    /// Which protocol.
    pub driver: EthernetDriver,
    /// The part of the directory name after the dot.
    pub instance: String,
    /// `dev_addr`: the MAC address of the device's end.
    pub device_mac: [u8; 6],
    /// `host_addr`: the MAC address of the host's end.
    pub host_mac: [u8; 6],
    /// `qmult`, or the kernel's default.
    pub queue_multiplier: Option<u32>,
    /// `class`, `subclass`, `protocol` of the interface association; only RNDIS has them.
    pub class: Option<ClassTriple>,
    /// What the function answers to Windows; only RNDIS and (on newer kernels) NCM can.
    pub compatible_id: Option<CompatibleId>,
}

/// A mass storage function: `Documentation/ABI/testing/configfs-usb-gadget-mass-storage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MassStorageSpec {
    /// The part of the directory name after the dot.
    pub instance: String,
    /// `lun.0` to `lun.N`, at least one.
    pub luns: Vec<LunSpec>,
}

/// One logical unit, always `removable`: only then does the kernel ask the host before it takes the medium away.
///
/// What is in it (`file`) is no part of its description: media come and go while the unit stays, see [`super::Lun`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LunSpec {
    /// `ro`.
    pub read_only: bool,
    /// `cdrom`.
    pub cdrom: bool,
    /// `nofua`: ignore the host's "force unit access".
    pub no_fua: bool,
    /// `inquiry_string`: vendor (8), product (16) and release (4), or the kernel's default.
    pub inquiry: Option<String>,
}

impl FunctionSpec {
    /// The name of its directory below `functions/`.
    #[must_use]
    pub fn directory(&self) -> String {
        match self {
            Self::Ethernet(ethernet) => format!("{}.{}", ethernet.driver.name(), ethernet.instance),
            Self::Acm { instance } => format!("acm.{instance}"),
            Self::MassStorage(storage) => format!("mass_storage.{}", storage.instance),
        }
    }
}

impl EthernetDriver {
    /// The kernel's name of it, as in `functions/NAME.INSTANCE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecm => "ecm",
            Self::Ncm => "ncm",
            Self::Rndis => "rndis",
            Self::Eem => "eem",
            Self::Subset => "geth",
        }
    }

    /// Its group of Microsoft OS descriptors, if the kernel has one for it.
    pub(super) const fn os_descriptor_group(self) -> Option<&'static str> {
        match self {
            Self::Rndis => Some("interface.rndis"),
            Self::Ncm => Some("interface.ncm"),
            Self::Ecm | Self::Eem | Self::Subset => None,
        }
    }
}
