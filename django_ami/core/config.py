"""What a server is and how the client treats it: frozen, checked when made, and never showing the secret.

Rule: a wrong value is refused here, in one line that names the server, the key and the cure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from django_ami.core.errors import ConfigurationError

__all__ = ["EVENT_CLASSES", "SERVER_KEYS", "Options", "ServerConfig", "TLSConfig", "did_you_mean", "event_mask"]

DEFAULT_PORT = 5038
DEFAULT_TLS_PORT = 5039

#: The keys of an entry of ``AMI_SERVERS``.
SERVER_KEYS = ("HOST", "PORT", "USERNAME", "SECRET", "TLS", "URL", "OPTIONS", "BACKEND")

#: The oldest TLS that is spoken, as the TLS key ``MINIMUM_VERSION`` names it.
TLS_VERSIONS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")

#: A line of the login has 1,022 bytes (get_input in main/manager.c).
_LONGEST: Final = 1000

#: More names than a message can hold.
_MANY: Final = 50

#: The classes of events that a mask may name (perms in main/manager.c). An unknown one is no error to the server: it
#: means that nothing comes, so it has to be refused here.
EVENT_CLASSES = (
    "system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf", "reporting", "cdr", "dialplan",
    "originate", "agi", "cc", "aoc", "test", "security", "message",
)  # fmt: skip


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown word: a near one, else all that are known, unless they are many."""
    known = list(known)
    near = get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    for name in known:
        if near and name.lower() == near[0]:
            return f"did you mean {name!r}?"
    if len(known) > _MANY:
        return "nor is there one with a similar name."
    return f"known are {', '.join(map(repr, sorted(known)))}."


def event_mask(classes: str | Iterable[str]) -> str:
    """Normalise a mask of events: ``"on"`` (all), ``"off"``, or class names joined by commas without blanks.

    Raises ConfigurationError for a name that is no class. The server's grammar (ast_instring in main/manager.c)
    neither trims blanks nor refuses unknown names; both would silently switch events off.
    """
    given: Any = classes.split(",") if isinstance(classes, str) else classes
    names = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(name, str) for name in names):
        raise ConfigurationError(f"the mask of events must be 'on', 'off' or names of classes, not {classes!r}.")
    names = [name.strip().lower() for name in names]
    if names in (["on"], ["all"]):
        return "on"
    if names in (["off"], ["none"], []):
        return "off"
    for name in names:
        if name not in EVENT_CLASSES:
            raise ConfigurationError(f"{name!r} is no class of events: {did_you_mean(name, EVENT_CLASSES)}")
    return ",".join(dict.fromkeys(names))


class _Range(NamedTuple):
    """What an option may be."""

    least: float
    most: float
    unit: str
    whole: bool


def _seconds(default: float, least: float = 0.01, most: float = 86_400) -> Any:
    return field(default=default, metadata={"range": _Range(least, most, "seconds", whole=False)})


def _count(default: int, least: int = 1, most: int = 2**40, unit: str = "") -> Any:
    return field(default=default, metadata={"range": _Range(least, most, unit, whole=True)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the client treats a server. Times are in seconds, sizes in bytes.

    =========================== ==================================================================================
    ``auth_type``               ``md5`` (the secret is not on the wire) or ``plain``
    ``events``                  which events a listener asks for: ``on``, or class names with commas
    ``connect_timeout``         from the start of an attempt to the accepted login
    ``boot_timeout``            how long a server that is still starting may take to say FullyBooted
    ``boot_grace``              how long to wait for FullyBooted from an account that may not see it (no ``system``)
    ``heartbeat_interval``      Ping when nothing was answered for so long
    ``read_timeout``            a server that is silent, or answers no Ping, for so long is lost
    ``frame_timeout``           a message that grows for so long and has no end is a fault; an answer has until the
                                deadline of its action, and ``read_timeout`` more
    ``action_timeout``          within which an action must be answered, if it has no time of its own
    ``reconnect_initial``       the first retry comes within this; each further one within the double
    ``reconnect_max``           and never later than this
    ``stable_after``            a connection that was ready for so long starts the retries anew
    ``circuit_threshold``       after so many failures in a row, actions fail at once instead of waiting for a retry
    ``idle_timeout``            a caller without actions for so long logs off; 0 never
    ``max_pending_actions``     unanswered actions at a time: a bound against a server that answers nothing
    ``write_buffer_limit``      bytes waiting to be written: a bound against a server that reads nothing
    ``event_queue_capacity``    events waiting for receivers, per server
    ``overload_policy``         which events go when they are too many: ``drop_oldest`` or ``drop_newest``
    ``important_events``        names of events that go last
    ``slow_receiver_threshold`` a receiver that takes so long is named in the log
    ``max_frame_size``          the largest message; a CLI command's whole output is one
    ``max_list_items``          the longest list of one action
    =========================== ==================================================================================
    """

    auth_type: str = "md5"
    events: str = "on"
    connect_timeout: float = _seconds(10.0)
    boot_timeout: float = _seconds(60.0)
    boot_grace: float = _seconds(1.0, least=0)
    heartbeat_interval: float = _seconds(15.0)
    read_timeout: float = _seconds(30.0)
    frame_timeout: float = _seconds(5.0)
    action_timeout: float = _seconds(30.0)
    reconnect_initial: float = _seconds(1.0)
    reconnect_max: float = _seconds(30.0)
    stable_after: float = _seconds(10.0, least=0)
    circuit_threshold: int = _count(5)
    idle_timeout: float = _seconds(300.0, least=0)
    max_pending_actions: int = _count(5_000)
    write_buffer_limit: int = _count(5 * 2**20, least=4096, unit="bytes")
    event_queue_capacity: int = _count(10_000, unit="events")
    overload_policy: str = "drop_oldest"
    important_events: tuple[str, ...] = (
        "Hangup",
        "Cdr",
        "AgentComplete",
        "OriginateResponse",
        "QueueCallerAbandon",
    )
    slow_receiver_threshold: float = _seconds(1.0)
    max_frame_size: int = _count(4 * 2**20, least=4096, unit="bytes")
    max_list_items: int = _count(200_000)

    def __post_init__(self) -> None:
        for item in fields(self):
            if bounds := item.metadata.get("range"):
                _check_number(item.name, getattr(self, item.name), bounds)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                first, second = choices
                raise ConfigurationError(
                    f"option {name!r} must be {first!r} or {second!r}, not {getattr(self, name)!r}."
                )
        object.__setattr__(self, "important_events", _names(self.important_events))
        object.__setattr__(self, "events", event_mask(self.events))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all options."""
        return tuple(item.name for item in fields(cls))

    @classmethod
    def from_mapping(cls, *mappings: Mapping[str, Any]) -> Options:
        """Options from mappings, a later one over an earlier one, key by key. Raises ConfigurationError."""
        merged: dict[str, Any] = {}
        for mapping in mappings:
            for name, value in mapping.items():
                if name not in cls.names():
                    raise ConfigurationError(f"unknown option {name!r}: {did_you_mean(str(name), cls.names())}")
                merged[name] = value
        return cls(**merged)


_CHOICES: Final = {"auth_type": ("md5", "plain"), "overload_policy": ("drop_oldest", "drop_newest")}


def _names(value: Any) -> tuple[str, ...]:
    names: list[Any] = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [None]
    if not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(f"option 'important_events' must be a list of names of events, not {value!r}.")
    return tuple(names)


def _check_number(name: str, value: object, bounds: _Range) -> None:
    kind = "a whole number" if bounds.whole else "a number"
    unit = f" of {bounds.unit}" if bounds.unit else ""
    allowed = int if bounds.whole else int | float
    if isinstance(value, bool) or not isinstance(value, allowed):
        raise ConfigurationError(f"option {name!r} must be {kind}{unit}, not {value!r}.")
    if not bounds.least <= value <= bounds.most:
        span = f"from {bounds.least:g} to {bounds.most:g} {bounds.unit}".rstrip()
        raise ConfigurationError(f"option {name!r} must be {span}, not {value!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSConfig:
    """How a server proves who it is. Verified against the system's authorities unless something else is said.

    ``ca_file`` a PEM file of authorities to trust instead; ``server_hostname`` the name in the certificate if it is not
    the host; ``cert_file``/``key_file`` a certificate of our own; ``fingerprint`` the SHA-256 of the very certificate,
    in hexadecimal or as openssl prints it, which alone then decides (for self-signed ones); ``verify`` False accepts
    any certificate; ``minimum_version`` the oldest TLS to speak, of ``TLS_VERSIONS`` (None: TLSv1.2, or later where the
    system says so). "TLSv1" and "TLSv1.1" also allow the ciphers and keys of their time.
    """

    ca_file: str | None = None
    server_hostname: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    fingerprint: str | None = None
    verify: bool = True
    minimum_version: str | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "verify":
                if not isinstance(value, bool):
                    raise ConfigurationError(f"TLS key 'VERIFY' must be True or False, not {value!r}.")
            elif item.name == "minimum_version":
                if value not in (None, *TLS_VERSIONS):
                    known = ", ".join(map(repr, TLS_VERSIONS))
                    raise ConfigurationError(f"TLS key 'MINIMUM_VERSION' must be one of {known}, not {value!r}.")
            elif value is not None and (not isinstance(value, str) or not value):
                raise ConfigurationError(
                    f"TLS key {item.name.upper()!r} must be a text that is not empty, not {value!r}."
                )
        if self.key_file and not self.cert_file:
            raise ConfigurationError("TLS key 'KEY_FILE' needs 'CERT_FILE' beside it.")
        if self.fingerprint is not None:
            # openssl prints "sha256 Fingerprint=AA:BB:…", older ones "SHA256 Fingerprint=".
            digits = "".join(self.fingerprint.lower().replace(":", "").split()).removeprefix("sha256fingerprint=")
            if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
                raise ConfigurationError(
                    "TLS key 'FINGERPRINT' must be a SHA-256 in hexadecimal (64 digits), or the line printed by "
                    "'openssl x509 -noout -fingerprint -sha256 -in CERT'."
                )
            object.__setattr__(self, "fingerprint", digits)

    @classmethod
    def from_setting(cls, value: object) -> TLSConfig | None:
        """The setting ``TLS``: absent or False is plain TCP, True verified TLS, a mapping says how."""
        if value is None or value is False:
            return None
        if value is True:
            return cls()
        if not isinstance(value, Mapping):
            raise ConfigurationError(f"'TLS' must be True, False or a mapping, not {type(value).__name__}.")
        for key in value:
            if key not in cls.setting_keys():
                raise ConfigurationError(f"unknown TLS key {key!r}: {did_you_mean(str(key), cls.setting_keys())}")
        arguments: dict[str, Any] = {
            key.lower(): str(item) if hasattr(item, "__fspath__") else item for key, item in value.items()
        }
        return cls(**arguments)

    @classmethod
    def setting_keys(cls) -> tuple[str, ...]:
        """The keys of the setting ``TLS``."""
        return tuple(item.name.upper() for item in fields(cls))


class Secret(str):
    """A text that shows itself to nobody by accident: not in a repr, a traceback with locals, nor in ``asdict``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"

    def __deepcopy__(self, memo: object) -> str:
        return "***"  # dataclasses.asdict copies so, and what it makes is for JSON and logs


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """One server: where it is, who we are there, and how it is treated."""

    name: str
    host: str
    port: int = DEFAULT_PORT
    username: str
    secret: str = field(repr=False)
    tls: TLSConfig | None = None
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        for key in ("name", "host", "username", "secret"):
            value = getattr(self, key)
            if not isinstance(value, str) or not value:
                shown = "" if key == "secret" else f", not {value!r}"
                raise self._error(f"{key.upper()!r} must be a text that is not empty{shown}.")
            if key != "name" and not (value.isprintable() and value == value.strip()):
                # The server keeps trailing blanks of a secret and drops leading ones: neither is ever meant.
                raise self._error(f"{key.upper()!r} has a control character, or a blank at an end: remove it.")
            if key in ("username", "secret") and len(value.encode()) > _LONGEST:
                raise self._error(f"{key.upper()!r} is longer than {_LONGEST} bytes: the server would cut it.")
        if isinstance(self.port, bool) or not isinstance(self.port, int) or not 1 <= self.port <= 65535:
            raise self._error(f"'PORT' must be a whole number from 1 to 65535, not {self.port!r}.")
        object.__setattr__(self, "secret", Secret(self.secret))

    def __deepcopy__(self, memo: object) -> ServerConfig:
        return self  # nothing in it can change

    def _error(self, message: str) -> ConfigurationError:
        return ConfigurationError(message, server=self.name if isinstance(self.name, str) else None)

    @property
    def address(self) -> str:
        """``host:port``, an IPv6 host in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @classmethod
    def from_url(cls, name: str, url: str, options: Options | None = None) -> ServerConfig:
        """A server from ``ami://user:secret@host:port``, or ``amis://…`` for TLS.

        User and secret may be percent-encoded. The port is 5038, with TLS 5039, unless given. A query gives the TLS
        keys in lower case (``?ca_file=…``, ``?server_hostname=…``, ``?fingerprint=…``, ``?verify=false``). Raises
        ConfigurationError, which never shows the URL: the secret is in it.
        """
        made = _read(cls, name, {"URL": url}, options)
        del url
        return _raise_or_return(made)

    @classmethod
    def from_setting(cls, name: str, setting: Mapping[str, Any], options: Options | None = None) -> ServerConfig:
        """A server from one entry of the setting ``AMI_SERVERS``; its OPTIONS and BACKEND are not read here."""
        made = _read(cls, name, setting, options)
        del setting
        return _raise_or_return(made)


# An error is carried out of here as a value, and raised where no local variable has the secret: a traceback may be
# shown with its locals, by Django's debug page or by whoever collects errors.


def _read(
    cls: type[ServerConfig], name: str, setting: Mapping[str, Any], options: Options | None
) -> ServerConfig | ConfigurationError:
    try:
        if not isinstance(setting, Mapping):
            raise ConfigurationError(f"its setting must be a mapping, not {type(setting).__name__}.")
        for key in setting:
            if key not in SERVER_KEYS:
                raise ConfigurationError(f"unknown key {key!r}: {did_you_mean(str(key), SERVER_KEYS)}")
        arguments = _from_url(setting) if "URL" in setting else _from_keys(setting)
        return cls(name=name, options=options or Options(), **arguments)
    except ConfigurationError as error:
        return ConfigurationError(error.message, server=name if isinstance(name, str) else None)


def _raise_or_return(made: ServerConfig | ConfigurationError) -> ServerConfig:
    if isinstance(made, ConfigurationError):
        raise made
    return made


def _from_keys(setting: Mapping[str, Any]) -> dict[str, Any]:
    for key in ("HOST", "USERNAME", "SECRET"):
        if key not in setting:
            raise ConfigurationError(f"{key!r} is missing: a server needs HOST, USERNAME and SECRET, or a URL.")
    tls = TLSConfig.from_setting(setting.get("TLS"))
    port = setting.get("PORT", DEFAULT_TLS_PORT if tls else DEFAULT_PORT)
    return {
        "host": setting["HOST"],
        "port": int(port) if isinstance(port, str) and port.isdecimal() else port,
        "username": setting["USERNAME"],
        "secret": setting["SECRET"],
        "tls": tls,
    }


def _from_url(setting: Mapping[str, Any]) -> dict[str, Any]:
    from urllib.parse import parse_qsl, unquote, urlsplit

    for key in ("HOST", "PORT", "USERNAME", "SECRET"):
        if key in setting:
            raise ConfigurationError(f"'URL' and {key!r} are both given: remove one.")
    try:
        url = urlsplit(str(setting["URL"]))
        host, port = url.hostname, url.port
    except ValueError:
        raise ConfigurationError("'URL' cannot be read: is the port a number from 1 to 65535?") from None
    if url.scheme not in ("ami", "amis"):
        raise ConfigurationError(f"'URL' must begin with 'ami://' or 'amis://' (TLS), not {url.scheme!r}.")
    if not (host and url.username and url.password) or url.path.strip("/") or url.fragment:
        raise ConfigurationError(
            "'URL' must read ami://user:secret@host:port; percent-encode / @ : # % in the user and in the secret."
        )
    query: dict[str, Any] = {key.upper(): value for key, value in parse_qsl(url.query)}
    if query.get("VERIFY") in ("true", "false"):
        query["VERIFY"] = query["VERIFY"] == "true"
    if query and url.scheme != "amis":
        raise ConfigurationError("'URL' has TLS keys, but begins with 'ami://': write 'amis://'.")
    tls = TLSConfig.from_setting(setting.get("TLS", query or url.scheme == "amis"))
    if url.scheme == "amis" and tls is None:
        raise ConfigurationError("'URL' begins with 'amis://', which is TLS, but 'TLS' is off: remove one.")
    return {
        "host": host,
        "port": port if port is not None else DEFAULT_TLS_PORT if url.scheme == "amis" else DEFAULT_PORT,
        "username": unquote(url.username),
        "secret": unquote(url.password),
        "tls": tls,
    }
