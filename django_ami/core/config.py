"""The settings of a server: where it is, who we are there, and how it proves who it is.

Frozen, checked when made, and never showing the secret.

Rule: a wrong value is refused here, in one line that names the server, the key and the cure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from django_ami.core.arguments import Discreet, did_you_mean, plain_text, shown
from django_ami.core.errors import ConfigurationError
from django_ami.core.numerals import whole_number
from django_ami.core.options import Options

__all__ = ["SERVER_KEYS", "Options", "Secret", "ServerConfig", "TLSConfig"]

DEFAULT_PORT = 5038
DEFAULT_TLS_PORT = 5039

#: The keys of an entry of ``AMI_SERVERS``.
SERVER_KEYS = ("HOST", "PORT", "USERNAME", "SECRET", "TLS", "URL", "OPTIONS", "BACKEND")

#: The oldest TLS that is spoken, as the TLS key ``MINIMUM_VERSION`` names it.
TLS_VERSIONS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")

#: A line of the login has 1,022 bytes (get_input in main/manager.c).
_LONGEST_BYTES: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSConfig:
    """How a server proves who it is.

    Verified against the system's authorities unless something else is said.

    ``ca_file`` a PEM file of authorities to trust instead; ``server_hostname`` the name in the
    certificate if it is not the host; ``cert_file``/``key_file`` a certificate of our own;
    ``fingerprint`` the SHA-256 of the very certificate, in hexadecimal or as openssl prints it,
    which alone then decides (for self-signed ones); ``verify`` False accepts any certificate;
    ``minimum_version`` the oldest TLS to speak, of ``TLS_VERSIONS`` (None: TLSv1.2, or later where
    the system says so). "TLSv1" and "TLSv1.1" also allow the ciphers and keys of their time.
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
            object.__setattr__(self, item.name, _tls_value(item.name, getattr(self, item.name)))
        if self.key_file and not self.cert_file:
            raise ConfigurationError("TLS key 'KEY_FILE' needs 'CERT_FILE' beside it.")
        if self.fingerprint is not None:
            # openssl prints "sha256 Fingerprint=AA:BB:…", older ones "SHA256 Fingerprint=".
            digits = "".join(self.fingerprint.lower().replace(":", "").split()).removeprefix(
                "sha256fingerprint="
            )
            if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
                raise ConfigurationError(
                    "TLS key 'FINGERPRINT' must be a SHA-256 in hexadecimal (64 digits), or the "
                    "line printed by 'openssl x509 -noout -fingerprint -sha256 -in CERT'."
                )
            object.__setattr__(self, "fingerprint", digits)

    @classmethod
    def from_setting(cls, value: object) -> TLSConfig | None:
        """The setting ``TLS``: absent or False is plain TCP, True verified TLS, or a mapping."""
        if value is None or value is False:
            return None
        if value is True:
            return cls()
        if not isinstance(value, Mapping):
            raise ConfigurationError(
                f"'TLS' must be True, False or a mapping, not {type(value).__name__}."
            )
        for key in value:
            if key not in cls.setting_keys():
                raise ConfigurationError(
                    f"unknown TLS key {shown(key)}: {did_you_mean(str(key), cls.setting_keys())}"
                )
        arguments: dict[str, Any] = {
            key.lower(): str(item) if hasattr(item, "__fspath__") else item
            for key, item in value.items()
        }
        return cls(**arguments)

    @classmethod
    def setting_keys(cls) -> tuple[str, ...]:
        """The keys of the setting ``TLS``."""
        return tuple(item.name.upper() for item in fields(cls))


def _tls_value(name: str, value: Any) -> bool | str | None:
    """The value of a TLS key, and no subclass of it.

    Raises ConfigurationError for what it may not be.
    """
    if name == "verify":
        if not isinstance(value, bool):
            raise ConfigurationError(f"TLS key 'VERIFY' must be True or False, not {shown(value)}.")
        return value
    text = plain_text(value) if isinstance(value, str) else None
    if name == "minimum_version" and value is not None and text not in TLS_VERSIONS:
        known = ", ".join(map(repr, TLS_VERSIONS))
        raise ConfigurationError(
            f"TLS key 'MINIMUM_VERSION' must be one of {known}, not {shown(value)}."
        )
    if value is not None and not text:
        raise ConfigurationError(
            f"TLS key {name.upper()!r} must be a text that is not empty, not {shown(value)}."
        )
    return text


class Secret(str):
    """A text that shows itself in no repr, and in no traceback with locals."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"


class _OwnSecret(Secret):
    """That of a server: not in ``dataclasses.asdict`` either."""

    __slots__ = ()

    def __deepcopy__(self, memo: object) -> str:
        return "***"  # dataclasses.asdict copies so, and its result is for JSON and logs


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig(metaclass=Discreet):
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
            if not isinstance(value, str) or not plain_text(value):
                instead = "" if key == "secret" else f", not {shown(value)}"
                raise self._error(f"{key.upper()!r} must be a text that is not empty{instead}.")
            value = plain_text(value)
            object.__setattr__(self, key, _OwnSecret(value) if key == "secret" else value)
            if key != "name" and not (value.isprintable() and value == value.strip()):
                # The server keeps trailing blanks of a secret and drops leading ones: neither is
                # ever meant.
                raise self._error(
                    f"{key.upper()!r} has a control character, or a blank at an end: remove it."
                )
            if key in ("username", "secret") and len(value.encode()) > _LONGEST_BYTES:
                raise self._error(
                    f"{key.upper()!r} is longer than {_LONGEST_BYTES} bytes: the server would cut "
                    "it."
                )
        if (
            isinstance(self.port, bool)
            or not isinstance(self.port, int)
            or not 1 <= self.port <= 65535
        ):
            raise self._error(
                f"'PORT' must be a whole number from 1 to 65535, not {shown(self.port)}."
            )
        object.__setattr__(self, "port", int.__index__(self.port))
        if self.tls is not None and not isinstance(self.tls, TLSConfig):
            raise self._error(f"'TLS' must be a TLSConfig or None, not {shown(self.tls)}.")
        if not isinstance(self.options, Options):
            raise self._error(f"'OPTIONS' must be Options, not {shown(self.options)}.")

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

        User and secret may be percent-encoded. The port is 5038, with TLS 5039, unless given. A
        query gives the TLS keys in lower case (``?ca_file=…``, ``?server_hostname=…``,
        ``?fingerprint=…``, ``?verify=false``). Raises ConfigurationError, which never shows the
        URL: the secret is in it.
        """
        made = _read(cls, name, {"URL": url}, options)
        del url
        return _raise_or_return(made)

    @classmethod
    def from_setting(
        cls, name: str, setting: Mapping[str, Any], options: Options | None = None
    ) -> ServerConfig:
        """A server from one entry of the setting ``AMI_SERVERS``.

        Its OPTIONS and BACKEND are not read here.
        """
        made = _read(cls, name, setting, options)
        del setting
        return _raise_or_return(made)


# An error is carried out of here as a value, and raised where no local variable has the secret: a
# traceback may be shown with its locals, by Django's debug page or by a collector of errors.


def _read(
    cls: type[ServerConfig], name: str, setting: Mapping[str, Any], options: Options | None
) -> ServerConfig | ConfigurationError:
    try:
        if not isinstance(setting, Mapping):
            raise ConfigurationError(
                f"its setting must be a mapping, not {type(setting).__name__}."
            )
        for key in setting:
            if key not in SERVER_KEYS:
                raise ConfigurationError(
                    f"unknown key {shown(key)}: {did_you_mean(str(key), SERVER_KEYS)}"
                )
        arguments = _from_url(setting) if "URL" in setting else _from_keys(setting)
        return cls(name=name, options=options or Options(), **arguments)
    except ConfigurationError as error:
        return error.at(name if isinstance(name, str) else None)
    except Exception as error:  # noqa: BLE001  (of a value's own making; its text may have the secret in it)
        return ConfigurationError(
            f"its setting cannot be read: {type(error).__name__}.",
            server=name if isinstance(name, str) else None,
        )


def _raise_or_return(made: ServerConfig | ConfigurationError) -> ServerConfig:
    if isinstance(made, ConfigurationError):
        raise made
    return made


def _from_keys(setting: Mapping[str, Any]) -> dict[str, Any]:
    for key in ("HOST", "USERNAME", "SECRET"):
        if key not in setting:
            raise ConfigurationError(
                f"{key!r} is missing: a server needs HOST, USERNAME and SECRET, or a URL."
            )
    tls = TLSConfig.from_setting(setting.get("TLS"))
    port = setting.get("PORT", DEFAULT_TLS_PORT if tls else DEFAULT_PORT)
    number = whole_number(port) if isinstance(port, str) else None
    return {
        "host": setting["HOST"],
        "port": port if number is None else number,
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
        raise ConfigurationError(
            "'URL' cannot be read: is the port a number from 1 to 65535?"
        ) from None
    if url.scheme not in ("ami", "amis"):
        raise ConfigurationError(
            f"'URL' must begin with 'ami://' or 'amis://' (TLS), not {url.scheme!r}."
        )
    if not (host and url.username and url.password) or url.path.strip("/") or url.fragment:
        raise ConfigurationError(
            "'URL' must read ami://user:secret@host:port; percent-encode / @ : # % in the user "
            "and in the secret."
        )
    query: dict[str, Any] = {key.upper(): value for key, value in parse_qsl(url.query)}
    if query.get("VERIFY") in ("true", "false"):
        query["VERIFY"] = query["VERIFY"] == "true"
    if query and url.scheme != "amis":
        raise ConfigurationError("'URL' has TLS keys, but begins with 'ami://': write 'amis://'.")
    tls = TLSConfig.from_setting(setting.get("TLS", query or url.scheme == "amis"))
    if url.scheme == "amis" and tls is None:
        raise ConfigurationError(
            "'URL' begins with 'amis://', which is TLS, but 'TLS' is off: remove one."
        )
    return {
        "host": host,
        "port": port
        if port is not None
        else DEFAULT_TLS_PORT
        if url.scheme == "amis"
        else DEFAULT_PORT,
        "username": unquote(url.username),
        "secret": unquote(url.password),
        "tls": tls,
    }
