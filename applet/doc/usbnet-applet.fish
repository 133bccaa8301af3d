complete -c usbnet-applet -l run-dir -d 'Where the daemon\'s socket is' -r -F
complete -c usbnet-applet -l format -d 'Print a line for each change, for a status bar that runs a command, instead of being in the tray' -r -f -a "waybar\t'JSON, as waybar\'s custom modules read it'
plain\t'Only text'"
complete -c usbnet-applet -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet-applet -s V -l version -d 'Print version'
