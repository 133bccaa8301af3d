//! Real memory cards at the device's end: images in memory behind loop devices, with file systems and known files.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::run::{Outcome, run, sh, sh_quietly};

/// Where the images are: in memory, since the root file system there is a slow one.
const SLOTS: &str = "/run/cards";

/// What a card is formatted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What cameras and phones write.
    Vfat,
    /// What people use who have Linux at both ends.
    Ext4,
}

impl Kind {
    /// The kernel's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vfat => "vfat",
            Self::Ext4 => "ext4",
        }
    }

    /// The label that [`Card::insert`] gives.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Vfat => "MUSIC",
            Self::Ext4 => "photos",
        }
    }

    /// Options that are no default, to see that they come back.
    #[must_use]
    pub const fn options(self) -> &'static str {
        match self {
            Self::Vfat => "nosuid,nodev,noatime,uid=1000,umask=022",
            Self::Ext4 => "nodev,noexec,relatime,errors=remount-ro",
        }
    }

    const fn format(self) -> &'static str {
        match self {
            Self::Vfat => "mkfs.vfat -n MUSIC",
            Self::Ext4 => "mkfs.ext4 -q -F -O ^metadata_csum -N 512 -L photos",
        }
    }
}

/// Names of files and the checksums of their contents.
pub type Sums = BTreeMap<String, u64>;

/// One card in its slot.
#[derive(Debug, Clone)]
pub struct Card {
    /// What it is formatted with.
    pub kind: Kind,
    /// Where it belongs on the device.
    pub point: PathBuf,
    /// The file behind it.
    pub image: PathBuf,
    /// Its block device.
    pub device: PathBuf,
}

impl Card {
    /// Puts a fresh card into slot `number` and mounts it at `/media/mmcNUMBER`, with files on it.
    #[must_use]
    pub fn insert(kind: Kind, number: usize) -> Self {
        let card = Self::unmounted(kind, number);
        card.mount();
        for (index, size) in [1, 4096, 300_000].into_iter().enumerate() {
            card.write(&format!("file{index}"), &bytes(index as u64 + 1, size));
        }
        fs::create_dir(card.point.join("dir")).expect("a directory on the card");
        sh(&format!("sync -f {}", card.point.display()));
        card
    }

    /// Puts a fresh card into slot `number`, and leaves it at that.
    #[must_use]
    pub fn unmounted(kind: Kind, number: usize) -> Self {
        let image = PathBuf::from(format!("{SLOTS}/{number}.img"));
        let template = format!("/run/template.{}", kind.name());
        if !Path::new(&template).exists() {
            sh(&format!(
                "truncate -s 16M {template}.new && {} {template}.new && mv {template}.new {template}",
                kind.format()
            ));
        }
        sh(&format!(
            "mkdir -p {SLOTS} /media/mmc{number} && cp --sparse=always {template} {}",
            image.display()
        ));
        let device = attach(&image);
        Self { kind, point: PathBuf::from(format!("/media/mmc{number}")), image, device }
    }

    /// The two that most scenarios use: `/media/mmc1` with vfat, `/media/mmc2` with ext4.
    #[must_use]
    pub fn pair() -> [Self; 2] {
        [Self::insert(Kind::Vfat, 1), Self::insert(Kind::Ext4, 2)]
    }

    /// The mount point, as text.
    #[must_use]
    pub fn name(&self) -> &str {
        self.point.to_str().expect("a plain path")
    }

    /// A path on the card.
    #[must_use]
    pub fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.name())
    }

    /// Mounts it as a person's fstab would.
    #[track_caller]
    pub fn mount(&self) {
        let outcome = self.try_mount();
        assert_eq!(outcome.code, 0, "{} cannot be mounted: {}", self.name(), outcome.err);
    }

    /// Tries to mount it at its place.
    #[must_use]
    pub fn try_mount(&self) -> Outcome {
        let device = self.device.to_str().expect("a plain path");
        run(&["mount", "-t", self.kind.name(), "-o", self.kind.options(), device, self.name()])
    }

    /// Writes a file and makes sure that it is on the card.
    #[track_caller]
    pub fn write(&self, name: &str, content: &[u8]) {
        write_synced(&self.point.join(name), content);
    }

    /// Every regular file at the top of the card with its checksum.
    #[must_use]
    pub fn sums(&self) -> Sums {
        sums(&self.point)
    }

    /// Its line of `/proc/self/mountinfo` without the numbers, which say nothing to a person.
    #[must_use]
    pub fn mounts(&self) -> Vec<String> {
        let device = self.device.to_str().expect("a plain path");
        let table = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
        let of_this = |line: &&str| line.split(' ').any(|word| word == device);
        table
            .lines()
            .filter(of_this)
            .map(|line| line.splitn(4, ' ').last().unwrap_or_default().to_owned())
            .collect()
    }

    /// Whether nobody has claimed the block device: neither a mount nor a hold.
    #[must_use]
    pub fn is_free(&self) -> bool {
        OpenOptions::new().read(true).custom_flags(libc::O_EXCL).open(&self.device).is_ok()
    }

    /// Expects the file system to be clean, by its own checker.
    ///
    /// # Panics
    ///
    /// With what the checker said.
    #[track_caller]
    pub fn assert_clean(&self) {
        let image = self.image.to_str().expect("a plain path");
        let outcome = match self.kind {
            Kind::Vfat => run(&["fsck.vfat", "-n", image]),
            Kind::Ext4 => run(&["e2fsck", "-f", "-n", image]),
        };
        assert_eq!(outcome.code, 0, "{} is not clean:\n{}{}", self.name(), outcome.out, outcome.err);
    }

    /// [`Self::assert_clean`] of a card that is mounted: takes it off for that long.
    #[track_caller]
    pub fn assert_clean_between_mounts(&self) {
        sh(&format!("umount {}", self.name()));
        self.assert_clean();
        self.mount();
    }
}

/// A configuration with these cards, the shipped modes and more fields.
#[must_use]
pub fn with_cards(cards: &[&str], more: &str) -> String {
    let cards: Vec<_> = cards
        .iter()
        .map(|card| if card.starts_with("Card(") { (*card).to_owned() } else { format!("{card:?}") })
        .collect();
    format!("Config(cards: [{}], {more})\n", cards.join(", "))
}

/// A loop device over `image`.
#[must_use]
pub fn attach(image: &Path) -> PathBuf {
    sh(&format!("modprobe loop; losetup --find --show {}", image.display())).into()
}

/// Bytes that look like nothing else, the same for the same seed.
#[must_use]
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..length).map(|_| random.draw().to_le_bytes()[3]).collect()
}

/// Writes a file and waits until it is where it stays.
#[track_caller]
pub fn write_synced(path: &Path, content: &[u8]) {
    let mut file = File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The checksum of some content.
#[must_use]
pub fn sum(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

/// Every regular file in a directory with its checksum.
#[must_use]
pub fn sums(directory: &Path) -> Sums {
    let all = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    all.flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| {
            let content =
                fs::read(entry.path()).unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
            (entry.file_name().to_string_lossy().into_owned(), sum(&content))
        })
        .collect()
}

/// Takes every card away, whoever has it: for the beginning and the end of a scenario. The gadget must be gone.
pub(crate) fn clean() {
    sh_quietly(
        r#"
        swapoff -a
        while read -r _ _ _ _ point _; do
            case $point in /media/mmc*|/run/elsewhere*) printf '%s\n' "$point" ;; esac
        done </proc/self/mountinfo | tac | while read -r point; do umount "$point"; done
        [ ! -d /sys/module/dm_mod ] || dmsetup remove_all --force
        [ ! -d /sys/module/loop ] || losetup -D
        [ ! -d /sys/module/scsi_debug ] || modprobe -r scsi_debug
        rm -rf /run/cards /run/elsewhere* /media/mmc*
        "#,
    );
}

/// Numbers that are the same for the same seed (xorshift64*): a scenario with chance in it can be run again.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Begins a row of numbers.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub const fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw() >> 33).expect("31 bits") % bound
    }
}
