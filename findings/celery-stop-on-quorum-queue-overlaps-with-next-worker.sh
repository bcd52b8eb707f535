#!/usr/bin/env bash
# Celery 5.7 on RabbitMQ's quorum queues: while a worker that was told to stop finishes its task, the next task of the
# queue begins in another worker, although the queue has a single active consumer.
#
# A warm shutdown (SIGTERM) cancels the consumer first, and then waits for the task. RabbitMQ makes the next consumer of
# a quorum queue the active one as soon as the first is cancelled, whatever it has not acknowledged; with a classic
# queue the next consumer waits. So a deploy mixes what `x-single-active-consumer` and prefetch 1 keep in order else.
#
# Installs: celery 5.7.0. Takes: Debian 12's rabbitmq-server 3.10.8, root, Python 3.9 or later, a minute.
# Seen on 2026-11-29 with CPython 3.11:
#   classic: begin 0, end 0, begin 1, end 1
#   quorum: begin 0, begin 1, end 1, end 0
# Exit: 0 as seen, 1 something else was seen.
set -euo pipefail
folder=$(mktemp -d)
pids=()
clean() {
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$folder"
}
trap clean EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q --disable-pip-version-check celery==5.7.0
read -r port distribution epmd < <(venv/bin/python -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(one.getsockname()[1] for one in sockets))')

printf 'listeners.tcp.1 = 127.0.0.1:%s\n' "$port" >rabbitmq.conf
echo '[].' >enabled_plugins
epmd -port "$epmd" -address 127.0.0.1 >epmd.log 2>&1 &
pids+=($!)
# Debian's script in /usr/sbin changes the user; this one does not.
HOME=$folder ERL_EPMD_PORT=$epmd ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_NODENAME=finding_$port@localhost \
  RABBITMQ_DIST_PORT=$distribution RABBITMQ_MNESIA_BASE=$folder/data RABBITMQ_LOG_BASE=$folder/log \
  RABBITMQ_CONF_ENV_FILE=$folder/none RABBITMQ_CONFIG_FILE=$folder/rabbitmq.conf \
  RABBITMQ_ENABLED_PLUGINS_FILE=$folder/enabled_plugins \
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-start_epmd false" \
  setsid /usr/lib/rabbitmq/bin/rabbitmq-server >rabbitmq.log 2>&1 &
pids+=($!)
for _ in $(seq 600); do (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break || sleep 0.1; done

cat >tasks.py <<'PYTHON'
import os
import time

from celery import Celery
from kombu import Queue

kind = os.environ["KIND"]
app = Celery("tasks", broker=os.environ["BROKER"])
app.conf.update(
    task_queues=[
        Queue(kind, queue_arguments={"x-queue-type": kind, "x-single-active-consumer": True})
    ],
    task_default_queue=kind,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_concurrency=1,
)


def tell(*words):
    with open(f"{kind}.seen", "a") as file:
        print(*words, file=file)


@app.task
def work(number):
    tell("begin", number)
    time.sleep(4 if number == 0 else 0)
    tell("end", number)
PYTHON

result=0
export BROKER=amqp://guest:guest@127.0.0.1:$port//
for KIND in classic quorum; do
  export KIND
  : >"$KIND.seen"
  workers=()
  for name in first second; do
    venv/bin/celery -A tasks worker -n "$name@%h" --loglevel=INFO --without-gossip --without-mingle >"$KIND.$name" 2>&1 &
    workers+=($!)
    pids+=($!)
    for _ in $(seq 300); do grep -q ' ready\.' "$KIND.$name" && break || sleep 0.1; done
  done
  venv/bin/python -c 'import tasks; [tasks.work.delay(number) for number in range(2)]'
  for _ in $(seq 300); do grep -q 'begin 0' "$KIND.seen" && break || sleep 0.1; done
  kill -TERM "${workers[0]}"
  for _ in $(seq 300); do [ "$(grep -c end "$KIND.seen")" = 2 ] && break || sleep 0.1; done
  kill -TERM "${workers[1]}"
  wait "${workers[@]}"
  seen=$(paste -s -d , "$KIND.seen" | sed 's/,/, /g')
  echo "$KIND: $seen"
  case $KIND in
    classic) [ "$seen" = "begin 0, end 0, begin 1, end 1" ] || result=1 ;;
    quorum) [ "$seen" = "begin 0, begin 1, end 1, end 0" ] || result=1 ;;
  esac
done
[ "$result" = 0 ] || echo "changed: a quorum queue used to mix the tasks, and a classic one did not"
exit "$result"
