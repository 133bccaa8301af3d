# usbnet-address.ps1 [-Undo]: Ann's "N800" $(touch /run/pwned) `id` 50% on USB: reach the device; this computer keeps its own default route and name servers.
# Run it in a PowerShell of an administrator. -Undo takes back what it did.
param([switch]$Undo)
$ErrorActionPreference = 'Stop'

$product = 'Ann''s "N800" $(touch /run/pwned) `id` 50%'
$mac = '1A-36-84-F7-CB-B3'
$adapter = Get-NetAdapter | Where-Object MacAddress -EQ $mac
if (-not $adapter) {
    throw "No network adapter has the address $mac; plug the cable of $product in, in a mode that Windows knows."
}
$index = $adapter.ifIndex

# The address of an earlier run, and nothing else.
Get-NetIPAddress -InterfaceIndex $index -AddressFamily IPv4 -ErrorAction SilentlyContinue |
    Where-Object IPAddress -EQ '192.168.2.14' | Remove-NetIPAddress -Confirm:$false

if ($Undo) {
    Set-NetIPInterface -InterfaceIndex $index -AddressFamily IPv4 -Dhcp Enabled -AutomaticMetric Enabled -IgnoreDefaultRoutes Disabled
    Set-DnsClientServerAddress -InterfaceIndex $index -ResetServerAddresses
    # Where the card itself has a smaller one, Windows refuses that and keeps the card's.
    Set-NetIPInterface -InterfaceIndex $index -AddressFamily IPv4 -NlMtuBytes 1500 -ErrorAction SilentlyContinue
    Write-Output "$product has its address by DHCP again."
    return
}

Set-NetIPInterface -InterfaceIndex $index -AddressFamily IPv4 -Dhcp Disabled -InterfaceMetric 700 -IgnoreDefaultRoutes Enabled
New-NetIPAddress -InterfaceIndex $index -IPAddress '192.168.2.14' -PrefixLength 27 | Out-Null
Set-NetIPInterface -InterfaceIndex $index -AddressFamily IPv4 -NlMtuBytes 1420
Write-Output "$product is at 192.168.2.15."
