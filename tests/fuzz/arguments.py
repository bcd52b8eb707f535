"""Arguments of callers: every one of the public API, with values of every wrong type.

Rule: an argument is taken, or refused where it is given with an error that says what is wrong. It
never ends a connection or a thread, and no wait for it is without an end: after each one the same
connection answers, and the same threads are at work. Each three bytes of the fuzzer's input are one
call: two name the argument, one the value.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from functools import cache, partial
from itertools import count, repeat
from pathlib import PurePosixPath
from typing import Any, Final
from unittest.mock import MagicMock
from uuid import UUID

from django_ami.core import Client, actions
from django_ami.core.actions import Action, Originate, Ping
from django_ami.core.config import Options, ServerConfig, TLSConfig
from django_ami.core.errors import AmiError
from django_ami.core.pending import PendingAction
from django_ami.testing import FakeAsterisk

#: Nothing waits for the whole of it unless it has failed.
PATIENCE_SECONDS: Final = 20.0


class Hostile(Exception):
    """Raised by every method of a hostile object of a caller."""


#: How a wrong argument may be refused. An AttributeError, say, tells its caller nothing.
REFUSALS: Final = (TypeError, ValueError, AmiError, Hostile, AssertionError)


def _raise(*_: object, **__: object) -> Any:
    raise Hostile("ask me nothing")


def _hostile(base: type = object, *names: str) -> type:
    return type(f"Hostile_{base.__name__}", (base,), dict.fromkeys(names, _raise))


_ANY: Final = (
    "__str__",
    "__repr__",
    "__eq__",
    "__hash__",
    "__bool__",
    "__iter__",
    "__len__",
    "__format__",
)


class Word(StrEnum):
    A = "a"


class Number(IntEnum):
    NONE = 0


class Plain(Enum):
    A = "a"


class Itself(Enum):
    A = 1

    @property
    def value(self) -> Any:
        return self


class Lazy:
    def __str__(self) -> str:
        return "später"


class Liar(float):
    def __float__(self) -> float:
        return float("nan")


async def _coroutine_function(*_: object) -> None: ...


def _wraps_itself(*_: object, **__: object) -> None: ...


_wraps_itself.__wrapped__ = _wraps_itself  # type: ignore[attr-defined]


def _settled() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future


def _endless_list() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


#: Made anew each time: some are used up.
VALUES: Final[dict[str, Callable[[], Any]]] = {
    "None": lambda: None,
    "True": lambda: True,
    "a number in a text": lambda: "5",
    "a text": lambda: "x",
    "an empty text": lambda: "",
    "a long text": lambda: "x" * 100_000,
    "a line end": lambda: "x\r\nAction: Logoff",
    "a surrogate": lambda: "\ud800",
    "bytes": lambda: b"5",
    "a bytearray": lambda: bytearray(b"5"),
    "a memoryview": lambda: memoryview(b"5"),
    "0": lambda: 0,
    "-1": lambda: -1,
    "0.01": lambda: 0.01,
    "a large int": lambda: 10**400,
    "an int that has no text": lambda: 10**5000,
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "a float that lies": lambda: Liar(0.01),
    "a Decimal": lambda: Decimal("0.01"),
    "a timedelta": lambda: timedelta(seconds=0.01),
    "a negative timedelta": lambda: timedelta(seconds=-1),
    "a datetime": lambda: datetime(2026, 1, 2),
    "a UUID": lambda: UUID(int=5),
    "a path": lambda: PurePosixPath("/var/x"),
    "a StrEnum": lambda: Word.A,
    "an IntEnum": lambda: Number.NONE,
    "an Enum": lambda: Plain.A,
    "an Enum that is its own value": lambda: Itself.A,
    "a lazy text": Lazy,
    "a list": lambda: ["x", None, 1],
    "a list of itself": _endless_list,
    "a tuple": lambda: ("x", "y"),
    "a set": lambda: {"x"},
    "a dict": lambda: {"x": 1},
    "a dict of bytes": lambda: {b"x": b"y"},
    "an iterator": lambda: iter("xy"),
    "an endless iterator": count,
    "an endless iterator of texts": lambda: repeat("x"),
    "an endless iterator of pairs": lambda: repeat(("x", "y")),
    "a generator that raises": lambda: (_raise() for _ in "x"),
    "an object": object,
    "a class": lambda: Action,
    "an action": Ping,
    "a function": lambda: print,
    "a function of one": lambda: lambda one: None,
    "a function that raises": lambda: _raise,
    "a function that wraps itself": lambda: _wraps_itself,
    "a coroutine function": lambda: _coroutine_function,
    "a thread": threading.Thread,
    "a lock": threading.Lock,
    "a future": _settled,
    "an exception": lambda: ValueError("x"),
    "a mock": MagicMock,
    "an object that raises": _hostile(object, *_ANY),
    "an object that has no attributes": _hostile(object, "__getattribute__", *_ANY),
    "a callable that raises": _hostile(object, "__call__", *_ANY),
    "a text that raises": lambda: _hostile(str, *_ANY)("x"),
    "an int that raises": lambda: _hostile(
        int, *_ANY, "__lt__", "__le__", "__gt__", "__ge__", "__index__"
    )(0),
    "a float that raises": lambda: _hostile(
        float, *_ANY, "__lt__", "__le__", "__gt__", "__ge__", "__float__"
    )(0.01),
    "a list that raises": lambda: _hostile(list, *_ANY)(["x"]),
    "a dict that raises": lambda: _hostile(dict, *_ANY, "items", "__getitem__")({"x": 1}),
}


class World:
    """A client with a connection to a simulated server, and the facts about them that must not
    change.
    """

    def __init__(self) -> None:
        self.server = FakeAsterisk().start()
        self.config = self.configured(action_timeout=5.0)
        self.client = Client([self.config])
        self.events: list[str] = []
        self.client.subscribe("Alive", lambda event: self.events.append(event["Number"]))
        self.client.start()
        self.bugs: list[str] = []
        handler = logging.Handler(logging.ERROR)
        handler.emit = self._note  # type: ignore[method-assign]
        self._logger, self._handler = logging.getLogger("django_ami"), handler
        self._logger.addHandler(handler)
        self.propagate, self._logger.propagate = self._logger.propagate, False
        self._number = count()
        self.client.send(Ping()).result(PATIENCE_SECONDS)
        self.threads = self._threads()

    def _note(self, record: logging.LogRecord) -> None:
        if "A bug in django_ami" in str(record.msg):
            self.bugs.append(f"{record.getMessage()} {record.exc_info}")

    def _threads(self) -> tuple[object, ...]:
        return (
            self.client._reactor_thread,
            self.client._dispatcher._thread,
            self.server._thread._thread,
        )

    def configured(self, **options: Any) -> ServerConfig:
        options = {"reconnect_initial": 0.02, "boot_grace": 0.05, **options}
        return ServerConfig(
            name="pbx",
            host=self.server.host,
            port=self.server.port,
            username="admin",
            secret="amp111",
            options=Options(**options),
        )

    def close(self) -> None:
        self.client.close()
        self.server.stop()
        self._logger.removeHandler(self._handler)
        self._logger.propagate = self.propagate

    def check(self) -> None:
        """The same connection answers, the same threads are at work, and events are delivered."""
        number = str(next(self._number))
        told = threading.Event()
        pending = self.client.send(Ping(), timeout=PATIENCE_SECONDS)
        pending.on_complete(lambda _error, _response: told.set())
        pending.result(PATIENCE_SECONDS)
        assert told.wait(PATIENCE_SECONDS), "nobody runs what was given to on_complete"
        self.server.emit("Alive", Number=number)
        deadline = threading.Event()
        for _ in range(int(PATIENCE_SECONDS / 0.001)):
            if number in self.events:
                break
            deadline.wait(0.001)
        assert number in self.events, "events are not delivered"
        self.events.clear()
        self.server.clear_received()
        assert self._threads() == self.threads
        assert all(thread.is_alive() for thread in self.threads), "a thread has ended"  # type: ignore[attr-defined]
        assert self.server.connections == 1, "the connection was ended"
        assert not self.bugs, self.bugs[0]


# --- every argument ---

Use = Callable[[World, Any], Any]


def _with_undo(register: Callable[[World, Any], Callable[[], None]]) -> Use:
    """A registration, an event that it may be about, and the end of it."""

    def use(world: World, value: Any) -> None:
        undo = register(world, value)
        try:
            world.check()
        finally:
            undo()

    return use


def _unstarted(use: Callable[[Client, Any], Any]) -> Use:
    def used(world: World, value: Any) -> None:
        if value is None:
            return  # it waits until there is something
        client = Client([world.config])
        try:
            use(client, value)
        finally:
            client.close(0.5)

    return used


def _closing(world: World, value: Any) -> None:
    client = Client([world.config])
    client.start(connect=False)
    try:
        client.close(value)
    finally:
        client.close()


def _making(**given: Any) -> Use:
    def make(world: World, value: Any) -> None:
        named = {key: value if one is ... else one for key, one in given.items()}
        Client(named.pop("servers", [world.config]), **named).close(0.5)

    return make


def _reconfiguring(**given: Any) -> Use:
    def use(world: World, value: Any) -> None:
        named = {key: value if one is ... else one for key, one in given.items()}
        try:
            world.client.reconfigure(named.pop("servers", [world.config]), **named)
        finally:
            world.client.reconfigure([world.config])

    return use


def _configured(world: World, config: ServerConfig) -> None:
    Client([config]).close(0.5)


def _server_key(key: str) -> Use:
    entry = {"HOST": "127.0.0.1", "PORT": 9, "USERNAME": "u", "SECRET": "s"}
    return lambda world, value: _configured(
        world, ServerConfig.from_setting("pbx", {**entry, key: value})
    )


def _pending(use: Callable[[PendingAction, Any], Any], *, done: bool) -> Use:
    def used(world: World, value: Any) -> Any:
        pending = world.client.send(Ping())
        if done:
            pending.result(PATIENCE_SECONDS)
        return use(pending, value)

    return used


SLOTS: Final[dict[str, Use]] = {
    # sending
    "send: action": lambda world, value: world.client.send(value),
    "send: server": lambda world, value: world.client.send(Ping(), server=value),
    "send: timeout": lambda world, value: world.client.send(Ping(), timeout=value),
    "Action.timeout": lambda world, value: world.client.send(_changed(Ping(), timeout=value)),
    "Action.final_event": lambda world, value: world.client.send(
        _changed(Ping(), final_event=value), timeout=0.1
    ),
    "Action: name": lambda world, value: world.client.send(Action(value), timeout=1),
    "Action: headers": lambda world, value: world.client.send(Action("X", value), timeout=1),
    "Action: key": lambda world, value: world.client.send(Action("X", {value: "x"}), timeout=1),
    "Action: value": lambda world, value: world.client.send(Action("X", A=value), timeout=1),
    "Action: value in a list": lambda world, value: world.client.send(
        Action("X", A=["x", value]), timeout=1
    ),
    "Originate: variable": lambda world, value: world.client.send(
        Originate(channel="x", variables={"A": value}), timeout=1
    ),
    "Originate: name of a variable": lambda world, value: world.client.send(
        Originate(channel="x", variables={value: "x"}), timeout=1
    ),
    "escape_variable": lambda world, value: actions.escape_variable(value),
    "server": lambda world, value: world.client.server(value),
    "member": lambda world, value: world.client.member(value),
    "handle.send: action": lambda world, value: world.client.server("pbx").send(value),
    "handle.send: timeout": lambda world, value: world.client.server("pbx").send(
        Ping(), timeout=value
    ),
    # an action under way
    "result": _pending(lambda pending, value: pending.result(value), done=False),
    "result, when it is settled": _pending(lambda pending, value: pending.result(value), done=True),
    "exception": _pending(lambda pending, value: pending.exception(value), done=False),
    "on_complete": _pending(lambda pending, value: pending.on_complete(value), done=False),
    "on_complete, when it is settled": _pending(
        lambda pending, value: pending.on_complete(value), done=True
    ),
    "add_done_callback": _pending(
        lambda pending, value: pending.add_done_callback(value), done=False
    ),
    "add_done_callback, when it is settled": _pending(
        lambda pending, value: pending.add_done_callback(value), done=True
    ),
    # receiving
    "subscribe: name": _with_undo(
        lambda world, value: world.client.subscribe(value, lambda event: None)
    ),
    "subscribe: function": _with_undo(lambda world, value: world.client.subscribe("Alive", value)),
    "subscribe to all: function": _with_undo(
        lambda world, value: world.client.subscribe(None, value)
    ),
    "on_ready": _with_undo(lambda world, value: world.client.on_ready(value)),
    "on_lost": _with_undo(lambda world, value: world.client.on_lost(value)),
    "set_interest": lambda world, value: _restored(world, lambda: world.client.set_interest(value)),
    "take: timeout": _unstarted(lambda client, value: client.inbox.take(value)),
    "dispatch": _unstarted(lambda client, value: client.dispatch(value)),
    "tick": _unstarted(lambda client, value: client.tick(value)),
    "close": _closing,
    "begin_close": _unstarted(lambda client, value: client.begin_close(value)),
    # a client
    "Client: servers": _making(servers=...),
    "Client: role": _making(role=...),
    "Client: default": _making(default=...),
    "Client: routing": _making(routing=...),
    "Client: strategy": lambda world, value: Client([world.config], routing=(value, ["pbx"])).close(
        0.5
    ),
    "Client: servers of the routing": lambda world, value: Client(
        [world.config], routing=("failover", value)
    ).close(0.5),
    "Client: receivers": _making(receivers=...),
    "reconfigure: servers": _reconfiguring(servers=...),
    "reconfigure: default": _reconfiguring(default=...),
    "reconfigure: routing": _reconfiguring(routing=...),
    # settings of a server
    **{
        f"Options: {one.name}": partial(
            lambda name, world, value: _configured(
                world,
                ServerConfig(
                    name="x", host="h", username="u", secret="s", options=Options(**{name: value})
                ),
            ),
            one.name,
        )
        for one in fields(Options)
    },
    "Options.from_mapping": lambda world, value: Options.from_mapping(value),
    "Options.from_mapping: name": lambda world, value: Options.from_mapping({value: 1}),
    **{
        f"ServerConfig: {one.name}": partial(
            lambda name, world, value: _configured(
                world,
                ServerConfig(
                    **{"name": "x", "host": "h", "username": "u", "secret": "s", name: value}
                ),
            ),
            one.name,
        )
        for one in fields(ServerConfig)
    },
    **{
        f"TLSConfig: {one.name}": partial(
            lambda name, world, value: TLSConfig(**{"cert_file": "x", name: value}), one.name
        )
        for one in fields(TLSConfig)
    },
    "from_url: name": lambda world, value: _configured(
        world, ServerConfig.from_url(value, "ami://u:s@h")
    ),
    "from_url: url": lambda world, value: _configured(world, ServerConfig.from_url("x", value)),
    "from_url: options": lambda world, value: _configured(
        world, ServerConfig.from_url("x", "ami://u:s@h", value)
    ),
    "from_setting: setting": lambda world, value: _configured(
        world, ServerConfig.from_setting("x", value)
    ),
    **{
        f"from_setting: {key}": _server_key(key)
        for key in ("HOST", "PORT", "USERNAME", "SECRET", "TLS", "URL")
    },
    # the test kit
    "FakeAsterisk.on: action": lambda world, value: world.server.on(value).remove(),
    "FakeAsterisk.emit: event": lambda world, value: world.server.emit(value),
    "FakeAsterisk.emit: value": lambda world, value: world.server.emit("X", A=value),
    "FakeAsterisk.emit: headers": lambda world, value: world.server.emit("X", value),
    "FakeAsterisk.emit: privilege": lambda world, value: world.server.emit("X", (), value),
    "FakeAsterisk.assert_action_sent": lambda world, value: world.server.assert_action_sent(value),
    "FakeAsterisk.assert_action_sent: header": lambda world, value: world.server.assert_action_sent(
        "Ping", A=value
    ),
    "FakeAsterisk.wait_for_action: timeout": lambda world, value: world.server.wait_for_action(
        "X", timeout=value
    ),
}


def _changed(action: Action, **attributes: Any) -> Action:
    for name, value in attributes.items():
        setattr(action, name, value)
    return action


def _restored(world: World, use: Callable[[], object]) -> None:
    try:
        use()
        world.check()
    finally:
        world.client.set_interest(frozenset())


@cache
def typed_slots() -> dict[str, Callable[[Any], Action]]:
    """Every argument of every action that has a class."""
    generated = vars(__import__("django_ami.core.actions.generated", fromlist=["x"]))
    classes = {
        name: generated.get(name) or getattr(actions, name)
        for name in (*actions.__all__, *generated["__all__"])
    }
    return {
        f"{name}: {parameter}": partial(_typed, kind, parameter)
        for name, kind in classes.items()
        if isinstance(kind, type) and issubclass(kind, Action) and kind is not Action
        for parameter, one in inspect.signature(kind).parameters.items()
        if one.kind is not one.VAR_KEYWORD
    }


def _typed(kind: type[Action], parameter: str, value: Any) -> Action:
    positional, named = [], {}
    for name, one in inspect.signature(kind).parameters.items():
        if name != parameter and (one.default is not one.empty or one.kind is one.VAR_KEYWORD):
            continue
        given = value if name == parameter else [] if name == "changes" else "1"
        if one.kind is one.KEYWORD_ONLY:
            named[name] = given
        else:
            positional.append(given)
    return kind(*positional, **named)


def use(world: World, slot: str, value: str) -> None:
    """Give one value to one argument.

    AssertionError if that is neither taken nor refused as it should be.
    """
    outcome: Future[Any] = Future()

    def call() -> None:
        try:
            result = SLOTS[slot](world, VALUES[value]())
            if isinstance(result, PendingAction):
                with contextlib.suppress(AmiError):
                    result.result(PATIENCE_SECONDS)
        except REFUSALS:
            outcome.set_result(None)
        except BaseException as error:  # noqa: BLE001  (it is raised in the test)
            outcome.set_exception(error)
        else:
            outcome.set_result(None)

    threading.Thread(target=call, daemon=True).start()
    try:
        outcome.result(PATIENCE_SECONDS)
    except TimeoutError:
        raise AssertionError(f"{slot} with {value}: no end") from None
    except Exception as error:
        raise AssertionError(f"{slot} with {value}: {type(error).__name__}: {error}") from error


# --- the fuzzer's target ---


@cache
def the_world() -> World:
    """That of the fuzzer, for as long as it runs."""
    return World()


def arguments(data: bytes) -> None:
    """Some calls, one behind the other, with any value for any argument."""
    slots, values = list(SLOTS), list(VALUES)
    for at in range(0, len(data) - 2, 3):
        slot = slots[int.from_bytes(data[at : at + 2]) % len(slots)]
        use(the_world(), slot, values[data[at + 2] % len(values)])
    if len(data) > 2:
        the_world().check()
