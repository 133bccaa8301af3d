use super::*;
use crate::dhcp::State;
use proptest::prelude::*;
use std::net::Ipv4Addr;

fn lease() -> Lease {
    Lease {
        mac: [2, 0, 0, 0, 0, 1],
        client_id: Some(vec![1, 2, 255]),
        address: Ipv4Addr::new(192, 168, 2, 14),
        hostname: Some("laptop".into()),
        expires: Duration::new(4711, 5),
        state: State::Bound,
    }
}

#[test]
fn leases_come_back_on_the_same_boot_and_without_times_on_another() {
    let bytes = encode([lease()].iter(), "boot-a").unwrap();
    assert_eq!(decode(&bytes, "boot-a").unwrap(), [lease()]);
    let later = Lease { expires: Duration::MAX, ..lease() };
    assert_eq!(decode(&bytes, "boot-b").unwrap(), std::slice::from_ref(&later));
    let unknown = encode([lease()].iter(), "").unwrap();
    assert_eq!(decode(&unknown, "").unwrap(), [later], "no boot id is no boot of ours");
}

#[test]
fn a_file_that_is_not_whole_is_ignored_with_a_reason() {
    let good = encode([lease()].iter(), "boot").unwrap();
    let short = &good[..good.len() - 1];
    let half_new = [&good[..good.len() / 2], &vec![b'x'; good.len() / 2]].concat();
    let other = encode([].iter(), "boot").unwrap();
    let no_list = format!("{MAGIC} boot {:016x}\n{{}}", checksum(b"{}"));
    let rows = [
        ("cut off", short, "checksum"),
        ("new over old", &half_new, "checksum"),
        ("cut off in the header", &good[..20], "does not begin"),
        ("binary", &[0xff, b'\n'], "does not begin"),
        ("a word more", b"usbnet-leases-1 boot 0 0\n", "does not begin"),
        (
            "another version",
            &good.iter().map(|b| if *b == b'1' { b'2' } else { *b }).collect::<Vec<_>>(),
            "does not begin",
        ),
        ("no list", no_list.as_bytes(), "not a list of leases"),
    ];
    for (name, bytes, reason) in rows {
        let fault = decode(bytes, "boot").expect_err(name).to_string();
        assert!(fault.contains(reason), "{name}: {fault}");
    }
    assert_eq!(decode(&other, "boot").unwrap(), []);
}

#[test]
fn a_file_is_made_rewritten_and_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases");
    let file = LeaseFile::open(&path, "boot".into()).unwrap();
    assert_eq!(file.read().unwrap(), []);
    file.write([lease(), Lease { address: Ipv4Addr::LOCALHOST, ..lease() }].iter()).unwrap();
    file.write([lease()].iter()).unwrap();
    assert_eq!(LeaseFile::open(&path, "boot".into()).unwrap().read().unwrap(), [lease()]);
    std::fs::write(&path, vec![b' '; 512 * 1024 + 1]).unwrap();
    let reopened = LeaseFile::open(&path, "boot".into()).unwrap();
    assert!(matches!(reopened.read(), Err(Fault::TooLong)));
}

#[test]
fn only_a_regular_file_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    assert!(LeaseFile::open(&link, String::new()).is_err());
    assert!(LeaseFile::open(directory.path(), String::new()).is_err());
    let error = LeaseFile::open(Path::new("/dev/null"), String::new()).unwrap_err();
    assert!(error.to_string().contains("regular file"), "{error}");
}

#[test]
fn a_full_table_of_the_longest_leases_fits() {
    let longest = Lease {
        mac: [255; 6],
        client_id: Some(vec![255; 255]),
        address: Ipv4Addr::BROADCAST,
        hostname: Some("x".repeat(63)),
        expires: Duration::MAX,
        state: State::Declined,
    };
    let bytes = encode(vec![longest; 257].iter(), &"x".repeat(36)).unwrap();
    assert!((bytes.len() as u64) < u64::from(LeaseFile::SIZE_MAX));
}

proptest! {
    #[test]
    fn no_content_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, "boot");
    }

    #[test]
    fn a_torn_write_is_noticed(cut in 0_usize..1000, expires in 0_u64..u64::MAX) {
        let old = encode([lease()].iter(), "boot").unwrap();
        let new = Lease { expires: Duration::from_secs(expires), hostname: None, ..lease() };
        let new = encode([new].iter(), "boot").unwrap();
        let cut = cut % new.len();
        prop_assume!(cut > 0);
        let torn = [&new[..cut], old.get(cut..).unwrap_or_default()].concat();
        prop_assume!(torn != old && torn != new);
        prop_assert!(decode(&torn, "boot").is_err());
    }
}
