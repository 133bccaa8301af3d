//! `/proc/swaps` read as proc(5) has it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use super::SwapRecord;
use super::mountinfo::unescape;

/// Every swap area in use, in the order of the file. Lines of another form are left out: the first is a headline.
#[must_use]
pub fn parse(bytes: &[u8]) -> Vec<SwapRecord> {
    let lines = bytes.split(|byte| *byte == b'\n').skip(1);
    lines.filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<SwapRecord> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let path = unescape(fields.next()?);
    // The kernel marks a file without a name so; the mark is no part of the path.
    let path = path.strip_suffix(b" (deleted)").map(<[u8]>::to_vec).unwrap_or(path);
    let priority = std::str::from_utf8(fields.nth(3)?).ok()?.parse().ok()?;
    Some(SwapRecord { path: OsString::from_vec(path).into(), priority })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_found_below_the_headline() {
        let text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
                    /dev/mmcblk1p2                          partition\t524284\t\t0\t\t-2\n\
                    /media/mmc1/my\\040swap                  file\t\t65532\t\t12\t\t5\n\
                    nonsense\n";
        let area = |path: &str, priority| SwapRecord { path: path.into(), priority };
        assert_eq!(parse(text.as_bytes()), [area("/dev/mmcblk1p2", -2), area("/media/mmc1/my swap", 5)]);
        assert_eq!(parse(b""), []);
    }
}
