"""A connection to the broker of a Celery app that confirms what it is given, and never waits on.

Rule: no call takes longer than ``seconds`` for one answer of the broker. Each failure is
an OutletAway with the address of the broker, without its password; the connection is dropped then.
One that RabbitMQ blocks is kept: it has the messages, and takes them when its alarm is over. To
publish them again on another one would double them with every attempt.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final

from amqp.exceptions import ChannelError, NotFound, PreconditionFailed
from kombu import Producer
from kombu.exceptions import KombuError

from django_ami.core.escaping import printable
from django_ami.core.failures import reason
from django_ami.core.redaction import without_secrets
from django_ami.forwarding.outlet import OutletAway

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from celery import Celery
    from kombu import Connection, Queue

    from django_ami.forwarding.celery.wire import Message

__all__ = ["Broker"]

#: The most messages on their way whose confirmations are waited for together.
_MOST_UNCONFIRMED: Final = 200
#: How long a blocked connection is kept: one to a machine that is gone would never say anything.
_BLOCKED_SECONDS: Final = 600.0


class Broker:
    """The broker that ``app`` publishes to; not connected until ``open``."""

    def __init__(self, app: Celery, seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._confirmations: _Confirmations | None = None
        #: RabbitMQ has an alarm, for want of memory or disk, and reads no message. Until when, by
        #: ``time.monotonic``, its connection is kept for that.
        self._blocked_until = 0.0
        #: The messages of a call of ``publish`` that is not through, and how many are confirmed.
        self._given: Sequence[Message] = ()
        self._through = self._on_their_way = 0

    @property
    def is_open(self) -> bool:
        """True between ``open`` and the first call that failed."""
        return self._connection is not None

    def open(self, queues: Iterable[Queue] = ()) -> None:
        """Connect anew, and declare queues; a connection that is blocked stays.

        Raises OutletAway.
        """
        if self._is_blocked:
            return
        self.drop()
        with self._telling():
            self._connection = connection = self._connect()
            with self._bounded():
                channel = connection.channel()
                for queue in queues:
                    queue.bind(channel).declare()
                self._confirmations = _confirmations_of(channel)
                self._producer = Producer(channel)

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish in order; the broker has confirmed all on return. Raises OutletAway.

        Behind an OutletAway, the same messages are to be given again.
        """
        with self._telling():
            if self._given != messages:
                if self._confirmations is not None and self._confirmations.missing:
                    raise ConnectionError("it still has other messages, which it has not confirmed")
                self._given, self._through = messages, 0
            while self._through < len(messages):
                with self._bounded():
                    self._publish_some(messages[self._through :])
            self._given = ()

    def _publish_some(self, messages: Sequence[Message]) -> None:
        confirmations = self._confirmations
        if confirmations is None or not confirmations.missing:
            # The first one alone asks whether a broker behind an outage takes any.
            count = 1 if confirmations is not None and confirmations.is_new else _MOST_UNCONFIRMED
            self._on_their_way = min(count, len(messages))
            for message in messages[:count]:
                self._publish(message)
        self._await_confirmations()
        self._through += self._on_their_way

    def sizes(self, names: Sequence[str]) -> list[int]:
        """How many messages wait in queues. Raises OutletAway."""
        with self._telling():
            connection = self._connected()
            with self._bounded():
                return [_size(connection.default_channel, name) for name in names]

    def close(self, seconds: float) -> None:
        """Say goodbye, for up to that long. Raises nothing."""
        if self._connection is not None:
            with suppress(Exception), self._bounded(seconds):
                self._connection.close()
        self.drop()

    def drop(self) -> None:
        """Let go of the connection without a word. Raises nothing."""
        connection, self._connection = self._connection, None
        self._producer = self._confirmations = None
        self._blocked_until = 0.0
        self._given = ()
        if connection is not None:
            with suppress(Exception):
                connection.collect()

    def _connect(self) -> Connection:
        #: One confirmation for many messages: kombu's own ``confirm_publish`` waits for each.
        connection = self._new_connection(confirm_publish=False)
        if connection.transport.driver_type == "redis":
            connection = self._new_connection(
                socket_timeout=self._seconds, socket_connect_timeout=self._seconds
            )
        elif connection.transport.driver_name == "py-amqp":
            connection = self._new_connection(
                confirm_publish=False, on_blocked=self._on_blocked, on_unblocked=self._on_unblocked
            )
        connection.ensure_connection(
            max_retries=max(1, len(connection.alt)),
            interval_start=0,
            interval_step=0,
            timeout=self._seconds * max(1, len(connection.alt)),
        )
        return connection

    def _new_connection(self, **transport_options: object) -> Connection:
        return self._app.connection_for_write(
            heartbeat=0, connect_timeout=self._seconds, transport_options=transport_options
        )

    def _connected(self) -> Connection:
        if self._connection is None:
            raise ConnectionError("it is not connected")
        return self._connection

    def _bounded(self, seconds: float | None = None) -> Any:
        """While it is open, no read and no write on the socket takes longer than that."""
        socket: Any = getattr(self._connected().connection, "transport", None)
        if not hasattr(socket, "having_timeout"):
            return nullcontext()  # another protocol, whose timeout is an option of its own
        return socket.having_timeout(self._seconds if seconds is None else seconds)

    def _publish(self, message: Message) -> None:
        if self._producer is None:
            raise ConnectionError("it is not connected")
        if self._confirmations is not None:
            self._confirmations.expect()
        self._producer.publish(
            message.body,
            exchange="",
            routing_key=message.queue,
            headers=message.headers,
            serializer="json",
            delivery_mode=2,
            mandatory=self._confirmations is not None,
            expiration=message.expiration,
            **message.properties,
        )

    def _await_confirmations(self) -> None:
        confirmations = self._confirmations
        if confirmations is None:
            return  # the broker has answered to each message
        while confirmations.missing and not confirmations.refused:
            try:
                self._connected().drain_events(timeout=self._seconds)
            except TimeoutError:
                if self._is_blocked:
                    raise OutletAway(
                        f"the broker {self._address()} of Celery: it blocks publishers for want of "
                        "memory or disk; look into its log, and give it more"
                    ) from None
                raise
        if confirmations.refused:
            raise ConnectionError(confirmations.refused)

    @property
    def _is_blocked(self) -> bool:
        return time.monotonic() < self._blocked_until

    def _on_blocked(self, _: str) -> None:
        self._blocked_until = time.monotonic() + _BLOCKED_SECONDS

    def _on_unblocked(self) -> None:
        self._blocked_until = 0.0

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Drop the connection, and tell of it as OutletAway, if anything fails."""
        try:
            yield
        except Exception as error:
            if not isinstance(error, self._errors()):
                raise
            address = self._address()
            self.drop()
            raise OutletAway(
                f"the broker {address} of Celery: {_told(error, self._seconds)}"
            ) from None

    def _errors(self) -> tuple[type[BaseException], ...]:
        connection = self._connection or self._app.connection_for_write()
        return (
            OSError, KombuError, *connection.connection_errors, *connection.channel_errors
        )  # fmt: skip

    def _address(self) -> str:
        connection = self._connection or self._app.connection_for_write()
        return printable(without_secrets(connection.as_uri()))


class _Confirmations:
    """Which messages of a channel RabbitMQ has not confirmed.

    Source: "Consumer Acknowledgements and Publisher Confirms" of its documentation. Messages are
    numbered from 1.
    """

    def __init__(self, channel: Any) -> None:
        self.missing: set[int] = set()
        self.refused = ""
        self._last = 0
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)

    @property
    def is_new(self) -> bool:
        """True until something has been published."""
        return not self._last

    def expect(self) -> None:
        """A message is about to be published."""
        self._last += 1
        self.missing.add(self._last)

    def _on_ack(self, tag: int, multiple: bool) -> None:
        if multiple:
            self.missing = {one for one in self.missing if one > tag}
        else:
            self.missing.discard(tag)

    def _on_nack(self, tag: int, multiple: bool) -> None:  # noqa: ARG002
        self.refused = "it has refused a message (basic.nack); look into its log"

    def _on_return(self, error: Exception, exchange: str, routing_key: str, _: object) -> None:  # noqa: ARG002
        self.refused = f"it has no queue {routing_key!r} any more; it is declared anew"


def _size(channel: Any, name: str) -> int:
    try:
        return int(channel.queue_declare(name, passive=True).message_count)
    except NotFound:
        raise
    except ChannelError:
        return 0  # kombu's own channels, as of Redis, where an empty queue does not exist


def _confirmations_of(channel: Any) -> _Confirmations | None:
    return _Confirmations(channel) if hasattr(channel, "confirm_select") else None


def _told(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError):
        return (
            f"no answer within {seconds:g} s; look whether it hangs, or blocks publishers for want "
            "of memory or disk"
        )
    if isinstance(error, PreconditionFailed):
        return (
            f"a queue is there with other arguments ({reason(error)}); delete it when it is empty, "
            "or choose another 'PREFIX' in the OPTIONS of AMI_FORWARD"
        )
    if isinstance(error, NotFound):
        return f"{reason(error)}; the queue is declared anew"
    return f"{reason(error)}; look whether it runs, and whether broker_url of the app is right"
