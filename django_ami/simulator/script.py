"""Scripted answers, which :meth:`Simulator.on` returns.

They take the place of the built-in answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

from django_ami.simulator.arguments import checked
from django_ami.simulator.arguments import seconds as in_seconds
from django_ami.simulator.frames import flatten, render
from django_ami.simulator.outcomes import RESULTS, tell_outcome
from django_ami.simulator.requests import ReceivedAction, echo_of

__all__ = ["Item", "Rule", "Script"]

Delay = float | Callable[[ReceivedAction], float]


class Item(Protocol):
    """An item of a list: any object with headers, the first of them ``Event``."""

    @property
    def headers(self) -> Sequence[tuple[str, str]]: ...


class Rule:
    """How to answer one kind of action. Its methods return it, so that they can be chained.

    ::

        sim.on("Originate").fail("Permission denied").once()
        sim.on("Ping").after(0.2)  # the built-in answer, later
        # 100 bytes of the built-in answer, then the link is gone:
        sim.on("QueueStatus").cut(after=100)
    """

    def __init__(self, action: str) -> None:
        self.action = action
        self.calls = 0
        """How many actions this rule has answered."""
        self.answer: Callable[[ReceivedAction], bytes] | None = None
        self.silent = False
        self.cuts = False
        self.cut_after: int | None = None
        self.blocking = False
        self._delay: Delay = 0.0
        self._left: int | None = None
        self._conditions: list[Callable[[ReceivedAction], bool]] = []
        self._lock = threading.Lock()

    def reply(
        self,
        response: str = "Success",
        headers: Mapping[str, object] | None = None,
        /,
        **more: object,
    ) -> Self:
        """Answer with these headers; a list as value repeats its header.

        A mapping is for names that Python lacks.
        """
        checked(response, str, "the response")
        pairs = [*flatten({} if headers is None else headers), *flatten(more)]
        self.answer = lambda action: render([("Response", response), *echo_of(action), *pairs])
        return self

    def fail(self, message: str) -> Self:
        """Answer ``Error`` with this message."""
        return self.reply("Error", Message=message)

    def items(
        self, *items: Item, message: str = "List will follow", complete: str | None = None
    ) -> Self:
        """Answer with a list of these items, and the event that ends it.

        The items are events of :mod:`django_ami.testing.events`. That one is named after the action
        (``QueueStatusComplete``) unless ``complete`` says otherwise.
        """
        for item in items:
            if not hasattr(item, "headers"):
                raise TypeError(f"an item must be an event, not of the type {type(item).__name__}.")
        checked(message, str, "message")
        checked(complete, (str, type(None)), "complete")

        def answer(action: ReceivedAction) -> bytes:
            echo = echo_of(action)
            start = [("Response", "Success"), *echo, ("EventList", "start"), ("Message", message)]
            end = [
                ("Event", complete or f"{action.name}Complete"),
                *echo,
                ("EventList", "Complete"),
            ]
            return b"".join(
                [
                    render(start),
                    *(render(_as_item(item, echo)) for item in items),
                    render([*end, ("ListItems", str(len(items)))]),
                ]
            )

        self.answer = answer
        return self

    def outcome(self, result: str, second: str = "answered") -> Self:
        """Accept an Originate, and tell what became of the call.

        With ``wait=True`` that is ``response.outcome``; of ``originate`` it is the call's outcome.
        ``second`` is what becomes of the second party, if the first one has answered.

        ``result``: ``answered``, ``busy``, ``rejected``, ``no answer``, ``unavailable``, ``not
        found``, ``cancelled``, ``congestion`` or ``failed``. As of a real telephone, the cause of a
        failure is told by a Hangup.
        """
        for each in (result, second):
            if each not in RESULTS:
                raise ValueError(f"no outcome {each!r}: choose one of {', '.join(RESULTS)}")

        def answer(action: ReceivedAction) -> bytes:
            accepted = [
                ("Response", "Success"),
                *echo_of(action),
                ("Message", "Originate successfully queued"),
            ]
            return render(accepted) + tell_outcome(action, result, second)

        self.answer = answer
        return self

    def raw(self, data: bytes | Callable[[ReceivedAction], bytes]) -> Self:
        """Answer with these bytes, or with what the function makes of the action."""
        fixed = None if callable(data) else checked(data, bytes, "the answer")
        self.answer = data if callable(data) else lambda _action: fixed or b""
        return self

    def hang(self) -> Self:
        """Never answer.

        Other actions of the session are answered, unless :meth:`block` is said too.
        """
        self.silent = True
        return self

    def drop(self) -> Self:
        """Cut the link instead of answering: nobody can know whether the action was carried out."""
        return self.cut(after=0)

    def cut(self, after: int | None = None) -> Self:
        """Cut the link after so many bytes of the answer, or after the whole of it."""
        self.cuts, self.cut_after = True, checked(after, (int, type(None)), "after")
        return self

    def after(self, seconds: Delay) -> Self:
        """Answer so many seconds later (or as many as the function says for this action)."""
        self._delay = seconds if callable(seconds) else in_seconds(seconds, "a delay")
        return self

    def block(self) -> Self:
        """Do nothing else and send nothing in this session meanwhile.

        Asterisk does so with a slow action.
        """
        self.blocking = True
        return self

    def times(self, count: int) -> Self:
        """Hold for so many actions only."""
        self._left = checked(count, int, "count")
        return self

    def once(self) -> Self:
        """Hold for one action only."""
        return self.times(1)

    def when(self, condition: Callable[[ReceivedAction], bool]) -> Self:
        """Hold only for actions for which the condition is true; of several, all of them."""
        if not callable(condition):
            raise TypeError(
                "a condition must be a function of the action, not of the type "
                f"{type(condition).__name__}."
            )
        self._conditions.append(condition)
        return self

    def remove(self) -> None:
        """Hold no more."""
        self._left = 0

    def take(self, action: ReceivedAction) -> bool:
        """Does the rule answer this action? Counts it if so."""
        if self.action not in {"*", action.name.lower()} or not all(
            holds(action) for holds in self._conditions
        ):
            return False
        with self._lock:
            if self._left == 0:
                return False
            if self._left is not None:
                self._left -= 1
            self.calls += 1
        return True

    def delay(self, action: ReceivedAction) -> float:
        """Seconds until the answer to this action."""
        return self._delay(action) if callable(self._delay) else self._delay


class Script:
    """All rules; the newest one that holds answers."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def on(self, action: str) -> Rule:
        """A new rule for actions of that name; ``*`` is every action."""
        rule = Rule(checked(action, str, "the name of an action").lower())
        self._rules.append(rule)
        return rule

    def find(self, action: ReceivedAction) -> Rule | None:
        """The rule that answers this action."""
        return next((rule for rule in reversed(tuple(self._rules)) if rule.take(action)), None)

    def clear(self) -> None:
        """No rules any more."""
        self._rules.clear()


def _as_item(item: Item, echo: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """An event as an item of a list.

    It has the ActionID, and not the class that a broadcast event has.
    """
    rest = [
        (key, value)
        for key, value in item.headers[1:]
        if key.lower() not in {"privilege", "actionid"}
    ]
    return [item.headers[0], *echo, *rest]
