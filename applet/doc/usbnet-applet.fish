complete -c usbnet-applet -l run-dir -d 'Where the daemon\'s socket is' -r -F
complete -c usbnet-applet -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet-applet -s V -l version -d 'Print version'
