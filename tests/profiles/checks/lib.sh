# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2086,SC2154 # lib.sh and the checks share variables
# The surroundings of a check: a cable, a device at its other end, and an Internet. Sourced before each check with the
# shape in $2; every function ends the check when something is not as it has to be.

# shellcheck disable=SC2034 # MTU, PRODUCT and DHCP come from the environment
shape=$2
MAC=1a:36:84:f7:cb:b3
DEVICE=192.168.2.15 HOST=192.168.2.14

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# Runs a command until it succeeds, for WAIT seconds at most.
eventually() {
    local end=$((SECONDS + ${WAIT:-30}))
    until "$@" >/run/last 2>&1; do
        [ $SECONDS -lt $end ] || { tail -n 30 /run/last /run/*.log >&2; fail "never came true: $*"; }
        sleep 0.2
    done
}

# The cable: an interface of this name and the link's address (or another), and the device at the other end.
cable() { # NAME [MAC]
    [ -e /run/netns/device ] || ip netns add device
    ip link add name "$1" address "${2:-$MAC}" type veth peer name "to-$1" netns device
    ip -n device link set "to-$1" up
    sums_as_on_a_wire device "to-$1"
    [ -z "${2-}" ] || return 0
    ip -n device address add $DEVICE/27 dev "to-$1"
    ip -n device link set lo up
}

# ConnMan takes no packet whose checksum the kernel left open.
sums_as_on_a_wire() { # NAMESPACE INTERFACE
    ip netns exec "$1" python3 -c 'import array, fcntl, socket, struct, sys
value = array.array("I", [0x17, 0]) # ETHTOOL_STXCSUM
fcntl.ioctl(socket.socket(), 0x8946, struct.pack("16sQ16x", sys.argv[1].encode(), value.buffer_info()[0]))' "$2"
}

# The device answers DHCP, and names as NAME 192.168.2.15. It offers itself as router and name server, as one that
# shares does, so that who takes that against the profile is found out.
device_serves() {
    ip netns exec device dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --user=root \
        --bind-interfaces --listen-address=$DEVICE --no-ping --dhcp-range=$HOST,$HOST,255.255.255.224,1h \
        --dhcp-option=3,$DEVICE --dhcp-option=6,$DEVICE --address=/n800.usbnet/$DEVICE --dhcp-leasefile=/run/leases \
        --log-dhcp --log-facility=- --pid-file= >/run/dnsmasq.log 2>&1 &
}

# The host's own way out: a name space that answers 10.9.9.1, and knows the name internet.test.
internet() {
    ip netns add internet
    ip link add name lan0 type veth peer name lan1 netns internet
    ip address add 10.9.9.2/24 dev lan0
    ip link set lan0 up
    ip -n internet address add 10.9.9.1/24 dev lan1
    ip -n internet link set lan1 up
    ip -n internet link set lo up
    ip route add default via 10.9.9.1 metric 100
    ip netns exec internet dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --user=root \
        --address=/internet.test/10.9.9.1 --pid-file= >/run/internet.log 2>&1 &
    eventually dig +short +time=1 +tries=1 @10.9.9.1 internet.test
}

has_address() { # INTERFACE [ADDRESS/PREFIX]
    ip -4 -o address show dev "$1" | grep -qF " ${2:-$HOST/27} "
}

reaches_device() {
    eventually ping -q -c 1 -W 1 $DEVICE
}

# The host's default route and name servers, as text.
own_ways() {
    ip -4 route show default
    readlink /etc/resolv.conf
    cat /etc/resolv.conf
}

# Everything that sharing could change, as text.
sharing_state() {
    cat /proc/sys/net/ipv4/ip_forward
    iptables-save | sed -e '/^#/d' -e 's/\[[0-9:]*\]//'
    nft list ruleset
}

# What Docker and the like do: nothing is forwarded, and there are rules that nobody else may lose.
firewall_of_others() {
    iptables -P FORWARD DROP
    iptables -A FORWARD -s 10.77.0.0/24 -j ACCEPT
    iptables -t mangle -A FORWARD -s 10.77.0.0/24 -j ACCEPT
    iptables -t nat -A POSTROUTING -s 10.77.0.0/24 -j MASQUERADE
    iptables -t nat -A PREROUTING -d 10.77.0.1 -j ACCEPT
}

# The device sends everything to the host, and asks it for names.
device_uses_host() {
    ip -n device route replace default via $HOST
}

device_learns_name() {
    [ "$(ip netns exec device dig +short +time=1 +tries=1 @$HOST internet.test)" = 10.9.9.1 ]
}

device_reaches_internet() {
    eventually ip netns exec device ping -q -c 1 -W 1 10.9.9.1
    # As from the host: nobody out there knows the device's network.
    eventually device_learns_name
}

# The host's bridge with its LAN card in it, whose address is higher than the link's: left to itself the bridge would
# take that of the link, and its DHCP lease would be another's.
lan_bridge() {
    ip link add name br0 type bridge
    ip link add name card0 address 52:54:00:00:00:01 type veth peer name card1
    ip link set card0 master br0
    ip link set card0 up
    ip link set br0 up
    bridge_is_as_it_was
}
bridge_is_as_it_was() {
    [ "$(cat /sys/class/net/br0/address)" = 52:54:00:00:00:01 ] || fail "br0 has the address $(cat /sys/class/net/br0/address)"
    [ "$(readlink /sys/class/net/card0/master)" = ../br0 ] || fail "the LAN card is not in br0 any more"
}

# Files as they come from a terminal or a FAT disk; the guide makes programs of them.
pasted() { # FILE...
    local file
    for file; do
        [ ! -e "$file" ] || chmod 644 "$file"
    done
    for file; do
        [ ! -e "$file" ] || { by_guide 'Set up' chmod; return; }
    done
}

# Everything that the hosts without a daemon do is the same to see. up and down are commands.
judge() { # INTERFACE UP DOWN
    local interface=$1 up=$2 down=$3
    case $shape in
        bridge) lan_bridge ;;
        uplink) device_serves ;;
        *) internet ;;
    esac
    [ "$shape" != share-from-host ] || [ "${others_do_not_drop-}" ] || firewall_of_others
    own_ways >/run/ways
    sharing_state >/run/sharing
    eval "$up"
    case $shape in
        bridge)
            [ "$(readlink "/sys/class/net/$interface/master")" = ../br0 ] || fail "$interface is not in br0"
            bridge_is_as_it_was
            ;;
        uplink)
            has_address "$interface" || fail "$interface has no address: $(ip -br address)"
            ip route show default | grep -q "via $DEVICE dev $interface .*metric 700" ||
                fail "no default route by the device with metric 700: $(ip route)"
            ;;
        *)
            has_address "$interface" || fail "$interface has no address: $(ip -br address)"
            reaches_device
            own_ways | diff /run/ways - >&2 || fail "the host's own ways have changed"
            ;;
    esac
    [ -z "$MTU" ] || [ "${mtu_is_not_ours-}" ] || [ "$(cat "/sys/class/net/$interface/mtu")" = "$MTU" ] ||
        fail "the MTU is not $MTU"
    if [ "$shape" = share-from-host ]; then
        device_uses_host
        device_reaches_internet
        eval "${again-:}" # what may run twice does
    fi
    eval "$down"
    [ "$shape" != bridge ] || bridge_is_as_it_was
    [ "$shape" = bridge ] && [ -e "/sys/class/net/$interface/master" ] && fail "$interface is still in br0"
    has_address "$interface" && fail "$interface still has the address"
    [ "$shape" != uplink ] || ! ip route show default | grep -q . || fail "the default route is still there"
    sharing_state | diff /run/sharing - >&2 || fail "what sharing changed is not as it was"
    [ "$shape" = uplink ] || own_ways | diff /run/ways - >&2 || fail "the host's own ways are not as they were"
}

# systemd-resolved answers the device; its reading of the file is looked at here, that it does in the virtual machine.
resolved_has_address() {
    [ "$(systemd-analyze cat-config systemd/resolved.conf | grep -c "^DNSStubListenerExtra=$HOST$")" = 1 ] ||
        fail "systemd-resolved has no address for the device"
}

# Name service of the host's own, for what leaves that to it.
host_resolver() {
    dnsmasq --keep-in-foreground --resolv-file=/run/resolv.conf --no-hosts --conf-file=/dev/null --user=root \
        --bind-interfaces --listen-address=$HOST --pid-file= >/run/host-dns.log 2>&1 &
}

# The address, as another profile would set it.
by_hand() { # INTERFACE
    ip address add $HOST/27 dev "$1"
    ip link set "$1" up
}

# A system bus of this check's own.
bus() {
    mkdir -p /run/dbus
    [ -s /etc/machine-id ] || echo 0f1e2d3c4b5a69788796a5b4c3d2e1f0 >/etc/machine-id
    dbus-daemon --system --fork --nopidfile
}

# Runs what the profile's guide says in one of its sections, or those of its lines that have PATTERN.
by_guide() { # SECTION [PATTERN]
    awk -v section="### $1" '/^###/ { in_it = $0 == section } in_it && sub(/^    /, "")' /mnt/files/guide.md |
        { grep -F -- "${2-}" || :; } >/run/guide.sh
    sed -i '/^systemctl /d' /run/guide.sh # there is no service manager
    [ -s /run/guide.sh ] || fail "the guide says nothing of $1"
    sh -e /run/guide.sh >/run/guide.log 2>&1 || fail "$1: $(cat /run/guide.log)"
}

# What a file that a shell sources says: every key is one of these words, and one has this value.
shell_keys() { # FILE WORDS
    sh -n "$1" || fail "$1 is nothing for a shell"
    sed -n 's/^\([A-Za-z0-9_]*\)=.*/\1/p' "$1" | while read -r key; do
        case " $2 " in *" $key "*) ;; *) fail "$1 has the unknown key $key" ;; esac
    done
}
shell_value() { # FILE KEY VALUE
    local value
    value=$(env -i sh -c '. "$1"; eval "printf %s \"\${$2-}\""' sh "$1" "$2")
    [ "$value" = "$3" ] || fail "$1: $2 is $value, not $3"
}
# What the shell hosts share: udev gives the link the name usbnet0, and no other interface.
usb_card() { # MAC
    cat <<END
P: /devices/usb1/1-1
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
A: idVendor=1d6b\n
A: idProduct=0104\n

P: /devices/usb1/1-1/1-1:1.0
E: DEVTYPE=usb_interface
E: SUBSYSTEM=usb

P: /devices/usb1/1-1/1-1:1.0/net/usb0
E: INTERFACE=usb0
E: IFINDEX=7
E: SUBSYSTEM=net
A: address=$1\n
END
}
udev_of() { # ACTION MAC
    usb_card "$2" >/run/card
    umockdev-run --device /run/card -- udevadm test --action="$1" /sys/devices/usb1/1-1/1-1:1.0/net/usb0 2>&1
}
named_by_rule() {
    udev_of add $MAC >/run/named.log
    ! grep -E '70-usbnet.*(nvalid|nknown|gnoring)' /run/named.log || fail "udev does not like the rule"
    grep -qx 'INTERFACE=usbnet0' /run/named.log || { cat /run/named.log >&2; fail "the interface is not named"; }
    ! udev_of add 02:00:00:00:00:99 | grep usbnet0 || fail "a stranger's interface is named"
}

set -E # functions have the trap too
# A host's own reader that refuses its file has found something; any other command that fails is the check's own fault,
# and proves nothing about a mutation.
ended_by() { # LINE COMMAND
    local word=BROKEN
    case $2 in nft\ * | iptables-restore\ * | 'sh -n '*) word=FAILED ;; esac
    echo "$word: line $1 of the check: $2" >&2
}
trap 'ended_by "$LINENO" "$BASH_COMMAND"' ERR
