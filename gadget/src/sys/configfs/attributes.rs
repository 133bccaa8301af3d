//! A described gadget as attributes, in the form in which the kernel shows them again.

use super::operation::Check;
use super::spec::{EthernetSpec, FunctionSpec, GadgetSpec, LunSpec};

/// An attribute's path below its directory, its value, and how strictly to look at it.
pub(super) type Wanted = (String, String, Check);

pub(super) fn device_attributes(spec: &GadgetSpec) -> Vec<Wanted> {
    vec![
        echo("idVendor", &format!("{:#06x}", spec.vendor_id)),
        echo("idProduct", &format!("{:#06x}", spec.product_id)),
        echo("bcdDevice", &format!("{:#06x}", spec.bcd_device)),
        echo("bDeviceClass", &format!("{:#04x}", spec.class.0)),
        echo("bDeviceSubClass", &format!("{:#04x}", spec.class.1)),
        echo("bDeviceProtocol", &format!("{:#04x}", spec.class.2)),
    ]
}

pub(super) fn function_attributes(function: &FunctionSpec) -> Vec<Wanted> {
    match function {
        FunctionSpec::Acm { .. } => Vec::new(),
        FunctionSpec::Ethernet(ethernet) => ethernet_attributes(ethernet),
        FunctionSpec::MassStorage(storage) => {
            storage.luns.iter().enumerate().flat_map(|(index, lun)| lun_attributes(index, lun)).collect()
        }
    }
}

fn ethernet_attributes(spec: &EthernetSpec) -> Vec<Wanted> {
    let mut wanted = vec![echo("dev_addr", &mac(spec.device_mac)), echo("host_addr", &mac(spec.host_mac))];
    if let Some(queue) = spec.queue_multiplier {
        wanted.push(echo("qmult", &queue.to_string()));
    }
    // Two hexadecimal digits without 0x, and not in kernels before 4.12.
    if let Some(class) = spec.class {
        for (name, value) in [("class", class.0), ("subclass", class.1), ("protocol", class.2)] {
            wanted.push((name.to_owned(), format!("{value:02x}"), Check::IfPresent));
        }
    }
    if let (Some(id), Some(group)) = (&spec.compatible_id, spec.driver.os_descriptor_group()) {
        for (name, value) in [("compatible_id", &id.compatible), ("sub_compatible_id", &id.sub_compatible)] {
            wanted.push((format!("os_desc/{group}/{name}"), value.clone(), Check::IfPresent));
        }
    }
    wanted
}

/// All of these refuse writes while `file` is set, so a medium comes later.
fn lun_attributes(index: usize, lun: &LunSpec) -> Vec<Wanted> {
    let name = |attribute: &str| format!("lun.{index}/{attribute}");
    let mut wanted = vec![
        echo(&name("ro"), flag(lun.read_only)),
        echo(&name("cdrom"), flag(lun.cdrom)),
        echo(&name("removable"), flag(true)),
        echo(&name("nofua"), flag(lun.no_fua)),
    ];
    if let Some(inquiry) = &lun.inquiry {
        // The kernel shows all 28 bytes of it.
        wanted.push((name("inquiry_string"), format!("{inquiry:<28}"), Check::IfPresent));
    }
    wanted
}

pub(super) fn echo(name: &str, value: &str) -> Wanted {
    (name.to_owned(), value.to_owned(), Check::Echo)
}

const fn flag(on: bool) -> &'static str {
    if on { "1" } else { "0" }
}

fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}
