//! What the device itself uses, without it being one of the cards.

use std::fmt;
use std::path::PathBuf;

/// A block device with a file system that is mounted, or with a swap area in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Its node.
    pub device: PathBuf,
    /// Where it is mounted; none for a swap area.
    pub point: Option<PathBuf>,
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = self.device.display();
        match &self.point {
            Some(point) => write!(f, "{device} is mounted on {}", point.display()),
            None => write!(f, "{device} is used as swap"),
        }
    }
}
