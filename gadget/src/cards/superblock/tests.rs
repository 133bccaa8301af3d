use proptest::prelude::*;

use super::*;

/// A medium with these bytes at these places.
fn medium(length: usize, patches: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for (at, patch) in patches {
        bytes[*at..*at + patch.len()].copy_from_slice(patch);
    }
    bytes
}

fn known(kind: &str, label: Option<&str>, uuid: Option<&str>) -> Option<FileSystem> {
    Some(FileSystem { kind: kind.to_owned(), label: label.map(str::to_owned), uuid: uuid.map(str::to_owned) })
}

const UUID: &[u8] =
    &[0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
const UUID_TEXT: &str = "12345678-9abc-def0-1122-334455667788";

#[test]
fn file_systems_with_a_plain_superblock() {
    const ISO: usize = 16 * 2048;
    let ext = |incompatible: u8, compatible: u8| {
        medium(
            0x2000,
            &[
                (1024 + 0x38, &[0x53, 0xef]),
                (1024 + 0x5c, &[compatible]),
                (1024 + 0x60, &[incompatible]),
                (1024 + 0x68, UUID),
                (1024 + 0x78, b"PICS"),
            ],
        )
    };
    let utf16: Vec<u8> = "Bücher".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows = [
        ("ext4", ext(0x40, 4), known("ext4", Some("PICS"), Some(UUID_TEXT))),
        ("ext3", ext(0x02, 4), known("ext3", Some("PICS"), Some(UUID_TEXT))),
        ("ext2", ext(0x02, 0), known("ext2", Some("PICS"), Some(UUID_TEXT))),
        (
            "btrfs",
            medium(0x2_0000, &[(0x1_0040, b"_BHRfS_M"), (0x1_0020, UUID), (0x1_012b, b"pool")]),
            known("btrfs", Some("pool"), Some(UUID_TEXT)),
        ),
        (
            "f2fs",
            medium(0x1000, &[(1024, &[0x10, 0x20, 0xf5, 0xf2]), (1024 + 0x6c, UUID), (1024 + 0x7c, &utf16)]),
            known("f2fs", Some("Bücher"), Some(UUID_TEXT)),
        ),
        (
            "xfs",
            medium(0x1000, &[(0, b"XFSB"), (0x20, UUID), (0x6c, b"data")]),
            known("xfs", Some("data"), Some(UUID_TEXT)),
        ),
        (
            "swap of a kernel with 4 KiB pages",
            medium(0x1000, &[(0xff6, b"SWAPSPACE2"), (0x40c, UUID), (0x41c, b"s")]),
            known("swap", Some("s"), Some(UUID_TEXT)),
        ),
        (
            "swap of a kernel with 64 KiB pages",
            medium(0x1_0000, &[(0xfff6, b"SWAPSPACE2")]),
            known("swap", None, None),
        ),
        (
            "ntfs",
            medium(0x200, &[(3, b"NTFS    "), (0x48, &[1, 2, 3, 4, 5, 6, 7, 0xab])]),
            known("ntfs", None, Some("AB07060504030201")),
        ),
        ("hfsplus", medium(0x600, &[(1024, b"H+\x00\x04")]), known("hfsplus", None, None)),
        (
            "luks",
            medium(0x200, &[(0, b"LUKS\xba\xbe\x00\x02"), (0xa8, UUID_TEXT.as_bytes())]),
            known("crypto_LUKS", None, Some(UUID_TEXT)),
        ),
        (
            "iso9660",
            medium(
                ISO + 4096,
                &[(ISO, b"\x01CD001\x01"), (ISO + 40, b"DEBIAN          "), (ISO + 813, b"2024031208150099")],
            ),
            known("iso9660", Some("DEBIAN"), Some("2024-03-12-08-15-00-99")),
        ),
        (
            "udf beside iso9660",
            medium(
                ISO + 5 * 2048,
                &[
                    (ISO, b"\x01CD001\x01"),
                    (ISO + 2048, b"\xffCD001\x01"),
                    (ISO + 4096, b"\x00BEA01\x01"),
                    (ISO + 6144, b"\x00NSR02\x01"),
                ],
            ),
            known("udf", None, None),
        ),
        (
            "xfs with more than a label",
            medium(0x1000, &[(0, b"XFSB"), (0x20, UUID), (0x6c, b"A\nmode \x1b[2J")]),
            known("xfs", Some("A?mode ?[2J"), Some(UUID_TEXT)),
        ),
        (
            "f2fs with more than a label",
            medium(
                0x1000,
                &[
                    (1024, &[0x10, 0x20, 0xf5, 0xf2]),
                    (1024 + 0x6c, UUID),
                    (1024 + 0x7c, b"A\0\n\0B\0\x2e\x20"),
                ],
            ),
            known("f2fs", Some("A?B?"), Some(UUID_TEXT)),
        ),
        ("nothing", medium(0x2_0000, &[]), None),
        ("too short for anything", medium(100, &[]), None),
    ];
    for (what, bytes, expected) in rows {
        assert_eq!(probe(bytes.as_slice()), expected, "{what}");
    }
}

#[test]
fn an_open_journal_is_seen() {
    let ext4 = |incompatible| medium(0x800, &[(1024 + 0x38, &[0x53, 0xef]), (1024 + 0x60, &[incompatible])]);
    for (what, bytes, open) in [
        ("open", ext4(0x46), true),
        ("closed", ext4(0x42), false),
        ("no ext4", medium(0x800, &[(1024 + 0x60, &[4])]), false),
    ] {
        assert_eq!(is_journal_open(bytes.as_slice()), open, "{what}");
    }
}

/// A FAT boot sector: 512-byte sectors, one a cluster, one reserved, two tables.
fn fat(extra: &[(usize, &[u8])]) -> Vec<u8> {
    let head: &[(usize, &[u8])] =
        &[(0, &[0xeb, 0x3c, 0x90]), (11, &[0, 2, 1, 1, 0, 2]), (21, &[0xf8]), (510, &[0x55, 0xaa])];
    medium(0x8000, &[head, extra].concat())
}

#[test]
fn fat_has_its_label_in_the_root_directory() {
    // FAT16 with tables of one sector: the root directory is in sector 3.
    const ROOT: usize = 3 * 512;
    let small: &[(usize, &[u8])] = &[(22, &[1]), (38, &[0x29, 0xcd, 0xab, 0x34, 0x12]), (43, b"IN BOOT    ")];
    let entry = |name: &[u8; 11], attributes: u8| {
        let mut entry = name.to_vec();
        entry.push(attributes);
        entry.resize(32, 0);
        entry
    };
    let with = |entries: &[Vec<u8>]| {
        let directory = entries.concat();
        fat(&[small, &[(ROOT, directory.as_slice())]].concat())
    };
    let rows = [
        ("only in the boot sector", with(&[]), Some("IN BOOT")),
        ("in the directory", with(&[entry(b"MUSIC      ", 8)]), Some("MUSIC")),
        (
            "behind a file",
            with(&[entry(b"A       TXT", 0x20), entry(b"MY MUSIC   ", 0x28)]),
            Some("MY MUSIC"),
        ),
        ("deleted", with(&[entry(b"\xe5USIC      ", 8)]), Some("IN BOOT")),
        ("a part of a long name", with(&[entry(b"Aa.long.na ", 0x0f)]), Some("IN BOOT")),
        ("none at all", fat(&[small, &[(43, b"NO NAME    ".as_slice())]].concat()), None),
    ];
    for (what, bytes, label) in rows {
        assert_eq!(probe(bytes.as_slice()), known("vfat", label, Some("1234-ABCD")), "{what}");
    }
}

#[test]
fn fat32_has_its_root_directory_in_a_cluster() {
    // Tables of two sectors: clusters begin at sector 5, the root directory is the third of them, number 4.
    let directory = [b"CARD       ".as_slice(), &[8]].concat();
    let bytes = fat(&[
        (36, &[2, 0, 0, 0]),
        (44, &[4]),
        (66, &[0x29, 0xcd, 0xab, 0x34, 0x12]),
        (71, b"NO NAME    "),
        (7 * 512, directory.as_slice()),
    ]);
    assert_eq!(probe(bytes.as_slice()), known("vfat", Some("CARD"), Some("1234-ABCD")));
}

#[test]
fn a_partition_table_is_no_file_system() {
    let table =
        medium(0x8000, &[(0, &[0xeb, 0x63, 0x90]), (446, &[0x80, 1, 1, 0, 0x0c]), (510, &[0x55, 0xaa])]);
    assert_eq!(probe(table.as_slice()), None);
}

#[test]
fn exfat_has_its_label_in_the_root_directory() {
    // Sectors of 512 bytes, clusters of 8; the heap is at sector 8, the root directory is cluster 3.
    let name: Vec<u8> = "Größe".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let label = [&[0x83, 5], name.as_slice()].concat();
    let directory = 8 * 512 + 8 * 512;
    let bytes = medium(
        0x8000,
        &[
            (3, b"EXFAT   "),
            (88, &[8]),
            (96, &[3]),
            (100, &[0xcd, 0xab, 0x34, 0x12]),
            (108, &[9, 3]),
            (directory, &[0x81]),
            (directory + 32, label.as_slice()),
        ],
    );
    assert_eq!(probe(bytes.as_slice()), known("exfat", Some("Größe"), Some("1234-ABCD")));
}

proptest! {
    /// Whatever a card's maker put there: an answer, no crash, no endless look.
    #[test]
    fn hostile_superblocks_are_survived(
        mark in prop::sample::select(vec![
            (3_usize, b"EXFAT   ".to_vec()),
            (3, b"NTFS    ".to_vec()),
            (1024, vec![0x10, 0x20, 0xf5, 0xf2]),
            (1024 + 0x38, vec![0x53, 0xef]),
            (0, vec![0xeb, 0x3c, 0x90]),
            (32_768, b"\x01CD001\x01".to_vec()),
        ]),
        sector in prop::collection::vec(any::<u8>(), 512),
        length in 0_usize..0x1_2000,
    ) {
        let mut bytes = vec![0xff; 0x1_2000];
        bytes[..512].copy_from_slice(&sector);
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        let (at, mark) = mark;
        bytes[at..at + mark.len()].copy_from_slice(&mark);
        let _ = probe(&bytes[..length]);
    }
}
