@echo off
rem usbnet-address.cmd [undo]: the address of the USB link, for Windows without PowerShell's network commands
rem (Vista to 7). Run it as administrator.
setlocal
set name=
for /f "tokens=1 delims=," %%n in ('getmac /v /fo csv /nh ^| findstr /i /c:"{{ v.mac_windows }}"') do set name=%%~n
if not defined name (
    echo No network adapter has the address {{ v.mac_windows }}. Plug the cable in.
    exit /b 1
)
if /i "%~1"=="undo" goto undo
{%- if let Some(mtu) = v.mtu %}
netsh interface ipv4 set subinterface "%name%" mtu={{ mtu }} store=persistent
{%- endif %}
{% if v.uplink() && v.dhcp -%}
netsh interface ipv4 set address name="%name%" source=dhcp
netsh interface ipv4 set interface "%name%" metric={{ v.metric }} ignoredefaultroutes=disabled
{%- else if v.uplink() -%}
netsh interface ipv4 set address name="%name%" source=static address={{ v.host }} mask={{ v.netmask }} gateway={{ v.device }} gwmetric={{ v.metric }}
netsh interface ipv4 set dnsservers name="%name%" source=static address={{ v.device }} validate=no
{%- else -%}
netsh interface ipv4 set address name="%name%" source=static address={{ v.host }} mask={{ v.netmask }}
netsh interface ipv4 set interface "%name%" ignoredefaultroutes=enabled
{%- endif %}
exit /b %errorlevel%

:undo
{%- if v.mtu.is_some() %}
netsh interface ipv4 set subinterface "%name%" mtu=1500 store=persistent
{%- endif %}
netsh interface ipv4 set address name="%name%" source=dhcp
netsh interface ipv4 set dnsservers name="%name%" source=dhcp
netsh interface ipv4 set interface "%name%" metric=0 ignoredefaultroutes=disabled
exit /b %errorlevel%
