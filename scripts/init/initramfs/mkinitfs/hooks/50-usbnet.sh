#!/bin/sh
# The early link comes up, in place of the distribution's own.
# shellcheck source=/dev/null
. /usr/share/usbnet/usbnet-early
usbnet_early_start
