"""Django's error pages and mails show the local variables of every frame: none of ours has a secret
in it.
"""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from django.test import RequestFactory, override_settings
from django.views.debug import ExceptionReporter, technical_500_response

from django_ami import actions, ami
from django_ami.core import ServerConfig
from django_ami.testing import FakeAsterisk, User

if TYPE_CHECKING:
    from collections.abc import Callable

WORD = "S3kr3t"


def pasted() -> str:
    """A password, as it comes out of a clipboard.

    Made of parts, since pages show the lines of the source, too.
    """
    return "".join(("S3k", "r3t", "\r\n"))


def word() -> str:
    return pasted().strip()


def get_by_url() -> None:
    ServerConfig.from_url("pbx", f"ami://admin:{pasted()}@host:x")


def load_by_url() -> None:
    with override_settings(AMI_SERVERS={"pbx": {"URL": f"ami://admin:{word()}@host:x"}}):
        ami.status()


def load_by_keys() -> None:
    with override_settings(AMI_SERVERS={"pbx": {"HOST": "h", "USERNAME": "u", "SECRET": pasted()}}):
        ami.status()


def load_with_another_fault() -> None:
    with override_settings(
        AMI_SERVERS={"pbx": {"HOST": "h", "USERNAME": "u", "SECRET": word(), "PORT": []}}
    ):
        ami.status()


def log_in_in_vain() -> None:
    with (
        FakeAsterisk(users={"admin": User(secret="another")}) as server,
        override_settings(AMI_SERVERS=at(server)),
    ):
        ami.send(actions.Action("Ping", Password=word())).result(20)


def at(server: FakeAsterisk) -> dict[str, Any]:
    """The servers of settings: this one, with a secret that it does not take."""
    entry = {"HOST": server.host, "PORT": server.port, "USERNAME": "admin", "SECRET": word()}
    return {"pbx": {**entry, "OPTIONS": {"auth_type": "plain"}}}


VIEWS: dict[str, Callable[[], Any]] = {
    "a login with a line end": lambda: ami.send(actions.Login("admin", secret=pasted())),
    "a header with a line end": lambda: ami.send(actions.Action("X", Note=pasted())),
    "a variable with a line end": lambda: ami.send(
        actions.Originate(channel="x", variables={"PIN": pasted()})
    ),
    "an entry with a line end": lambda: ami.send(actions.DBPut("accounts", "password", pasted())),
    "a change with a line end": lambda: ami.send(
        actions.UpdateConfig(
            "a", changes=[{"Action": "Append", "Cat": "b", "Var": "secret", "Value": pasted()}]
        )
    ),
    "a secret in a good action that is sent in a wrong way": lambda: ami.send(
        actions.Originate(channel="x", variables={"PIN": word()}),
        timeout="5",  # type: ignore[arg-type]
    ),
    "a secret of the wrong type": lambda: actions.Login("admin", secret=pasted().encode()),  # type: ignore[arg-type]
    "a secret beside something wrong": lambda: actions.Originate(
        channel="x", variables={"PIN": word(), "a b": "x"}
    ),
    "a URL": get_by_url,
    "a setting with a URL": load_by_url,
    "a setting with a secret": load_by_keys,
    "a setting with another fault": load_with_another_fault,
    "a server made by hand": lambda: ServerConfig(
        name="pbx", host="h", username="u", secret=pasted()
    ),
    "a login that is refused": log_in_in_vain,
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.usefixtures("ami_server")
def test_no_page_mail_or_collector_shows_a_secret(view: Callable[[], Any]) -> None:
    with pytest.raises(Exception) as raised:
        view()
    error = raised.value
    request = RequestFactory().get("/")
    with override_settings(DEBUG=True):
        page = technical_500_response(
            request, type(error), error, error.__traceback__
        ).content.decode()
        request.META["HTTP_ACCEPT"] = "text/plain"
        text = technical_500_response(
            request, type(error), error, error.__traceback__
        ).content.decode()
        mail = ExceptionReporter(request, type(error), error, error.__traceback__, is_email=True)
        shown = {
            "page": page,
            "text": text,
            "mail": mail.get_traceback_text(),
            "mail in HTML": mail.get_traceback_html(),
            "collector": collected(error),
        }
    assert type(error).__name__ in page
    assert type(error).__name__ in shown["collector"]
    for where, what in shown.items():
        lines = [line for line in what.splitlines() if WORD in line]
        assert not lines, f"{where}: {lines[0]}"


def collected(error: BaseException | None) -> str:
    """The report of an error collector: the frames of all causes, with variables by repr."""
    parts = []
    while error is not None:
        parts.append(f"{error!r} {error.args!r}")
        parts += [
            f"{frame.f_code.co_name} {frame.f_locals!r}"
            for frame, _ in traceback.walk_tb(error.__traceback__)
        ]
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


def test_debug_page_would_show_a_secret_in_the_frame_of_a_user() -> None:
    """The other tests would see one."""

    def view(secret: str) -> None:
        raise ValueError(len(secret))

    with pytest.raises(ValueError, match="6") as raised:
        view(word())
    with override_settings(DEBUG=True):
        page = technical_500_response(
            RequestFactory().get("/"), *_info(raised.value)
        ).content.decode()
    assert WORD in page
    assert WORD in collected(raised.value)


def _info(error: BaseException) -> Any:
    assert sys.exc_info() == (None, None, None)
    return type(error), error, error.__traceback__
