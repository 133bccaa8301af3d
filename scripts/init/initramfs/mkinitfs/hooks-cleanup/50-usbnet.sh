#!/bin/sh
# The root file system is there: what follows is the daemon's.
# shellcheck source=/dev/null
. /usr/share/usbnet/usbnet-early
usbnet_early_stop
