"""The rights that an account lacks for the actions and the receivers of this project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.checks.receivers import unheard
from django_ami.core.catalog import action as find_action
from django_ami.core.numerals import whole_number
from django_ami.core.options import EVENT_CLASSES
from django_ami.tools import cures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.tools.examination import Rights
    from django_ami.tools.needs import Needs
    from django_ami.tools.usage import Usage

__all__ = ["lacking_actions", "mute_receivers"]


def lacking_actions(
    usage: Usage, rights: Rights, commands: tuple[str, ...], version: str, *, filters: bool
) -> Iterator[tuple[str, str]]:
    """The project's actions that the account may not, or the server cannot, run.

    And what to do.
    """
    may = {name.lower() for name in commands}
    for name in sorted(usage.places):
        info = find_action(name)
        if name.lower() in may:
            continue
        if info and info.privileges and set(rights.write or ()).isdisjoint(info.privileges):
            yield f"{name} needs write={' or '.join(info.privileges)}", cures.ACCOUNT
        elif info and info.removed_in and _release_of(version) >= info.removed_in:
            yield (
                f"{name} is not there: Asterisk {info.removed_in} no longer has {info.module}",
                cures.GONE,
            )
        else:
            module = info.module if info else "that sends it"
            yield f"{name} is not there: is the module {module} loaded?", cures.MODULE
    if usage.outcomes and "filter" not in may:
        yield "to wait for the outcome of a call needs write=system", cures.ACCOUNT
    if filters and "filter" not in may:
        yield "the option server_filters needs write=system", cures.ACCOUNT


def mute_receivers(
    needs: Needs, mask: str, rights: Rights, version: str, *, before_12: bool
) -> Iterator[tuple[str, bool]]:
    """The receivers that can never be called: which, and why, and whether that is sure."""
    asked_for = set(EVENT_CLASSES if mask == "on" else () if mask == "off" else mask.split(","))
    major = _release_of(version)
    for wanted in needs.events:
        who = f"{', '.join(wanted.receivers)} ({wanted.name})"
        classes = set(wanted.classes or ())
        found = None if wanted.custom else unheard(wanted.name, before_12=before_12)
        if found is not None:
            yield f"{who}: {found.why.removesuffix('.')}", found.sure
        elif wanted.removed_in and major >= wanted.removed_in:
            yield f"{who}: Asterisk {wanted.removed_in} no longer has it", True
        elif classes - asked_for:
            yield (
                f"{who}: the option events lacks {','.join(sorted(classes - asked_for))}",
                True,
            )
        elif rights.read is not None and classes - set(rights.read):
            yield f"{who}: read= lacks {','.join(sorted(classes - set(rights.read)))}", True


def _release_of(version: str) -> int:
    """The release of an Asterisk; 0 if it is not known."""
    return whole_number(version.partition(".")[0]) or 0
