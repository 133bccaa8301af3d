//! A kernel without a UDC. By its name the last: see `Lab` on what unloading dummy_hcd does.

use usbnet_tests::{
    daemon::{processes, usbnet_fails},
    lab::Lab,
    run::sh,
};

const NO_KERNEL_SUPPORT: i32 = 6;

#[test]
fn is_refused() {
    let _lab = Lab::begin();
    sh("modprobe -r dummy_hcd");
    usbnet_fails(&["start"], NO_KERNEL_SUPPORT, &["UDC"]);
    assert_eq!(processes(), Vec::<i32>::new(), "processes stay after a failed start");
}
