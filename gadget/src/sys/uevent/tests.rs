use proptest::prelude::*;

use super::*;

const UDC_CHANGE: &[u8] = b"change@/devices/platform/dummy_udc.0/udc/dummy_udc.0\0ACTION=change\0\
    DEVPATH=/devices/platform/dummy_udc.0/udc/dummy_udc.0\0SUBSYSTEM=udc\0USB_UDC_NAME=dummy_udc\0\
    USB_UDC_DRIVER=configfs-gadget.usbnet\0SEQNUM=1234\0";

#[test]
fn reads_what_the_kernel_sends() {
    let event = Uevent::parse(UDC_CHANGE).unwrap();
    assert_eq!(event.action, Action::Change);
    assert_eq!(event.devpath, "/devices/platform/dummy_udc.0/udc/dummy_udc.0");
    assert_eq!(event.name(), "dummy_udc.0");
    assert_eq!(event.subsystem.as_deref(), Some("udc"));
    assert_eq!(event.variable("USB_UDC_DRIVER"), Some("configfs-gadget.usbnet"));
    assert_eq!(event.variable("ACTION"), None, "the head is not repeated among the variables");
}

#[test]
fn refuses_with_the_reason() {
    let long = [b"add@/".as_slice(), &vec![b'x'; LARGEST], b"\0"].concat();
    let many = [b"add@/x\0".to_vec(), b"K=V\0".repeat(MOST_VARIABLES + 1)].concat();
    let rows: &[(&str, &[u8], Malformed)] = &[
        ("empty", b"", Malformed::CutOff),
        ("cut off in a value", &UDC_CHANGE[..UDC_CHANGE.len() - 3], Malformed::CutOff),
        ("only a terminator", b"\0", Malformed::NoHead),
        ("udev's own format", b"libudev\0\xfe\xed\xca\xfe\0", Malformed::NotText),
        ("no head", b"SUBSYSTEM=udc\0", Malformed::NoHead),
        ("unknown action", b"explode@/x\0", Malformed::UnknownAction),
        ("relative path", b"add@devices/x\0", Malformed::NoPath),
        ("variable without value", b"add@/x\0SUBSYSTEM\0", Malformed::NoValue),
        ("empty variable", b"add@/x\0\0", Malformed::NoValue),
        ("too long", &long, Malformed::TooLong),
        ("too many variables", &many, Malformed::TooMany),
    ];
    for (name, datagram, expected) in rows {
        assert_eq!(Uevent::parse(datagram), Err(*expected), "{name}");
    }
}

#[test]
fn keeps_equals_signs_in_values() {
    let event = Uevent::parse(b"add@/x\0MODALIAS=usb:v=1\0").unwrap();
    assert_eq!(event.variable("MODALIAS"), Some("usb:v=1"));
}

proptest! {
    #[test]
    fn never_panics_and_stays_bounded(datagram in prop::collection::vec(any::<u8>(), 0..LARGEST + 10)) {
        if let Ok(event) = Uevent::parse(&datagram) {
            prop_assert!(event.variables.len() <= MOST_VARIABLES);
            prop_assert!(event.devpath.starts_with('/'));
        }
    }

    #[test]
    fn survives_any_damage_to_a_real_event(position in 0..UDC_CHANGE.len(), byte: u8, length in 0..=UDC_CHANGE.len()) {
        let mut datagram = UDC_CHANGE.to_vec();
        datagram[position] = byte;
        datagram.truncate(length);
        if let Ok(event) = Uevent::parse(&datagram) {
            prop_assert!(event.devpath.starts_with('/'));
        }
    }

    #[test]
    fn gives_back_what_was_written(path in "/[a-z0-9./_-]{0,40}", pairs in prop::collection::vec(("[A-Z_]{1,12}", "[^\0]{0,40}"), 0..20)) {
        let pairs: Vec<_> =
            pairs.into_iter().filter(|(key, _)| !["ACTION", "DEVPATH", "SUBSYSTEM"].contains(&key.as_str())).collect();
        let mut datagram = format!("add@{path}\0");
        for (key, value) in &pairs {
            datagram += &format!("{key}={value}\0");
        }
        let event = Uevent::parse(datagram.as_bytes()).unwrap();
        prop_assert_eq!(event.devpath, path);
        prop_assert_eq!(event.variables, pairs);
    }
}
