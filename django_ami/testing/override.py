"""``override_ami``: a part of a test, a test or a class of tests without a server."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from django.test.utils import TestContextDecorator, override_settings

from django_ami import conf
from django_ami.accessor import ami
from django_ami.core.errors import ConfigurationError
from django_ami.testing.connections import connections_allowed
from django_ami.testing.locmem.outbox import Outbox, outbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "allow_ami_connections",
    "at",
    "close_ami",
    "default_name",
    "in_memory",
    "override_ami",
    "override_servers",
    "server_names",
]

BACKEND = "django_ami.testing.locmem"


class override_ami(TestContextDecorator):  # noqa: N801  (as override_settings, which it is like)
    """Let every action land in an outbox, and no socket be opened.

    ::

        with override_ami() as ami_outbox: ...

        @override_ami()  # of a function, a coroutine function, or a class of tests
        def test_call(): ...

        @override_ami("node_1", "node_2")  # these servers alone; the first one is the default
        def test_transfer(): ...

        @override_ami(AMI_ROUTING="failover")  # other settings besides
        def test_failover(): ...

    The outbox is empty in the beginning; in the end that of before is back. A decorated function
    gets it as an argument if ``kwarg_name`` names one, an object of a decorated class as an
    attribute, ``ami_outbox``.
    """

    def __init__(
        self,
        *servers: str,
        kwarg_name: str | None = None,
        attr_name: str | None = "ami_outbox",
        **settings: Any,
    ) -> None:
        super().__init__(attr_name=attr_name, kwarg_name=kwarg_name)
        self._servers = servers
        self._settings = settings
        self._stack = ExitStack()

    def enable(self) -> Outbox:
        """Begin. The settings are those of this moment."""
        servers = in_memory(self._servers, self._settings.get("AMI_SERVERS"))
        own = {"AMI_DEFAULT_SERVER": self._servers[0]} if self._servers else {}
        self._stack.enter_context(outbox.set_aside())
        self._stack.enter_context(
            override_settings(**{**own, **self._settings, "AMI_SERVERS": servers})
        )
        return outbox

    def __enter__(self) -> Outbox:  # type: ignore[override]  # the stubs know of override_settings alone
        return self.enable()

    def disable(self) -> None:
        """End: the settings of before, and the outbox of before."""
        self._stack.close()


class allow_ami_connections(TestContextDecorator):  # noqa: N801  (as override_settings, which it is like)
    """Let a test connect to the servers of the settings, which tests may not otherwise.

    ::

        with allow_ami_connections(): ...

        @allow_ami_connections()  # of a function, a coroutine function, or a class of tests
        def test_against_a_real_server(): ...

    The connections of ``ami`` end with it. With pytest there is a fixture of this name.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()

    def enable(self) -> None:
        """Begin."""
        self._stack.enter_context(connections_allowed())

    def disable(self) -> None:
        """End: log off, and forbid what was forbidden before."""
        self._stack.close()


def override_servers(servers: Mapping[str, object]) -> override_settings:
    """Change ``AMI_SERVERS`` for a while."""
    return override_settings(AMI_SERVERS=servers)


def close_ami() -> None:
    """Log off everywhere, while the servers are still there."""
    ami.close()


def server_names() -> list[str]:
    """The servers that the settings name; one, if they name none."""
    return list(_entries()) or ["node_1"]


def _entries() -> Mapping[str, Any]:
    """The entries of ``AMI_SERVERS``.

    Raises ConfigurationError, which for a function says what a test can do.
    """
    try:
        return conf.read_servers()
    except ConfigurationError as error:
        if conf.servers_function() is None:
            raise
        raise ConfigurationError(
            f"{error.message.rstrip('.')}. In tests, give AMI_SERVERS a mapping, or name the "
            "servers: override_ami('node_1') (docs/testing.md)."
        ) from None


def default_name() -> str:
    """The server that is meant if none is named."""
    names = server_names()
    return conf.read_default(names) or names[0]


def in_memory(
    names: Sequence[str] | None = None, entries: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """``AMI_SERVERS`` with these servers (by default all), none of which is there."""
    if entries is None:
        # A function may ask the database, which not every test may: it is not asked for what is not
        # wanted.
        entries = {} if names and conf.servers_function() else _entries()
    return {
        name: {**entries.get(name, {}), "BACKEND": BACKEND}
        for name in names or list(entries) or ["node_1"]
    }


def at(urls: Mapping[str, str]) -> dict[str, Any]:
    """``AMI_SERVERS`` with the servers of these names somewhere else; their own OPTIONS stay."""
    before = {} if conf.servers_function() else conf.read_mapping("AMI_SERVERS")
    kept = {
        name: {"OPTIONS": before[name]["OPTIONS"]}
        for name in urls
        if "OPTIONS" in before.get(name, {})
    }
    return {name: {"URL": url, **kept.get(name, {})} for name, url in urls.items()}
