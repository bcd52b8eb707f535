"""The storage of Asterisk: variables and astdb."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.simulator.answers.registry import action
from django_ami.simulator.variables import read_variable, write_variable

if TYPE_CHECKING:
    from django_ami.simulator.exchange import Exchange

__all__ = ["db_del", "db_del_tree", "db_get", "db_get_tree", "db_put", "getvar", "setvar"]


@action("Getvar", "call,reporting")
def getvar(x: Exchange) -> bytes:
    """Read a variable or function; one that is not set is empty, and no error."""
    name, channel_name = x.get("Variable"), x.get("Channel")
    if not name:
        return x.error("No variable specified")
    channel = x.pbx.find(channel_name)
    if channel_name and channel is None:
        return x.error("No such channel")
    value = read_variable(x.pbx, channel, name) or ""
    return x.answer("Success", ("Variable", name), ("Value", value))


@action("Setvar", "call")
def setvar(x: Exchange) -> bytes:
    """Set a variable or function; the text is stored as it is."""
    name, channel_name = x.get("Variable"), x.get("Channel")
    if not name:
        return x.error("No variable specified")
    channel = x.pbx.find(channel_name)
    if channel_name and channel is None:
        return x.error("No such channel")
    done = write_variable(x.pbx, channel, name, x.get("Value"))
    return x.ok("Variable Set") if done else x.error("Variable not set")


def _key(x: Exchange) -> str:
    return f"/{x.get('Family')}/{x.get('Key')}"


def _missing(x: Exchange) -> str:
    if not x.get("Family"):
        return "No family specified."
    return "" if x.get("Key") else "No key specified."


@action("DBPut", "system")
def db_put(x: Exchange) -> bytes:
    """Store a value in astdb."""
    missing = _missing(x)
    if missing:
        return x.error(missing)
    x.pbx.database[_key(x)] = x.get("Val")
    return x.ok("Updated database successfully")


@action("DBGet", "system,reporting")
def db_get(x: Exchange) -> bytes:
    """Read a value of astdb: a list of one."""
    missing = _missing(x)
    if missing:
        return x.error(missing)
    value = x.pbx.database.get(_key(x))
    if value is None:
        return x.error("Database entry not found")
    named = [("Family", x.get("Family")), ("Key", x.get("Key")), ("Val", value)]
    return x.listing(
        "Result will follow", [x.item_id_last("DBGetResponse", *named)], "DBGetComplete"
    )


@action("DBGetTree", "system,reporting", since=16)
def db_get_tree(x: Exchange) -> bytes:
    """Read a part of astdb."""
    items = [
        x.item_id_last("DBGetTreeResponse", ("Key", key), ("Val", x.pbx.database[key]))
        for key in _tree(x, x.get("Family"), x.get("Key"))
    ]
    count = None if x.server.profile.counts_tree_items else 1
    return x.listing("Result will follow", items, "DBGetTreeComplete", count=count)


def _tree(x: Exchange, family: str, key: str) -> list[str]:
    root = "/".join(["", *filter(None, [family, key])])
    return sorted(one for one in x.pbx.database if one == root or one.startswith(f"{root}/"))


@action("DBDel", "system")
def db_del(x: Exchange) -> bytes:
    """Delete a value of astdb."""
    missing = _missing(x)
    if missing:
        return x.error(missing)
    if x.pbx.database.pop(_key(x), None) is None:
        return x.error("Database entry could not be deleted")
    return x.ok("Key deleted successfully")


@action("DBDelTree", "system")
def db_del_tree(x: Exchange) -> bytes:
    """Delete a part of astdb."""
    if not x.get("Family"):
        return x.error("No family specified.")
    doomed = _tree(x, x.get("Family"), x.get("Key"))
    for key in doomed:
        del x.pbx.database[key]
    return x.ok("Key tree deleted successfully") if doomed else x.error("Database entry not found")
