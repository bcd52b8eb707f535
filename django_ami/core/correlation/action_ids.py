"""ActionIDs: making them, and finding our own in what a server writes."""

from __future__ import annotations

import os
import re
from hashlib import shake_128
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.messages import Response

__all__ = ["ACTION_ID", "ActionIds", "OwnIds"]

ACTION_ID: Final = b"\r\nActionID: "
#: Digits of an ActionID behind its prefix, four bits each.
_DIGITS: Final = 16
#: How many are drawn at a time: so the hash is made once for all of them.
_DRAWN_IDS: Final = 256


class ActionIds:
    """ActionIDs that no other client has, and that cannot be guessed from earlier ones.

    Each is the ``prefix``, 64 random bits that are those of this client, and 64 random bits of its
    own. OriginateResponse and UserEvent are broadcast with the ActionID of the client that asked.
    So the IDs must be unique among *all* clients of a server; and everybody knows the prefix, which
    event filters need, and earlier IDs.

    An ID has at most 64 bytes of ``[A-Za-z0-9_.:-]``, because several list actions echo it from
    small buffers (action_confbridgelist in apps/app_confbridge.c).
    """

    def __init__(self) -> None:
        self.prefix = f"{os.urandom(8).hex()}-"
        self._key = os.urandom(32)
        self._draws = count()
        self._drawn: Iterator[str] = iter(())

    def __call__(self) -> str:
        """The next one; safe from any thread."""
        return self.prefix + (next(self._drawn, "") or self._draw())

    def _draw(self) -> str:
        """The digits of one of some that are new: a hash of the key and of a counter.

        ``os.urandom`` would give the interpreter to another thread each time, which would then send
        the few actions that there are, and not many in one write.
        """
        seed = self._key + next(self._draws).to_bytes(8)
        drawn_bytes = shake_128(seed).digest(_DRAWN_IDS * _DIGITS // 2)
        drawn = iter(drawn_bytes.hex("-", _DIGITS // 2).split("-"))
        mine = next(drawn)
        self._drawn = drawn
        return mine


class OwnIds:
    """Finds the ActionIDs of one client, which begin with its ``prefix``.

    A text that holds one of them has ``mark`` inside. ``search`` is that of the regular expression
    whose group 1 is one of ours: a shorter one was cut by a buffer of the server, and a longer one
    is another client's.
    """

    def __init__(self, prefix: str) -> None:
        self.mark = ACTION_ID + prefix.encode()
        own = re.escape(prefix).encode() + rb"[0-9A-Za-z]{%d}" % _DIGITS
        self.search = re.compile(rb"\r\nActionID: (" + own + rb")(?=\r\n|\Z)").search

    def find(self, raw: bytes) -> str:
        """The first ActionID that is one of ours; empty if there is none."""
        found = self.search(raw)
        return "" if found is None else found[1].decode()

    def of(self, response: Response) -> str:
        """The ActionID of ours that a response has; empty if there is none.

        Also one whose key is in other letters, or that has no blank before it.
        """
        return self.find(response.raw) or self.find(
            ACTION_ID + response.get("ActionID", "").encode()
        )
