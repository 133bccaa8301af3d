# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_usbnet_global_optspecs
    string join \n run-dir= h/help V/version
end

function __fish_usbnet_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_usbnet_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_usbnet_using_subcommand
    set -l cmd (__fish_usbnet_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c usbnet -n "__fish_usbnet_needs_command" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_needs_command" -s V -l version -d 'Print version'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "daemon" -d 'Run in the foreground (for init systems that supervise)'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "start" -d 'Start the daemon; returns when the mode is confirmed'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "stop" -d 'Take the gadget down and end the daemon'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "restart" -d 'Stop, then start'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "mode" -d 'Print the current mode, or switch to another'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "modes" -d 'What can be chosen here and now, and why the rest cannot'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "status" -d 'Mode, UDC and its state, link, addresses, leases, cards, traffic'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "watch" -d 'Print one event a line'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "profile" -d 'Print or write what a host needs: the files of its own network configuration'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "check" -d 'What is missing or wrong, each with the next step to take'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "config" -d 'Print the effective configuration, or validate a file'
complete -c usbnet -n "__fish_usbnet_needs_command" -f -a "responder" -d 'Only the DHCP/DNS responder, on any interface'
complete -c usbnet -n "__fish_usbnet_using_subcommand daemon" -l config -d 'Configuration file [default: /etc/usbnet/config.ron, or the built-in defaults]' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand daemon" -l notify-fd -d 'Descriptor on which the outcome of the first switch is reported' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand daemon" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand daemon" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand start" -l config -d 'Configuration file [default: /etc/usbnet/config.ron, or the built-in defaults]' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand start" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand stop" -l wait -d 'Wait for the host to eject its cards [default without SECONDS: 600]' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand stop" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand stop" -l force -d 'Take cards from the host although it still uses them: what it has not written yet is lost'
complete -c usbnet -n "__fish_usbnet_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand restart" -l wait -d 'Wait for the host to eject its cards [default without SECONDS: 600]' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand restart" -l config -d 'Configuration file [default: /etc/usbnet/config.ron, or the built-in defaults]' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand restart" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand restart" -l force -d 'Take cards from the host although it still uses them: what it has not written yet is lost'
complete -c usbnet -n "__fish_usbnet_using_subcommand restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand mode" -l on-busy -d 'What to do when a card is in use on the device: refuse, wait=SECONDS, or terminate=SECONDS (SIGTERM first, then wait) [default: storage.on_busy of the configuration]' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand mode" -l wait -d 'Wait for the host to eject its cards [default without SECONDS: 600]' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand mode" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand mode" -l plan -d 'Print the shell lines the switch equals, and change nothing'
complete -c usbnet -n "__fish_usbnet_using_subcommand mode" -l cancel -d 'Give up the switch that is under way'
complete -c usbnet -n "__fish_usbnet_using_subcommand mode" -l force -d 'Take cards from the host although it still uses them: what it has not written yet is lost'
complete -c usbnet -n "__fish_usbnet_using_subcommand mode" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand modes" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand modes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand status" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand status" -l json -d 'As JSON'
complete -c usbnet -n "__fish_usbnet_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand watch" -l format -d 'For a status bar: a line whenever the mode or its state has changed, until the bar ends' -r -f -a "waybar\t''
plain\t''"
complete -c usbnet -n "__fish_usbnet_using_subcommand watch" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand watch" -l json -d 'As JSON'
complete -c usbnet -n "__fish_usbnet_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l shape -d 'What the link is for: link, share-from-host, uplink or bridge [default: link, or the first that the host has; without it, profile all has every shape]' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l out -d 'Write the files below this directory, as they lie on the host, with a README.md' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l image -d 'Write all of them as the image of a small disk: the one that profile_disk: true of a mode offers' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l mode -d 'The mode that the profile is for [default: the one that is set, else the one to start with]' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l config -d 'Configuration file of the device [default: what the running daemon has, else /etc/usbnet/config.ron]' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l machine-id -d 'The machine-id of the device [default: this machine is the device]' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l mac -d 'The hardware address of the host\'s end, instead of the one that the device derives' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l name -d 'What the device is called, instead of link.name or this machine\'s name' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l bridge -d 'The host\'s bridge, for the shape of that name' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l list -d 'List the hosts, what each is for and which shapes it has'
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l json -d 'The list as JSON'
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -l force -d 'Replace files that have another content'
complete -c usbnet -n "__fish_usbnet_using_subcommand profile" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand check" -l config -d 'Configuration file [default: /etc/usbnet/config.ron, or the built-in defaults]' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand check" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand config" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand config" -l default -d 'The shipped configuration, with comments'
complete -c usbnet -n "__fish_usbnet_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l interface -d 'Interface to serve' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l address -d 'The device\'s own address on it, with the prefix length' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l host -d 'Address for the host' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l pool -d 'Addresses for further clients' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l name -d 'The device\'s name in DNS [default: the machine\'s host name]' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l domain -d 'The domain of that name' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l mtu -d 'MTU to announce, in bytes' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l lease -d 'How long a lease lasts' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l lease-file -d 'Where leases survive a restart [default: nowhere]' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l user -d 'User to run as, name or number [default: usbnet if there is one, else 65529]' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l status-fd -d 'Descriptor of the daemon\'s status socket' -r
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l run-dir -d 'Where the daemon\'s socket and state are' -r -F
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l no-dhcp -d 'Do not answer DHCP'
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -l no-dns -d 'Do not answer DNS'
complete -c usbnet -n "__fish_usbnet_using_subcommand responder" -s h -l help -d 'Print help (see more with \'--help\')'
