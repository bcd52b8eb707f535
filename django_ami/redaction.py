"""What of a message is a secret: one set of rules for what stands on a terminal and for what is written to a file.

Rule: rather a word too many than a password. But a flag that says whether there is a password is none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MASK", "redacted"]

MASK: Final = "***"

#: In the name of a header, of a variable, of a setting. A secretary is none.
_TELLTALE: Final = (
    r"secret(?!ar)|passw|passcode|passphrase|userpwd|\bpwd\b|_pwd\b|\bpwd_|md5_?cred|credential|token|"
    r"(?:api|access|auth|private)_?key|\bpin\b|_pin\b|\bpin_"
)
_NAME: Final = re.compile(_TELLTALE, re.IGNORECASE | re.ASCII)
#: ``UsingPassword`` of SuccessfulAuth (main/manager_security_events.c), ``HasSecret``: with one of these words.
_FLAG: Final = re.compile(r"(?:using|uses?|has|needs?|requires?|allows?|is)_?", re.IGNORECASE)
_TRUTH: Final = frozenset({"0", "1", "yes", "no", "true", "false", "on", "off"})
#: In a line of a file or of the console, in an argument: ``secret=x``, ``password : x``, ``"secret": "x"``. ``<Set>``
#: stands where the console keeps one to itself.
_TEXT: Final = re.compile(
    rf"""((?:{_TELLTALE})\w{{0,64}}["')]?\s{{0,40}}(?:=>?|:)\s{{0,8}}["']?)(?!<(?:not set|set|none)>)[^\s"',;)&]+""",
    re.IGNORECASE | re.ASCII,
)
#: Who logs in by a URL, or by a header of HTTP or SIP.
_IN_URL: Final = re.compile(r"(://[^\s/@:]{0,200}:)[^\s/@]{1,200}(?=@)")
_AUTHORIZATION: Final = re.compile(
    r"(authorization[\"']?\s{0,8}[=:]\s{0,8}[\"']?(?:\w{1,20}\s{1,8})?)[^\"')]+", re.IGNORECASE | re.ASCII
)

#: Headers of the security events from which a password could be computed (main/manager_security_events.c).
_LOGINS: Final = frozenset({"challengeresponsefailed", "challengesent", "invalidpassword", "successfulauth"})
_OF_LOGINS: Final = frozenset({"challenge", "response", "expectedresponse", "receivedchallenge", "receivedhash"})
#: Whose name is in another header of the message: a variable, a key of the database.
_NAMED_BY: Final = {"value": "variable", "val": "key"}
#: Applications whose argument of this number is a password: apps/app_authenticate.c, app_disa.c, app_meetme.c.
_ARGUMENTS: Final = {"authenticate": 0, "disa": 0, "meetme": 2}


def redacted(headers: Iterable[tuple[str, str]], event: str = "") -> Iterator[tuple[str, str]]:
    """The headers of a message, those of secrets with ``***`` for a value. ``event`` is its name, if it is an event."""
    pairs = list(headers)
    fields = {key.lower(): value for key, value in pairs}
    of_login = event.lower() in _LOGINS
    for key, value in pairs:
        yield key, _value(key.lower(), value, fields, of_login=of_login) if value else value


def _value(key: str, value: str, fields: dict[str, str], *, of_login: bool) -> str:
    if _tells(key, value) or (of_login and key in _OF_LOGINS) or _tells(fields.get(_NAMED_BY.get(key, ""), ""), value):
        return MASK
    at = _ARGUMENTS.get(fields.get("application", "").lower()) if key == "appdata" else None
    return without_secrets(value if at is None else _without_argument(value, at))


def _tells(name: str, value: str) -> bool:
    """True if a header or a variable of this name has a secret."""
    if _NAME.search(name) is None:
        return False
    return not (value.lower() in _TRUTH and _FLAG.match(name))


def _without_argument(value: str, at: int) -> str:
    given = value.split(",")
    return value if len(given) <= at else ",".join([*given[:at], MASK, *given[at + 1 :]])


def without_secrets(text: str) -> str:
    """A text without the values of what it calls a secret."""
    text = _TEXT.sub(rf"\1{MASK}", text)
    if "://" in text:
        text = _IN_URL.sub(rf"\1{MASK}", text)
    return _AUTHORIZATION.sub(rf"\1{MASK}", text)
