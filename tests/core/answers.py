"""Actions under way, and what a server says to them."""

from __future__ import annotations

from django_ami.core.actions import Action, Ping
from django_ami.core.messages import Event, Response
from django_ami.core.pending import PendingAction

PREFIX = "0123456789abcdef-"


def pending_action(number: int = 1, action: Action | None = None, *, timeout: float = 30, owner=None) -> PendingAction:
    return PendingAction(action or Ping(), f"{PREFIX}{number}", b"wire", server="node_1", timeout=timeout, owner=owner)


def answer(number: int | str = 1, *lines: str, status: str = "Success") -> Response:
    action_id = number if isinstance(number, str) else f"{PREFIX}{number}"
    return Response(status, "\r\n".join([f"Response: {status}", f"ActionID: {action_id}", *lines]).encode())


def event(name: str, number: int | str = 1, *lines: str, broadcast: bool = False) -> Event:
    action_id = number if isinstance(number, str) else f"{PREFIX}{number}"
    head = [f"Event: {name}", *(["Privilege: call,all"] if broadcast else [])]
    return Event(name, "\r\n".join([*head, f"ActionID: {action_id}", *lines]).encode())


def settle(pending: PendingAction, response: Response) -> Response:
    pending.response = response
    pending.complete()
    return response
