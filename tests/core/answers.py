"""Actions under way, and a server's answers to them."""

from __future__ import annotations

from django_ami.core.actions import Action, Ping
from django_ami.core.messages import Event, Response
from django_ami.core.request import Request

PREFIX = "0123456789abcdef-"


def id_of(number: int) -> str:
    """An ActionID as the client makes them, but with a number in it."""
    return f"{PREFIX}{number:016x}"


class Asked(Request):
    """A request that says what its sender's PendingAction says."""

    def exception(self, timeout: float | None = 0) -> BaseException | None:
        return self.pending.exception(timeout)

    def result(self, timeout: float | None = 0) -> Response:
        return self.pending.result(timeout)


def asked(
    number: int = 1, action: Action | None = None, *, timeout: float = 30, owner=None
) -> Asked:
    return Asked(
        action or Ping(), id_of(number), b"wire", server="node_1", timeout=timeout, owner=owner
    )


def answer(number: int | str = 1, *lines: str, status: str = "Success") -> Response:
    action_id = number if isinstance(number, str) else id_of(number)
    return Response(
        status, "\r\n".join([f"Response: {status}", f"ActionID: {action_id}", *lines]).encode()
    )


def event(name: str, number: int | str = 1, *lines: str, broadcast: bool = False) -> Event:
    action_id = number if isinstance(number, str) else id_of(number)
    head = [f"Event: {name}", *(["Privilege: call,all"] if broadcast else [])]
    return Event(name, "\r\n".join([*head, f"ActionID: {action_id}", *lines]).encode())


def settle(request: Request, response: Response) -> Response:
    request.response = response
    request.complete()
    return response
