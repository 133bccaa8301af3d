#!/bin/sh
# The switch into network mode as people script it today: configfs by shell, the address by `ip`, DHCP and DNS by
# dnsmasq with the settings that answer fastest. The bench compares `usbnet mode network` with it in the same boot.
#
#   switch.sh up [FUNCTION] | down
set -eu

gadget=/sys/kernel/config/usb_gadget/peer
function=${2:-ncm}
pidfile=/run/switch-peer.pid

up() {
    modprobe libcomposite
    mkdir "$gadget"
    cd "$gadget"
    echo 0x1d6b >idVendor
    echo 0x0104 >idProduct
    echo 0x0100 >bcdDevice
    echo 0xEF >bDeviceClass
    echo 0x02 >bDeviceSubClass
    echo 0x01 >bDeviceProtocol
    mkdir strings/0x409
    echo "peer" >strings/0x409/manufacturer
    echo "shell script" >strings/0x409/product
    echo "0001" >strings/0x409/serialnumber
    mkdir configs/c.1
    echo 250 >configs/c.1/MaxPower
    mkdir configs/c.1/strings/0x409
    echo "network" >configs/c.1/strings/0x409/configuration
    mkdir "functions/$function.usb0"
    echo 02:00:00:00:00:01 >"functions/$function.usb0/dev_addr"
    echo 02:00:00:00:00:02 >"functions/$function.usb0/host_addr"
    case $function in
        ncm)
            echo 1 >os_desc/use
            echo 0xcd >os_desc/b_vendor_code
            echo MSFT100 >os_desc/qw_sign
            echo WINNCM >"functions/$function.usb0/os_desc/interface.ncm/compatible_id"
            ln -s configs/c.1 os_desc/
            ;;
    esac
    ln -s "functions/$function.usb0" configs/c.1/
    set -- /sys/class/udc/*
    basename "$1" >UDC
    ifname=$(cat "functions/$function.usb0/ifname")
    ip address add 192.168.2.15/27 dev "$ifname"
    ip link set "$ifname" up
    dnsmasq --conf-file=/dev/null --pid-file="$pidfile" --interface="$ifname" --bind-interfaces --no-ping --no-resolv \
        --no-hosts --dhcp-range=192.168.2.14,192.168.2.14,1h --dhcp-option=3 --dhcp-option=6 \
        --dhcp-leasefile=/run/switch-peer.leases --dhcp-authoritative --address=/peer/192.168.2.15
}

down() {
    kill "$(cat "$pidfile")"
    rm -f "$pidfile"
    cd "$gadget"
    echo >UDC
    rm -f os_desc/c.1 configs/c.1/*.usb0
    rmdir configs/c.1/strings/0x409 configs/c.1 functions/* strings/0x409
    cd /
    rmdir "$gadget"
}

"$1"
