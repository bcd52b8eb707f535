"""The options of the outlet ``celery``, the app that they name, and its queues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from celery import Celery
from celery.app.utils import find_app
from django.conf import settings
from kombu import Queue

from django_ami.conf.reading import check_known
from django_ami.core.arguments import shown
from django_ami.core.errors import ConfigurationError
from django_ami.core.failures import reason
from django_ami.forwarding.attempts import TRIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.conf.forward import Forward

__all__ = [
    "DEAD",
    "KINDS",
    "Options",
    "celery_app",
    "dead_queue",
    "partition_queues",
    "read_options",
]

KINDS: Final = ("classic", "quorum")
_KEYS: Final = ("APP", "PREFIX", "QUEUES", "ATTEMPTS", "CONFIRM_SECONDS")
#: The queue of batches that no receiver could take is called so, behind the prefix.
DEAD: Final = "dead"
#: A quorum queue of RabbitMQ sets a batch apart that has come back so often: each time its worker
#: died, or was restarted, with the batch in its hand.
_DELIVERY_LIMIT: Final = 20


@dataclass(frozen=True, slots=True)
class Options:
    """``OPTIONS`` of the outlet ``celery``.

    * ``app``: where the app is, as ``celery -A`` takes it
    * ``prefix``: the queues are called ``<prefix>.<partition>``, and ``<prefix>.dead``
    * ``queues``: the kind of RabbitMQ's queues
    * ``attempts``: how often a worker tries a batch that raises, before the batch is set apart
    * ``confirm_seconds``: how long the broker may take to confirm what is published
    """

    app: str
    prefix: str = "ami"
    queues: Literal["classic", "quorum"] = "classic"
    attempts: int = TRIES
    confirm_seconds: float = 10.0

    def queue_name(self, partition: int | str) -> str:
        return f"{self.prefix}.{partition}"


def read_options(forward: Forward) -> Options:
    """The options of the setting ``AMI_FORWARD``. Raises ConfigurationError for a wrong one."""
    if forward.url:
        raise ConfigurationError(
            "the setting AMI_FORWARD: remove 'URL', since the broker is that of the Celery app "
            "(its option broker_url)."
        )
    try:
        return _options_of(forward.options)
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_FORWARD: its OPTIONS: {error.message}") from None


def _options_of(given: Mapping[str, Any]) -> Options:
    for key in given:
        check_known("option of the outlet celery", key, _KEYS)
    app = given.get("APP") or _project()
    prefix = given.get("PREFIX", "ami")
    queues = given.get("QUEUES", KINDS[0])
    for key, value in (("APP", app), ("PREFIX", prefix)):
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f"{key!r} must be a text, not {shown(value)}.")
    if queues not in KINDS:
        raise ConfigurationError(
            f"'QUEUES' must be one of {', '.join(KINDS)}, not {shown(queues)}."
        )
    return Options(
        app,
        prefix,
        queues,
        int(_number(given, "ATTEMPTS", TRIES, 1, 1000, int)),
        _number(given, "CONFIRM_SECONDS", 10.0, 0.1, 600, (int, float)),
    )


def _number(
    given: Mapping[str, Any], key: str, default: float, least: float, most: float, kind: Any
) -> float:
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
        raise ConfigurationError(
            f"{key!r} must be a number from {least} to {most}, not {shown(value)}."
        )
    return cast("float", value)


def _project() -> str:
    """The package of the project, in which Celery's own documentation puts the app."""
    module = getattr(settings, "SETTINGS_MODULE", None) or ""
    return str(module).partition(".")[0]


def celery_app(options: Options) -> Celery:
    """The app, found as ``celery -A`` finds it. Raises ConfigurationError if there is none."""
    try:
        found = find_app(options.app)
    except Exception as error:  # noqa: BLE001  (whatever somebody's module raises; it is told)
        why = reason(error)
    else:
        if isinstance(found, Celery):
            return found
        why = f"it is a {type(found).__name__}"
    raise ConfigurationError(
        f"the setting AMI_FORWARD: no Celery app at {options.app!r} ({why}): name it in OPTIONS as "
        "'celery -A' takes it, such as {'APP': 'proj.celery:app'}."
    )


def partition_queues(options: Options, partitions: int) -> list[Queue]:
    """The queues of the partitions, by number.

    Of each, RabbitMQ serves a single consumer at a time: the others stand by. Messages that are
    refused or too old go to the queue of ``dead_queue``. Other brokers ignore all that.
    """
    return [
        _queue(
            options,
            partition,
            {
                "x-single-active-consumer": True,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": options.queue_name(DEAD),
                **({"x-delivery-limit": _DELIVERY_LIMIT} if options.queues == "quorum" else {}),
            },
        )
        for partition in range(partitions)
    ]


def dead_queue(options: Options) -> Queue:
    """The queue of the batches that were set apart."""
    return _queue(options, DEAD, {})


def _queue(options: Options, partition: int | str, arguments: dict[str, Any]) -> Queue:
    name = options.queue_name(partition)
    return Queue(
        name,
        routing_key=name,
        durable=True,
        queue_arguments={"x-queue-type": options.queues, **arguments},
    )
