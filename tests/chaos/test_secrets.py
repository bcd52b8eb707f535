"""The secret is in nothing that is printed, logged or raised.

Whole runs at DEBUG that show all they have.
"""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from django_ami.testing import FakeAsterisk, Simulator, User
from tests.core.io_support import Authority, authority
from tests.running import PYTHON, Program, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["authority"]

#: The part of the secret that no encoding changes: percent, HTML, JSON, repr.
CORE = "S3kr3tCore"
SECRET = f"{CORE}/:@#%&=+ü"
USER = "wörker"
LISTEN = (*PYTHON, "-m", "django", "ami_listen", "--verbosity=3", "--traceback")


def url(sim: Simulator, *, scheme: str = "ami", query: str = "") -> str:
    return (
        f"{scheme}://{quote(USER, safe='')}:{quote(SECRET, safe='')}@{sim.host}:{sim.port}{query}"
    )


def keys(sim: Simulator) -> list[str]:
    """The MD5 keys of the logins: as good as the secret for anybody with the challenge."""
    return [
        key
        for action in sim.received
        if action.name.lower() == "login" and (key := action.get("Key"))
    ]


class Run:
    """Programs at DEBUG, whose logs go to stderr and into a file.

    All that they said is searched in the end.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs: list[Program] = []

    def start(self, *command: str, servers: dict[str, Any], **env: object) -> Program:
        handler = {"formatter": "revealing", "level": "DEBUG"}
        file = self._folder / f"{len(self._programs)}.log"
        settings = {
            "INSTALLED_APPS": ["django_ami", "tests.chaos.secrets_worker.SecretsConfig"],
            "AMI_SERVERS": servers,
            "LOGGING": {
                "version": 1,
                "disable_existing_loggers": False,
                "formatters": {"revealing": {"()": "tests.chaos.secrets_worker.Revealing"}},
                "handlers": {
                    "console": {"class": "logging.StreamHandler", **handler},
                    "file": {"class": "logging.FileHandler", "filename": str(file), **handler},
                },
                "root": {"handlers": ["console", "file"], "level": "DEBUG"},
            },
        }
        env = {"AMI_TEST_SETTINGS": json.dumps(settings), "DJANGO_SETTINGS_MODULE": SETTINGS, **env}
        self._programs.append(Program(command, **env))
        return self._programs[-1]

    def said(self) -> str:
        files = [path.read_text() for path in self._folder.glob("*.log")]
        return "\n".join([line for one in self._programs for line in (*one.out, *one.err)] + files)

    def end(self) -> None:
        for program in self._programs:
            with program:
                pass


SETTINGS = "tests.management.listening.settings"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    made.end()


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk(users={USER: User(secret=SECRET)}) as simulator:
        yield simulator


def assert_nothing_shows(run: Run, *simulators: Simulator, needs: tuple[str, ...]) -> None:
    said = run.said()
    for text in needs:  # it did say what it was asked to say
        assert text in said, said
    for secret in (CORE, *(key for one in simulators for key in keys(one))):
        for line in said.splitlines():
            assert secret not in line, line


@pytest.mark.parametrize("auth_type", ["md5", "plain"])
def test_a_worker_whose_receivers_crash_with_everything_in_their_locals(
    run: Run, sim: Simulator, auth_type: str
) -> None:
    worker = run.start(
        *LISTEN,
        servers={
            "node_1": {
                "URL": url(sim),
                "OPTIONS": {"auth_type": auth_type, "reconnect_initial": 0.05},
            }
        },
    )
    worker.wait_for_err("node_1: ready")
    sim.emit("Hangup", Channel="PJSIP/1")
    worker.wait_for_err("Hangup of node_1")
    sim.drop()
    worker.wait_for_err("node_1: ready again")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert sim.logins == 2
    assert (len(keys(sim)) == 2) == (auth_type == "md5")
    needs = (
        "A TRACEBACK",
        "ServerConfig(name='node_1'",
        "config = ",
        "connection lost",
        "Session object at",
    )
    assert_nothing_shows(run, sim, needs=needs)


@pytest.mark.parametrize("auth_type", ["md5", "plain"])
def test_a_refused_login(run: Run, auth_type: str) -> None:
    with FakeAsterisk(users={USER: User(secret="another")}) as sim:
        worker = run.start(
            *LISTEN, servers={"node_1": {"URL": url(sim), "OPTIONS": {"auth_type": auth_type}}}
        )
        assert worker.wait() == 3, str(worker)
        assert (sim.login_attempts, len(keys(sim))) == (1, int(auth_type == "md5"))
        assert_nothing_shows(run, sim, needs=(f"Authentication failed for user {USER!r}",))


def test_tls_that_fails(run: Run, authority: Authority) -> None:
    with (
        FakeAsterisk(users={USER: User(secret=SECRET)}) as plain,
        FakeAsterisk(users={USER: User(secret=SECRET)}, tls=authority.expired.tls) as expired,
    ):
        servers = {
            "node_1": {"URL": url(plain, scheme="amis")},
            "node_2": {
                "URL": url(expired, scheme="amis", query=f"?ca_file={quote(authority.ca_file)}")
            },
            "node_3": {"URL": url(expired, scheme="amis", query=f"?fingerprint={'0' * 64}")},
            "node_4": {"URL": url(expired), "OPTIONS": {"connect_timeout": 0.5}},
        }
        worker = run.start(*LISTEN, "--all", servers=servers)
        for name in ("node_1", "node_2", "node_3", "node_4"):
            worker.wait_for_err(f"{name}: not connected")
        worker.signal(signal.SIGTERM)
        worker.wait()
        needs = ("does not speak TLS", "certificate has expired", "not the pinned one", "node_4")
        assert_nothing_shows(run, plain, expired, needs=needs)


ENCODED = quote(SECRET, safe="")
KEYS = {"HOST": "pbx", "USERNAME": "admin", "SECRET": SECRET}
WRONG: dict[str, dict[str, Any]] = {
    "no scheme of ours": {"URL": f"http://a:{ENCODED}@pbx"},
    "no host": {"URL": f"ami://a:{ENCODED}@"},
    "no user": {"URL": f"ami://:{ENCODED}@pbx"},
    "not encoded": {"URL": f"ami://a:{SECRET}@pbx"},
    "a port that is none": {"URL": f"ami://a:{ENCODED}@pbx:x"},
    "the secret for a port": {"URL": f"ami://a@pbx:{ENCODED}"},
    "a bad bracket": {"URL": f"ami://a:{ENCODED}@[pbx"},
    "TLS keys without TLS": {"URL": f"ami://a:{ENCODED}@pbx?verify=false"},
    "an unknown TLS key": {"URL": f"amis://a:{ENCODED}@pbx?cafile=x"},
    "URL and SECRET": {"URL": f"ami://a:{ENCODED}@pbx", "SECRET": SECRET},
    "a blank at the end": {**KEYS, "SECRET": SECRET + " "},
    "a line end": {**KEYS, "SECRET": SECRET + "\r\n"},
    "too long": {**KEYS, "SECRET": SECRET * 100},
    "a list": {**KEYS, "SECRET": [SECRET]},
    "another key": {**KEYS, "PASSWORD": SECRET},
    "another port": {**KEYS, "PORT": "many"},
    "TLS that is none": {**KEYS, "TLS": {"FINGERPRINT": "x"}},
    "a file that is missing": {**KEYS, "TLS": {"CA_FILE": "/none"}},
    "an option": {**KEYS, "OPTIONS": {"auth_type": "none"}},
}


@pytest.mark.parametrize("command", ["ami_listen", "check"])
def test_wrong_settings_in_a_command(run: Run, command: str) -> None:
    # All of them in one process each would be slow; the tour reads every one.
    for name in ("not encoded", "a port that is none", "a blank at the end"):
        program = run.start(
            *PYTHON, "-m", "django", command, "--traceback", servers={"node_1": WRONG[name]}
        )
        assert program.wait() != 0, str(program)
    assert_nothing_shows(run, needs=("'URL' cannot be read", "'SECRET' has a control character"))


def test_everything_that_this_package_makes_of_its_settings_shows_no_secret(
    run: Run, sim: Simulator
) -> None:
    wrong = [
        setting
        for name, setting in WRONG.items()
        if name not in ("a file that is missing", "an option")
    ]
    program = run.start(
        *PYTHON, "-m", "tests.chaos.secrets_worker",
        servers={}, SECRETS_URL=url(sim), SECRETS_WRONG=json.dumps(wrong),
        DJANGO_SETTINGS_MODULE="",
    )  # fmt: skip
    assert program.wait() == 0, str(program)
    wait_until(lambda: sim.logins >= 1)
    needs = (
        "THE END",
        "WRONG",
        "ConfigurationError",
        "'secret': '***'",
        '"secret": "***"',
        "Secret=***",
        "Key=***",
    )
    needs = (*needs, "'URL' must begin with", "is longer than 1000 bytes")
    assert len(keys(sim)) >= 1
    assert_nothing_shows(run, sim, needs=needs)
