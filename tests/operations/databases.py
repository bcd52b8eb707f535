"""The database servers on which leases are tested, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from tests.servers import mariadb, pgbouncer, postgresql

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MISSING", "Server"]

#: Why a server cannot run here; empty if it can.
MISSING: Final = {
    "postgresql": postgresql.missing,
    "pgbouncer": pgbouncer.missing,
    "mariadb": mariadb.missing,
}


class Server:
    """A database server, and how listeners reach it. Use it as a context manager.

    ``address`` and ``env`` are those of a PostgreSQL.
    """

    def __init__(
        self, name: str, *, address: str = "", env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._server: Any = (
            mariadb.MariaDB()
            if name == "mariadb"
            else postgresql.PostgreSQL(address=address, env=env)
        )
        self._front: Any = self._server

    def __enter__(self) -> Self:
        self._server.__enter__()
        if self.name == "pgbouncer":
            self._front = pgbouncer.PgBouncer(self._server)
            self._front.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._front is not self._server:
            self._front.__exit__()
        self._server.__exit__()

    @property
    def setting(self) -> dict[str, object]:
        """An entry of DATABASES."""
        return dict(self._front.setting())

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.start()

    def freeze(self) -> None:
        self._server.freeze()

    def thaw(self) -> None:
        self._server.thaw()

    def execute(self, query: str) -> list[Any]:
        """The rows of a query."""
        where = {"database": self.setting["NAME"]} if self.name == "mariadb" else {}
        rows: list[Any] = self._server.execute(query, **where)
        return rows
