"""Configuration files of the server: changing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Required, TypedDict

from django_ami.core.actions.base import TypedAction
from django_ami.core.actions.values import listed, numbered
from django_ami.core.arguments import shown
from django_ami.core.errors import InvalidAction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.actions.values import Scalar

__all__ = ["ConfigChange", "UpdateConfig"]


class ConfigChange(TypedDict, total=False):
    """One change of a configuration file, in the words of UpdateConfig.

    ``Options`` are separated by commas: ``allowdups``, ``template`` and ``inherit="…"`` with
    NewCat, ``catfilter="name_regex=value_regex"`` with the others.
    """

    Action: Required[
        Literal["NewCat", "RenameCat", "DelCat", "EmptyCat", "Update", "Delete", "Append", "Insert"]
    ]
    Cat: Required[str]
    Var: str
    Value: str | int
    Match: str
    Line: int
    Options: str


class UpdateConfig(TypedAction):
    """Change a configuration file in the order of ``changes``, and write it (class ``config``).

    ``UpdateConfig("pjsip.conf", changes=[{"Action": "Update", "Cat": "alice", "Var": "context",
    "Value": "sales"}])``. ``dst_filename`` is the file to write, if it is another. ``reload`` loads
    everything again, or the module that is named. An action has at most 128 headers: some twenty
    changes go into one. The values are treated as secrets. Facts: action_updateconfig and
    handle_updates in main/manager.c.
    """

    def __init__(
        self,
        src_filename: str,
        *,
        changes: Iterable[ConfigChange],
        dst_filename: str | None = None,
        reload: bool | str | None = None,
        preserve_effective_context: bool | None = None,
    ) -> None:
        rows = [_row(change) for change in listed("UpdateConfig", "changes", changes)]
        columns = {
            header: value
            for key in ConfigChange.__annotations__
            for header, value in numbered(f"{key}-{{:06}}", [row.get(key) for row in rows]).items()
        }
        super().__init__(
            "UpdateConfig",
            columns,
            SrcFilename=src_filename,
            DstFilename=src_filename if dst_filename is None else dst_filename,
            Reload=None if reload is False else reload,
            PreserveEffectiveContext=preserve_effective_context,
        )


def _row(change: object) -> Mapping[str, Scalar]:
    if not isinstance(change, Mapping):
        raise InvalidAction(f"UpdateConfig: a change must be a mapping, not {shown(change)}.")
    for key in change:
        if key not in ConfigChange.__annotations__:
            known = ", ".join(ConfigChange.__annotations__)
            raise InvalidAction(f"UpdateConfig: a change has no {shown(key)}: it may have {known}.")
    return change
