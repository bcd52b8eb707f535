"""The core without Django, and the catalogue."""

from typing import assert_type

from django_ami.actions import CoreShowChannels, Ping
from django_ami.catalog import ACTIONS, ActionInfo, EventInfo, event
from django_ami.core import Client, ServerConfig
from django_ami.types import Event, Response


def main(url: str) -> None:
    client = Client([ServerConfig.from_url("pbx", url)], role="caller")

    def on_hangup(event: Event) -> None: ...

    client.subscribe("Hangup", on_hangup)
    assert_type(client.start(), None)
    assert_type(client.send(CoreShowChannels()).result(timeout=5), Response)
    assert_type(client.server("pbx").send(Ping()).exception(), BaseException | None)
    client.close()


def look_up() -> list[str]:
    assert_type(event("Hangup"), EventInfo | None)
    assert_type(ACTIONS["Originate"], ActionInfo)
    return [parameter.name for parameter in ACTIONS["Originate"].parameters if parameter.required]
