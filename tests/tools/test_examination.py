"""Questions to a server about itself, and their failures."""

from __future__ import annotations

import pytest

from django_ami.core.client import Client
from django_ami.core.config import ServerConfig
from django_ami.core.errors import ConnectionFailed
from django_ami.testing import FakeAsterisk
from django_ami.tools.examination import Enquiry


def test_why_there_is_no_connection_is_also_in_the_arguments_of_the_error() -> None:
    with FakeAsterisk() as sim:
        url = sim.url
    server = ServerConfig.from_url("node_1", url)
    client = Client([server], role="caller")
    client.start(connect=False, dispatcher=False)
    try:
        with pytest.raises(ConnectionFailed) as raised:
            Enquiry(client.server("node_1"), server, 10.0).connect()
    finally:
        client.close()
    assert raised.value.message == client.status()["node_1"].last_error
    assert "Ping" not in raised.value.message
    assert str(type(raised.value)(*raised.value.args)) == str(raised.value)
