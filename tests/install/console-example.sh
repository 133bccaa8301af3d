stty -F /dev/ttyACM0 raw -echo
exec 3<>/dev/ttyACM0
nul() { head -c 1 /dev/zero; }
{ nul; echo '{"method":"org.usbnet.Control.Status"}'; nul; } >&3
IFS= read -r -d '' reply <&3
echo "$reply"
