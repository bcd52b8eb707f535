#!/usr/bin/env bash
# Asterisk 16.28: AMI's IAXnetstats is answered without `Response` and without the ActionID that was sent.
#
# manager_iax2_show_netstats in channels/chan_iax2.c writes a table for people, and an empty line. Without IAX calls the
# empty line is all. A client that waits for the ActionID gets no answer; only the answer to its next action tells that
# this one is over.
#
# Installs: Debian bullseye's asterisk 1:16.28.0 into a folder. Takes: root, mmdebstrap, Python 3.
# Seen on 2026-11-29:
#   ''
#   'Response: Success'
#   'ActionID: second'
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

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
iax=$(python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
find "$root/etc/asterisk" -name '*.conf' ! -name asterisk.conf -delete
printf '[modules]\nload = chan_iax2.so\n' >"$root/etc/asterisk/modules.conf"
printf '[general]\nbindaddr = 127.0.0.1\nbindport = %s\n' "$iax" >"$root/etc/asterisk/iax.conf"
cat >"$root/etc/asterisk/manager.conf" <<CONF
[general]
enabled = yes
bindaddr = 127.0.0.1
port = $port
[admin]
secret = secret
read = system
write = all
CONF
chroot "$root" sh -c 'mkdir -p /var/run/asterisk && chown asterisk: /var/run/asterisk'
chroot "$root" asterisk -f -U asterisk >"$folder/console.log" 2>&1 </dev/null &
asterisk=$!

cat >"$folder/ask.py" <<'PYTHON'
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


send("Action: Login\nUsername: admin\nSecret: secret\n")
while wire.readline() != b"Event: FullyBooted\r\n":
    pass
while wire.readline() != b"\r\n":
    pass
send("Action: IAXnetstats\nActionID: first\n")
send("Action: Ping\nActionID: second\n")
while True:
    line = wire.readline().strip().decode()
    print(repr(line))
    if line == "ActionID: second":
        break
PYTHON
seen=$(python3 "$folder/ask.py" "$port")
echo "$seen"
[ "$seen" = "''
'Response: Success'
'ActionID: second'" ] || { echo "changed: an empty line, and then the answer to Ping, were seen before"; exit 1; }
