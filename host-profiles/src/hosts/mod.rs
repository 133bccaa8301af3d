//! The hosts, a module each: its files, its shapes, and why it does not have the others.

use crate::Host;

mod common;
mod connman;
mod etc_hosts;
mod firewalld;
mod freebsd;
mod gentoo;
mod ifupdown;
mod iptables;
mod macos;
mod netctl;
mod netplan;
mod networkmanager;
mod nftables;
mod opensuse;
mod openwrt;
mod redhat;
mod ssh;
mod systemd_networkd;
mod udev;
mod ufw;
mod windows;

/// Every host, in the order in which they are listed: network managers by how many hosts have them, other systems,
/// building blocks.
pub const ALL: &[&Host] = &[
    &ifupdown::HOST,
    &networkmanager::HOST,
    &systemd_networkd::HOST,
    &netplan::HOST,
    &udev::HOST,
    &connman::HOST,
    &redhat::HOST,
    &opensuse::HOST,
    &gentoo::HOST,
    &netctl::HOST,
    &openwrt::HOST,
    &freebsd::HOST,
    &macos::HOST,
    &windows::HOST,
    &nftables::HOST,
    &iptables::HOST,
    &firewalld::HOST,
    &ufw::HOST,
    &ssh::HOST,
    &etc_hosts::HOST,
];

/// A template file as a type whose only field is the [`View`](crate::view::View), `v` in the file.
macro_rules! template {
    ($name:ident, $path:tt) => {
        #[derive(askama::Template)]
        #[template(path = $path, escape = "none")]
        struct $name<'a> {
            v: &'a crate::view::View,
        }
    };
}

/// What every host's module and its templates use.
mod prelude {
    pub(super) use super::template;
    pub(crate) use crate::{
        facts::Function,
        file::Encoding,
        filters,
        host::{Host, Parts, WithoutMac},
        shape::Shape,
        view::View,
    };
}
use template;
