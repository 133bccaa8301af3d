#!/bin/sh
# The early link comes up, in place of the distribution's own: before its hooks, postmarketOS has bound the UDC to a gadget
# g1, with unudhcpd behind it. The daemon would find the UDC taken, too.
# shellcheck source=/dev/null
. /usr/share/usbnet/usbnet-early
usbnet_early_build || exit # the distribution's link is better than none
killall unudhcpd 2>/dev/null
# shellcheck disable=SC2154  # usbnet_early_build sets them
for gadget in "$usbnet_gadgets"/*; do
    [ "$gadget" = "$usbnet_gadget" ] || usbnet_unbind "$gadget"
done
usbnet_remove "$usbnet_gadgets/g1"
usbnet_early_up
