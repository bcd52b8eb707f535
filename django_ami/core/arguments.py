"""Checks of callers' arguments: refused at once, in one line without possible secrets."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from inspect import Signature

__all__ = [
    "Discreet",
    "callable_of",
    "did_you_mean",
    "is_number",
    "plain_text",
    "raise_discreetly",
    "shown",
]

_LONGEST_CHARACTERS: Final = 60
#: More names than a message can hold.
_MANY_NAMES: Final = 50
_OURS: Final = __name__.partition(".")[0]
#: CO_COROUTINE and CO_ASYNC_GENERATOR of Include/cpython/code.h; to import ``inspect`` takes
#: milliseconds.
_ASYNCHRONOUS: Final = 0x80 | 0x200


def shown(value: object) -> str:
    """The repr of an invalid value for an error message, if that is short and can be had."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  (of a user's object; there is something better to tell)
        return f"one of the type {type(value).__name__}"
    return (
        text
        if len(text) <= _LONGEST_CHARACTERS
        else f"{text[:_LONGEST_CHARACTERS]}… of the type {type(value).__name__}"
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown word.

    It names a near one, else all that are known, unless they are many.
    """
    from difflib import get_close_matches  # few programs err

    known = list(known)
    near = get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    for name in known:
        if near and name.lower() == near[0]:
            return f"did you mean {name!r}?"
    if len(known) > _MANY_NAMES:
        return "nor is there one with a similar name."
    return f"known are {', '.join(map(repr, sorted(known)))}."


def is_number(value: object) -> TypeGuard[float]:
    """True for a number that is finite and no more than a float can hold."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -sys.float_info.max <= value <= sys.float_info.max
    )


def plain_text(value: str) -> str:
    """The text as a str and nothing more.

    A subclass may compare, and show itself, as it likes.

    An object that only stands for a text, as Django's SimpleLazyObject does, is asked for it.
    """
    if type(value) is str:
        return value
    return str.__str__(value if issubclass(type(value), str) else str(value))


def callable_of(function: Any, what: str, *arguments: str) -> Callable[..., Any]:
    """The function, if it can be called here.

    Raises TypeError, which says ``what`` wants to call it.
    """
    wanted = f"{what} wants a function of ({', '.join(arguments)})"
    if not callable(function):
        raise TypeError(f"{wanted}, not {shown(function)}.")
    if _is_asynchronous(function):
        raise TypeError(f"{wanted}, and {shown(function)} is asynchronous: nothing awaits it here.")
    return function  # type: ignore[no-any-return]


def _is_asynchronous(function: Any) -> bool:
    """True for a function of ``async def``, whatever is asked of a user's object."""
    try:
        return bool(function.__code__.co_flags & _ASYNCHRONOUS)
    except Exception:  # noqa: BLE001  (it is none)
        return False


# --- secrets ---


def raise_discreetly(error: Exception) -> NoReturn:
    """Raise an error without the frames of this package, in which the arguments are.

    Those of a user's own code stay.

    Error pages and collectors show the local variables of every frame.
    """
    if error.__suppress_context__:
        error.__context__ = None
    try:
        raise error.with_traceback(_without_ours(error.__traceback__))
    finally:
        del error  # its traceback has this frame: they would hold each other


class Discreet(type):
    """The metaclass of classes whose arguments may be secrets: no error of theirs shows one."""

    # A type checker knows better what the arguments are.
    if not TYPE_CHECKING:  # pragma: no branch

        def __call__(cls, *arguments: Any, **named: Any) -> Any:
            try:
                return type.__call__(cls, *arguments, **named)
            except Exception as error:  # noqa: BLE001  (it is raised again)
                raised = error
            del arguments, named
            raise_discreetly(raised)

        @property
        def __signature__(cls) -> Signature:
            """That of __init__: for ``inspect.signature``.

            So ``help``, editors and the documentation have it.
            """
            from inspect import signature

            own = signature(cls.__init__)
            return own.replace(
                parameters=list(own.parameters.values())[1:], return_annotation=own.empty
            )


def _without_ours(traceback: TracebackType | None) -> TracebackType | None:
    theirs = []
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0] != _OURS:
            theirs.append(traceback)
        traceback = traceback.tb_next
    for one in reversed(theirs):
        traceback = TracebackType(traceback, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return traceback
