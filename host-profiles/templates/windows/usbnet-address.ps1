# usbnet-address.ps1 [-Undo]: {{ v.product|line }} on USB: {{ v.purpose() }}.
# Run it in a PowerShell of an administrator. -Undo takes back what it did.
param([switch]$Undo)
$ErrorActionPreference = 'Stop'

$product = {{ v.product|powershell }}
$mac = '{{ v.mac_windows }}'
$adapter = Get-NetAdapter | Where-Object MacAddress -EQ $mac
if (-not $adapter) {
    throw "No network adapter has the address $mac; plug the cable of $product in, in a mode that Windows knows."
}
$index = $adapter.ifIndex

# The address of an earlier run, and nothing else.
Get-NetIPAddress -InterfaceIndex $index -AddressFamily IPv4 -ErrorAction SilentlyContinue |
    Where-Object IPAddress -EQ '{{ v.host }}' | Remove-NetIPAddress -Confirm:$false
{%- if v.uplink() %}
Get-NetRoute -InterfaceIndex $index -DestinationPrefix '0.0.0.0/0' -ErrorAction SilentlyContinue |
    Where-Object NextHop -EQ '{{ v.device }}' | Remove-NetRoute -Confirm:$false
{%- endif %}

if ($Undo) {
    Set-NetIPInterface -InterfaceIndex $index -AddressFamily IPv4 -Dhcp Enabled -AutomaticMetric Enabled -IgnoreDefaultRoutes Disabled
    Set-DnsClientServerAddress -InterfaceIndex $index -ResetServerAddresses
{%- if v.mtu.is_some() %}
    # Where the card itself has a smaller one, Windows refuses that and keeps the card's.
    Set-NetIPInterface -InterfaceIndex $index -AddressFamily IPv4 -NlMtuBytes 1500 -ErrorAction SilentlyContinue
{%- endif %}
    Write-Output "$product has its address by DHCP again."
    return
}
{% if v.uplink() && v.dhcp %}
Set-NetIPInterface -InterfaceIndex $index -AddressFamily IPv4 -Dhcp Enabled -InterfaceMetric {{ v.metric }} -IgnoreDefaultRoutes Disabled
{%- else if v.uplink() %}
Set-NetIPInterface -InterfaceIndex $index -AddressFamily IPv4 -Dhcp Disabled -InterfaceMetric {{ v.metric }} -IgnoreDefaultRoutes Disabled
New-NetIPAddress -InterfaceIndex $index -IPAddress '{{ v.host }}' -PrefixLength {{ v.prefix }} -DefaultGateway '{{ v.device }}' | Out-Null
Set-DnsClientServerAddress -InterfaceIndex $index -ServerAddresses '{{ v.device }}'
{%- else %}
Set-NetIPInterface -InterfaceIndex $index -AddressFamily IPv4 -Dhcp Disabled -InterfaceMetric {{ v.metric }} -IgnoreDefaultRoutes Enabled
New-NetIPAddress -InterfaceIndex $index -IPAddress '{{ v.host }}' -PrefixLength {{ v.prefix }} | Out-Null
{%- endif %}
{%- if let Some(mtu) = v.mtu %}
Set-NetIPInterface -InterfaceIndex $index -AddressFamily IPv4 -NlMtuBytes {{ mtu }}
{%- endif %}
Write-Output "$product is at {{ v.device }}."
