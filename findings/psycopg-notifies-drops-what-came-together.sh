#!/usr/bin/env bash
# psycopg 3: a loop over Connection.notifies() that is left by `break` loses the notifications that came with the last.
#
# notifies() reads all notifications that have arrived, and then yields one after the other. What it has not yielded is
# gone when the generator ends. `stop_after=1` ends it behind the whole batch, so a caller sees all of them.
#
# Installs: psycopg[binary] 3.3.9, and PostgreSQL from the wheel pgserver 0.1.4. Takes: Python 3.10 to 3.12.
# Seen on 2026-11-29 with CPython 3.11:
#   break: 1, then []
#   stop_after=1: ['1', '2', '3']
# Exit: 0 as seen, 1 something else was seen.
set -euo pipefail
folder=$(mktemp -d)
had_user=$(getent passwd pgserver || true)
clean() { # the wheel adds a user for the server if root runs it
  [ -n "$had_user" ] || ! getent passwd pgserver >/dev/null || userdel -r pgserver 2>/dev/null || true
  rm -rf "$folder"
}
trap clean EXIT
chmod 755 "$folder"
cd "$folder"
mkdir -m 700 run
export XDG_RUNTIME_DIR=$folder/run
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check 'psycopg[binary]==3.3.9' pgserver==0.1.4

cat >listen.py <<'PYTHON'
import pgserver
import psycopg


def listener():
    connection = psycopg.connect(uri, autocommit=True)
    connection.execute("LISTEN calls")
    with psycopg.connect(uri) as sender:  # one transaction, so the three come together
        for number in (1, 2, 3):
            sender.execute("SELECT pg_notify('calls', %s)", [str(number)])
    return connection


server = pgserver.get_server("data")
try:
    uri = server.get_uri()
    with listener() as connection:
        for first in connection.notifies(timeout=5):
            break
        later = [notification.payload for notification in connection.notifies(timeout=1)]
        print(f"break: {first.payload}, then {later}")
    with listener() as connection:
        print(f"stop_after=1: {[notification.payload for notification in connection.notifies(stop_after=1)]}")
finally:
    server.cleanup()
PYTHON
seen=$(venv/bin/python listen.py)
echo "$seen"
[ "$seen" = "break: 1, then []
stop_after=1: ['1', '2', '3']" ] || { echo "changed"; exit 1; }
