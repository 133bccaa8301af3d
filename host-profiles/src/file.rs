//! One file of a profile, as it has to be on the host.

/// A file on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it goes: an absolute path; one that begins with `~/` is under the user's home; one without a
    /// directory (Windows) may be anywhere.
    pub path: &'static str,
    /// Its permissions, such as `0o600`.
    pub mode: u32,
    /// Its owner: `root` or `user`.
    pub owner: &'static str,
    /// Its content, with `\n` at the end of every line; see [`File::bytes`] for what the host wants.
    pub text: String,
    /// How the text is stored.
    pub encoding: Encoding,
    /// What it is, in one sentence.
    pub note: &'static str,
}

/// How a file's text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, lines end with LF.
    Unix,
    /// ASCII only, lines end with CR LF: what `cmd.exe` reads.
    DosAscii,
    /// UTF-8 with a byte order mark, CR LF: without the mark Windows PowerShell takes the system's code page.
    DosUtf8,
    /// UTF-16LE with a byte order mark, CR LF: the only form of an INF file that keeps every character.
    DosUtf16,
}

impl File {
    /// The path without what makes it absolute: where the file goes below a directory that mirrors the host.
    /// The home directory is `HOME` there.
    #[must_use]
    pub fn relative(&self) -> String {
        match self.path.strip_prefix("~/") {
            Some(rest) => format!("HOME/{rest}"),
            None => self.path.trim_start_matches('/').to_owned(),
        }
    }

    /// The content as it is stored on the host.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let dos = || self.text.replace('\n', "\r\n");
        match self.encoding {
            Encoding::Unix => self.text.clone().into_bytes(),
            Encoding::DosAscii => dos().into_bytes(),
            Encoding::DosUtf8 => format!("\u{feff}{}", dos()).into_bytes(),
            Encoding::DosUtf16 => {
                format!("\u{feff}{}", dos()).encode_utf16().flat_map(u16::to_le_bytes).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(encoding: Encoding) -> File {
        File { path: "/etc/a", mode: 0o644, owner: "root", text: "ü\n".into(), encoding, note: "" }
    }

    #[test]
    fn bytes_as_the_host_wants_them() {
        // (encoding, bytes)
        let table: [(Encoding, &[u8]); 3] = [
            (Encoding::Unix, b"\xc3\xbc\n"),
            (Encoding::DosUtf8, b"\xef\xbb\xbf\xc3\xbc\r\n"),
            (Encoding::DosUtf16, b"\xff\xfe\xfc\0\r\0\n\0"),
        ];
        for (encoding, bytes) in table {
            assert_eq!(file(encoding).bytes(), bytes, "{encoding:?}");
        }
        let ascii = File { text: "a\nb\n".into(), ..file(Encoding::DosAscii) };
        assert_eq!(ascii.bytes(), b"a\r\nb\r\n");
    }

    #[test]
    fn places_below_a_directory() {
        // (path, place)
        let table = [
            ("/etc/a", "etc/a"),
            ("~/.ssh/config.d/usbnet", "HOME/.ssh/config.d/usbnet"),
            ("a.inf", "a.inf"),
        ];
        for (path, place) in table {
            assert_eq!(File { path, ..file(Encoding::Unix) }.relative(), place);
        }
    }
}
