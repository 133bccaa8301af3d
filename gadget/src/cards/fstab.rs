//! Which device fstab(5) has for a mount point, and how device names are written: tags (`LABEL=`, `UUID=`…) and udev's
//! escapes.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use super::mountinfo::unescape;

/// How a line of fstab(5) names its device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A node or image file.
    Path(PathBuf),
    /// A file system's label.
    Label(String),
    /// A file system's UUID.
    Uuid(String),
    /// A tag that only udev resolves, as the path below `/dev/disk`: `by-partuuid/…`.
    Link(PathBuf),
}

/// The source that `text` (a whole fstab) has for a mount point; the first line counts, as for mount(8).
#[must_use]
pub fn source_of(text: &[u8], point: &Path) -> Option<Source> {
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#"));
    let entry = |line: &[u8]| {
        let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        let source = unescape(fields.next()?);
        let at = PathBuf::from(OsString::from_vec(unescape(fields.next()?)));
        // Compared by components: a slash at the end says nothing.
        (at.components().eq(point.components())).then(|| source_from(source))
    };
    lines.find_map(entry).flatten()
}

fn source_from(source: Vec<u8>) -> Option<Source> {
    if source.starts_with(b"/") {
        return Some(Source::Path(OsString::from_vec(source).into()));
    }
    let text = String::from_utf8(source).ok()?;
    let (tag, value) = text.split_once('=')?;
    let value = value.trim_matches('"');
    let link = |directory: &str| Source::Link(Path::new(directory).join(encode(value)));
    match tag {
        "LABEL" => Some(Source::Label(value.to_owned())),
        "UUID" => Some(Source::Uuid(value.to_owned())),
        "PARTUUID" => Some(link("by-partuuid")),
        "PARTLABEL" => Some(link("by-partlabel")),
        "ID" => Some(link("by-id")),
        _ => None,
    }
}

/// A label as udev writes it in `/dev/disk/by-label` (`udev_util_encode_string` / systemd's `encode_devnode_name`).
#[must_use]
pub fn encode(label: &str) -> String {
    let mut encoded = String::with_capacity(label.len());
    for letter in label.chars() {
        if !letter.is_ascii() || letter.is_ascii_alphanumeric() || "#+-.:=@_".contains(letter) {
            encoded.push(letter);
        } else {
            encoded.push_str(&format!("\\x{:02x}", u32::from(letter)));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const FSTAB: &[u8] = b"# /dev/old /media/mmc1 vfat
/dev/mmcblk0p1 /media/mmc1 vfat defaults 0 0
LABEL=\"MY\\040MUSIC\"  /media/my\\040card/\tvfat noauto 0 0
UUID=1234-ABCD /media/u auto defaults
PARTUUID=aa-01 /media/p auto defaults
PARTLABEL=a/b /media/l auto defaults
tmpfs /tmp tmpfs defaults
/dev/first /media/twice vfat
/dev/second /media/twice vfat
";

    #[test]
    fn a_mount_point_has_the_source_of_its_line() {
        let rows = [
            ("/media/mmc1", Some(Source::Path("/dev/mmcblk0p1".into()))),
            ("/media/mmc1/", Some(Source::Path("/dev/mmcblk0p1".into()))),
            ("/media/my card", Some(Source::Label("MY MUSIC".into()))),
            ("/media/u", Some(Source::Uuid("1234-ABCD".into()))),
            ("/media/p", Some(Source::Link("by-partuuid/aa-01".into()))),
            ("/media/l", Some(Source::Link(r"by-partlabel/a\x2fb".into()))),
            ("/media/twice", Some(Source::Path("/dev/first".into()))),
            ("/tmp", None),
            ("/media/none", None),
        ];
        for (point, source) in rows {
            assert_eq!(source_of(FSTAB, Path::new(point)), source, "{point}");
        }
    }

    #[test]
    fn labels_are_written_as_udev_does() {
        for (label, encoded) in
            [("MUSIC", "MUSIC"), ("my card", r"my\x20card"), ("a/b\\", r"a\x2fb\x5c"), ("Müll", "Müll")]
        {
            assert_eq!(encode(label), encoded, "{label}");
        }
    }
}
