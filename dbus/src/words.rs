//! usb-moded's words: names of modes, events, errors and settings, as its headers spell them. Front ends compare them.

/// No cable, or nothing set up.
pub const UNDEFINED: &str = "undefined";
/// Between two modes.
pub const BUSY: &str = "busy";
/// A setting only: the user is asked when a cable comes.
pub const ASK: &str = "ask";
/// The mode that ends each list of modes, and that no whitelist takes away.
pub const CHARGING_ONLY: &str = "charging_only";

/// Words for states that no mode can be called by.
pub const STATES: [&str; 5] = [UNDEFINED, BUSY, ASK, "charging_only_fallback", "dedicated_charger"];

/// usbnet's shipped modes that usb-moded has a word of its own for.
pub const MODES: [(&str, &str); 4] = [
    ("network", "developer_mode"),
    ("storage", "mass_storage"),
    ("charging", CHARGING_ONLY),
    ("host", "host_mode"),
];

/// Events of `sig_usb_event_ind`.
pub mod event {
    /// A host is there.
    pub const CONNECTED: &str = "USB connected";
    /// It is gone.
    pub const DISCONNECTED: &str = "USB disconnected";
    /// The user is to choose a mode.
    pub const ASK_USER: &str = "mode_requested_show_dialog";
    /// Cards are about to be unmounted: let go of them.
    pub const PRE_UNMOUNT: &str = "pre-unmount";
    /// The host has a card.
    pub const DATA_IN_USE: &str = "data_in_use";
}

/// Errors of `sig_usb_state_error_ind`.
pub mod error {
    /// Something on the device holds a card.
    pub const UNMOUNT: &str = "Unmounting filesystem failed. Exporting impossible";
    /// A card could not be mounted again.
    pub const MOUNT: &str = "mount_failed";
    /// Anything else.
    pub const MODE_SETTING: &str = "mode_setting_failed";
}

/// Sections and keys of `sig_usb_config_ind`, and the keys of `net_config`.
pub mod setting {
    /// The section of the modes.
    pub const USBMODE: &str = "usbmode";
    /// The mode to set when a cable comes.
    pub const MODE: &str = "mode";
    /// Modes that no list names.
    pub const HIDE: &str = "hide";
    /// Modes that may be set.
    pub const WHITELIST: &str = "whitelist";
    /// This end's address.
    pub const IP: &str = "ip";
    /// This end's network interface.
    pub const INTERFACE: &str = "interface";
    /// The subnet.
    pub const NETMASK: &str = "netmask";
    /// Keys that usb-moded has and usbnet has no use for.
    pub const UNMAPPED: [&str; 2] = ["gateway", "nat_interface"];
}
