#!/usr/bin/env bash
# Asterisk 16.28: OriginateResponse says `Reason: 0` for a SIP telephone that is busy, rejects the call, or is unknown.
#
# The AMI knows a reason "busy" (5) and "congestion" (8). They come when the dialplan says so, through a Local channel.
# A refusal by a SIP telephone is 0 whatever its status was. The Hangup of the same channel has the difference in `Cause`.
#
# Installs: Debian bullseye's asterisk 1:16.28.0 and sip-tester into a folder. Takes: root, mmdebstrap, Python 3.
# Seen on 2026-11-29:
#   SIP 486 busy: Reason 0, Cause 17
#   SIP 603 rejected: Reason 0, Cause 21
#   SIP 404 unknown: Reason 0, Cause 1
#   Local busy: Reason 5
# Exit: 0 as seen, 1 something else was seen.
set -euo pipefail
folder=$(mktemp -d)
asterisk=''
clean() { [ -z "$asterisk" ] || kill "$asterisk" 2>/dev/null || true; wait; rm -rf --one-file-system "$folder"; }
trap clean EXIT
chmod 755 "$folder"
root=$folder/root
mmdebstrap --quiet --variant=apt --include=asterisk,sip-tester --aptopt='APT::Install-Recommends "false"' \
  --aptopt='Acquire::Check-Valid-Until "false"' bullseye "$root" >"$folder/install.log" 2>&1 ||
  { cat "$folder/install.log"; exit 1; }
chroot "$root" asterisk -V | tee "$folder/version"
grep -q '^Asterisk 16\.28\.' "$folder/version"

free() { python3 -c "import socket; s = socket.socket(type=socket.$1); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"; }
ami=$(free SOCK_STREAM) sip=$(free SOCK_DGRAM) phone=$(free SOCK_DGRAM)
find "$root/etc/asterisk" -name '*.conf' ! -name asterisk.conf -delete
printf '[modules]\nautoload = yes\n' >"$root/etc/asterisk/modules.conf"
cat >"$root/etc/asterisk/manager.conf" <<CONF
[general]
enabled = yes
bindaddr = 127.0.0.1
port = $ami
[admin]
secret = secret
read = system,call
write = all
CONF
cat >"$root/etc/asterisk/pjsip.conf" <<CONF
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:$sip
[phone]
type = endpoint
transport = udp
context = default
disallow = all
allow = ulaw
CONF
cat >"$root/etc/asterisk/extensions.conf" <<'CONF'
[default]
exten = busy,1,Busy(1)
CONF
chroot "$root" sh -c 'mkdir -p /var/run/asterisk && chown asterisk: /var/run/asterisk'
chroot "$root" asterisk -f -U asterisk >"$folder/console.log" 2>&1 </dev/null &
asterisk=$!

cat >"$root/tmp/phone.xml" <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="refuses">
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 STATUS No
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<recv request="ACK"/>
</scenario>
XML
cat >"$folder/call.py" <<'PYTHON'
import socket
import subprocess
import sys
import time
from pathlib import Path

root, ami, phone = sys.argv[1], int(sys.argv[2]), sys.argv[3]
for _ in range(300):
    try:
        link = socket.create_connection(("127.0.0.1", ami), timeout=30)
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
wire = link.makefile("rwb")


def send(text):
    wire.write(text.replace("\n", "\r\n").encode() + b"\r\n")
    wire.flush()


def read():
    message = {}
    while (line := wire.readline().strip().decode()) or not message:
        key, _, value = line.partition(": ")
        message.setdefault(key, value)
    return message


def until(**wanted):
    while True:
        message = read()
        if all(message.get(key) == value for key, value in wanted.items()):
            return message


def call(name, channel):
    send(f"Action: Originate\nActionID: {name}\nChannel: {channel}\nApplication: Wait\nData: 1\nAsync: true\n")
    response = hangup = None
    while not (response and (hangup or channel.startswith("Local/"))):
        message = read()
        if message.get("Event") == "OriginateResponse" and message.get("ActionID") == name:
            response = message
        elif message.get("Event") == "Hangup" and message["Channel"].startswith("PJSIP/"):
            hangup = message
    print(f"{name}: Reason {response['Reason']}" + (f", Cause {hangup['Cause']}" if hangup else ""), flush=True)


send("Action: Login\nUsername: admin\nSecret: secret\n")
until(Event="FullyBooted")
scenario = Path(root, "tmp/phone.xml")
template = scenario.read_text()
for status in ("486 busy", "603 rejected", "404 unknown"):
    scenario.write_text(template.replace("STATUS", status.split()[0]))
    telephone = subprocess.Popen(
        ["chroot", root, "sipp", "-sf", "/tmp/phone.xml", "-i", "127.0.0.1", "-p", phone, "-m", "1", "-nostdin"]
        + ["-timeout", "30s"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    time.sleep(2)
    call(f"SIP {status}", f"PJSIP/phone/sip:phone@127.0.0.1:{phone}")
    telephone.wait(35)
call("Local busy", "Local/busy@default")
PYTHON
seen=$(timeout 120 python3 "$folder/call.py" "$root" "$ami" "$phone")
echo "$seen"
[ "$seen" = "SIP 486 busy: Reason 0, Cause 17
SIP 603 rejected: Reason 0, Cause 21
SIP 404 unknown: Reason 0, Cause 1
Local busy: Reason 5" ] || { echo "changed"; exit 1; }
