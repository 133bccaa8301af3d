#!/bin/sh
# The switches as people script them today: configfs by shell; for a network card the address by `ip`, DHCP and DNS by
# dnsmasq with the settings that answer fastest; for cards umount, sync and the way back. The bench compares
# `usbnet mode` with it in the same boot.
#
#   switch.sh up [FUNCTION] | down
#   switch.sh up mass_storage POINT… | down mass_storage
set -eu

gadget=/sys/kernel/config/usb_gadget/peer
function=${2:-ncm}
pidfile=/run/switch-peer.pid
taken=/run/switch-peer.mounts

# Takes the cards that are mounted at these points; remembers device, point, type and options.
take() {
    : >"$taken"
    for point in "$@"; do
        grep " $point " /proc/mounts >>"$taken"
        umount "$point"
    done
    sync
}

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
    case $function in
        mass_storage) ;;
        *)
            echo 02:00:00:00:00:01 >"functions/$function.usb0/dev_addr"
            echo 02:00:00:00:00:02 >"functions/$function.usb0/host_addr"
            ;;
    esac
    case $function in
        mass_storage)
            lun=0
            while read -r device _; do
                [ -d "functions/mass_storage.usb0/lun.$lun" ] || mkdir "functions/mass_storage.usb0/lun.$lun"
                echo 1 >"functions/mass_storage.usb0/lun.$lun/removable"
                echo "$device" >"functions/mass_storage.usb0/lun.$lun/file"
                lun=$((lun + 1))
            done <"$taken"
            ;;
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
    [ "$function" != mass_storage ] || return 0
    ifname=$(cat "functions/$function.usb0/ifname")
    ip address add 192.168.2.15/27 dev "$ifname"
    ip link set "$ifname" up
    dnsmasq --conf-file=/dev/null --pid-file="$pidfile" --interface="$ifname" --bind-interfaces --no-ping --no-resolv \
        --no-hosts --dhcp-range=192.168.2.14,192.168.2.14,1h --dhcp-option=3 --dhcp-option=6 \
        --dhcp-leasefile=/run/switch-peer.leases --dhcp-authoritative --address=/peer/192.168.2.15
}

down() {
    if [ "$function" != mass_storage ]; then
        kill "$(cat "$pidfile")"
        rm -f "$pidfile"
    fi
    cd "$gadget"
    for file in functions/mass_storage.usb0/lun.*/file; do
        [ ! -e "$file" ] || echo >"$file"
    done
    echo >UDC
    rm -f os_desc/c.1 configs/c.1/*.usb0
    for lun in functions/mass_storage.usb0/lun.[1-9]*; do
        [ ! -d "$lun" ] || rmdir "$lun"
    done
    rmdir configs/c.1/strings/0x409 configs/c.1 functions/* strings/0x409
    cd /
    rmdir "$gadget"
    [ "$function" = mass_storage ] || return 0
    while read -r device point type options _; do
        mount -t "$type" -o "$options" "$device" "$point"
    done <"$taken"
}

verb=$1
shift
[ "$verb" != up ] || [ "$function" != mass_storage ] || { shift; take "$@"; }
"$verb"
