#!/usr/bin/env bash
# uvicorn 0.54 and Django 6.0: SIGTERM ends a streaming view without its `finally`, and a disconnect does not.
#
# A view that counts its listeners in `finally` is right when a browser goes, and wrong when the server is stopped with
# streams open: what was to be released stays.
#
# Installs: django 6.0, uvicorn 0.54.0. Takes: Python 3.12 or later (PYTHON=python3.12), curl.
# Seen on 2026-11-29 with CPython 3.12:
#   disconnect: finally ran: yes
#   SIGTERM: finally ran: no
# Exit: 0 as seen, 1 something else was seen.
set -euo pipefail
folder=$(mktemp -d)
server='' browser=''
clean() { kill $server $browser 2>/dev/null || true; wait; rm -rf "$folder"; }
trap clean EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check django==6.0 uvicorn==0.54.0

cat >site_.py <<'PYTHON'
import asyncio

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import StreamingHttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")


async def events():
    print("began", flush=True)
    try:
        while True:
            yield b"data: 1\n\n"
            await asyncio.sleep(0.1)
    finally:
        print("finally", flush=True)


async def stream(request):
    return StreamingHttpResponse(events(), content_type="text/event-stream")


urlpatterns = [path("", stream)]
application = get_asgi_application()
PYTHON

until_log() { # until_log TEXT SECONDS: true when the log has that line
  local try
  for ((try = 0; try < $2 * 10; try++)); do
    ! grep -qx "$1" log || return 0
    sleep 0.1
  done
  return 1
}

watch() { # watch disconnect|SIGTERM: whether `finally` ran
  venv/bin/uvicorn site_:application --uds socket --timeout-graceful-shutdown 2 --log-level critical >log 2>&1 &
  server=$!
  curl -sN --retry 30 --retry-all-errors --retry-delay 1 --unix-socket socket http://localhost/ >/dev/null 2>&1 &
  browser=$!
  until_log began 30 || { cat log; exit 1; }
  if [ "$1" = disconnect ]; then kill "$browser"; until_log finally 10 || true; fi
  kill -TERM "$server"
  wait "$server" || true
  kill "$browser" 2>/dev/null || true
  wait "$browser" || true
  server='' browser=''
  rm -f socket
  echo "$1: finally ran: $(grep -qx finally log && echo yes || echo no)"
}

seen=$(watch disconnect; watch SIGTERM)
echo "$seen"
[ "$seen" = "disconnect: finally ran: yes
SIGTERM: finally ran: no" ] || { echo "changed"; exit 1; }
