"""Command: a few commands of the command line interface, and the two ways to wrap their output."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django_ami.simulator.answers.registry import action
from django_ami.simulator.channels import STATES
from django_ami.simulator.frames import command_follows
from django_ami.simulator.masks import ALL, CLASSES, permissions

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.simulator.exchange import Exchange

__all__ = ["command"]

Lines = list[str]


def _version(x: Exchange) -> Lines:
    return [
        (
            f"Asterisk {x.server.profile.asterisk_version} built by django_ami @ localhost on a "
            "x86_64 running Linux"
        )
    ]


def _uptime(x: Exchange) -> Lines:
    minutes, seconds = divmod(x.server.uptime, 60)
    said = f"{seconds} seconds" if not minutes else f"{minutes} minutes, {seconds} seconds"
    return [f"System uptime: {said}", f"Last reload: {said}"]


def _channels(x: Exchange) -> Lines:
    rows = [
        f"{one.name:<64} {f'{one.exten}@{one.context}:{one.priority}':<32} "
        f"{STATES[one.state]:<7} {f'{one.application}({one.data})':<30}"
        for one in x.pbx.channels.values()
    ]
    calls = len({one.linkedid for one in x.pbx.channels.values()})
    head = f"{'Channel':<64} {'Location':<32} {'State':<7} {'Application(Data)':<30}"
    totals = [
        f"{len(rows)} active channels",
        f"{calls} active calls",
        f"{x.pbx.calls_processed} calls processed",
    ]
    return [head, *rows, *totals]


def _database(x: Exchange) -> Lines:
    rows = [f"{key:<50}: {value:<25}" for key, value in sorted(x.pbx.database.items())]
    return [*rows, f"{len(rows)} results found."]


def _queues(x: Exchange) -> Lines:
    lines: Lines = []
    for queue in x.pbx.queues.values():
        lines += [
            (
                f"{queue.name} has {len(queue.callers)} calls (max unlimited) in "
                f"'{queue.strategy}' strategy"
            )
        ]
        lines += ["   Members: ", *(f"      {one.name} ({one.interface})" for one in queue.members)]
        lines += ["   No Callers" if not queue.callers else "   Callers: ", ""]
    return lines


def _users(x: Exchange) -> Lines:
    return [
        "",
        "username",
        "--------",
        *x.server.users,
        f"{len(x.server.users)} manager users configured.",
    ]


def _connected(x: Exchange) -> Lines:
    """``manager show connected``: names are cut at 15 characters.

    See handle_showmanconn in main/manager.c.
    """
    row = "  {:<15.15}  {:<55.55}  {:<10}  {:<10}  {:<8}  {:<8}  {:<10}  {:<10}"
    now = int(time.time())
    sessions = [one for one in x.server.sessions if one.logged_in]
    rows = [
        row.format(
            one.user_name, one.peer[0], one.started, now - one.started, 20 + one.number, 1,
            f"{one.read_bits:010}", f"{one.write_bits:010}",
        )
        for one in sessions
    ]  # fmt: skip
    head = row.format(
        "Username",
        "IP Address",
        "Start",
        "Elapsed",
        "FileDes",
        "HttpCnt",
        "ReadPerms",
        "WritePerms",
    )
    return [head.rstrip(), *rows, f"{len(rows)} users connected."]


def _user(x: Exchange, name: str) -> Lines:
    """``manager show user``: everything but the secret."""
    found = next(
        ((key, user) for key, user in x.server.users.items() if key.lower() == name.lower()), None
    )
    if found is None:
        return [f"There is no manager called {name}"]
    key, user = found
    return [
        "",
        f"          username: {key}",
        "            secret: <Set>",
        f"               ACL: {'yes' if user.acl_refused else 'no'}",
        f"         read perm: {_classes(user.read)}",
        f"        write perm: {_classes(user.write)}",
        "   displayconnects: yes",
        f"allowmultiplelogin: {'yes' if user.allowmultiplelogin else 'no'}",
        "         Variables: ",
    ]


def _classes(text: str) -> str:
    """The classes of a ``read=`` or ``write=`` as authority_to_str() of Asterisk writes them."""
    given = permissions(text)
    names = [name for name, bit in CLASSES.items() if given & bit]
    return ",".join([*names, "all"] if given == ALL else names) or "<none>"


_COMMANDS: dict[str, Callable[[Exchange], Lines]] = {
    "core show version": _version,
    "core show uptime": _uptime,
    "core show channels": _channels,
    "database show": _database,
    "queue show": _queues,
    "manager show connected": _connected,
    "manager show users": _users,
}


def _run(x: Exchange, text: str) -> Lines | None:
    """The output of the command; None if there is no such command."""
    words = text.split()
    if len(words) == 4 and [word.lower() for word in words[:3]] == ["manager", "show", "user"]:
        return _user(x, words[3])
    found = _COMMANDS.get(" ".join(words).lower())
    return found(x) if found else None


@action("Command", "command")
def command(x: Exchange) -> bytes:
    """Run a command of the command line interface."""
    text = x.get("Command")
    if not text:
        return x.error("No command provided")
    lines = _run(x, text)
    found = lines is not None
    if lines is None:
        lines = [
            f"No such command '{text}' (type 'core show help {text}' for other possible commands)"
        ]
    if x.server.profile.command_follows:
        return command_follows("".join(f"{line}\n" for line in lines), x.request.action_id)
    # A failure says the same Message; the reason is in the output. At least one Output line comes,
    # empty or not.
    output = [("Output", line) for line in lines or [""]]
    head = ("Message", "Command output follows")
    return x.answer("Success" if found else "Error", head, *output)
