#!/usr/bin/env bash
# Asterisk 16.28: Originate to a SIP telephone that forwards (302) succeeds with the id of a channel that is just being hung up.
#
# OriginateResponse says Success with the Channel and Uniqueid of the telephone that forwarded, also where the caller chose
# that id by ChannelId. The call goes on by a Local channel with a Uniqueid and a Linkedid that nobody chose (main/dial.c,
# handle_call_fwd); no event has both ids. A program that waits for the Hangup of its channel believes that the call is over
# when it was answered, and cannot hang it up.
#
# Installs: Debian bullseye's asterisk 1:16.28.0 and sip-tester into a folder. Takes: root, mmdebstrap, Python 3.
# Seen on 2026-12-01:
#   OriginateResponse: Success of PJSIP/phone, Uniqueid mine
#   Hangup of mine, while the call goes on: True
#   channels left: Local/other, of a Linkedid that is mine: False
#   events with both ids: 0
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
exten = other,1,Answer()
 same = n,Wait(3)
CONF
chroot "$root" sh -c 'mkdir -p /var/run/asterisk && chown asterisk: /var/run/asterisk'
chroot "$root" asterisk -f -U asterisk >"$folder/console.log" 2>&1 </dev/null &
asterisk=$!

cat >"$root/tmp/phone.xml" <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="forwards">
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 302 Moved Temporarily
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:other@127.0.0.1>
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


send("Action: Login\nUsername: admin\nSecret: secret\n")
until(Event="FullyBooted")
telephone = subprocess.Popen(
    ["chroot", root, "sipp", "-sf", "/tmp/phone.xml", "-i", "127.0.0.1", "-p", phone, "-m", "1", "-nostdin"]
    + ["-timeout", "30s"],
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
time.sleep(2)
send(
    f"Action: Originate\nChannel: PJSIP/phone/sip:phone@127.0.0.1:{phone}\nChannelId: mine\nApplication: Wait\n"
    "Data: 2\nAsync: true\n"
)
up, linkedids, both, response, ended = {}, {}, 0, None, None
while not (response and ended and not up):
    message = read()
    kind, channel = message.get("Event"), message.get("Uniqueid")
    ids = {value for key, value in message.items() if key.endswith(("Uniqueid", "Linkedid"))}
    both += "mine" in ids and bool(ids & {one for one in linkedids if one != "mine"})
    if kind == "Newchannel":
        up[channel], linkedids[channel] = message["Channel"], message["Linkedid"]
    elif kind == "OriginateResponse":
        response = message
    elif kind == "Hangup":
        up.pop(channel, None)
        if channel == "mine":
            ended = dict(up)
telephone.wait(35)
print(f"OriginateResponse: {response['Response']} of {response['Channel'].rpartition('-')[0]}, Uniqueid {response['Uniqueid']}")
print(f"Hangup of mine, while the call goes on: {bool(ended)}")
names = sorted({name.partition('@')[0] for name in ended.values()})
print(f"channels left: {', '.join(names)}, of a Linkedid that is mine: {any(linkedids[one] == 'mine' for one in ended)}")
print(f"events with both ids: {both}")
PYTHON
seen=$(timeout 120 python3 "$folder/call.py" "$root" "$ami" "$phone")
echo "$seen"
[ "$seen" = "OriginateResponse: Success of PJSIP/phone, Uniqueid mine
Hangup of mine, while the call goes on: True
channels left: Local/other, of a Linkedid that is mine: False
events with both ids: 0" ] || { echo "changed"; exit 1; }
