#!/usr/bin/env bash
# Celery 5.7: the caller gets a task's exception without the attributes that its constructor was not given by position.
#
# The result backend stores the class and `args`, and makes the exception anew as cls(*args). An attribute that comes
# of a keyword argument has its default value then, and no error tells of it. Here `sent` says whether a message left:
# the task knows that it did, and its caller reads that it did not.
#
# Installs: celery 5.7.0, with its broker and its result backend in the file system. Takes: Python 3.9 or later.
# Seen on 2026-11-29 with CPython 3.11:
#   in the worker: Failed('no answer in 5 s') sent=True server='pbx'
#   at the caller: Failed('no answer in 5 s') sent=False server=None
# Exit: 0 as seen, 1 something else was seen.
set -euo pipefail
folder=$(mktemp -d)
worker=''
clean() { [ -z "$worker" ] || kill -TERM "$worker" 2>/dev/null || true; wait; rm -rf "$folder"; }
trap clean EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check celery==5.7.0

mkdir queue results
cat >tasks.py <<'PYTHON'
from pathlib import Path

from celery import Celery

app = Celery("tasks", broker="filesystem://", backend="file://results")
app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue"}


class Failed(Exception):
    def __init__(self, message, *, sent=False, server=None):
        super().__init__(message)
        self.sent, self.server = sent, server

    def __str__(self):
        return f"Failed({self.args[0]!r}) sent={self.sent} server={self.server!r}"


@app.task
def work():
    error = Failed("no answer in 5 s", sent=True, server="pbx")
    Path("seen").write_text(f"in the worker: {error}\n")
    raise error
PYTHON

venv/bin/celery -A tasks worker --pool=solo --loglevel=CRITICAL --without-gossip --without-mingle >worker.log 2>&1 &
worker=$!
caller=$(timeout 60 venv/bin/python -c '
import tasks
try:
    tasks.work.delay().get(timeout=50)
except tasks.Failed as error:
    print(f"at the caller: {error}")')
seen=$(cat seen)
printf '%s\n' "$seen" "$caller"
[ "$seen" = "in the worker: Failed('no answer in 5 s') sent=True server='pbx'" ] &&
  [ "$caller" = "at the caller: Failed('no answer in 5 s') sent=False server=None" ] ||
  { echo "changed: the caller used to get the default values"; exit 1; }
