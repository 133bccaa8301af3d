//! The exit codes of every usbnet command: one table, shown in `--help` and used everywhere.

use serde::{Deserialize, Serialize};

/// How a command ended, as the number its caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// It failed for a reason that has no code of its own.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The configuration is invalid.
    ConfigInvalid = 3,
    /// A card is held on the device.
    CardBusy = 4,
    /// The host still uses a card.
    HostBusy = 5,
    /// No UDC, or the kernel lacks what the mode needs.
    NoKernelSupport = 6,
    /// The daemon is not running.
    NotRunning = 7,
    /// The caller may not do this.
    NotPermitted = 8,
}

impl Exit {
    /// Every code, in numeric order.
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::ConfigInvalid,
        Self::CardBusy,
        Self::HostBusy,
        Self::NoKernelSupport,
        Self::NotRunning,
        Self::NotPermitted,
    ];

    /// The few words that `--help` prints beside the number.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::ConfigInvalid => "configuration invalid",
            Self::CardBusy => "busy (a card is held on the device)",
            Self::HostBusy => "the host still uses a card",
            Self::NoKernelSupport => "no UDC / no kernel support",
            Self::NotRunning => "daemon not running",
            Self::NotPermitted => "not permitted",
        }
    }
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        exit as Self
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(u8::from(exit))
    }
}

impl TryFrom<u8> for Exit {
    type Error = UnknownExit;

    fn try_from(code: u8) -> Result<Self, UnknownExit> {
        Self::ALL.into_iter().find(|exit| u8::from(*exit) == code).ok_or(UnknownExit(code))
    }
}

/// a number that is no exit code of usbnet
#[derive(Debug, thiserror::Error)]
#[error("{0} is not one of usbnet's exit codes (0 to 8)")]
pub struct UnknownExit(u8);
