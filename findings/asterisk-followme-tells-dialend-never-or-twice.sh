#!/usr/bin/env bash
# Asterisk 16.28: a telephone that FollowMe rings in vain has no DialEnd, or two with different statuses.
#
# AMI's DialEnd is "raised when a dial action has completed". Dial() keeps to it: one end for each begin. FollowMe()
# (apps/app_followme.c) tells none if nobody answers. If another telephone answers, the one that rings on has one with CANCEL
# and one with NOANSWER. A program that counts begins and ends of dials is wrong by one in each case; the Hangup of the
# channel is the one end that always comes.
#
# Installs: Debian bullseye's asterisk 1:16.28.0 into a folder. Takes: root, mmdebstrap, Python 3.
# Seen on 2026-12-01:
#   Dial, nobody answers: silent NOANSWER
#   FollowMe, nobody answers: silent none
#   FollowMe to two, one answers: answering ANSWER, silent CANCEL NOANSWER
# Exit: 0 as seen, 1 something else was seen.
set -euo pipefail
folder=$(mktemp -d)
asterisk=''
clean() { [ -z "$asterisk" ] || kill "$asterisk" 2>/dev/null || true; wait; rm -rf --one-file-system "$folder"; }
trap clean EXIT
chmod 755 "$folder"
root=$folder/root
mmdebstrap --quiet --variant=apt --include=asterisk --aptopt='APT::Install-Recommends "false"' \
  --aptopt='Acquire::Check-Valid-Until "false"' bullseye "$root" >"$folder/install.log" 2>&1 ||
  { cat "$folder/install.log"; exit 1; }
chroot "$root" asterisk -V | tee "$folder/version"
grep -q '^Asterisk 16\.28\.' "$folder/version"

ami=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
find "$root/etc/asterisk" -name '*.conf' ! -name asterisk.conf -delete
cat >"$root/etc/asterisk/modules.conf" <<'CONF'
[modules]
load = pbx_config.so
load = app_dial.so
load = app_followme.so
CONF
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
cat >"$root/etc/asterisk/followme.conf" <<'CONF'
[silent]
context = phones
number = silent,2
[two]
context = phones
number = silent&answering,10
CONF
# A number of FollowMe is a Local channel in the context; the extensions stand for telephones.
cat >"$root/etc/asterisk/extensions.conf" <<'CONF'
[phones]
exten = silent,1,Ringing()
 same = n,Wait(6)
exten = answering,1,Ringing()
 same = n,Wait(1)
 same = n,Answer()
 same = n,Wait(2)
[callers]
exten = dial,1,Dial(Local/silent@phones,2)
exten = silent,1,FollowMe(silent,d)
exten = two,1,FollowMe(two,d)
CONF
chroot "$root" sh -c 'mkdir -p /var/run/asterisk && chown asterisk: /var/run/asterisk'
chroot "$root" asterisk -f -U asterisk >"$folder/console.log" 2>&1 </dev/null &
asterisk=$!

cat >"$folder/call.py" <<'PYTHON'
import socket
import sys
import time

for _ in range(300):
    try:
        link = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
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


def call(title, exten):
    """Print the DialEnds of each telephone, from the first channel of a call to the last Hangup."""
    send(f"Action: Originate\nChannel: Local/{exten}@callers\nApplication: Wait\nData: 30\nAsync: true\n")
    ends, up, seen = {}, set(), False
    while up or not seen:
        message = read()
        kind = message.get("Event")
        phone = message.get("DestChannel", "").removeprefix("Local/").partition("@phones")
        if kind == "Newchannel":
            up.add(message["Uniqueid"])
            seen = True
        elif kind == "Hangup":
            up.discard(message["Uniqueid"])
        elif kind == "DialBegin" and phone[1]:
            ends[phone[0]] = []
        elif kind == "DialEnd" and phone[1]:
            ends[phone[0]].append(message["DialStatus"])
    print(f"{title}: " + ", ".join(f"{one} {' '.join(ends[one]) or 'none'}" for one in sorted(ends)), flush=True)


send("Action: Login\nUsername: admin\nSecret: secret\n")
while read().get("Event") != "FullyBooted":
    pass
call("Dial, nobody answers", "dial")
call("FollowMe, nobody answers", "silent")
call("FollowMe to two, one answers", "two")
PYTHON
seen=$(timeout 120 python3 "$folder/call.py" "$ami")
echo "$seen"
[ "$seen" = "Dial, nobody answers: silent NOANSWER
FollowMe, nobody answers: silent none
FollowMe to two, one answers: answering ANSWER, silent CANCEL NOANSWER" ] || { echo "changed"; exit 1; }
