//! A plan as the shell lines that it equals: what `usbnet mode NAME --plan` prints, and what works when `sh` runs it.

use std::path::Path;

use super::{InterfaceSource, RoleBefore, Step};
use crate::cards::{Medium, MountRecord};
use crate::sys::configfs::{Check, Lun, Operation};
use crate::sys::modules::{Load, Source};
use crate::sys::usb_role::{Role, is_musb};

/// The lines of a POSIX shell script that does what the steps do, in their order.
#[must_use]
pub fn script(steps: &[Step]) -> Vec<String> {
    let mut lines = vec!["set -e".to_owned()];
    lines.extend(steps.iter().flat_map(Step::shell));
    lines
}

/// A word that the shell takes as it is.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn path(path: &Path) -> String {
    quote(&path.to_string_lossy())
}

fn words<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    words.into_iter().map(|word| format!(" {}", quote(word))).collect()
}

impl Step {
    /// The shell lines that it equals. The names `$udc`, `$interface` and `$responder` pass from step to step.
    #[must_use]
    pub fn shell(&self) -> Vec<String> {
        match self {
            Self::StopResponder { pid: Some(pid) } => vec![format!("kill {pid}")],
            Self::StopResponder { pid: None } => vec![r#"kill "$responder""#.to_owned()],
            Self::LinkDown { interface, address, prefix } => vec![
                format!("ip address del {address}/{prefix} dev {}", quote(interface)),
                format!("ip link set dev {} down", quote(interface)),
            ],
            Self::Unbind { gadget } => vec![format!(r"printf '\n' > {}", path(&gadget.join("UDC")))],
            Self::UnloadModule { module } => vec![format!("rmmod {}", quote(module))],
            Self::LoadModule(load) => vec![load_line(load)],
            Self::MountConfigfs { root } => vec![format!("mount -t configfs configfs {}", path(root))],
            Self::UnmountConfigfs { root } => vec![format!("umount {}", path(root))],
            Self::Configfs(operation) => vec![operation_line(operation)],
            Self::AwaitUdc { named, seconds } => await_lines(named.as_deref(), *seconds),
            Self::Bind { gadget, udc } => {
                let udc = udc.as_deref().map_or_else(|| r#""$udc""#.to_owned(), quote);
                vec![format!(r"printf '%s\n' {udc} > {}", path(&gadget.join("UDC")))]
            }
            Self::LinkUp { interface, address, prefix, mtu } => {
                let mut lines = interface_lines(interface);
                let mtu = mtu.map(|mtu| format!(" mtu {mtu}")).unwrap_or_default();
                lines.push(format!(r#"ip address replace {address}/{prefix} broadcast + dev "$interface""#));
                lines.push(format!(r#"ip link set dev "$interface"{mtu} up"#));
                lines
            }
            Self::TakeRole(before) => vec![role_line(before.taken.word_for(&before.attribute), before)],
            Self::LeaveRole(before) => leave_role_lines(before),
            Self::Eject { lun, force, .. } if *force => vec![format!("echo 1 > {}/forced_eject", unit(lun))],
            Self::Eject { lun, .. } => vec![format!("echo > {}/file", unit(lun))],
            Self::Insert { lun, medium, .. } => {
                vec![format!(r"printf '%s\n' {} > {}/file", path(medium), unit(lun))]
            }
            Self::WithdrawProfiles { lun, image } => {
                let unit = unit(lun);
                vec![
                    format!("echo 1 > {unit}/forced_eject 2> /dev/null || echo > {unit}/file"),
                    format!("rm -f {}", path(image)),
                ]
            }
            Self::OfferProfiles { lun, disk } => {
                let (mode, image) = (quote(&disk.mode), path(&disk.image));
                vec![
                    format!("usbnet profile all --mode {mode} --image {image} --force"),
                    format!(r"printf '%s\n' {image} > {}/file", unit(lun)),
                ]
            }
            Self::Sync { point, .. } => vec![format!("sync -f {}", path(point))],
            Self::Unmount { point, .. } => vec![format!("umount {}", path(point))],
            Self::SwapOff { swap, .. } => vec![format!("swapoff {}", path(&swap.path))],
            Self::Hold { medium, .. } => {
                vec![format!(
                    "# usbnet opens {} with O_EXCL here, so that nothing can mount it",
                    medium.path.display()
                )]
            }
            Self::Release { card } => vec![format!("# usbnet lets go of card {card} here")],
            Self::Check { medium, .. } => check_line(medium).into_iter().collect(),
            Self::Mount { mount, .. } => vec![mount_line(mount)],
            Self::SwapOn { swap, .. } if swap.priority < 0 => vec![format!("swapon {}", path(&swap.path))],
            Self::SwapOn { swap, .. } => vec![format!("swapon -p {} {}", swap.priority, path(&swap.path))],
            Self::StartResponder { arguments } => vec![
                format!(r#"usbnet responder --interface "$interface"{} &"#, words(arguments)),
                "responder=$!".to_owned(),
            ],
        }
    }
}

/// The directory of a unit's attributes as the shell finds it.
fn unit(lun: &Lun) -> String {
    match lun {
        Lun::Configfs(directory) => path(directory),
        Lun::Legacy(index) => format!("/sys/class/udc/*/device/gadget*/*lun{index}"),
    }
}

fn role_line(word: &str, before: &RoleBefore) -> String {
    format!(r"printf '%s\n' {} > {}", quote(word), path(&before.attribute))
}

/// What something else has decided since stays; and see [`crate::sys::usb_role`] on musb's `otg`.
fn leave_role_lines(before: &RoleBefore) -> Vec<String> {
    let attribute = path(&before.attribute);
    let give_back = role_line(&before.word, before);
    match (is_musb(&before.attribute), before.taken) {
        (false, taken) => vec![format!("! grep -qx {} {attribute} || {give_back}", taken.word())],
        (true, Role::Device) => vec![format!("! grep -q '^b_' {attribute} || {give_back}")],
        (true, Role::Host) => {
            let peripheral = role_line(Role::Device.word_for(&before.attribute), before);
            vec![
                format!("! grep -q '^a_' {attribute} || {{ {give_back}; sleep 1; }}"),
                format!("! grep -q '^a_' {attribute} || {peripheral}"),
            ]
        }
    }
}

/// Only looks, whatever the configuration says: a printed plan is no repair.
fn check_line(medium: &Medium) -> Option<String> {
    let kind = &medium.filesystem.as_ref()?.kind;
    Some(format!("! command -v fsck.{kind} > /dev/null || fsck.{kind} -n {} || true", path(&medium.path)))
}

fn mount_line(mount: &MountRecord) -> String {
    let options = quote(&format!("{},{}", mount.options, mount.super_options));
    format!("mount -t {} -o {options} {} {}", quote(&mount.kind), path(&mount.source), path(&mount.point))
}

fn load_line(load: &Load) -> String {
    let arguments = load.arguments();
    match &load.source {
        Source::Modprobe => format!("modprobe {}{}", quote(&load.module), words(&arguments)),
        Source::File(file) => format!("insmod {}{}", path(file), words(&arguments)),
    }
}

fn operation_line(operation: &Operation) -> String {
    match operation {
        Operation::MakeDir { path: dir } => format!("mkdir -p {}", path(dir)),
        Operation::RemoveDir { path: dir } => format!("rmdir {}", path(dir)),
        Operation::Link { target, link } => format!("ln -s {} {}", path(target), path(link)),
        Operation::Unlink { link } => format!("rm -f {}", path(link)),
        Operation::Write { path: file, value, check } => {
            let file = path(file);
            let write = format!(r"printf '%s\n' {} > {file}", quote(value));
            match check {
                Check::Echo | Check::WriteOnly => write,
                Check::IfPresent => format!("[ ! -e {file} ] || {write}"),
            }
        }
    }
}

fn await_lines(named: Option<&str>, seconds: u32) -> Vec<String> {
    let find = match named {
        Some(name) => format!("ls /sys/class/udc | grep -Fx {}", quote(name)),
        None => "ls /sys/class/udc | grep -v '^usbip-vudc' | head -n 1".to_owned(),
    };
    vec![
        "tries=0".to_owned(),
        format!(
            r#"until udc=$({find}) && [ -n "$udc" ]; do tries=$((tries + 1)); [ $tries -le {seconds} ]; sleep 1; done"#
        ),
    ]
}

fn interface_lines(source: &InterfaceSource) -> Vec<String> {
    match source {
        InterfaceSource::Function(function) => {
            vec![format!("interface=$(cat {})", path(&function.join("ifname")))]
        }
        InterfaceSource::Module(module) => vec![
            format!("udc=$(grep -lx {} /sys/class/udc/*/function | head -n 1)", quote(module)),
            r#"interface=$(ls "${udc%/function}"/device/gadget*/net | head -n 1)"#.to_owned(),
        ],
    }
}
