//! The icons: a drawing for each kind of mode, a colour for each state of the cable.

use usbnet::config::FunctionKind;
use usbnet::control::Mode;

/// An icon: what is lent, and how that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icon {
    /// The drawing.
    pub shape: Shape,
    /// The colour.
    pub state: State,
}

/// What the device is to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A network card.
    Network,
    /// A card reader.
    Storage,
    /// Both.
    NetworkStorage,
    /// Nothing but a load.
    Charging,
    /// The host itself.
    Host,
    /// Something else, or nothing is known.
    Usb,
}

/// How far the host has got with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The host uses it.
    Connected,
    /// A host is there, and does not: it sleeps, or has not come so far.
    Waiting,
    /// No host.
    Unplugged,
    /// The mode has no gadget, whose controller would know.
    Unknown,
    /// Between two modes.
    Switching,
    /// The last switch failed.
    Failed,
    /// The daemon is not there.
    NotRunning,
}

/// Width and height of a drawing.
const GRID: usize = 16;

impl Shape {
    /// Of a mode.
    #[must_use]
    pub fn of(mode: &Mode) -> Self {
        let storage = FunctionKind::MassStorage.kernel_name();
        let serial = FunctionKind::Acm.kernel_name();
        let lends = mode.functions.iter().any(|name| name == storage);
        let network = mode.functions.iter().any(|name| name != storage && name != serial);
        match (network, lends) {
            (true, true) => Self::NetworkStorage,
            (true, false) => Self::Network,
            (false, true) => Self::Storage,
            (false, false) if mode.name == "host" => Self::Host,
            (false, false) if mode.functions.is_empty() => Self::Charging,
            (false, false) => Self::Usb,
        }
    }

    /// Rows of `#` and `.`.
    const fn drawing(self) -> &'static str {
        match self {
            Self::Network => include_str!("../icons/network.txt"),
            Self::Storage => include_str!("../icons/storage.txt"),
            Self::NetworkStorage => include_str!("../icons/network-storage.txt"),
            Self::Charging => include_str!("../icons/charging.txt"),
            Self::Host => include_str!("../icons/host.txt"),
            Self::Usb => include_str!("../icons/usb.txt"),
        }
    }
}

impl State {
    /// Alpha, red, green, blue. None of them is lost on a dark panel, nor on a light one.
    const fn colour(self) -> [u8; 4] {
        match self {
            Self::Connected => [255, 0x35, 0x84, 0xe4],
            Self::Waiting | Self::Unknown => [255, 0x2e, 0xa0, 0x67],
            Self::Unplugged => [255, 0x8a, 0x8a, 0x8a],
            Self::Switching => [255, 0xe6, 0x8a, 0x00],
            Self::Failed => [255, 0xe0, 0x1b, 0x24],
            Self::NotRunning => [170, 0x8a, 0x8a, 0x8a],
        }
    }
}

impl Icon {
    /// Its pixels, four bytes each (alpha, red, green, blue), `GRID * scale` wide and high.
    #[must_use]
    pub fn pixels(self, scale: usize) -> Vec<u8> {
        let colour = self.state.colour();
        let pixel = |dot| if dot == b'#' { colour } else { [0; 4] };
        let row = |line: &str| -> Vec<u8> { line.bytes().flat_map(|dot| pixel(dot).repeat(scale)).collect() };
        self.shape.drawing().lines().flat_map(|line| row(line).repeat(scale)).collect()
    }

    /// Its pixels as the tray takes them, in all sizes that panels ask for.
    #[must_use]
    pub fn pixmaps(self) -> Vec<ksni::Icon> {
        let pixmap = |scale: usize| {
            let side = i32::try_from(GRID * scale).unwrap_or(i32::MAX);
            ksni::Icon { width: side, height: side, data: self.pixels(scale) }
        };
        (1..=4).map(pixmap).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_has_the_drawing_of_its_functions() {
        let table: [(&str, &[&str], Shape); 8] = [
            ("network", &["ncm"], Shape::Network),
            ("debug", &["ncm", "acm"], Shape::Network),
            ("storage", &["mass_storage"], Shape::Storage),
            ("storage and a console", &["mass_storage", "acm"], Shape::Storage),
            ("network+storage", &["ncm", "mass_storage"], Shape::NetworkStorage),
            ("charging", &[], Shape::Charging),
            ("host", &[], Shape::Host),
            ("console", &["acm"], Shape::Usb),
        ];
        for (name, functions, expected) in table {
            let functions = functions.iter().map(ToString::to_string).collect();
            let mode = Mode { name: name.into(), functions, current: true, why: None };
            assert_eq!(Shape::of(&mode), expected, "{name}");
        }
    }

    #[test]
    fn drawings_are_square_and_differ() {
        use Shape::{Charging, Host, Network, NetworkStorage, Storage, Usb};
        let mut seen = Vec::new();
        for shape in [Network, Storage, NetworkStorage, Charging, Host, Usb] {
            let rows: Vec<&str> = shape.drawing().lines().collect();
            assert!(rows.len() == GRID && rows.iter().all(|row| row.len() == GRID), "{shape:?}");
            assert!(rows.iter().all(|row| row.bytes().all(|dot| matches!(dot, b'#' | b'.'))), "{shape:?}");
            assert!(!seen.contains(&shape.drawing()), "{shape:?}");
            seen.push(shape.drawing());
        }
    }

    #[test]
    fn pixels_are_the_drawing_made_larger() {
        let icon = Icon { shape: Shape::Charging, state: State::Connected };
        for (scale, pixmap) in (1..).zip(icon.pixmaps()) {
            let side = GRID * scale;
            assert_eq!((usize::try_from(pixmap.width).unwrap(), pixmap.data.len()), (side, side * side * 4));
            for (y, row) in icon.shape.drawing().lines().enumerate() {
                for (x, dot) in row.bytes().enumerate() {
                    let at = ((y * scale + scale - 1) * side + x * scale + scale - 1) * 4;
                    assert_eq!(pixmap.data[at] > 0, dot == b'#', "{scale}: {x}, {y}");
                }
            }
        }
    }
}
