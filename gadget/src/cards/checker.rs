//! Which program checks which file system, with what words, and what its exit code means.
//!
//! Sources: fsck(8), fsck.fat(8), e2fsck(8), fsck.exfat(8), ntfsfix(8), fsck.f2fs(8), btrfs-check(8).

use std::fmt;

use crate::printable::printable;

/// A program that checks file systems of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checker {
    /// Its names, the usual one first.
    pub programs: &'static [&'static str],
    /// Its arguments for looking only; the device follows.
    pub report: &'static [&'static str],
    /// Its arguments for mending what needs no question; none where that can lose what is still there.
    pub repair: Option<&'static [&'static str]>,
    /// To mend, it opens the device with `O_EXCL` itself, and gives up if somebody else has.
    pub claims: bool,
    /// Its exit codes for "there are errors, and they are still there".
    errors: &'static [i32],
    /// Its exit codes for "there were errors, and they are mended".
    mended: &'static [i32],
}

/// The checker for a kind of file system, as its superblock tells; none for a kind that has none.
#[must_use]
pub fn checker(kind: &str) -> Option<Checker> {
    let of_fsck = Checker {
        programs: &[],
        report: &["-n"],
        repair: Some(&["-p"]),
        claims: true,
        errors: &[4, 5, 6, 7],
        mended: &[1, 2, 3],
    };
    match kind {
        // One code for both, by what it was asked.
        "vfat" => Some(Checker {
            programs: &["fsck.vfat", "fsck.fat", "dosfsck"],
            repair: Some(&["-a"]),
            claims: false,
            errors: &[1],
            mended: &[1],
            ..of_fsck
        }),
        "exfat" => Some(Checker { programs: &["fsck.exfat", "exfatfsck"], ..of_fsck }),
        "ext2" | "ext3" | "ext4" => Some(Checker { programs: &["e2fsck", "fsck.ext4"], ..of_fsck }),
        "ntfs" => {
            Some(Checker { programs: &["ntfsfix"], repair: None, claims: false, errors: &[1], ..of_fsck })
        }
        "f2fs" => Some(Checker {
            programs: &["fsck.f2fs"],
            report: &["--dry-run"],
            repair: Some(&["-a"]),
            errors: &[1, 4, 255],
            ..of_fsck
        }),
        "btrfs" => Some(Checker {
            programs: &["btrfs"],
            report: &["check", "--readonly"],
            repair: None,
            claims: false,
            errors: &[1],
            ..of_fsck
        }),
        _ => None,
    }
}

/// What a check found; the worse, the later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing wrong, or nothing to check.
    Clean,
    /// No program for it is installed; which would do.
    NoChecker {
        /// The file system's kind.
        kind: String,
        /// What would check it; none if usbnet knows of nothing.
        program: Option<String>,
    },
    /// The host did not unmount it. Its journal makes up for that, and only looking would find errors that are none.
    JournalOpen,
    /// There were errors, and they are mended.
    Repaired {
        /// The program.
        program: String,
        /// What it said.
        said: String,
    },
    /// The program did not do its work.
    Failed {
        /// The program.
        program: String,
        /// What it said, or how it ended.
        said: String,
    },
    /// There are errors.
    Errors {
        /// The program.
        program: String,
        /// What it said.
        said: String,
    },
}

impl Checker {
    /// What its end means. `code` is none when a signal ended it.
    #[must_use]
    pub fn verdict(&self, program: &str, repairs: bool, code: Option<i32>, said: String) -> Verdict {
        let program = program.to_owned();
        match code {
            Some(0) => Verdict::Clean,
            Some(code) if repairs && self.mended.contains(&code) => Verdict::Repaired { program, said },
            // Of those that never mend, what would have been mended is an error that is there.
            Some(code) if self.errors.contains(&code) || !repairs && self.mended.contains(&code) => {
                Verdict::Errors { program, said }
            }
            _ => Verdict::Failed { program, said },
        }
    }
}

impl Verdict {
    /// Whether a person should hear of it.
    #[must_use]
    pub const fn is_worth_a_word(&self) -> bool {
        !matches!(self, Self::Clean | Self::NoChecker { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => f.write_str("no errors found"),
            Self::NoChecker { kind, program: Some(program) } => {
                write!(f, "not checked: {program}, which checks {kind}, is not installed")
            }
            Self::NoChecker { kind, program: None } => {
                write!(f, "not checked: there is no checker for {kind}")
            }
            Self::JournalOpen => {
                f.write_str("the host did not unmount it; its journal is replayed when it is mounted")
            }
            Self::Repaired { program, said } => write!(f, "{program} mended errors: {said}"),
            Self::Failed { program, said } => write!(f, "not checked: {program} failed: {said}"),
            Self::Errors { program, said } => write!(f, "{program} found errors: {said}"),
        }
    }
}

/// The beginning of what a program said, on one line: also of names that are on the card.
#[must_use]
pub fn shortened(said: &[u8]) -> String {
    const LENGTH: usize = 400;
    let said = String::from_utf8_lossy(said);
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let text = printable(&lines.collect::<Vec<_>>().join("; ").replace('\t', " "));
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_have_a_meaning() {
        // (kind, mends, code, meaning)
        let rows = [
            ("vfat", false, Some(0), "clean"),
            ("vfat", false, Some(1), "errors"),
            ("vfat", true, Some(1), "repaired"),
            ("vfat", false, Some(2), "failed"),
            ("ext4", false, Some(4), "errors"),
            ("ext4", true, Some(1), "repaired"),
            ("ext4", true, Some(4), "errors"),
            ("ext4", false, Some(8), "failed"),
            ("ext4", false, None, "failed"),
            ("exfat", true, Some(1), "repaired"),
            ("btrfs", false, Some(1), "errors"),
        ];
        for (kind, repairs, code, meaning) in rows {
            let checker = checker(kind).expect(kind);
            let got = match checker.verdict(checker.programs[0], repairs, code, "x".to_owned()) {
                Verdict::Clean => "clean",
                Verdict::NoChecker { .. } | Verdict::JournalOpen => "unchecked",
                Verdict::Repaired { .. } => "repaired",
                Verdict::Failed { .. } => "failed",
                Verdict::Errors { .. } => "errors",
            };
            assert_eq!(got, meaning, "{kind} {code:?}");
        }
        assert_eq!(checker("iso9660"), None);
    }

    #[test]
    fn what_is_said_is_one_short_line() {
        assert_eq!(shortened(b"one\n\n  two\n"), "one; two");
        assert_eq!(shortened(b"A\tB: \x1b[2J\rbad\n"), "A B: ?[2J?bad");
        let long = shortened("ä".repeat(1000).as_bytes());
        assert_eq!(long.chars().count(), 401);
    }
}
