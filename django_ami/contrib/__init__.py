"""Optional integrations, each importable only with its extra."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["extra"]


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports of what the extra of that name installs.

    Raises ModuleNotFoundError with the cure for one that is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "django_ami":  # no extra has it
            raise
        raise ModuleNotFoundError(
            f"{package} is not installed: pip install 'django-ami[{name}]'.", name=error.name
        ) from None
