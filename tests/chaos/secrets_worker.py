"""Programs that show everything they have.

A formatter that prints locals, a receiver that crashes, and a tour.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import os
import pprint
import sys
import traceback
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

if TYPE_CHECKING:
    from types import TracebackType


def reveal(error: BaseException) -> str:
    """A traceback with the locals of every frame, and all errors behind it, those that ``from
    None`` hides as well.
    """
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in seen:
            seen.append(one)
            waiting += [one.__cause__, one.__context__]
    parts = ["A TRACEBACK"]
    for one in seen:
        told = traceback.TracebackException.from_exception(one, capture_locals=True)
        parts += [*told.format(), repr(one), str(one), repr(one.args), pprint.pformat(vars(one))]
    return "\n".join(parts)


class Revealing(logging.Formatter):
    """Prints locals as error collectors do, and every argument of a record by its repr."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  (its name in logging)
        return reveal(ei[1])

    def format(self, record: logging.LogRecord) -> str:
        return f"{super().format(record)} {record.args!r}"


def reveal_uncaught(
    kind: type[BaseException], error: BaseException, _: TracebackType | None
) -> None:
    print(reveal(error), file=sys.stderr)


class SecretsConfig(AppConfig):
    """Connects a receiver that has a whole client in its locals when it crashes."""

    name = "tests.chaos"

    def ready(self) -> None:
        from django_ami.signals import ami_event, server_lost, server_ready

        sys.excepthook = reveal_uncaught
        ami_event.connect(crash, weak=False)
        server_ready.connect(crash, weak=False)
        server_lost.connect(crash, weak=False)


def crash(sender: Any, **named: Any) -> None:
    client = sender._client()
    server = client.member(sender.name)
    config, session, status = server.config, server.session, sender.status()
    everything = [
        client,
        server,
        config,
        session,
        status,
        named,
        vars(session),
        vars(client),
        vars(server),
    ]
    raise ValueError(f"crashed with {everything!r}")


# --- the tour ---


def show(what: str, *things: object) -> None:
    for thing in things:
        print(what, repr(thing), str(thing), f"{thing}", pprint.pformat(thing))
        for attributes in (getattr(thing, "__dict__", None),):
            pprint.pprint(attributes)


def tour(url: str, wrong: list[dict[str, Any]]) -> None:
    """Everything that this package makes of the settings, shown in every way."""
    import django
    from django.conf import settings
    from django.views.debug import ExceptionReporter

    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
    logging.getLogger().handlers[0].setFormatter(Revealing())
    settings.configure(
        AMI_SERVERS={"node_1": {"URL": url}}, INSTALLED_APPS=["django_ami"], USE_TZ=True
    )
    django.setup()
    from django_ami import ami, conf
    from django_ami.actions import Login, Ping
    from django_ami.core.config import ServerConfig

    loaded = conf.load()
    (config,) = loaded.servers
    show(
        "config",
        loaded,
        config,
        dataclasses.asdict(config),
        dataclasses.asdict(loaded),
        dataclasses.astuple(config),
    )
    print(
        json.dumps(dataclasses.asdict(loaded)),
        [getattr(config, field.name) for field in dataclasses.fields(config)],
    )
    show(
        "copies",
        copy.copy(config),
        copy.deepcopy(config),
        dataclasses.replace(config, name="other"),
    )
    show(
        "actions", Login("admin", secret=str(config.secret)), Login("admin", key=str(config.secret))
    )
    pending = ami.send(Ping())
    answer = pending.result(30)
    client = ami._get()
    server = client._cluster.servers["node_1"]
    show(
        "parts",
        ami,
        client,
        ami.server("node_1"),
        server,
        server.session,
        server.session._handshake,
        pending,
        answer,
    )
    show("status", ami.status(), {name: one.as_dict() for name, one in ami.status().items()})
    show("vars", vars(client), vars(server), vars(server.session), vars(pending))
    print(json.dumps({name: one.as_dict() for name, one in ami.status().items()}))
    ami.close()
    for attempt in (
        lambda: ami.send(Ping(), timeout=None).result(30),
        lambda: client.send(Ping()).result(30),
    ):
        try:
            attempt()
        except Exception as error:  # noqa: BLE001
            print(reveal(error.with_traceback(_behind_this_module(error))))
    ami.close()
    for setting in wrong:
        settings.AMI_SERVERS = {"node_1": setting}
        for attempt in (conf.load, ami.status, lambda setting=setting: read(ServerConfig, setting)):
            try:
                attempt()
            except Exception as error:  # noqa: BLE001
                shown = ExceptionReporter(None, type(error), error, error.__traceback__)
                # Our frames: the first one is this function, which has the setting in its own
                # hands.
                print(
                    "WRONG",
                    reveal(error.with_traceback(_behind_this_module(error))),
                    shown.exc_value,
                )
                print(
                    [
                        frame["vars"]
                        for frame in shown.get_traceback_frames()
                        if frame["filename"] != __file__
                    ]
                )
            else:
                raise AssertionError("that setting is wrong")


def read(kind: Any, setting: dict[str, Any]) -> None:
    if list(setting) == ["URL"]:
        kind.from_url("node_1", setting["URL"])
    kind.from_setting("node_1", setting)


def _behind_this_module(error: BaseException) -> TracebackType | None:
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_filename == __file__:
        found = found.tb_next
    return found


if __name__ == "__main__":
    tour(os.environ["SECRETS_URL"], json.loads(os.environ["SECRETS_WRONG"]))
    print("THE END")
