//! `/proc/PID/mountinfo` read as proc(5) has it: bytes in, [`Mount`]s out.
//!
//! Never guesses: a line that does not parse is an error, because a mount that is not seen could be one that loses data.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use super::{DeviceNumber, Mount, Propagation};

/// A line that is no line of `mountinfo`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line} has no {missing}: {text}")]
pub struct MountinfoError {
    /// Counted from 1.
    pub line: usize,
    /// Which field is not there or not of its form.
    pub missing: &'static str,
    /// The line.
    pub text: String,
}

/// Every mount of a mount name space, in the order in which the kernel lists them: parents before children, and what was
/// mounted later on the same place later.
///
/// # Errors
/// The first line that is none.
pub fn parse(bytes: &[u8]) -> Result<Vec<Mount>, MountinfoError> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(index, line)| {
            parse_line(line).map_err(|missing| MountinfoError {
                line: index + 1,
                missing,
                text: String::from_utf8_lossy(line).into_owned(),
            })
        })
        .collect()
}

fn parse_line(line: &[u8]) -> Result<Mount, &'static str> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut next = |missing| fields.next().filter(|field| !field.is_empty()).ok_or(missing);
    let id = number(next("mount id")?).ok_or("mount id")?;
    let parent = number(next("parent id")?).ok_or("parent id")?;
    let device = device(next("device number")?).ok_or("device number")?;
    let root = path(next("root")?);
    let point = path(next("mount point")?);
    let options = text(next("options")?);
    let mut propagation = Propagation::default();
    loop {
        let field = next("separator")?;
        let mut parts = field.splitn(2, |byte| *byte == b':');
        let group = |value: Option<&[u8]>| value.and_then(number).ok_or("peer group").map(Some);
        match parts.next() {
            Some(b"-") => break,
            Some(b"shared") => propagation.shared = group(parts.next())?,
            Some(b"master") => propagation.master = group(parts.next())?,
            Some(b"unbindable") => propagation.unbindable = true,
            // `propagate_from` says nothing that the others do not; what comes later is to be ignored (proc(5)).
            _ => {}
        }
    }
    let kind = text(next("file system type")?);
    // An empty source leaves an empty field.
    let source = text(fields.next().ok_or("source")?);
    let super_options = text(fields.next().ok_or("file system options")?);
    Ok(Mount { id, parent, device, root, point, options, propagation, kind, source, super_options })
}

fn number(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn device(field: &[u8]) -> Option<DeviceNumber> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn path(field: &[u8]) -> PathBuf {
    OsString::from_vec(unescape(field)).into()
}

/// Options and sources are for people and for mount(2); none of the kernel's own is anything but UTF-8.
fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(&unescape(field)).into_owned()
}

/// Resolves `\ooo`, which the kernel writes for space, tab, newline, backslash and number sign (`mangle`).
#[must_use]
pub fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let octal = |byte: &u8| (b'0'..=b'7').contains(byte).then(|| u32::from(byte - b'0'));
        let escaped = match tail {
            [a, b, c, after @ ..] if first == b'\\' => octal(a)
                .zip(octal(b))
                .zip(octal(c))
                .and_then(|((a, b), c)| u8::try_from(a * 64 + b * 8 + c).ok())
                .map(|byte| (byte, after)),
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((first, tail));
        plain.push(byte);
        rest = after;
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_field_is_found() {
        let line = b"36 35 98:0 /mnt1 /media/my\\040card rw,noatime shared:3 master:1 unbindable - vfat /dev/mmcblk0p1 rw,fmask=0022\n";
        let mounts = parse(line).expect("a line");
        let [mount] = mounts.as_slice() else { panic!("{mounts:?}") };
        assert_eq!((mount.id, mount.parent), (36, 35));
        assert_eq!(mount.device, DeviceNumber { major: 98, minor: 0 });
        assert_eq!(mount.root, Path::new("/mnt1"));
        assert_eq!(mount.point, Path::new("/media/my card"));
        assert_eq!(mount.options, "rw,noatime");
        assert_eq!(mount.propagation, Propagation { shared: Some(3), master: Some(1), unbindable: true });
        assert_eq!((mount.kind.as_str(), mount.source.as_str()), ("vfat", "/dev/mmcblk0p1"));
        assert_eq!(mount.super_options, "rw,fmask=0022");
    }

    #[test]
    fn lines_of_other_kinds() {
        // (what, line, source or the field that is missing)
        let rows: [(&str, &str, Result<&str, &str>); 7] = [
            ("no optional field", "1 0 8:1 / / rw - ext4 /dev/sda1 rw", Ok("/dev/sda1")),
            ("an empty source", "1 0 0:5 / /x rw - tmpfs  rw", Ok("")),
            ("an unknown optional field", "1 0 8:1 / / rw new:7 - ext4 /dev/sda1 rw", Ok("/dev/sda1")),
            ("no separator", "1 0 8:1 / / rw shared:1", Err("separator")),
            ("no number", "x 0 8:1 / / rw - ext4 a rw", Err("mount id")),
            ("no device", "1 0 8 / / rw - ext4 a rw", Err("device number")),
            ("cut off", "1 0 8:1 / / rw - ext4 a", Err("file system options")),
        ];
        for (what, line, expected) in rows {
            let got = parse(line.as_bytes());
            let got = got.as_ref().map(|mounts| mounts[0].source.as_str()).map_err(|error| error.missing);
            assert_eq!(got, expected, "{what}");
        }
    }

    #[test]
    fn escapes_are_resolved_only_where_they_are_whole() {
        for (field, plain) in
            [(r"a\040b", "a b"), (r"\134", "\\"), (r"a\04", r"a\04"), (r"\999", r"\999"), (r"\777", r"\777")]
        {
            assert_eq!(unescape(field.as_bytes()), plain.as_bytes(), "{field}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_crash(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_path_comes_back_as_it_was(path in "/[ -~\\n\\t]{0,40}") {
            let escaped: String = path.bytes().map(|byte| match byte {
                b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}"),
                _ => char::from(byte).to_string(),
            }).collect();
            let line = format!("1 0 8:1 / {escaped} rw - ext4 /dev/sda1 rw\n");
            let mounts = parse(line.as_bytes()).expect("a line");
            prop_assert_eq!(mounts.len(), 1);
            prop_assert_eq!(&mounts[0].point, Path::new(&path));
        }
    }
}
