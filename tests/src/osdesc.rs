//! Microsoft OS descriptors, asked for as Windows does: control transfers from the host's end, by usbfs
//! (`Documentation/driver-api/usb/usb.rst`). Layouts: Microsoft OS 1.0 Descriptors Specification.

use std::{
    fs::{self, OpenOptions},
    os::fd::AsRawFd,
    path::Path,
};

/// `struct usbdevfs_ctrltransfer` of `linux/usbdevice_fs.h`.
#[repr(C)]
struct ControlTransfer {
    request_type: u8,
    request: u8,
    value: u16,
    index: u16,
    length: u16,
    /// In milliseconds.
    timeout: u32,
    data: *mut u8,
}

mod usbfs {
    nix::ioctl_readwrite!(control, b'U', 0, super::ControlTransfer);
}

/// From the device, standard request.
const STANDARD_IN: u8 = 0x80;
/// From the device, vendor's request.
const VENDOR_IN: u8 = 0xc0;
/// Standard request GET_DESCRIPTOR (USB 2.0, table 9-4).
const GET_DESCRIPTOR: u8 = 6;
/// Descriptor type STRING, index 0xEE.
const OS_STRING: u16 = 0x03ee;
/// Feature "extended compat ID".
const COMPATIBLE_ID: u16 = 4;

/// What Windows learns of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compatible {
    /// The first interface of the function.
    pub interface: u8,
    /// `RNDIS`, `WINNCM`…
    pub id: String,
    /// `5162001` for RNDIS 5.1 with a 6.2 driver.
    pub sub_id: String,
}

/// Asks the device behind a sysfs directory for its OS string and, with the vendor code in it, for its functions'
/// compatible ids. `None` if it has no OS string.
///
/// # Panics
///
/// If the device cannot be opened, or answers the second request badly after it answered the first.
#[must_use]
pub fn compatible_ids(device: &Path) -> Option<Vec<Compatible>> {
    let string = transfer(device, STANDARD_IN, GET_DESCRIPTOR, OS_STRING, 0, 18)?;
    let mut signature: Vec<u8> = "MSFT100".bytes().flat_map(|byte| [byte, 0]).collect();
    signature.splice(0..0, [18, 3]);
    assert_eq!(string.get(..16), Some(&signature[..]), "the OS string {string:02x?} is not MSFT100's");
    let vendor_code = string[16];

    let header =
        transfer(device, VENDOR_IN, vendor_code, 0, COMPATIBLE_ID, 16).expect("a compatible id header");
    let length = u16::from_le_bytes([header[0], header[1]]);
    let whole =
        transfer(device, VENDOR_IN, vendor_code, 0, COMPATIBLE_ID, length).expect("the compatible ids");
    assert_eq!(whole.len(), usize::from(length), "the descriptor has its stated length");
    assert_eq!(
        whole.len(),
        16 + 24 * usize::from(whole[8]),
        "the descriptor has its stated number of functions"
    );
    Some(
        whole[16..]
            .chunks(24)
            .map(|function| Compatible {
                interface: function[0],
                id: text(&function[2..10]),
                sub_id: text(&function[10..18]),
            })
            .collect(),
    )
}

fn text(padded: &[u8]) -> String {
    String::from_utf8_lossy(padded).trim_end_matches('\0').to_owned()
}

/// One control transfer; `None` if the device stalls it.
fn transfer(
    device: &Path,
    request_type: u8,
    request: u8,
    value: u16,
    index: u16,
    length: u16,
) -> Option<Vec<u8>> {
    let number = |name: &str| -> u32 {
        fs::read_to_string(device.join(name)).ok().and_then(|text| text.trim().parse().ok()).expect(name)
    };
    let node = format!("/dev/bus/usb/{:03}/{:03}", number("busnum"), number("devnum"));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&node)
        .unwrap_or_else(|error| panic!("{node}: {error}"));
    let mut data = vec![0; usize::from(length)];
    let mut transfer = ControlTransfer {
        request_type,
        request,
        value,
        index,
        length,
        timeout: 5000,
        data: data.as_mut_ptr(),
    };
    // SAFETY: the structure is the kernel's and `data` has the `length` bytes it states, both alive during the call.
    let got = unsafe { usbfs::control(file.as_raw_fd(), &raw mut transfer) };
    data.truncate(usize::try_from(got.ok()?).ok()?);
    Some(data)
}
