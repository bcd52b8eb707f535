"""Names of settings that nobody reads, since they are misspelt."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004  (its name in Django)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NAMES", "check_names"]

_ID: Final = "django_ami.W012"
_PREFIX: Final = "AMI_"
#: The settings of this package, those of its optional apps included.
NAMES: Final = frozenset(
    {
        "AMI_CALLS", "AMI_CUSTOM_EVENTS", "AMI_DEFAULT_SERVER", "AMI_DISPATCH", "AMI_FEED",
        "AMI_FORWARD", "AMI_LIVE", "AMI_OPERATIONS", "AMI_OPTIONS", "AMI_PERMISSIONS",
        "AMI_ROUTING", "AMI_SERVERS", "AMI_WALLBOARD",
    }
)  # fmt: skip
#: The least likeness, between 0 and 1, that a slip of the finger leaves. A project may have
#: settings of its own that begin like ours.
_LIKENESS: Final = 0.8


def check_names(**_: Any) -> list[CheckMessage]:
    """django_ami.W012: a setting whose name is nearly one of ours."""
    return [
        Warning(
            f"{name}: nothing reads a setting of this name; did you mean {meant!r}?",
            hint=f"Rename it. If it is a setting of your own, silence {_ID}.",
            id=_ID,
        )
        for name, meant in _misspelt()
    ]


def _misspelt() -> Iterator[tuple[str, str]]:
    known = {name.removeprefix(_PREFIX): name for name in NAMES}
    for name in dir(settings):
        if name.startswith(_PREFIX) and name not in NAMES:
            near = get_close_matches(name.removeprefix(_PREFIX), known, n=1, cutoff=_LIKENESS)
            yield from ((name, known[one]) for one in near)
