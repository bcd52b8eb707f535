#!/usr/bin/env bash
# uWSGI 2.0.30: the functions of os.register_at_fork do not run in its workers.
#
# uWSGI loads the application once and then forks its workers in C. A library that closes sockets or makes a new lock
# in `after_in_child` is not told of the fork. `lazy-apps` loads the application after the fork.
# `py-call-uwsgi-fork-hooks` makes uWSGI call Python's functions.
#
# Installs: pyuwsgi 2.0.30.post1. Takes: a Python with wheels for it (3.8 to 3.13), curl.
# Seen on 2026-11-29 with CPython 3.11:
#   os.fork                   loaded by another process: True,  functions run: 1
#   uWSGI                     loaded by another process: True,  functions run: 0
#   uWSGI, lazy-apps          loaded by another process: False, functions run: 0
#   uWSGI, its option         loaded by another process: True,  functions run: 1
# Exit: 0 as seen, 1 something else was seen.
set -euo pipefail
folder=$(mktemp -d)
server=''
clean() { [ -z "$server" ] || kill -INT "$server" 2>/dev/null || true; wait; rm -rf "$folder"; }
trap clean EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check pyuwsgi==2.0.30.post1

cat >app.py <<'PYTHON'
import os

loader = os.getpid()
calls = []
os.register_at_fork(after_in_child=lambda: calls.append(os.getpid()))


def text():
    return f"loaded by another process: {loader != os.getpid()}, functions run: {len(calls)}"


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text().encode()]
PYTHON

ask() { # ask OPTION...: what a worker of a uWSGI with these options says
  rm -f socket
  venv/bin/uwsgi --http-socket socket --master --processes 1 --wsgi-file app.py --need-app --die-on-term "$@" >log 2>&1 &
  server=$!
  curl -sS --retry 50 --retry-all-errors --retry-delay 1 --retry-max-time 30 --unix-socket socket http://localhost/ 2>>log
  kill -INT "$server" && wait "$server" || true
  server=''
  echo
}

expect() { # expect NAME WANTED GOT
  printf '%-20s %s\n' "$1" "$3"
  [ "$2" = "$3" ] || { echo "changed: '$2' was seen before"; exit 1; }
}

elsewhere='loaded by another process'
expect "os.fork" "$elsewhere: True, functions run: 1" "$(venv/bin/python -c '
import os, app
if not os.fork():
    print(app.text(), flush=True)
    os._exit(0)
os.wait()')"
expect "uWSGI" "$elsewhere: True, functions run: 0" "$(ask)"
expect "uWSGI, lazy-apps" "$elsewhere: False, functions run: 0" "$(ask --lazy-apps)"
expect "uWSGI, its option" "$elsewhere: True, functions run: 1" "$(ask --py-call-uwsgi-fork-hooks)"
