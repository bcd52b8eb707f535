"""Can the settings be used?

Every fault of every server is told at once, where reading them ends at the first.

Rule: ``conf`` and the core alone know right from wrong. Each key and each option is given to them
by itself, so that one fault never hides another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (its name in Django)

from django_ami import conf
from django_ami.conf.feed import read_feed
from django_ami.conf.forward import read_forward
from django_ami.core.arguments import did_you_mean
from django_ami.core.config import SERVER_KEYS, Options, ServerConfig, TLSConfig
from django_ami.core.errors import ConfigurationError

__all__ = ["check_function", "check_settings", "has_function"]

_SERVERS: Final = "AMI_SERVERS"
_NEEDED: Final = ("HOST", "USERNAME", "SECRET")
_INSTEAD_OF_URL: Final = ("HOST", "PORT", "USERNAME", "SECRET")
#: Beside these a key is tried by itself.
_GOOD: Final = {"HOST": "localhost", "USERNAME": "somebody", "SECRET": "something"}


def check_settings(**_: Any) -> list[CheckMessage]:
    """django_ami.E001 to E008: the settings cannot be used."""
    return [*_of_all_servers(), *([] if has_function() else _of_servers())]


def check_function(**_: Any) -> list[CheckMessage]:
    """django_ami.W008: the servers that the function of AMI_SERVERS returns cannot be used.

    A warning, since that is data: ``migrate`` and ``test`` ask the databases, too, before the table
    has a row, or is there at all. An error would keep both from running.
    """
    return [
        Warning(one.msg, hint=one.hint, obj=one.obj, id="django_ami.W008") for one in _of_servers()
    ]


def has_function() -> bool:
    """True if AMI_SERVERS is a function, or a path that leads to one."""
    return not _fault(conf.servers_function) and conf.servers_function() is not None


def _of_servers() -> list[Error]:
    """The faults of the servers of the mapping, or of those that the function returns now."""
    try:
        messages = [*_of_each(conf.read_servers())]
    except ConfigurationError as error:
        return [_error("E001", _SERVERS, error.message)]
    if not messages and not [*_of_all_servers()] and (fault := _fault(conf.load)):
        messages = [_error("E001", "AMI settings", str(fault))]
    return messages


def _of_all_servers() -> Iterator[Error]:
    if fault := _fault(conf.read_mapping, "AMI_OPTIONS"):
        yield _error("E001", "AMI_OPTIONS", fault.message)
    else:
        yield from _options_of(conf.read_mapping("AMI_OPTIONS"), "AMI_OPTIONS", "")
    if fault := _fault(conf.custom_events):
        yield _error("E001", "AMI_CUSTOM_EVENTS", fault.message)
    if fault := _fault(conf.read_live):
        yield _error("E001", "AMI_LIVE", fault.message)
    if fault := _fault(read_feed):
        yield _error("E001", "AMI_FEED", fault.message)
    yield from _forward_is_right()
    yield from _dispatch_is_right()


def _forward_is_right() -> Iterator[Error]:
    if fault := _fault(read_forward):
        unknown = "unknown key" in fault.message
        yield _error("E002" if unknown else "E001", "AMI_FORWARD", fault.message)


def _dispatch_is_right() -> Iterator[Error]:
    if fault := _fault(conf.read_mapping, "AMI_DISPATCH"):
        yield _error("E001", "AMI_DISPATCH", fault.message)
        return
    options = conf.read_mapping("AMI_DISPATCH")
    if fault := _fault(conf.folded, options):
        yield _error("E005", "AMI_DISPATCH", fault.message)
        return
    for option, one in options.items():
        fault = _fault(conf.retry_of, {option: one}) or _fault(conf.parallel_of, {option: one})
        if fault is not None:
            known = str(option).lower() in conf.dispatch_options()
            yield _error("E005" if known else "E002", "AMI_DISPATCH", fault.message)


def _of_each(found: Mapping[str, Any]) -> Iterator[Error]:
    if not found:
        yield _error(
            "E001", _SERVERS, "the setting is missing or empty: name one server at least in it."
        )
    readable = {
        name: entry
        for name, entry in found.items()
        if name and isinstance(name, str) and isinstance(entry, Mapping)
    }
    for name, entry in found.items():
        if name not in readable and (fault := _fault(conf.read_server, name, entry)):
            yield _error("E001", _SERVERS, str(fault))
    for name, entry in readable.items():
        for concern in _CONCERNS:
            yield from concern(name, entry)
    if fault := _fault(conf.read_default, [*found]):
        yield _error("E006", "AMI_DEFAULT_SERVER", fault.message)
    if fault := _fault(conf.read_routing, [*found]):
        yield _error("E007", "AMI_ROUTING", fault.message)


def _error(number: str, setting: str, message: str, hint: str | None = None) -> Error:
    return Error(message, hint=hint, obj=setting, id=f"django_ami.{number}")


def _fault(read: Callable[..., object], *arguments: Any) -> ConfigurationError | None:
    try:
        read(*arguments)
    except ConfigurationError as error:
        return error
    return None


# --- the concerns of one server ---


def _keys_are_known(name: str, entry: Mapping[str, Any]) -> Iterator[Error]:
    for key in entry:
        if key not in SERVER_KEYS:
            yield _error(
                "E002",
                _SERVERS,
                f"{name}: unknown key {key!r}: {did_you_mean(str(key), SERVER_KEYS)}",
            )
    for key in _mapping(entry.get("TLS")):
        if key not in TLSConfig.setting_keys():
            meant = did_you_mean(str(key), TLSConfig.setting_keys())
            yield _error("E002", _SERVERS, f"{name}: unknown TLS key {key!r}: {meant}")


def _keys_are_there(name: str, entry: Mapping[str, Any]) -> Iterator[Error]:
    for key in _NEEDED:
        if key not in entry and "URL" not in entry and "BACKEND" not in entry:
            hint = "A server needs HOST, USERNAME and SECRET, or a URL."
            yield _error("E003", _SERVERS, f"{name}: {key!r} is missing.", hint)


def _url_stands_alone(name: str, entry: Mapping[str, Any]) -> Iterator[Error]:
    beside = [repr(key) for key in _INSTEAD_OF_URL if key in entry]
    if "URL" in entry and beside:
        hint = "A URL says it all: remove one or the other."
        yield _error(
            "E004", _SERVERS, f"{name}: 'URL' and {', '.join(beside)} are both given.", hint
        )


def _values_are_right(name: str, entry: Mapping[str, Any]) -> Iterator[Error]:
    if not entry.get("SECRET", "something"):
        hint = "Is the environment variable set that it comes from?"
        yield _error("E008", _SERVERS, f"{name}: 'SECRET' is empty.", hint)
    for part in _parts(entry):
        if fault := _fault(ServerConfig.from_setting, name, part):
            yield _error("E001", _SERVERS, str(fault))


def _parts(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The parts of an entry that can be checked alone: each key.

    But the TLS of a URL together with it.
    """
    known = {key: value for key, value in entry.items() if key in SERVER_KEYS and key != "OPTIONS"}
    if isinstance(known.get("TLS"), Mapping):
        known["TLS"] = {
            key: value for key, value in known["TLS"].items() if key in TLSConfig.setting_keys()
        } or True
    if not known.get("SECRET", "something"):
        del known["SECRET"]
    if "URL" in known:
        yield {key: value for key, value in known.items() if key not in _INSTEAD_OF_URL}
        return
    for key, value in known.items():
        yield {**_GOOD, key: value}


def _options_are_right(name: str, entry: Mapping[str, Any]) -> Iterator[Error]:
    yield from _options_of(entry.get("OPTIONS"), _SERVERS, f"{name}: ")


def _options_of(value: object, setting: str, where: str) -> Iterator[Error]:
    if value and not isinstance(value, Mapping):
        yield _error(
            "E001", setting, f"{where}the options must be a mapping, not {type(value).__name__}."
        )
    for option, one in _mapping(value).items():
        if fault := _fault(Options.from_mapping, {option: one}):
            yield _error(
                "E005" if option in Options.names() else "E002", setting, f"{where}{fault.message}"
            )


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


_CONCERNS: Final = (
    _keys_are_known,
    _keys_are_there,
    _url_stands_alone,
    _values_are_right,
    _options_are_right,
)
