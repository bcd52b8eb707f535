"""One partition, while this process has its lease: reading, running receivers, acknowledging.

Rule: batches come in the order of the stream. At the beginning, and after every error, those come
first that were read and not acknowledged. A batch is acknowledged when all its receivers are
through, and the events that they cannot take are dead letters.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.escaping import quoted
from django_ami.core.log import get_logger
from django_ami.forwarding.consuming import Consumption, Dead, Delivered
from django_ami.forwarding.envelope import UnreadableBatch, decode, encode
from django_ami.forwarding.redis.burials import Burials, Letter
from django_ami.forwarding.redis.scripts import (
    BEGIN,
    BURY,
    CLAIM,
    MARK,
    RELEASE,
    TAKE,
    UNMARK,
    Call,
    run,
)

if TYPE_CHECKING:
    from django_ami.core.receivers import Receivers
    from django_ami.forwarding.envelope import Envelope
    from django_ami.forwarding.redis.leases import Tenure
    from django_ami.forwarding.redis.options import RedisOptions
    from django_ami.forwarding.redis.scripts import Script

__all__ = ["Partition"]

logger = get_logger(__name__)

_BEGIN: Final = b"0-0"
_REASON_CHARACTERS: Final = 1_000
#: The most ids that one command acknowledges.
_MOST_IDS: Final = 1_000
#: The consumers that have to end while they try an event alone: one may be killed from outside.
_MOST_ENDED: Final = 2


class Partition:
    """Its batches, on one thread. ``client`` and ``burials`` are that thread's.

    Methods raise redis.RedisError.
    """

    def __init__(
        self,
        client: Any,
        tenure: Tenure,
        receivers: Receivers,
        options: RedisOptions,
        burials: Burials | None = None,
    ) -> None:
        self._burials = burials or Burials()
        self.tenure = tenure
        #: How many events all receivers took, failed, and are dead letters.
        self.delivered = self.failed = self.buried = 0
        #: The id of the last batch that was read.
        self.last = _BEGIN
        self._client = client
        self._stream = tenure.stream
        self._options = options
        self._consumption = Consumption(receivers, serves=lambda: tenure.valid)
        #: Where the claiming of batches goes on that nobody acknowledged; None: there are no more.
        self._cursor: bytes | None = _BEGIN
        #: Whether the last command was to claim.
        self._claims = False
        self._is_known = False
        #: The group is missing, and the log says so.
        self._is_gone_told = False
        #: Batches that were read, and whose receivers may not be through.
        self._in_hand: list[bytes] = []
        self._since = 0.0
        self._done: list[bytes] = []
        #: The ends with an event alone that count, and the delivery from which it is tried alone.
        self._most_ended = min(_MOST_ENDED, options.attempts - 1)
        self._alone_from = options.attempts - self._most_ended + 1
        #: The last of the events that were tried alone: this process has not ended with it.
        self._marked = ""

    @property
    def is_idle(self) -> bool:
        """True if nothing that was read is left to be delivered, or acknowledged."""
        return not self._in_hand and not self._done

    @property
    def due_at(self) -> float:
        """When it is to be looked at again, even if nothing comes."""
        return self._consumption.due_at

    # --- reading ---

    def begin(self) -> None:
        """Make the group if there is none, and see how far it is."""
        is_gone = self._ask(BEGIN((self._stream.key, self._stream.tails), self._options.group))
        if is_gone and not self._is_gone_told:
            logger.error(
                "%s: the stream was removed from Redis, or evicted, with all batches that nobody "
                "had read. Let no other program remove its keys, and set the maxmemory-policy "
                "noeviction.", self._stream,
            )  # fmt: skip
        self._is_gone_told = False
        for group in self._client.xinfo_groups(self._stream.key):
            if group["name"] == self._options.group.encode():
                self.last = group["last-delivered-id"]
        self._is_known = True

    def request(self) -> Call:
        """The next command: it acknowledges what is done, and reads more if that is wanted."""
        if not self._is_known:
            self.begin()
        done, options = self._done[:_MOST_IDS], self._options
        keys, first = (self._stream.key, self._stream.lease), (self.tenure.holder, options.group)
        wanted = self.tenure.is_wanted
        self._claims = wanted and self._cursor is not None
        if self._claims:
            return CLAIM(keys, *first, options.read, self._cursor, *done)
        return TAKE(keys, *first, options.read if wanted else 0, *done)

    def accept(self, answer: Any) -> bool:
        """Take the answer to the command, and run receivers. False if there was nothing to do."""
        if isinstance(answer, Exception):
            self._refused(answer)
            return False
        if answer == 0:
            self.lose()
            return False
        del self._done[:_MOST_IDS]
        if not self._claims:
            return self._gather(answer, [1] * len(answer))
        cursor, entries, times = answer
        self._cursor = None if cursor == _BEGIN else cursor
        return self._gather(entries, times)

    def _refused(self, error: Exception) -> None:
        self.restart()
        if "NOGROUP" not in str(error):
            raise error
        self._is_known, self._is_gone_told = False, True
        logger.error(
            "%s: Redis does not know the group %r any more: it was restarted without its data, or "
            "somebody has removed the stream. Reading begins with what is there.",
            self._stream, self._options.group,
        )  # fmt: skip

    def restart(self) -> None:
        """Nothing is known of the last command: batches that were read come again."""
        self._consumption.discard()
        self._count(self._consumption.finish())
        self._in_hand.clear()
        self._cursor = _BEGIN

    def lose(self) -> None:
        """The lease is gone: nothing that is in hand is delivered or acknowledged any more."""
        self.tenure.end()
        self.restart()
        self._done.clear()

    # --- receivers ---

    def _gather(self, entries: list[Any], times: list[int]) -> bool:
        for (entry, fields), count in zip(entries, times, strict=True):
            if not self.tenure.valid or not self._run(entry, fields[1], count):
                self._finish()
                self.restart()  # the others were read, too: they come again, if the lease stays
                return True
            self.last = max(self.last, entry, key=_order)
        self.turn()
        return bool(entries)

    def _run(self, entry: bytes, data: bytes, count: int) -> bool:
        """Run the receivers of one batch. False if some of it is left."""
        try:
            batch = decode(data)
        except UnreadableBatch as error:
            name = f"{self._stream.server}, entry {entry.decode()}"
            if not self._bury([Letter(name, str(error), count, data)]):
                return False
            self._done.append(entry)
            return True
        if self._most_ended and count >= self._alone_from:
            return self._run_one_by_one(entry, batch, count)
        if not self._in_hand:
            self._since = time.monotonic()
        self._in_hand.append(entry)
        complete = self._consumption.gather(batch)
        return complete and (self._consumption.waits or self._finish())

    def _run_one_by_one(self, entry: bytes, batch: list[Envelope], count: int) -> bool:
        """Others have ended with this batch in hand: find the event that ends its consumer."""
        if not self._finish():
            return False
        ended_with, times = _parsed(self._ask(Call(None, ("GET", self._stream.mark))))
        if ended_with == self._marked:
            times -= 1
        for envelope in batch:
            name = str(envelope.id)
            before = times if name == ended_with else 0
            if before >= self._most_ended:
                reason = "the consumer ended while its receivers ran"
                if not self._bury([_letter(Dead(envelope, reason, count))]):
                    return False
                self.failed += 1
                continue
            if not self._mark(MARK, f"{before + 1} {name}"):
                return False
            self._marked = name
            if not (self._consumption.gather([envelope]) and self._finish()):
                self._mark(UNMARK)  # it was left: nobody has ended with it
                return False
        self._done.append(entry)
        self._mark(UNMARK)
        return True

    def _mark(self, script: Script, *mark: str) -> bool:
        """Make or remove the mark of the event that is tried; False without the lease."""
        keys = self._stream.mark, self._stream.lease
        return bool(self._ask(script(keys, self.tenure.holder, *mark)))

    def turn(self) -> None:
        """Give batch receivers what is due; once nothing waits, all that was read is done."""
        self._consumption.give_due()
        if not self._in_hand:
            return
        patience = self._since + self._consumption.longest_seconds
        if (
            not self._consumption.waits
            or not self.tenure.is_wanted
            or time.monotonic() >= patience
            or len(self._in_hand) >= _MOST_IDS
        ):
            self._finish()

    def _finish(self) -> bool:
        """All that was read is through, and is to be acknowledged; False if some of it is left."""
        result = self._consumption.finish()
        self._count(result)
        if not self._bury(list(map(_letter, result.dead))) or result.left:
            self.restart()
            return False
        self._done += self._in_hand
        self._in_hand.clear()
        return True

    def _count(self, result: Delivered) -> None:
        self.delivered += result.delivered
        self.failed += result.failed

    def _bury(self, letters: list[Letter]) -> bool:
        """Keep dead letters; False without the lease."""
        keys = (self._stream.dead, self._stream.lease)
        for one in letters:
            kept, gone = self._ask(
                BURY(keys, self.tenure.holder, self._options.dead, "id", one.id, "reason",
                     one.reason, "tries", one.tries, "at", f"{time.time():.3f}", "data", one.data)
            )  # fmt: skip
            if not kept:
                return False
            self.buried += 1
            self._burials.tell(self._stream, one)
            if gone:
                logger.error(
                    "%s: %d old dead letters are gone, since no more than %d are kept (option "
                    "'dead').", self._stream, gone, self._options.dead,
                )  # fmt: skip
        return True

    def _ask(self, call: Call) -> Any:
        (answer,) = run(self._client, [call])
        if isinstance(answer, Exception):
            raise answer
        return answer

    # --- the end ---

    def give_back(self) -> None:
        """Give the lease back; everything that was read is acknowledged."""
        self._ask(RELEASE((self._stream.lease,), self.tenure.holder))


def _letter(dead: Dead) -> Letter:
    reason = quoted(dead.reason, _REASON_CHARACTERS)
    return Letter(str(dead.envelope.id), reason, dead.tries, encode([dead.envelope]))


def _parsed(mark: bytes | None) -> tuple[str, int]:
    """The event of a mark, and how many consumers tried it alone; of other bytes as well."""
    text = (mark or b"").decode(errors="backslashreplace")
    times, _, name = text.partition(" ")
    return (name, int(times)) if times.isdecimal() else (text, 1)


def _order(entry: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = entry.partition(b"-")
    return int(milliseconds), int(sequence)
