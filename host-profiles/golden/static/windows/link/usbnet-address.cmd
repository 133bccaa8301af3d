@echo off
rem usbnet-address.cmd [undo]: the address of the USB link, for Windows without PowerShell's network commands
rem (Vista to 7). Run it as administrator.
setlocal
set name=
for /f "tokens=1 delims=," %%n in ('getmac /v /fo csv /nh ^| findstr /i /c:"1A-36-84-F7-CB-B3"') do set name=%%~n
if not defined name (
    echo No network adapter has the address 1A-36-84-F7-CB-B3. Plug the cable in.
    exit /b 1
)
if /i "%~1"=="undo" goto undo
netsh interface ipv4 set subinterface "%name%" mtu=1420 store=persistent
netsh interface ipv4 set address name="%name%" source=static address=192.168.2.14 mask=255.255.255.224
netsh interface ipv4 set interface "%name%" ignoredefaultroutes=enabled
exit /b %errorlevel%

:undo
netsh interface ipv4 set subinterface "%name%" mtu=1500 store=persistent
netsh interface ipv4 set address name="%name%" source=dhcp
netsh interface ipv4 set dnsservers name="%name%" source=dhcp
netsh interface ipv4 set interface "%name%" metric=0 ignoredefaultroutes=disabled
exit /b %errorlevel%
