"""What a recording does not tell: secrets never, and telephone numbers if that is asked for.

Rule: a number is replaced by another one of the same length, and by the same one wherever it occurs, so that what
belongs together still does. The replacements are made from a key that is thrown away.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Final

from django_ami.core.messages import Event

__all__ = ["Mask"]

MASK: Final = b"***"

_SECRET: Final = rb"secret|passw|passcode|md5_?cred|token|\bpin\b|_pin\b|\bpin_|api_?key"
_SECRET_KEY: Final = re.compile(_SECRET, re.IGNORECASE)
#: In the arguments of an application, a line of configuration, a variable: ``SECRET=x``, ``"password": "x"``.
_SECRET_TEXT: Final = re.compile(
    rb"""((?:%b)\w{0,64}["']?\s{0,8}[=:]\s{0,8}["']?)[^\s"',;)&]+""" % _SECRET, re.IGNORECASE
)
#: Headers of the security events from which a password could be computed (main/manager_security_events.c).
_OF_LOGINS: Final = frozenset({b"challenge", b"response", b"expectedresponse", b"receivedchallenge", b"receivedhash"})
_LOGINS: Final = frozenset({"challengeresponsefailed", "challengesent", "invalidpassword", "successfulauth"})
#: Applications whose arguments are a password.
_ASK_FOR_PASSWORDS: Final = (b"authenticate", b"vmauthenticate", b"disa", b"voicemailmain")

#: A telephone number is five digits or more. What else has so many is matched first, and left alone: the ids of bridges
#: and channels (``1795459569.69``), the serial number at the end of a channel's name, addresses in memory.
_NUMBER: Final = re.compile(
    rb"(?P<other>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b\d{9,}\.\d+|-[0-9a-f]{8}\b|0x[0-9a-f]+)|\d{5,}",
    re.IGNORECASE,
)
#: Headers whose long numbers are none of telephones.
_NO_NUMBERS: Final = re.compile(
    rb"^(?:event|privilege)$|time|date|tv$|unique|linked|session|port$|address|uptime|reload|seconds|duration|version|"
    rb"pid$|^last(?:call|pause)$|ssrc|packet|jitter|octet|lost|report|sequence|ntp",
    re.IGNORECASE,
)


class Mask:
    """Masks the events of one recording."""

    def __init__(self, *, numbers: bool = False) -> None:
        self.numbers = numbers
        self._key = secrets.token_bytes(32)

    def __call__(self, event: Event) -> Event:
        """The event without what is nobody's business; its bytes otherwise as they were."""
        lines = event.raw.split(b"\r\n")
        fields = {key.lower(): value for key, _, value in (line.partition(b": ") for line in lines)}
        masked = [self._line(line, event.name.lower(), fields) for line in lines]
        return Event(event.name, b"\r\n".join(masked), server=event.server)

    def _line(self, line: bytes, event: str, fields: dict[bytes, bytes]) -> bytes:
        key, colon, value = line.partition(b": ")
        if not value:
            return line
        if _is_secret(key.lower(), event, fields):
            return key + colon + MASK
        value = _SECRET_TEXT.sub(rb"\1" + MASK, value)
        if self.numbers and not _NO_NUMBERS.search(key):
            value = MASK if key.lower() == b"digit" else _NUMBER.sub(self._replacement, value)
            key = _NUMBER.sub(self._replacement, key)  # ChanVariable(PJSIP/+4930123456-00000001)
        return key + colon + value

    def _replacement(self, found: re.Match[bytes]) -> bytes:
        if found["other"]:
            return found[0]
        digest = hmac.digest(self._key, found[0], "sha256")
        # Longer than the digest is no telephone number, but it shall not be told either.
        return bytes(48 + digest[position % len(digest)] % 10 for position in range(len(found[0])))


def _is_secret(key: bytes, event: str, fields: dict[bytes, bytes]) -> bool:
    if _SECRET_KEY.search(key) or (event in _LOGINS and key in _OF_LOGINS):
        return True
    if event == "varset" and key == b"value":
        return _SECRET_KEY.search(fields.get(b"variable", b"")) is not None
    if key == b"appdata":
        return fields.get(b"application", b"").lower() in _ASK_FOR_PASSWORDS
    return False
