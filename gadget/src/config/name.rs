//! The rules for names: which characters, how long. Whether the thing exists is not asked here.

/// What one kind of name may look like.
pub(super) struct Rule {
    /// What it names, for the message.
    pub(super) what: &'static str,
    /// How it looks, for the message.
    pub(super) allowed: &'static str,
    /// Whether a text keeps it.
    pub(super) holds: fn(&str) -> bool,
}

/// The mode that is always there: the device's port has the host's role (OTG).
pub const HOST: &str = "host";

/// `usbnet mode` prints or takes these words itself: `none` says that no mode is active, `last` is the one before.
pub(super) const RESERVED_MODES: [&str; 3] = [HOST, "none", "last"];

/// A mode. It stands on command lines (so no dash in front) and in file names.
pub(super) const MODE: Rule = Rule {
    what: "mode name",
    allowed: "1 to 32 of letters, digits, `+`, `-`, `_`, with a letter or digit in front",
    holds: |name| {
        name.len() <= 32
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && only(name, |byte| byte.is_ascii_alphanumeric() || b"+-_".contains(&byte))
    },
};

/// One DNS label (RFC 1123, section 2.1).
pub(super) const LABEL: Rule = Rule {
    what: "host name",
    allowed: "1 to 63 of letters, digits and `-`, not at the ends",
    holds: is_label,
};

/// DNS labels with dots between, which leave room for a host name in front (RFC 1035, section 2.3.4).
pub(super) const DOMAIN: Rule = Rule {
    what: "domain",
    allowed: "up to 189 characters of letters, digits, `-` and single dots, with neither at an end",
    holds: |name| name.len() <= 189 && name.split('.').all(is_label),
};

/// A device's name in `/sys/class/udc`.
pub(super) const UDC: Rule = Rule {
    what: "UDC name",
    allowed: "letters, digits, `.`, `_`, `-`, `:`, `@`, as in /sys/class/udc",
    holds: |name| {
        !matches!(name, "" | "." | "..")
            && name.len() <= 255
            && only(name, |byte| byte.is_ascii_alphanumeric() || b"._-:@".contains(&byte))
    },
};

/// A module: `MODULE_NAME_LEN` is 64 less a pointer.
pub(super) const MODULE: Rule = Rule {
    what: "module name",
    allowed: "1 to 55 of letters, digits, `_`, `-`, without directory and .ko",
    holds: |name| {
        (1..=55).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && only(name, |byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    },
};

/// A user group (useradd's rule).
pub(super) const GROUP: Rule = Rule {
    what: "group name",
    allowed: "1 to 32 of letters, digits, `.`, `_`, `-`, with a letter or `_` in front",
    holds: |name| {
        name.len() <= 32
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && only(name, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    },
};

/// A directory that does not depend on where the daemon was started.
pub(super) const DIRECTORY: Rule = Rule {
    what: "absolute path",
    allowed: "begins with /, such as /mnt/initfs/lib/modules",
    holds: |name| name.starts_with('/') && name.len() < 4096 && !name.contains(char::is_control),
};

/// A card's path: the system paths are told apart by their parts, which `..` would hide.
pub(super) const CARD_PATH: Rule = Rule {
    what: "card's path",
    allowed: "absolute, without `..` and control characters, below 4096 bytes",
    holds: |name| (DIRECTORY.holds)(name) && name.split('/').all(|part| part != ".."),
};

/// A file system's label; btrfs has the longest.
pub(super) const LABEL_OF_CARD: Rule = Rule {
    what: "file system's label",
    allowed: "1 to 255 bytes without control characters, not only spaces",
    holds: |name| name.len() <= 255 && !name.trim().is_empty() && !name.contains(char::is_control),
};

/// A file system's UUID, from FAT's `1234-ABCD` to the whole length; ISO 9660 has its time there.
pub(super) const UUID: Rule = Rule {
    what: "UUID",
    allowed: "4 to 36 hexadecimal digits and `-`, as in /dev/disk/by-uuid",
    holds: |name| {
        (4..=36).contains(&name.len())
            && only(name, |byte| byte.is_ascii_hexdigit() || byte == b'-')
            && !name.starts_with('-')
            && !name.ends_with('-')
    },
};

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && only(label, |byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn only(name: &str, allowed: fn(u8) -> bool) -> bool {
    name.bytes().all(allowed)
}
