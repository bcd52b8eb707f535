"""The setting ``AMI_PERMISSIONS``: the grants, read and checked. The only reader of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.core.signals import setting_changed

from django_ami.conf.reading import as_mapping, as_pattern, check_names, read_mapping, wrong
from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.catalog import ACTIONS
from django_ami.core.errors import ConfigurationError
from django_ami.operations.permissions.risks import DANGERS, NO_CLASS, Risk

__all__ = [
    "CALLS_PER_MINUTE",
    "DEVICES",
    "NUMBERS",
    "Grant",
    "Permissions",
    "are_set",
    "load",
    "open_patterns",
]

_SETTING: Final = "the setting AMI_PERMISSIONS"
#: The numbers that may be dialled if a grant does not say so: extensions, which cost nothing.
NUMBERS: Final = re.compile(r"[0-9]{2,6}", re.ASCII)
#: The channels that may be rung: one device, and no number through it.
DEVICES: Final = re.compile(r"(?:PJSIP|SIP|IAX2|SCCP)/[A-Za-z0-9_-]+", re.ASCII)
CALLS_PER_MINUTE: Final = 10
_MOST_CALLS_PER_MINUTE: Final = 1000
#: No pattern that means something matches all of these.
_ODD: Final = ("x", "00900123456", "core stop now", "Local/1@other", "=/;!")
_CLASSES: Final = frozenset(
    {one for info in ACTIONS.values() for one in info.privileges} | {NO_CLASS, Risk.LOOKING.value}
)

#: By header, in lower case: the pattern of its values.
Patterns = Mapping[str, re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class Grant:
    """The actions that somebody may send. An action must be allowed by one grant as a whole."""

    #: By the name in lower case: the patterns of its headers.
    actions: Mapping[str, Patterns] = field(default_factory=dict)
    classes: frozenset[str] = frozenset()
    #: The contexts of the dialplan into which calls may be sent.
    contexts: frozenset[str] = frozenset()
    #: The numbers that may be dialled there.
    numbers: re.Pattern[str] = NUMBERS
    #: The channels that may be rung, and become members of queues.
    devices: re.Pattern[str] = DEVICES
    #: How many calls one user may place in a minute.
    calls_per_minute: int = CALLS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Permissions:
    """The setting as a whole."""

    groups: Mapping[str, Grant] = field(default_factory=dict)
    users: Mapping[str, Grant] = field(default_factory=dict)
    #: Of every user who is logged in.
    everybody: Grant | None = None
    #: Whether superusers may send everything.
    superusers: bool = True


def are_set() -> bool:
    """Whether the project has the setting, be it empty."""
    return getattr(settings, "AMI_PERMISSIONS", None) is not None


@cache
def load() -> Permissions:
    """Read ``AMI_PERMISSIONS``. Raises ConfigurationError: one line with the key and the cure."""
    given = read_mapping("AMI_PERMISSIONS")
    _check_keys("", given, ("groups", "users", "everybody", "superusers"))
    superusers = given.get("superusers", True)
    if not isinstance(superusers, bool):
        raise wrong(f"{_SETTING}: superusers", "True or False", superusers)
    everybody = given.get("everybody")
    return Permissions(
        groups=_grants("groups", given.get("groups", {})),
        users=_grants("users", given.get("users", {})),
        everybody=None if everybody is None else _grant("everybody", everybody),
        superusers=superusers,
    )


def _grants(where: str, given: object) -> Mapping[str, Grant]:
    return {
        _name(f"{_SETTING}: {where}", name): _grant(f"{where}[{name!r}]", one)
        for name, one in as_mapping(f"{_SETTING}: {where}", given).items()
    }


def _grant(where: str, value: object) -> Grant:
    given = as_mapping(f"{_SETTING}: {where}", value)
    _check_keys(where, given, _READERS)
    return Grant(
        **{key: _READERS[key](f"{_SETTING}: {where} {key}", one) for key, one in given.items()}
    )


def _check_keys(where: str, given: Mapping[str, Any], known: Collection[str]) -> None:
    check_names(f"{_SETTING}: unknown key{f' in {where}:' if where else ''}", given, known)


def _name(where: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise wrong(where, "made of names", value)
    return value


def _names(where: str, value: object) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise wrong(where, "a list of names", value)
    return [_name(where, one) for one in value]


def _actions(where: str, value: object) -> Mapping[str, Patterns]:
    """The names of actions, or a mapping of them to the patterns of their headers."""
    given = value if isinstance(value, Mapping) else dict.fromkeys(_names(where, value))
    found: dict[str, Patterns] = {}
    for name, patterns in given.items():
        info = ACTIONS.get(_name(where, name))
        if info is None:
            hint = did_you_mean(name, ACTIONS)
            raise ConfigurationError(f"{where}: Asterisk has no action {shown(name)}; {hint}")
        own = as_mapping(f"{where} {name}", {} if patterns is None else patterns)
        known = {parameter.name.lower(): parameter.name for parameter in info.parameters}
        for header in own:
            if _name(f"{where} {name}", header).lower() not in known:
                hint = did_you_mean(header, known.values())
                raise ConfigurationError(
                    f"{where}: {info.name} has no header {shown(header)}; {hint}"
                )
        found[info.name.lower()] = {
            header.lower(): as_pattern(f"{where} {name} {header}", one)
            for header, one in own.items()
        }
    return found


def _classes(where: str, value: object) -> frozenset[str]:
    names = _names(where, value)
    check_names(f"{where}: unknown class", names, _CLASSES)
    return frozenset(names)


def _contexts(where: str, value: object) -> frozenset[str]:
    return frozenset(_names(where, value))


def _calls(where: str, value: object) -> int:
    wanted = f"a whole number from 0 to {_MOST_CALLS_PER_MINUTE}"
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(where, wanted, value)
    if not 0 <= value <= _MOST_CALLS_PER_MINUTE:
        raise wrong(where, wanted, value)
    return value


_READERS: Final[Mapping[str, Any]] = {
    "actions": _actions,
    "classes": _classes,
    "contexts": _contexts,
    "numbers": as_pattern,
    "devices": as_pattern,
    "calls_per_minute": _calls,
}


def open_patterns(grant: Grant) -> Iterator[tuple[str, str]]:
    """The patterns that allow every text where that is dangerous, each with the reason."""
    for name, why in (("numbers", "calls cost money"), ("devices", "a trunk is a device, too")):
        pattern: re.Pattern[str] = getattr(grant, name)
        if all(pattern.fullmatch(text) for text in _ODD):
            yield name, why
    for action, patterns in grant.actions.items():
        for header, pattern in patterns.items():
            if action in DANGERS and all(pattern.fullmatch(text) for text in _ODD):
                yield f"{header} of {action}", DANGERS[action]


def _on_setting_changed(*, setting: str, **_: object) -> None:
    """A test has other settings."""
    if setting == "AMI_PERMISSIONS":
        load.cache_clear()


setting_changed.connect(_on_setting_changed)
