#!/usr/bin/env bash
# Django 6.0: GZipMiddleware holds back an asynchronous stream of server-sent events; with 5.2 each one leaves at once.
#
# 5.2 compresses each chunk of an asynchronous iterator by itself. 6.0 has one compressor for the whole response and does
# not flush it behind a chunk, so small events gather in it: a page that shows calls stands still for minutes. Responses
# that name their Content-Encoding themselves are left alone by both versions.
#
# Installs: Django 5.2.9 and 6.0, into two environments. Takes: Python 3.12 or later (PYTHON=python3.12).
# Seen on 2026-11-29 with CPython 3.12:
#   Django 5.2.9: the browser can read the first event when the view has made 1
#   Django 6.0: the browser can read the first event when the view has made 9602
# Exit: 0 as seen, 1 something else was seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >stream.py <<'PYTHON'
import asyncio
import itertools
import zlib

import django
from django.conf import settings

settings.configure()
from django.http import StreamingHttpResponse
from django.middleware.gzip import GZipMiddleware
from django.test import RequestFactory

request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})


async def measure():
    sent = 0

    async def events():
        nonlocal sent
        for sent in itertools.count(1):
            yield f"event: call\ndata: {sent}\n\n"

    response = StreamingHttpResponse(events(), content_type="text/event-stream")
    browser = zlib.decompressobj(wbits=31)
    async for chunk in GZipMiddleware(lambda request: response)(request).streaming_content:
        if browser.decompress(chunk):
            return sent


print(f"Django {django.get_version()}: the browser can read the first event when the view has made {asyncio.run(measure())}")
PYTHON

measure() { # measure VERSION
  "${PYTHON:-python3}" -m venv "venv-$1"
  "venv-$1/bin/pip" install -q --disable-pip-version-check "django==$1"
  "venv-$1/bin/python" stream.py
}
old=$(measure 5.2.9)
new=$(measure 6.0)
printf '%s\n' "$old" "$new"
[ "${old##* }" = 1 ] && [ "${new##* }" -gt 100 ] || { echo "changed: 1, and far more than 100, were seen before"; exit 1; }
