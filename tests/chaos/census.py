"""A census of this process and its django_ami.

Every container with its length, and every object by its type.

Rule: it starts at the modules, so that it misses nothing that lives long. It goes no further than
objects of our types, and of the types that these are built of: an object of a user's function is
the user's.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import types
from collections import Counter, deque
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = ("django_ami",)
#: The modules of the types that our objects are built of.
_PARTS = (
    *_OURS,
    "collections",
    "concurrent.futures",
    "django.dispatch",
    "selectors",
    "threading",
    "weakref",
)
_GROWING = (list, dict, set, deque, bytearray)
#: Not followed for their own sake: something of ours may be in them.
_HOLDERS = (tuple, frozenset, types.MethodType, types.BuiltinMethodType, types.CellType, partial)

_PAGE = os.sysconf("SC_PAGE_SIZE")


def look() -> dict[str, Any]:
    """The process as it is.

    Bytes of memory, blocks that Python has in use, descriptors, threads, and our objects.
    """
    collected = gc.collect()  # a cycle is no leak, it waits for the collector
    # Python's cache of methods holds on to names of attributes, up to 4,096 of them
    # (MCACHE_SIZE_EXP in its headers).
    getattr(sys, "_clear_internal_caches", sys._clear_type_cache)()
    return {
        "collected": collected,
        "rss": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
        "blocks": sys.getallocatedblocks(),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": len(threading.enumerate()),
        "containers": containers(),
        "instances": instances(),
    }


def containers() -> dict[str, int]:
    """The length of every list, dict, set, deque and bytearray, by its holder:
    ``Exchange.waiting``.

    Those of one name are summed up; ``[]`` stands for the containers inside of that one.
    """
    sizes: Counter[str] = Counter()
    waiting = list(_of_modules())
    seen = {id(thing) for _, thing in waiting}
    while waiting:
        name, thing = waiting.pop()
        if isinstance(thing, _GROWING):
            sizes[name] += len(thing)
        for part_name, part in _parts(name, thing):
            if id(part) not in seen:
                seen.add(id(part))
                waiting.append((part_name, part))
    return dict(sizes)


def instances() -> dict[str, int]:
    """How many objects there are of each of our types, whoever holds them."""
    kinds = Counter(map(type, gc.get_objects()))
    return {
        kind.__qualname__: many for kind, many in kinds.items() if _is_in(kind.__module__, _OURS)
    }


def _of_modules() -> Iterator[tuple[str, Any]]:
    for name, module in list(sys.modules.items()):
        if _is_in(name, _OURS):
            yield from _followed(
                (f"{name}.{key}", thing) for key, thing in list(vars(module).items())
            )


def _parts(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """The parts of a thing, each with a name."""
    if isinstance(thing, type):
        yield from _followed(
            (f"{thing.__qualname__}.{key}", part) for key, part in list(vars(thing).items())
        )
    elif isinstance(thing, types.FunctionType):
        yield from _followed(
            (name, part) for part in (*(thing.__closure__ or ()), *(thing.__defaults__ or ()))
        )
    elif isinstance(thing, (*_GROWING, *_HOLDERS)):
        inside = f"{name.removesuffix('[]')}[]" if isinstance(thing, (*_GROWING, tuple)) else name
        yield from _followed((inside, part) for part in gc.get_referents(thing))
    else:
        kind, own = type(thing).__qualname__, getattr(thing, "__dict__", {})
        yield from _followed(
            (f"{kind}.{key}", part) for key, part in (*list(own.items()), *_slots(thing))
        )
        # Its other references, held by C code, in an iterator or a lock.
        yield from _followed(
            (f"{kind}.?", part) for part in gc.get_referents(thing) if part is not own
        )


def _slots(thing: Any) -> Iterator[tuple[str, Any]]:
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if hasattr(thing, slot):
                yield slot, getattr(thing, slot)


def _followed(parts: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    return ((name, part) for name, part in parts if "__" not in name and _is_followed(part))


def _is_followed(thing: Any) -> bool:
    if isinstance(thing, types.FunctionType | type):
        return _is_in(thing.__module__, _OURS)
    return isinstance(thing, (*_GROWING, *_HOLDERS)) or _is_in(type(thing).__module__, _PARTS)


def _is_in(module: object, packages: tuple[str, ...]) -> bool:
    return isinstance(module, str) and any(
        module == one or module.startswith(f"{one}.") for one in packages
    )
