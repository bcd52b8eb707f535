"""The options of the Redis outlet and of its consumers: ``OPTIONS`` of ``AMI_FORWARD``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RedisOptions"]

_MOST_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisOptions:
    """The options by their names in lower case.

    * ``prefix``: the beginning of all keys
    * ``group``: the consumer group; each group gets all events
    * ``lease_timeout``: seconds after which the partitions of a consumer that does not renew its
      leases go to another one
    * ``attempts``: how often an event may fail, or end its consumer, until it is a dead letter
    * ``read``: how many batches of a partition a consumer takes at a time
    * ``keep``: for how many seconds batches stay that all groups have finished
    * ``replicas``: how many replicas must have a batch until it counts as published
    * ``dead``: how many dead letters of a partition are kept
    """

    prefix: str = "ami"
    group: str = "consumers"
    lease_timeout: float = 5.0
    attempts: int = 3
    read: int = 20
    keep: int = 60
    replicas: int = 0
    dead: int = 10_000

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> RedisOptions:
        """Read ``OPTIONS``. Raises ConfigurationError for one that cannot be followed."""
        options: dict[str, Any] = {}
        names = list(cls.__dataclass_fields__)
        for name, value in given.items():
            if not isinstance(name, str) or name.lower() not in names:
                near = did_you_mean(str(name).lower(), names)
                raise _wrong(f"'OPTIONS' has an unknown option {shown(name)}: {near}")
            options[name.lower()] = value
        for name in {"prefix", "group"} & options.keys():
            _check_text(name, options[name])
        for name, (least, most) in _BOUNDS.items():
            if name in options:
                _check_number(name, options[name], least, most)
        return cls(**options)


_BOUNDS: Final = {
    "lease_timeout": (1, 600),
    "attempts": (1, 1_000),
    "read": (1, 1_000),
    "keep": (0, 10_000_000),
    "replicas": (0, 100),
    "dead": (1, 10_000_000),
}


def _wrong(text: str) -> ConfigurationError:
    return ConfigurationError(f"the setting AMI_FORWARD: {text}")


def _check_text(name: str, value: object) -> None:
    if not (isinstance(value, str) and 0 < len(value) <= _MOST_CHARACTERS and value.isprintable()):
        raise _wrong(f"option {name!r} must be a short text, not {shown(value)}.")


def _check_number(name: str, value: object, least: int, most: int) -> None:
    kinds = (int, float) if name == "lease_timeout" else (int,)
    what = "a number" if name == "lease_timeout" else "a whole number"
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        raise _wrong(f"option {name!r} must be {what} from {least} to {most}, not {shown(value)}.")
