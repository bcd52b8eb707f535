"""The name of a function as its author knows it, whatever is wrapped around it."""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["dotted_name"]

#: A function that says it wraps itself is not unwrapped for ever.
_MOST_WRAPPERS: Final = 100


def dotted_name(function: Callable[..., Any]) -> str:
    """The name of a function as one would import it."""
    plain = getattr(function, "__func__", function)
    if type(plain) is FunctionType and not plain.__dict__:  # nearly all, and in a tenth of the time
        return f"{plain.__module__}.{plain.__qualname__}"
    function = _innermost(function)
    kind = type(function)
    try:
        name = getattr(function, "__qualname__", None) or kind.__qualname__
        return f"{getattr(function, '__module__', None) or kind.__module__}.{name}"
    except Exception:  # noqa: BLE001  (of a user's object; only its name is wanted)
        return f"{kind.__module__}.{kind.__qualname__}"


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """The user's own function inside our wrappers, partials and decorators, in any order."""
    for _ in range(_MOST_WRAPPERS):
        if isinstance(function, partial):
            function = function.func
        elif isinstance(function, FunctionType) and hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            break
    return function
