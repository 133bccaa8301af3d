//! Sizes as people read them on cards' labels: decimal units, two or three digits.

use std::fmt;

/// A number of bytes; displayed as `512 B`, `1.9 GB`, `128 GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        let mut unit = 1000;
        for name in UNITS {
            // Rounded first, so that nothing is printed as "1000 kB".
            let tenths = (u128::from(self.0) * 10 + unit / 2) / unit;
            if tenths < 1000 {
                return write!(f, "{}.{} {name}", tenths / 10, tenths % 10);
            }
            let whole = (u128::from(self.0) + unit / 2) / unit;
            if whole < 1000 {
                return write!(f, "{whole} {name}");
            }
            unit *= 1000;
        }
        write!(f, "{} B", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_on_labels() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1949, "1.9 kB"),
            (1950, "2.0 kB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (12_345_678, "12.3 MB"),
            (1_939_865_600, "1.9 GB"),
            (128_043_712_512, "128 GB"),
            (2_000_398_934_016, "2.0 TB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, text) in table {
            assert_eq!(Size(bytes).to_string(), text, "{bytes}");
        }
    }
}
