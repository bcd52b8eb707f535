"""A client whose loop is run by hand, beside its server: no thread disturbs what is counted."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from typing import TYPE_CHECKING, Final

from django_ami.core import Action, Client, Options, ServerConfig
from tests.benchmarks.server import SECRET, USER, Connection

if TYPE_CHECKING:
    from django_ami.core import Event, PendingAction

#: Events, and actions, of one run.
EVENTS: Final = 2_000
ACTIONS: Final = 200
CHUNK_BYTES: Final = 2**16
DEADLINE_SECONDS: Final = 60.0


def read_three(event: Event) -> None:
    _ = event.name, event["Uniqueid"], event["Channel"]


class Ticked:
    """A client whose loop is run by hand, and the server's side of its connection in the same
    thread.
    """

    def __init__(self) -> None:
        self.seen = 0
        self.event_loop = asyncio.new_event_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            # Counting takes long, and a heartbeat that falls due meanwhile waits for an answer: a
            # client that waits for one looks at each message.
            options = Options(
                event_queue_capacity=EVENTS * 10, heartbeat_interval=3600, read_timeout=7200
            )
            config = ServerConfig(
                name="pbx",
                host="127.0.0.1",
                port=port,
                username=USER,
                secret=SECRET,
                options=options,
            )
            self.client = Client([config])
            listener.setblocking(False)
            self.client.connect()
            self.socket = self._accept(listener)
        self.socket.settimeout(DEADLINE_SECONDS)
        self.answers = Connection(self.socket, None)
        self.rest = b""
        self.socket.sendall(b"Asterisk Call Manager/11.0.0\r\n")
        for _ in ("Challenge", "Login", "CoreSettings"):
            self._answer_when_asked()
        while not self.client.server("pbx").ready:
            self.client.tick(DEADLINE_SECONDS)
        self.client.subscribe(None, self._on_event)

    def _accept(self, listener: socket.socket) -> socket.socket:
        while True:
            self.client.tick()
            with contextlib.suppress(BlockingIOError):
                return listener.accept()[0]

    def close(self) -> None:
        self.socket.close()
        self.client.close()
        self.event_loop.close()

    def _on_event(self, event: Event) -> None:
        read_three(event)
        self.seen += 1

    def _answer(self) -> int:
        """Wait for actions, and answer them; says how many there were."""
        *actions, self.rest = (self.rest + self.socket.recv(CHUNK_BYTES)).split(b"\r\n\r\n")
        self.socket.sendall(b"".join(map(self.answers.answer, actions)))
        return len(actions)

    def _answer_when_asked(self) -> None:
        while not select.select([self.socket], [], [], 0)[0]:
            self.client.tick(DEADLINE_SECONDS)
        self._answer()

    # A loop that polls for an answer would count its polls, too: so both wait for it.

    def events(self, data: bytes) -> None:
        """The events of the data arrive, and are delivered."""
        expected = self.seen + EVENTS
        left = memoryview(data)
        while self.seen < expected:
            if left:
                left = left[self.socket.send(left[:CHUNK_BYTES]) :]
            self.client.tick(DEADLINE_SECONDS)

    def actions(self, _: bytes) -> None:
        """Actions are sent, and answered."""
        pending = [self._send(number) for number in range(ACTIONS)]
        self._answer_all()
        while not pending[-1].done():
            self.client.tick(DEADLINE_SECONDS)
        for number, one in enumerate(pending):
            assert one.result()["Variable"] == f"V{number}"

    def coroutines(self, _: bytes) -> None:
        """Each action is sent and awaited by a task of its own."""
        self.event_loop.run_until_complete(self._ask())

    async def _ask(self) -> None:
        async def asked(number: int) -> None:
            assert (await self._send(number))["Variable"] == f"V{number}"

        asking = [asyncio.ensure_future(asked(number)) for number in range(ACTIONS)]
        await asyncio.sleep(0)
        self._answer_all()
        while not asking[-1].done():
            self.client.tick(DEADLINE_SECONDS)
            # The event loop is told, sets what is awaited, and runs the tasks.
            for _ in range(3):
                await asyncio.sleep(0)
        await asyncio.gather(*asking)

    def _send(self, number: int) -> PendingAction:
        return self.client.send(Action("Getvar", Variable=f"V{number}"))

    def _answer_all(self) -> None:
        self.client.tick()
        answered = 0
        while answered < ACTIONS:
            answered += self._answer()
