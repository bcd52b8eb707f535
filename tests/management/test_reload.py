"""``ami_listen`` and SIGHUP: other servers without an end, and every event accounted for."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.config import ServerConfig
from django_ami.testing import FakeAsterisk
from django_ami.tools.notes import listeners_of
from tests.management.test_ami_listen import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

FUNCTION = {"AMI_SERVERS": "tests.management.servers_file.servers"}


@pytest.fixture
def sims() -> Iterator[list[FakeAsterisk]]:
    with FakeAsterisk() as one, FakeAsterisk() as two, FakeAsterisk() as three:
        yield [one, two, three]


class Reloading(Worker):
    """A worker whose servers are in a file."""

    def __init__(
        self, tmp_path: Path, *arguments: str, servers: dict[str, Any], **settings: Any
    ) -> None:
        self._servers = tmp_path / "servers.json"
        self.write(servers)
        env: dict[str, object] = {
            "AMI_TEST_SERVERS": self._servers,
            "AMI_TEST_SETTINGS": json.dumps(FUNCTION | settings),
        }
        super().__init__(tmp_path / "notes.jsonl", arguments, env)

    def write(self, servers: Any) -> None:
        self._servers.write_text(json.dumps(servers))

    def reload(self, servers: Any) -> None:
        self.write(servers)
        self.signal(signal.SIGHUP)


def at(**sims: FakeAsterisk) -> dict[str, Any]:
    return {name: {"URL": sim.url} for name, sim in sims.items()}


def count(sim: FakeAsterisk, *numbers: int) -> None:
    for number in numbers:
        sim.emit("UserEvent", {"UserEvent": "Count", "Number": str(number)})


@pytest.mark.slow
def test_all_takes_up_new_servers_and_lets_go_of_others(
    tmp_path: Path, sims: list[FakeAsterisk]
) -> None:
    one, two, three = sims
    with Reloading(tmp_path, "--all", servers=at(one=one, two=two)) as worker:
        worker.wait_for_out("one: ready")
        worker.wait_for_out("two: ready")
        count(one, *range(50))
        count(two, *range(50))
        worker.reload(at(one=one, three=three))
        assert worker.wait_for_out("Reloaded") == "Reloaded: added: three; removed: two."
        worker.wait_for_out("three: ready")
        two.wait_for(lambda: two.logoffs == 1)
        count(one, 50)
        count(three, *range(50))
        worker.wait_for_note("UserEvent", 151)
        worker.reload(at(one=two, three=three))
        worker.wait_for_out("Reloaded: changed: one.")
        two.wait_for(lambda: two.logins == 2)
        worker.wait_for_note("ready", 4)
        count(two, 51)
        worker.wait_for_note("UserEvent", 152)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        assert worker.numbers("one") == list(range(52))
        assert worker.numbers("two") == worker.numbers("three") == list(range(50))
        received, delivered, ignored = (
            int(worker.summary.split(f" {word}")[0].split()[-1])
            for word in ("events received", "delivered", "ignored")
        )
        assert delivered == 152
        assert received == delivered + ignored
        assert (one.logins, one.logoffs, two.logins, two.logoffs) == (1, 1, 2, 2)
        assert (three.logins, three.logoffs) == (1, 1)


@pytest.mark.slow
def test_the_note_for_other_listeners_follows(tmp_path: Path, sims: list[FakeAsterisk]) -> None:
    one, two, _ = sims
    there = ServerConfig.from_url("any", two.url)
    with Reloading(tmp_path, "--all", servers=at(one=one)) as worker:
        worker.wait_for_out("one: ready")
        assert listeners_of(there) == []
        worker.reload(at(one=two))
        worker.wait_for_out("Reloaded: changed: one.")
        assert [one.pid for one in listeners_of(there)] == [worker.process.pid]
        assert listeners_of(ServerConfig.from_url("any", one.url)) == []
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)


def test_a_reload_that_fails_changes_nothing(tmp_path: Path, sims: list[FakeAsterisk]) -> None:
    one, *_ = sims
    with Reloading(tmp_path, "--all", servers=at(one=one)) as worker:
        worker.wait_for_out("one: ready")
        for servers, told in (
            ([], "must return a mapping, not list"),
            ({}, "returned no server"),
            ({"one": {"URL": "amis://u:hush@x?ca_file=/no/such"}}, "TLS key 'CA_FILE'"),
        ):
            worker.reload(servers)
            assert worker.wait_for_err(told).startswith("Not reloaded, all goes on as before: ")
        worker.reload(at(one=one))
        worker.wait_for_out("Reloaded: no server has changed.")
        count(one, 1)
        worker.wait_for_note("UserEvent")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        assert (one.logins, one.logoffs) == (1, 1)
        assert not any("hush" in line for line in [*worker.out, *worker.err])


def test_every_line_has_a_time_if_logging_says_so(tmp_path: Path, sims: list[FakeAsterisk]) -> None:
    logging = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"timed": {"format": "TIME %(levelname)s %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "timed"}},
        "loggers": {
            "django_ami": {"handlers": ["console"]},
            "django_ami.listen": {"level": "INFO"},
        },
    }
    settings = {"LOGGING": logging, "INSTALLED_APPS": ["django_ami"]}  # no app with receivers
    with Reloading(tmp_path, "--all", servers=at(one=sims[0]), **settings) as worker:
        worker.wait_for_err("one: ready")
        worker.reload({})
        worker.wait_for_err("Not reloaded, all goes on as before: ")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        assert worker.out == []
        levels = [(line.split()[0], line.split()[1]) for line in worker.err]
        assert levels == [("TIME", level) for level in ("WARNING", "INFO", "WARNING", "INFO")], str(
            worker
        )


def test_one_server_that_is_named_stays_the_only_one(
    tmp_path: Path, sims: list[FakeAsterisk]
) -> None:
    one, two, three = sims
    with Reloading(tmp_path, "--server=one", servers=at(one=one, two=two)) as worker:
        worker.wait_for_out("one: ready")
        worker.reload(at(one=three, two=two))
        worker.wait_for_out("Reloaded: changed: one.")
        three.wait_for(lambda: three.logins == 1)
        worker.reload(at(two=two))
        assert "unknown server: 'one'" in worker.wait_for_err("Not reloaded")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        assert (one.logoffs, three.logoffs, two.connections) == (1, 1, 0)


def test_a_refused_login_is_tried_again_with_another_secret(
    tmp_path: Path, sims: list[FakeAsterisk]
) -> None:
    one, two, _ = sims
    wrong = {"two": {"URL": two.url.replace("amp111", "wrong")}}
    assert wrong["two"]["URL"] != two.url
    with Reloading(tmp_path, "--all", servers={**at(one=one), **wrong}) as worker:
        worker.wait_for_out("one: ready")
        two.wait_for(lambda: two.login_attempts == 1)
        worker.reload(at(one=one, two=two))
        worker.wait_for_out("two: ready")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        assert (two.login_attempts, two.logins) == (2, 1)


def test_a_receiver_may_reload(tmp_path: Path, sims: list[FakeAsterisk]) -> None:
    one, two, _ = sims
    with Reloading(tmp_path, "--all", servers=at(one=one)) as worker:
        worker.wait_for_out("one: ready")
        worker.write(at(one=one, two=two))
        one.emit("Reload")
        note = worker.wait_for_note("Reload")
        assert (note["changes"], note["servers"]) == ("added: two", ["one", "two"])
        worker.wait_for_out("two: ready")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        assert (one.logins, two.logins, two.logoffs) == (1, 1, 1)


def test_the_sender_is_the_handle_that_a_module_took(
    tmp_path: Path, sims: list[FakeAsterisk]
) -> None:
    """``@receiver(signal, sender=ami.server("x"))``, at import.

    A handle of before the worker has its client.
    """
    one, two, _ = sims
    one.on("ListCommands").reply()
    two.on("ListCommands").reply()
    with Reloading(tmp_path, "--all", servers=at(one=one, two=two)) as worker:
        worker.wait_for_out("one: ready")
        worker.wait_for_out("two: ready")
        two.emit("Mine")
        one.emit("Mine")
        worker.wait_for_note("Mine")
        worker.reload(at(one=two, two=two))
        worker.wait_for_out("Reloaded: changed: one.")
        two.wait_for(lambda: two.logins == 2)
        worker.wait_for_note("ready", 3)
        two.emit("Mine")
        worker.wait_for_note("Mine", 2)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        mine = [note for note in worker.notes if note["what"] == "Mine"]
        assert [note["server"] for note in mine] == ["one", "one"]
        assert (one.logins, two.logins) == (1, 2)
        assert [
            sum(action.name == "ListCommands" for action in sim.received) for sim in (one, two)
        ] == [1, 1]
