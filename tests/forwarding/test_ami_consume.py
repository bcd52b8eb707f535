"""``ami_consume`` in processes of its own: kills, stops, freezes and wrong settings."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import redis

from django_ami.forwarding.redis import RedisOutlet
from django_ami.forwarding.redis.standing import measure
from tests.forwarding.redis_support import batch_of, envelope, forward_of, stream_of
from tests.running import PYTHON, Program, wait_until
from tests.servers.redis import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PARTITIONS = 4
#: So many consumers that are at work are killed.
KILLS = 8


class Line(NamedTuple):
    """The line that a receiver writes for an event."""

    call: str
    number: str
    id: str
    pid: int


class Scene:
    """A Redis, an outlet, and the file that receivers write to."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.server = server
        self.file = folder / "out"
        self.file.touch()
        self.outlet = RedisOutlet(forward_of(server.url, partitions=PARTITIONS))
        self.outlet.open()
        self._position = 0

    def publish(self, *numbers: Any, call: int = 0) -> None:
        """Events of one call, in one batch: a number is the event's, a word what it does."""
        self._position += 1
        some = []
        for number in numbers:
            sequence = number if isinstance(number, int) else 1_000 + self._position
            one = envelope(sequence, call)
            raw = one.raw.replace(f"Number: {sequence}".encode(), f"Number: {number}".encode())
            some.append(type(one)(one.id, raw, one.received_at))
        self.outlet.publish([batch_of(some, self._position, call % PARTITIONS)])

    def consume(
        self, *arguments: str, options: dict[str, Any] | None = None, **env: object
    ) -> Program:
        forward = {
            "OUTLET": "redis", "URL": self.server.url, "PARTITIONS": PARTITIONS, "SPOOL": None,
            "OPTIONS": {"lease_timeout": 1, "attempts": 50, **(options or {})},
        }  # fmt: skip
        return start(forward, *arguments, TEST_OUT=self.file, **env)

    @property
    def lines(self) -> list[Line]:
        found = [text.split() for text in self.file.read_text().splitlines()]
        return [Line(call, number, of, int(pid)) for call, number, of, pid in found]

    @property
    def numbers(self) -> list[str]:
        return [line.number for line in self.lines]

    def wait_until_empty(self) -> None:
        """Every batch is acknowledged."""
        wait_until(lambda: not any((self.outlet.lag() or {0: 1}).values()), 90)


def start(forward: Any, *arguments: str, **env: object) -> Program:
    command = (*PYTHON, "-m", "django", "ami_consume", *arguments)
    return Program(
        command,
        DJANGO_SETTINGS_MODULE="tests.forwarding.project.settings",
        TEST_FORWARD=json.dumps(forward),
        **env,
    )


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with RedisServer(tmp_path) as server:
        scene = Scene(tmp_path, server)
        yield scene
        scene.outlet.close(1)


def assert_in_order(lines: list[Line]) -> int:
    """The first delivery of each event is in the order of its call; says how many came twice."""
    calls: dict[str, dict[int, None]] = defaultdict(dict)
    for line in lines:
        calls[line.call][int(line.number)] = None
    for call, numbers in calls.items():
        assert all(one < other for one, other in pairwise(numbers)), (call, list(numbers))
    return len(lines) - len({line.id for line in lines})


@pytest.mark.chaos
def test_events_are_all_there_and_in_order_while_consumers_are_killed_every_second(
    scene: Scene,
) -> None:
    chance = random.Random(18)
    sent = 0
    running = [scene.consume("--workers=2", TEST_PAUSE="0.001") for _ in range(3)]
    try:
        killed = 0
        end, kill_at = time.monotonic() + 60, time.monotonic() + 1
        while killed < KILLS:
            assert time.monotonic() < end, f"{killed} were killed"
            for call in range(8):
                sent += 5
                scene.publish(*range(sent - 4, sent + 1), call=call)
            if time.monotonic() >= kill_at:
                kill_at += 1
                at_work = {line.pid for line in scene.lines}
                some = [one for one in running if one.process.pid in at_work]
                if some:
                    victim = chance.choice(some)
                    victim.signal(signal.SIGKILL)
                    victim.__exit__()
                    running.remove(victim)
                    running.append(scene.consume("--workers=2", TEST_PAUSE="0.001"))
                    killed += 1
            time.sleep(0.02)
        scene.wait_until_empty()
    finally:
        for one in running:
            one.__exit__()
    lines = scene.lines
    assert {int(line.number) for line in lines} == set(range(1, sent + 1))
    doubles = assert_in_order(lines)
    assert len({line.pid for line in lines}) >= KILLS
    assert doubles < sent / 2
    assert (
        sum(one.dead for one in measure(scene.outlet._redis, map(stream_of, range(4))).values())
        == 0
    )


@pytest.mark.chaos
def test_deploys_by_sigterm_lose_nothing_and_deliver_nothing_twice(scene: Scene) -> None:
    sent = 0
    running = [scene.consume("--workers=2") for _ in range(2)]
    try:
        for one in running:
            one.wait_for_out("Consuming")
        for _ in range(4):
            for _ in range(50):
                for call in range(4):
                    sent += 3
                    scene.publish(*range(sent - 2, sent + 1), call=call)
                time.sleep(0.005)
            running[-1].wait_for_out("Consuming")
            old = running.pop(0)
            old.signal(signal.SIGTERM)
            assert old.wait() == 0, str(old)
            running.append(scene.consume("--workers=2"))
        scene.wait_until_empty()
    finally:
        for one in running:
            one.__exit__()
    lines = scene.lines
    assert len(lines) == sent
    assert assert_in_order(lines) == 0


def test_a_consumer_that_is_stopped_beyond_its_lease_delivers_only_what_was_in_hand(
    scene: Scene,
) -> None:
    with scene.consume() as stopped:
        scene.publish("hold", 101, 102)
        wait_until(lambda: scene.numbers == ["hold"])
        stopped.signal(signal.SIGSTOP)
        with scene.consume() as other:
            wait_until(lambda: scene.numbers.count("hold") == 2)  # the lease is over
            (scene.file.parent / "out.go").touch()
            wait_until(lambda: scene.numbers[-1] == "102")
            scene.publish(103)
            wait_until(lambda: scene.numbers[-1] == "103")
            before = scene.lines
            stopped.signal(signal.SIGCONT)
            stopped.wait_for_err("the lease is lost")
            scene.publish(104)
            wait_until(lambda: scene.numbers[-1] == "104")
            other.signal(signal.SIGTERM)
            assert other.wait() == 0
        assert scene.lines[: len(before)] == before
        assert [line.number for line in scene.lines if line.pid == stopped.process.pid] == ["hold"]
        assert [line.number for line in before] == ["hold", "hold", "101", "102", "103"]


def test_a_redis_that_freezes_holds_up_and_loses_nothing(scene: Scene) -> None:
    with scene.consume() as consumer:
        scene.publish(1)
        wait_until(lambda: scene.numbers == ["1"])
        scene.server.signal(signal.SIGSTOP)
        consumer.wait_for_err("no answer in time. It did not answer within")
        scene.server.signal(signal.SIGCONT)
        scene.outlet.open()
        scene.publish(2, 3)
        wait_until(lambda: scene.numbers[-1] == "3")
        scene.wait_until_empty()
        consumer.wait_for_err("answers again")
    assert list(dict.fromkeys(scene.numbers)) == ["1", "2", "3"]


def test_an_event_that_ends_its_consumers_becomes_a_dead_letter(scene: Scene) -> None:
    scene.publish(1, "die", 3)
    scene.publish(4)
    ended = 0
    for _ in range(8):
        with scene.consume(options={"attempts": 3}) as consumer:
            wait_until(lambda: consumer.process.poll() is not None or "4" in scene.numbers)
            if "4" in scene.numbers:
                scene.wait_until_empty()
                consumer.signal(signal.SIGTERM)
                assert consumer.wait() == 0
                break
        ended += 1
    assert ended == 3
    assert scene.numbers.count("die") == 3
    assert list(dict.fromkeys(scene.numbers)) == ["1", "die", "3", "4"]
    ((_, letter),) = scene.outlet._redis.xrange(stream_of().dead)
    assert letter[b"reason"] == b"the consumer ended while its receivers ran"


def test_a_stop_ends_at_once_though_a_receiver_hangs_and_another_consumer_gets_its_event(
    scene: Scene,
) -> None:
    scene.publish("hold", 2)
    with scene.consume("--drain-timeout=0.5") as consumer:
        wait_until(lambda: scene.numbers == ["hold"])
        consumer.signal(signal.SIGTERM)
        assert consumer.wait() == 4
        assert "batches come again" in consumer.out[-1]
    (scene.file.parent / "out.go").touch()
    with scene.consume():
        wait_until(lambda: scene.numbers == ["hold", "hold", "2"])


def test_a_run_says_its_sum_and_fails_if_that_is_wanted(scene: Scene) -> None:
    scene.publish(1, "raise", 3)
    with scene.consume("--fail-on-failed", "--run-for=3", options={"attempts": 1}) as consumer:
        assert consumer.wait() == 4
        assert consumer.out[1:] == ["Stopped: 2 events delivered, 1 failed, 1 dead letters."]


def test_dead_letters_are_delivered_again_and_stay_until_a_receiver_takes_them(
    scene: Scene,
) -> None:
    scene.publish(1, "raise", call=1)
    with scene.consume("--run-for=2", options={"attempts": 1}) as consumer:
        assert consumer.wait() == 0
    dead = stream_of(1).dead
    with scene.consume("--retry-dead", options={"attempts": 1}) as again:
        assert again.wait() == 4
        assert again.out == ["0 dead letters were delivered, 1 are left."]
    ((entry, letter),) = scene.outlet._redis.xrange(dead)
    repaired = letter[b"data"].replace(b"Number: raise", b"Number: 00002")
    scene.outlet._redis.xadd(dead, {b"data": repaired})
    scene.outlet._redis.xdel(dead, entry)
    with scene.consume("--retry-dead", options={"attempts": 1}) as again:
        assert again.wait() == 0
        assert again.out == ["1 dead letters were delivered, 0 are left."]
    assert scene.outlet._redis.xlen(dead) == 0
    assert scene.numbers == ["1", "raise", "raise", "00002"]


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"URL": "redis://:s3cret@127.0.0.1:port"}, 2, "'URL': it is no address of a Redis"),
        ({"URL": "redis://:s3cret@127.0.0.1:{port}"}, 3, "refuses the login"),
        ({"OUTLET": "celery"}, 2, "ami_consume reads from Redis"),
        ({"OPTIONS": {"groop": "x"}}, 2, "unknown option 'groop'"),
        ({"PARTITION": 3}, 2, "option 'partition'"),
    ],
)
def test_wrong_settings_end_it_with_one_line(
    tmp_path: Path, change: dict[str, Any], code: int, text: str
) -> None:
    with RedisServer(tmp_path, password="right") as server:
        change = {key: value.format(port=server.port) if key == "URL" and "{" in value else value
                  for key, value in change.items()}  # fmt: skip
        forward = {"OUTLET": "redis", "URL": server.url, "SPOOL": None, **change}
        with start(forward, TEST_OUT=tmp_path / "out") as consumer:
            assert consumer.wait() == code, str(consumer)
    told = "\n".join(consumer.out + consumer.err)
    assert text in told
    assert "s3cret" not in told
    assert "Traceback" not in told
    assert sum(text in line for line in consumer.err) == 1


def test_a_consumer_without_redis_py_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "redis"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("raise ModuleNotFoundError(name='redis')\n")
    forward = {"OUTLET": "redis", "SPOOL": None}
    from tests.running import ROOT

    command = (*PYTHON, "-c", (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from django.core.management import execute_from_command_line as run\n"
        "run(['manage.py', 'ami_consume'])"
    ))  # fmt: skip
    with Program(
        command, cwd=ROOT, DJANGO_SETTINGS_MODULE="tests.forwarding.project.settings",
        TEST_FORWARD=json.dumps(forward), TEST_OUT=tmp_path / "out",
    ) as consumer:  # fmt: skip
        assert consumer.wait() == 2, str(consumer)
    assert "pip install 'django-ami[redis]'" in consumer.err[-1]


@pytest.mark.parametrize("command", ["set", "get"])
def test_a_consumer_says_why_it_gets_no_lease_if_redis_refuses_one_command(
    scene: Scene, command: str
) -> None:
    user = redis.Redis(port=scene.server.port)
    scene.publish(1, 2, call=1)
    user.execute_command("ACL", "SETUSER", "default", f"-{command}")
    with scene.consume() as consumer:
        line = consumer.wait_for_err(f"The Redis at 127.0.0.1:{scene.server.port}: ")
        assert "the rights of the user" in line
        assert scene.numbers == []
        user.execute_command("ACL", "SETUSER", "default", f"+{command}")
        consumer.wait_for_err("answers again")
        wait_until(lambda: scene.numbers == ["1", "2"])
        assert len(consumer.err) == 2, str(consumer)


def test_a_consumer_of_a_replica_says_that_it_is_one(scene: Scene) -> None:
    user = redis.Redis(port=scene.server.port)
    user.execute_command("REPLICAOF", "127.0.0.1", "1")
    with scene.consume() as consumer:
        consumer.wait_for_err("It is a replica: 'URL' of AMI_FORWARD")
        user.execute_command("REPLICAOF", "NO", "ONE")
        consumer.wait_for_err("answers again")
