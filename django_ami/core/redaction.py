"""Finds secrets in text: the one set of patterns for terminals, logs, errors and recordings.

Rule: rather a word too many than a password. But a flag that says whether there is a password is
none.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MASK", "MASKED", "is_secret_of", "redacted", "without_secrets"]

MASK: Final = "***"
#: The list of what is masked, for people.
MASKED: Final = (
    "passwords, PINs, tokens and keys in what is named like one; passwords in addresses (://, "
    "sip:) and dial strings; Authorization headers, bearer tokens and keys that are known by "
    "their shape; hashes of logins"
)

#: In the name of a header, of a variable, of a setting. A secretary is none, and no bypass.
_TELLTALE: Final = (
    r"secret(?!ar)|passw|passcode|passphrase|userpwd|(?:\b|_|db)pass(?![a-z])|\bpwd\b|_pwd\b|\bpwd_|md5_?cred|"
    r"credential|token|(?:api|access|auth|private|signing)[_-]?key|\bpin\b|_pin\b|\bpin_|\bcookie"
)
_NAME: Final = rf"{_TELLTALE}|authorization"
#: ``UsingPassword`` of SuccessfulAuth (main/manager_security_events.c), ``HasSecret``: with one of
#: these words.
_FLAG: Final = r"(?:using|uses?|has|needs?|requires?|allows?|is)_?"
_TRUTH: Final = frozenset({"0", "1", "yes", "no", "true", "false", "on", "off"})

#: A header of HTTP or SIP. A quoted value ends with its quotes; else a quoted part (``nonce="x"``)
#: does not end it.
_AUTHORIZATION: Final = (
    r"""(authorization\s{0,8}(?:["'])?\s{0,8}[=:]\s{0,8}(?P<open>["'])?(?:\w{1,20}\s{1,8})?)"""
    r"""(?(open)[^"']++|(?:"[^"]*+"|[^"')])++)"""
)
#: In a line of a file or of the console, in an argument: ``secret=x``, ``password : x``,
#: ``"secret": "x"``. ``<Set>`` stands where the console keeps one to itself.
_ASSIGNMENT: Final = (
    rf"""((?:{_TELLTALE})\w{{0,64}}["')]?\s{{0,40}}(?:=>?|:|%3d)\s{{0,8}}(?P<open>["'])?)"""
    r"""(?!<(?:not set|set|none)>|\*\*\*)(?(open)[^"']+|[^\s"',;)&]+)"""
)
#: Each keeps its first group, and the rest becomes the mask.
_PATTERNS: Final = (
    _AUTHORIZATION,
    _ASSIGNMENT,
    r"([?&](?:key|sig|signature|x-amz-signature|auth|code|hash|sid)=)[^\s&#\"',)]+",
    # The password in a URL, a SIP URI, a dial string of chan_sip or chan_iax2.
    r"(://[^\s/@:\"<>]*:)[^\s/\"<>]+(?=@)",
    r"(\bsips?:[^\s:@;?/\"<>]+:)[^\s:@;?/\"<>]+(?=@)",
    r"(\b(?:sip|iax2?)/[^\s:@;,&/]+:)[^\s@;,&/]+(?=@)",
    # Known by their shape: bearer tokens, Basic of base64, Digest, JSON web tokens, keys of
    # well-known services.
    r"(\bbearer\s{1,8})(?=\S{0,40}\d|\S{20})[\w.~+/=-]{6,}",
    r"(\bbasic\s{1,8})(?-i:(?=[A-Za-z0-9+/]{0,40}[a-z0-9][A-Z]))[a-z0-9+/]{8,}={0,2}",
    r"(\bdigest\s{1,8})(?=\w{1,20}=)(?=.{0,1000}\bresponse=).+",
    r"(?-i:()\beyJ[\w-]{8,}\.[\w-]{2,}\.[\w-]*)",
    r"(?-i:()\b(?:sk-|sk_live_|rk_live_|gh[oprsu]_|github_pat_|glpat-|xox[abprs]-|AKIA|AIza|hf_|npm_)[\w-]{16,})",
    r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)(?:(?!-----END)[\s\S])+",
)
#: None of the patterns matches a text without one of these.
_SUSPECT: Final = (
    r"[=:]|%3d|bearer|basic|eyJ|[sr]k[-_]|gh[a-z]{1,4}_|github_|glpat|xox|akia|aiza|hf_|npm_|-----"
)

#: Headers of the security events from which a password could be computed
#: (main/manager_security_events.c).
_LOGINS: Final = frozenset(
    {"challengeresponsefailed", "challengesent", "invalidpassword", "successfulauth"}
)
_OF_LOGINS: Final = frozenset(
    {"challenge", "response", "expectedresponse", "receivedchallenge", "receivedhash"}
)
#: Whose name is in other headers of the message: a variable, a family and key of the database.
_NAMED_BY: Final = {"value": ("variable",), "val": ("family", "key")}
_DATA: Final = frozenset({"data", "appdata"})
#: Applications whose data are variables, as those of a header Variable: ``NAME=z,PASSWORD=x y``. A
#: value may have any sign in it.
_SETS_VARIABLES: Final = frozenset({"set", "mset"})
_VARIABLE: Final = rf"((?:{_TELLTALE}|authorization)[^=,]{{0,64}}=).+"
#: In a command of the console or of AGI: ``database put FAMILY password x``.
_WORDS: Final = rf"((?:{_TELLTALE})\S{{0,64}}\s{{1,40}}).+"
#: Applications whose argument of this number is a password: apps/app_authenticate.c, app_disa.c,
#: app_meetme.c.
_ARGUMENTS: Final = {"authenticate": 0, "disa": 0, "meetme": 2}


#: Actions and headers: the proof of a login, and a configuration file, which holds the secrets of
#: everybody.
_OF_ACTIONS: Final = r"login:key|updateconfig:(?:value|match)-\d+"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern, compiled at its first use.

    To compile all of them takes 4 ms, and a process that never shows a message needs none.
    """
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


@lru_cache(1024)
def is_secret_of(action: str, header: str) -> bool:
    """True if that header of an action has a secret, whatever its value is."""
    return (
        _compiled(_NAME).search(header) is not None
        or _compiled(_OF_ACTIONS).fullmatch(f"{action}:{header}") is not None
    )


def redacted(
    headers: Iterable[tuple[str, str]], event: str = "", *, action: str = ""
) -> Iterator[tuple[str, str]]:
    """The headers of a message, those of secrets with ``***`` for a value.

    ``event`` is its name, if it is an event; ``action``, if it is an action.
    """
    pairs = list(headers)
    fields = {key.lower(): value for key, value in pairs}
    of_login = event.lower() in _LOGINS
    for key, value in pairs:
        if value and action and is_secret_of(action, key):
            yield key, MASK
        else:
            yield key, _value(key.lower(), value, fields, of_login=of_login) if value else value


def _value(key: str, value: str, fields: dict[str, str], *, of_login: bool) -> str:
    names = [key, *(fields.get(one, "") for one in _NAMED_BY.get(key, ()))]
    if any(_tells(name, value) for name in names) or (of_login and key in _OF_LOGINS):
        return MASK
    if value.startswith("//") or key.endswith(("sip", "sips")):
        return without_secrets(f"{key}:{value}")[
            len(key) + 1 :
        ]  # a line of text, whose first colon is that of a URI
    application = fields.get("application", "").lower() if key in _DATA else ""
    if application in _ARGUMENTS:
        value = _without_argument(value, _ARGUMENTS[application])
    elif key == "variable" or application in _SETS_VARIABLES:
        value = _compiled(_VARIABLE).sub(_masked, value)
    elif key == "command":
        value = _compiled(_WORDS).sub(_masked, value)
    return without_secrets(value)


def _tells(name: str, value: str) -> bool:
    """True if a header or a variable of this name has a secret."""
    if _compiled(_NAME).search(name) is None:
        return False
    return not (value.lower() in _TRUTH and _compiled(_FLAG).match(name))


def _without_argument(value: str, at: int) -> str:
    given = value.split(",")
    return value if len(given) <= at else ",".join([*given[:at], MASK, *given[at + 1 :]])


def without_secrets(text: str) -> str:
    """A text without the values of what it calls a secret."""
    if _compiled(_SUSPECT).search(text) is None:
        return text
    for pattern in map(_compiled, _PATTERNS):
        text = pattern.sub(_masked, text)
    return text


def _masked(found: re.Match[str]) -> str:
    return found[1] + MASK
