"""The entries of ``AMI_SERVERS``: those of the setting, or those that its function returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, Final

from django.conf import settings
from django.db import connections

from django_ami.conf.reading import imported, read_mapping
from django_ami.core.arguments import shown
from django_ami.core.config import Options, ServerConfig
from django_ami.core.errors import ConfigurationError
from django_ami.core.failures import reason
from django_ami.core.naming import dotted_name
from django_ami.core.promise import in_running_loop

__all__ = [
    "BACKEND",
    "import_backend",
    "read_backend",
    "read_server",
    "read_servers",
    "servers_function",
]

#: The client that connects to the servers.
BACKEND: Final = "django_ami.core.client"


def servers_function() -> Callable[[], Any] | None:
    """The function that ``AMI_SERVERS`` is, or names; None for a mapping.

    Raises ConfigurationError for a path that leads to none.
    """
    value = getattr(settings, "AMI_SERVERS", None)
    # Any other text may be a URL, and have a secret in it.
    if isinstance(value, str) and all(part.isidentifier() for part in value.split(".")):
        value = imported(
            value,
            "the setting AMI_SERVERS",
            ": set it to a mapping, to a function, or to the dotted path of a function.",
        )
        if not callable(value):
            raise ConfigurationError(
                f"the setting AMI_SERVERS names {settings.AMI_SERVERS!r}, which is not a function "
                f"but {type(value).__name__}: name a function that returns the servers, or set it "
                "to a mapping."
            )
    return value if callable(value) and not isinstance(value, Mapping) else None


def read_servers() -> Mapping[str, Any]:
    """The entries of ``AMI_SERVERS``: those of the setting, or those that its function returns now.

    Raises ConfigurationError, with what the function raised in one line.
    """
    function = servers_function()
    if function is None:
        return read_mapping("AMI_SERVERS")
    what = f"the function of the setting AMI_SERVERS, {dotted_name(function)},"
    try:
        found = _call(function)
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever somebody's function raises; it is told)
        raise ConfigurationError(f"{what} raised {type(error).__name__}: {reason(error)}") from None
    if not isinstance(found, Mapping):
        raise ConfigurationError(f"{what} must return a mapping, not {type(found).__name__}.")
    if not found:
        raise ConfigurationError(f"{what} returned no server: add one at least.")
    return found


def _call(function: Callable[[], Any]) -> Any:
    """Call the function.

    Django allows no query in a thread whose event loop runs: another thread calls it then.
    """
    if not in_running_loop():
        return function()

    def ask() -> Any:
        try:
            return function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask).result()


def read_server(name: object, entry: object) -> ServerConfig:
    """One entry of ``AMI_SERVERS``. Raises ConfigurationError."""
    if not isinstance(name, str) or not name:
        raise ConfigurationError(
            "the setting AMI_SERVERS: a server's name must be a text that is not empty, not "
            f"{shown(name)}."
        )
    own = entry.get("OPTIONS") or {} if isinstance(entry, Mapping) else {}
    if not isinstance(own, Mapping):
        raise ConfigurationError(
            f"'OPTIONS' must be a mapping, not {type(own).__name__}.", server=name
        )
    try:
        shared = Options.from_mapping(read_mapping("AMI_OPTIONS"))
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_OPTIONS: {error.message}") from None
    try:
        options = (
            Options.from_mapping({key: getattr(shared, key) for key in Options.names()}, own)
            if own
            else shared
        )
        return ServerConfig.from_setting(name, _complete(name, entry), options)  # type: ignore[arg-type]  # checked there
    except ConfigurationError as error:
        raise error.at(name) from None


def _complete(name: str, entry: object) -> object:
    """Fill in the address and the account of a server that needs none.

    A server of the core has to have both.
    """
    if not isinstance(entry, Mapping) or "BACKEND" not in entry or "URL" in entry:
        return entry
    return {"HOST": f"{name}.invalid", "USERNAME": "nobody", "SECRET": "nothing", **entry}


def read_backend(name: str, entry: Mapping[str, Any]) -> str | None:
    """The ``BACKEND`` of an entry of ``AMI_SERVERS``; None for the one that connects.

    Raises ConfigurationError.
    """
    path = entry.get("BACKEND")
    if path is None:
        return None
    try:
        if not isinstance(path, str):
            raise ConfigurationError(f"'BACKEND' must be the name of a module, not {shown(path)}.")
        import_backend(path)
    except ConfigurationError as error:
        raise error.at(name) from None
    return None if path == BACKEND else path


def import_backend(path: str) -> Any:
    """The client of a backend, which is made, and behaves, as ``django_ami.core.client.Client``.

    Raises ConfigurationError if there is no such module, or no ``Client`` in it.
    """
    example = "it names a module with a Client, such as 'django_ami.testing.locmem'."
    try:
        module = import_module(path)
    except Exception as error:  # noqa: BLE001  (whatever somebody's module raises; it is told)
        raise ConfigurationError(
            f"'BACKEND' {path!r} cannot be imported ({reason(error)}): {example}"
        ) from None
    if not hasattr(module, "Client"):
        raise ConfigurationError(f"'BACKEND' {path!r} has no Client: {example}")
    return module.Client
