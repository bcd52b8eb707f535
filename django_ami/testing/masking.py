"""Masks the text of a recording: secrets always, and telephone numbers on request.

Rule: a number is replaced by another one of the same length, and by the same one wherever it
occurs, so that what belongs together still does. The replacements are made from a key that is
thrown away.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Final

from django_ami.core.messages import Event
from django_ami.core.redaction import MASK, MASKED, redacted

__all__ = ["Mask"]

#: A telephone number is five digits or more. Other text with so many digits is matched first, and
#: left alone: the ids of bridges and channels (``1795459569.69``), the serial number at the end of
#: a channel's name, addresses in memory and of IP, with a port, the figures of RTPAUDIOQOS
#: (``087.231481``), hexadecimal ids.
_NUMBER: Final = re.compile(
    rb"(?P<other>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b\d{9,}\.\d+|-[0-9a-f]{8}\b|0x[0-9a-f]+|"
    rb"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b|\b\d{3}\.\d{6}\b|\b(?=\d{0,64}[a-f])[0-9a-f]{16,64}\b)|\d{5,}",
    re.IGNORECASE,
)
#: Headers whose long numbers are none of telephones.
_NO_NUMBERS: Final = re.compile(
    rb"^(?:event|privilege)$|time|date|tv$|unique|linked|session|port$|address|uptime|reload|seconds|duration|version|"
    rb"^actionid$|^commandid$|regexpire|sentrtp|pid$|^last(?:call|pause)$|ssrc|packet|jitter|octet|lost|report|sequence|ntp",
    re.IGNORECASE,
)


class Mask:
    """Masks the events of one recording."""

    def __init__(self, *, numbers: bool = False) -> None:
        self.numbers = numbers
        self._key = secrets.token_bytes(32)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Its rules, for the head of a file."""
        numbers = (
            ("replaced by others of the same length: numbers of five digits or more",)
            if self.numbers
            else ()
        )
        return (f"masked as {MASK}: {MASKED}", *numbers)

    def __call__(self, event: Event) -> Event:
        """The event without what is nobody's business; its bytes otherwise as they were."""
        lines = event.raw.split(b"\r\n")
        # Latin-1 keeps every byte as it is.
        headers = [
            (key.decode("latin-1"), value.decode("latin-1"))
            for key, _, value in map(_parted, lines)
        ]
        safe = (value.encode("latin-1") for _, value in redacted(headers, event.name))
        masked = [self._line(line, value) for line, value in zip(lines, safe, strict=True)]
        return Event(event.name, b"\r\n".join(masked), server=event.server)

    def _line(self, line: bytes, value: bytes) -> bytes:
        key, colon, before = _parted(line)
        if self.numbers and before and not _NO_NUMBERS.search(key):
            value = (
                MASK.encode() if key.lower() == b"digit" else _NUMBER.sub(self._replacement, value)
            )
            key = _NUMBER.sub(self._replacement, key)  # ChanVariable(PJSIP/+4930123456-00000001)
        return key + colon + value

    def _replacement(self, found: re.Match[bytes]) -> bytes:
        if found["other"]:
            return found[0]
        digest = hmac.digest(self._key, found[0], "sha256")
        # Longer than the digest is no telephone number, but it shall not be told either.
        return bytes(48 + digest[position % len(digest)] % 10 for position in range(len(found[0])))


def _parted(line: bytes) -> tuple[bytes, bytes, bytes]:
    """The key, the text behind it, and the value.

    The key is the whole line, if that is no header as Asterisk writes them.
    """
    key, colon, value = line.partition(b": ")
    return (key, colon, value) if colon else (b"", b"", line)
