//! What somebody could get wrong in a profile, each of which its check has to reject.

use usbnet_host_profiles::Shape::{self, Bridge, Link, ShareFromHost as Share, Uplink};

use crate::facts::Device::{self, Dhcp, Static};

/// One deliberate mistake.
#[derive(Debug)]
pub struct Edit {
    /// How the path of the edited file ends; `guide.md` is what the profile tells people to run.
    pub file: &'static str,
    /// What is replaced, everywhere.
    pub from: &'static str,
    /// By this.
    pub to: &'static str,
    /// Or else the file's permissions.
    pub mode: Option<u32>,
}

const fn edit(file: &'static str, from: &'static str, to: &'static str) -> Edit {
    Edit { file, from, to, mode: None }
}

const fn mode(file: &'static str, mode: u32) -> Edit {
    Edit { file, from: "", to: "", mode: Some(mode) }
}

/// (host, shape, device, mistake)
#[rustfmt::skip]
pub const TABLE: &[(&str, Shape, Device, Edit)] = &[
    ("ifupdown", Link, Dhcp, edit("usbnet", "map 1a:36", "map 1a:37")),
    ("ifupdown", Link, Dhcp, edit("usbnet", "iface usbnet", "iface usbnett")),
    ("ifupdown", Link, Dhcp, edit("usbnet", "address 192.168.2.14/27", "address 192.168.2.14/27\n    gateway 192.168.2.15")),
    ("ifupdown", Link, Dhcp, edit("usbnet-map", "\"$wanted\" = \"$mac\"", "-n \"$mac\"")),
    ("ifupdown", Share, Dhcp, edit("interfaces.d/usbnet", "    pre-down", "    #pre-down")),
    ("ifupdown", Share, Dhcp, edit("usbnet-share", "cat \"$state/ip_forward\" >", "echo 1 >")),
    ("ifupdown", Share, Dhcp, edit("usbnet-share", "iptables -w -t \"$table\" -D \"$chain\" $match", "iptables -w -t \"$table\" -F \"$chain\"")),
    ("ifupdown", Share, Dhcp, edit("usbnet-share", "-I \"$chain\"", "-A \"$chain\"; iptables -P FORWARD ACCEPT -t \"$table\"")),
    ("ifupdown", Uplink, Dhcp, edit("usbnet", "metric 700", "metric 70")),
    ("ifupdown", Uplink, Static, edit("usbnet", "gateway", "#gateway")),
    ("ifupdown", Bridge, Dhcp, edit("usbnet", "master br0", "up")),
    ("networkmanager", Link, Dhcp, edit("nmconnection", "1A:36", "1A:37")),
    ("networkmanager", Link, Dhcp, edit("nmconnection", "never-default=true", "never-default=false\nroute-metric=50")),
    ("networkmanager", Link, Dhcp, edit("nmconnection", "ignore-auto-dns=true", "ignore-auto-dns=false")),
    ("networkmanager", Link, Dhcp, edit("nmconnection", "ignore-auto-routes", "ignore-automatic-routes")),
    ("networkmanager", Link, Dhcp, mode("nmconnection", 0o644)),
    ("networkmanager", Link, Static, edit("nmconnection", "id=", "id=x")),
    ("networkmanager", Share, Dhcp, edit("nmconnection", "method=shared", "method=manual")),
    ("networkmanager", Share, Dhcp, edit("guide.md", "[ -e /var/lib/usbnet.ip_forward ] || cat /proc/sys/net/ipv4/ip_forward >", "echo 1 >")),
    ("networkmanager", Uplink, Dhcp, edit("nmconnection", "route-metric=700", "route-metric=7")),
    ("networkmanager", Bridge, Dhcp, edit("nmconnection", "master=br0", "master=br1")),
    ("systemd-networkd", Link, Dhcp, edit(".network", "1a:36", "1a:37")),
    ("systemd-networkd", Link, Dhcp, edit(".network", "UseGateway=no", "UseGateway=yes")),
    ("systemd-networkd", Link, Dhcp, edit(".network", "UseNTP", "UseTime")),
    ("systemd-networkd", Link, Dhcp, edit(".link", "Name=", "Nam=")),
    ("systemd-networkd", Link, Dhcp, edit(".link", "MACAddress=1a:36", "MACAddress=1a:37")),
    ("systemd-networkd", Share, Dhcp, edit(".network", "IPMasquerade=ipv4", "IPMasquerade=no")),
    ("systemd-networkd", Share, Dhcp, edit("resolved.conf.d/usbnet.conf", "192.168.2.14", "192.168.2.13")),
    ("systemd-networkd", Share, Dhcp, edit("guide.md", "    cat /var/lib/usbnet.ip_forward >", "    echo 1 >")),
    ("systemd-networkd", Uplink, Static, edit(".network", "[Route]", "[Routes]")),
    ("netplan", Link, Dhcp, edit("yaml", "macaddress", "driver")),
    ("netplan", Link, Dhcp, edit("yaml", "optional: true", "optional: false")),
    ("netplan", Link, Dhcp, edit("yaml", "      addresses", "     addresses")),
    ("netplan", Uplink, Dhcp, edit("yaml", "route-metric: 700", "use-dns: true")),
    ("udev", Link, Dhcp, edit("rules", "1a:36", "1a:37")),
    ("udev", Link, Dhcp, edit("rules", "ACTION==\"remove\"", "ACTION==\"unbind\"")),
    ("udev", Link, Dhcp, edit("rules", "ATTR{address}", "ATTRS{address}")),
    ("udev", Link, Dhcp, edit("usbnet-host", "address del", "address show")),
    ("udev", Share, Dhcp, edit("usbnet-host", "usbnet-share down", "usbnet-share up")),
    ("udev", Uplink, Dhcp, edit("usbnet-host", "route replace default", "route replace 10.0.0.0/8")),
    ("connman", Link, Dhcp, edit("config", "1a:36", "1a:37")),
    ("connman", Link, Dhcp, edit("config", "/255.255.255.224", "/255.255.255.0")),
    ("connman", Uplink, Static, edit("config", "/192.168.2.15", "")),
    ("redhat", Link, Dhcp, edit("ifcfg-usbnet", "DEFROUTE=no", "DEFROUTE=yes")),
    ("redhat", Link, Static, edit("ifcfg-usbnet", "NAME='", "NAME=\"")),
    ("redhat", Share, Dhcp, edit("ifcfg-usbnet", "ZONE=usbnet", "FIREWALL=usbnet")),
    ("redhat", Uplink, Static, edit("ifcfg-usbnet", "GATEWAY=192.168.2.15", "GATEWAY=192.168.2.14")),
    ("opensuse", Link, Dhcp, edit("ifcfg-usbnet0", "'192.168.2.14/27'", "'192.168.2.14'")),
    ("opensuse", Link, Dhcp, edit("rules", "1a:36", "1a:37")),
    ("opensuse", Share, Dhcp, edit("usbnet-out.xml", "</policy>", "")),
    ("opensuse", Uplink, Dhcp, edit("ifcfg-usbnet0", "DHCLIENT_ROUTE_PRIORITY", "DHCLIENT_MODIFY_RESOLV_CONF")),
    ("gentoo", Link, Dhcp, edit("net.usbnet0", "config_usbnet0=\"192.168.2.14/27\"", "config_usbnet0=( \"192.168.2.14/27\" )")),
    ("gentoo", Share, Dhcp, edit("net.usbnet0", "[ \"$IFACE\" != usbnet0 ] || ", "")),
    ("gentoo", Uplink, Static, edit("net.usbnet0", "routes_usbnet0", "routes_usb0")),
    ("netctl", Link, Dhcp, edit("netctl/usbnet", "Address=('192.168.2.14/27')", "Address=('192.168.2.14')")),
    ("netctl", Link, Static, edit("netctl/usbnet", "Description='", "Description=\"")),
    ("netctl", Share, Dhcp, edit("netctl/usbnet", "ExecDownPre", "ExecDown")),
    ("netctl", Uplink, Static, edit("netctl/usbnet", "metric 700", "")),
    ("openwrt", Link, Dhcp, edit("setup.uci", "set network.usbnet=interface\n", "")),
    ("openwrt", Link, Dhcp, edit("70-usbnet", "1a:36", "1a:37")),
    ("openwrt", Link, Dhcp, edit("usbnet-setup", "dhcp.usbnet_name", "")),
    ("openwrt", Share, Dhcp, edit("setup.uci", ".dest='wan'", ".dest='lan'")),
    ("openwrt", Uplink, Static, edit("usbnet-setup", "    remove\n    uci batch", "    uci batch")),
    ("openwrt", Uplink, Dhcp, edit("usbnet-setup", "name='wan'", "name='lan'")),
    ("openwrt", Uplink, Dhcp, edit("70-usbnet.nft", "hoplimit", "ttl")),
    ("openwrt", Uplink, Dhcp, edit("usbnet-watchdog", "    3)", "    2)")),
    ("freebsd", Link, Dhcp, edit("devd/usbnet.conf", "\"ue[0-9]+\"", "\"cdce0\"")),
    ("freebsd", Link, Dhcp, edit("usbnet-host", "1a:36", "02:00")),
    ("freebsd", Link, Static, edit("loader.conf.d/usbnet.conf", "if_urndis", "if_cdce")),
    ("freebsd", Uplink, Static, edit("usbnet-host", "add default", "add 10.0.0.0/8")),
    ("macos", Link, Dhcp, edit("usbnet-setup", "mac=1a:36", "mac=1a:37")),
    ("macos", Link, Static, edit("usbnet-setup", "service='", "service=\"")),
    ("macos", Link, Dhcp, edit("usbnet-setup", "\"$@\" \"$service\"", "\"$service\" \"$@\"")),
    ("macos", Share, Dhcp, edit("plist", "</dict>", "")),
    ("macos", Share, Dhcp, edit("usbnet-setup", "pfctl -X", "pfctl -d")),
    ("macos", Uplink, Static, edit("usbnet-setup", "255.255.255.224 192.168.2.15", "255.255.255.224")),
    ("windows", Link, Static, edit("inf", "[Rndis6.NT.Services]", "[Rndis6.Services]")),
    ("windows", Link, Static, edit("inf", "CatalogFile", "Catalog")),
    ("windows", Link, Static, edit("inf", "&MI_02", "&MI_00")),
    ("windows", Link, Static, edit("inf", "*PhysicalMediaType = 14", "*PhysicalMediaType = 16")),
    ("windows", Link, Static, edit("inf", "NetworkAddress = \"Network Address\"", "")),
    ("windows", Link, Static, edit("inf", "\"\"N800\"\"", "\"N800\"")),
    ("windows", Link, Static, edit("inf", "LimitText, 0", "\"LimitText, 0")),
    ("windows", Link, Static, edit("ps1", "Ann''s", "Ann's")),
    ("windows", Link, Dhcp, edit("ps1", "-IgnoreDefaultRoutes Enabled", "")),
    ("windows", Link, Dhcp, edit("cmd", "echo No", "echo Nö")),
    ("windows", Uplink, Static, edit("ps1", "-DefaultGateway", "-Gateway")),
    ("nftables", Share, Dhcp, edit("nft", "delete table ip usbnet\n", "")),
    ("nftables", Share, Dhcp, edit("guide.md", "nft delete table", "nft flush table")),
    ("nftables", Share, Dhcp, edit("nft", "masquerade", "accept")),
    ("nftables", Uplink, Dhcp, edit("nft", "ttl set", "tll set")),
    ("iptables", Share, Dhcp, edit("guide.md", "    cat /var/lib/usbnet.ip_forward >", "    echo 1 >")),
    ("iptables", Share, Dhcp, edit("usbnet.rules", "COMMIT\n", "")),
    ("iptables", Share, Dhcp, edit("usbnet-undo.rules", "-j MASQUERADE", "-j ACCEPT")),
    ("firewalld", Link, Dhcp, edit("zones/usbnet.xml", "192.168.2.15", "192.168.2.99")),
    ("firewalld", Link, Static, edit("zones/usbnet.xml", "&#39;", "&apos;s")),
    ("firewalld", Share, Dhcp, edit("usbnet-out.xml", "<masquerade/>", "")),
    ("firewalld", Share, Dhcp, edit("guide.md", "rm /etc/firewalld/zones/usbnet.xml /etc/firewalld/policies/usbnet-out.xml", ":")),
    ("ufw", Share, Dhcp, edit("usbnet.rules", "MASQUERADE", "MASQUERADES")),
    ("ufw", Share, Dhcp, edit("guide.md", "    ufw route delete", "    : ufw route delete")),
    ("ufw", Share, Dhcp, edit("guide.md", "    while iptables -w -t mangle", "    iptables -w -t nat -S; while iptables -w -t raw")),
    ("ufw", Share, Dhcp, edit("usbnet.sysctl", "=1", "=0")),
    ("ufw", Share, Dhcp, edit("usbnet.rules", "# END usbnet", "# END")),
    ("ssh", Link, Dhcp, edit("usbnet", "HostKeyAlias", "HostKeyAliases")),
    ("ssh", Link, Dhcp, edit("usbnet", "Host n800 ", "Host * ")),
    ("hosts", Link, Dhcp, edit("hosts.usbnet", "n800.usbnet n800", "n800.usbnet")),
];
