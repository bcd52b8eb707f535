"""The application of the Celery worker in test_errors_in_celery.py.

The environment names its Redis and its serializer.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery

from django_ami.core.actions import Ping
from django_ami.core.client import Client
from django_ami.core.config import ServerConfig
from tests.core.test_errors import REFUSED, make

app = Celery("errors", broker=os.environ["CELERY_REDIS"], backend=os.environ["CELERY_REDIS"])
app.conf.update(
    result_serializer=os.environ["CELERY_SERIALIZER"], result_accept_content=["json", "pickle"]
)


@app.task(name="raise_error")
def raise_error(name: str, sent: bool) -> None:
    """End with an error of ours."""
    raise make(name, sent=sent)


@app.task(name="answer")
def answer() -> dict[str, Any]:
    """Give an answer in its plain form."""
    return REFUSED.as_dict()


@app.task(name="ping")
def ping(port: int) -> dict[str, Any]:
    """Ask a server where nothing listens."""
    client = Client([ServerConfig.from_url("node_1", f"ami://u:s@127.0.0.1:{port}")], role="caller")
    client.start(connect=False)
    try:
        return client.send(Ping(), timeout=1).result().as_dict()
    finally:
        client.close()
