//! The four things that a link can be for.

use std::{fmt, str::FromStr};

/// What the link is for, seen from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// The host reaches the device, and keeps its own default route and name servers.
    Link,
    /// The host lets the device use its Internet connection.
    ShareFromHost,
    /// The device is the host's Internet connection.
    Uplink,
    /// The device is on the host's LAN.
    Bridge,
}

impl Shape {
    /// Every shape, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Link, Self::ShareFromHost, Self::Uplink, Self::Bridge];

    /// The word for it on the command line and in the tree.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::ShareFromHost => "share-from-host",
            Self::Uplink => "uplink",
            Self::Bridge => "bridge",
        }
    }

    /// What it is for, in half a sentence.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Link => "reach the device; this computer keeps its own default route and name servers",
            Self::ShareFromHost => "let the device use this computer's Internet connection",
            Self::Uplink => "use the device as this computer's Internet connection",
            Self::Bridge => "put the device on this computer's LAN",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The word is no shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a shape; use link, share-from-host, uplink or bridge")]
pub struct ShapeError(String);

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(word: &str) -> Result<Self, ShapeError> {
        Self::ALL.into_iter().find(|shape| shape.word() == word).ok_or_else(|| ShapeError(word.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for shape in Shape::ALL {
            assert_eq!(shape.to_string().parse(), Ok(shape));
        }
        assert_eq!(
            "share".parse::<Shape>().unwrap_err().to_string(),
            "\"share\" is not a shape; use link, share-from-host, uplink or bridge"
        );
    }
}
