#!/usr/bin/env bash
# Asterisk 16.28: AMI over TLS ends a session when one TLS record arrives in two segments of TCP.
#
# get_input in main/manager.c waits for the socket, and ast_iostream_read in main/iostream.c does not wait for the rest of
# a record that has begun (the same source stands in 22.10). A client that writes many actions at once has the kernel join
# records and cut them at a segment or at the end of the receive window, and loses its session now and then.
#
# Installs: Debian bullseye's asterisk 1:16.28.0 into a folder. Takes: root, mmdebstrap, openssl, Python 3.
# Seen on 2026-11-29:
#   in one segment: Pong
#   in two segments: the session has ended
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
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$root/etc/asterisk/key.pem" \
  -out "$root/etc/asterisk/cert.pem" 2>/dev/null
chmod 644 "$root/etc/asterisk/key.pem"
find "$root/etc/asterisk" -name '*.conf' ! -name asterisk.conf -delete
printf '[modules]\nload = res_timing_timerfd.so\n' >"$root/etc/asterisk/modules.conf"
cat >"$root/etc/asterisk/manager.conf" <<CONF
[general]
enabled = yes
bindaddr = 127.0.0.1
port = 0
tlsenable = yes
tlsbindaddr = 127.0.0.1:$port
tlscertfile = /etc/asterisk/cert.pem
tlsprivatekey = /etc/asterisk/key.pem
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
import ssl
import sys
import time

settings = ssl.create_default_context()
settings.check_hostname = False
settings.verify_mode = ssl.CERT_NONE


class Session:
    def __init__(self, port):
        for _ in range(300):
            try:
                self.link = socket.create_connection(("127.0.0.1", port), timeout=10)
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.came, self.leaves, self.text = ssl.MemoryBIO(), ssl.MemoryBIO(), b""
        self.tls = settings.wrap_bio(self.came, self.leaves)
        self.until_done(self.tls.do_handshake)
        self.send("Action: Login\nUsername: admin\nSecret: secret\n")
        self.read("accepted")

    def until_done(self, work):
        while True:
            try:
                return work()
            except ssl.SSLWantReadError:
                self.link.sendall(self.leaves.read())
                data = self.link.recv(65536)
                if not data:
                    raise EOFError from None
                self.came.write(data)
            finally:
                self.link.sendall(self.leaves.read())

    def send(self, text, *, segments=1):
        self.tls.write(text.replace("\n", "\r\n").encode() + b"\r\n")
        record = self.leaves.read()
        size = -(-len(record) // segments)
        for at in range(0, len(record), size):
            self.link.sendall(record[at : at + size])
            time.sleep(0.2)

    def read(self, word):
        while word.encode() not in self.text:
            chunk = self.until_done(lambda: self.tls.read(65536))
            if not chunk:
                raise EOFError
            self.text += chunk
        self.text = b""


for segments, words in ((1, "in one segment"), (2, "in two segments")):
    session = Session(int(sys.argv[1]))
    try:
        session.send("Action: Ping\nActionID: p\n", segments=segments)
        session.read("Pong")
        print(f"{words}: Pong")
    except (EOFError, OSError):
        print(f"{words}: the session has ended")
PYTHON
seen=$(python3 "$folder/ask.py" "$port")
echo "$seen"
[ "$seen" = "in one segment: Pong
in two segments: the session has ended" ] || { echo "changed: the lines at the head of this file were seen before"; exit 1; }
