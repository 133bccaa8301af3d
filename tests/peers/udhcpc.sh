#!/bin/sh
# What udhcpc does with a lease: exactly what the server said, and nothing that it did not say.
# shellcheck disable=SC2154,SC2086  # udhcpc sets the variables; dns is a list
set -eu
case $1 in
    bound | renew)
        ip address replace "$ip/$mask" dev "$interface"
        if [ -n "${router:-}" ]; then ip route replace default via "${router%% *}" dev "$interface"; fi
        if [ -n "${dns:-}" ]; then printf 'nameserver %s\n' $dns >/etc/resolv.conf; fi
        ;;
    deconfig)
        ip -4 address flush dev "$interface"
        ip link set dev "$interface" up
        ;;
esac
