"""The outlet ``tasks``: each batch is a task of Django's task framework."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from django_ami import database
from django_ami.core.errors import ConfigurationError
from django_ami.core.failures import reason
from django_ami.core.redaction import without_secrets
from django_ami.forwarding.outlet import OutletAway
from django_ami.forwarding.tasks.options import read_options, why_unfit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_ami.conf.forward import Forward
    from django_ami.forwarding.outlet import Batch

__all__ = ["TasksOutlet"]


class TasksOutlet:
    """Enqueues batches as tasks; partitions mean nothing to a task backend.

    Raises ConfigurationError for a wrong option, and if no backend would run the tasks elsewhere.
    """

    def __init__(self, forward: Forward) -> None:
        self._options = options = read_options(forward)
        if unfit := why_unfit(options):
            raise ConfigurationError(unfit)
        try:
            from django_ami.forwarding.tasks import delivering  # it is made for this backend
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001  (the backend refuses the task; it is told)
            raise ConfigurationError(
                f"the setting TASKS: the backend {options.backend!r} does not take tasks for the "
                f"queue {options.queue_name!r} ({reason(error)}): add it to its QUEUES, or name "
                "another one as 'QUEUE_NAME' in the OPTIONS of AMI_FORWARD."
            ) from None
        self._task = delivering.deliver

    @staticmethod
    def check(forward: Forward) -> str:
        """Judge the options; see ``Outlet``."""
        return why_unfit(read_options(forward))

    def open(self) -> None:
        """Nothing is to be opened: the first task shows whether the backend is there."""

    def publish(self, batches: Sequence[Batch]) -> None:
        """Enqueue batches; the backend has them on return. Raises OutletAway."""
        try:
            with database.cared_for():
                for batch in batches:
                    self._task.enqueue(b64encode(batch.data).decode())
        except Exception as error:  # noqa: BLE001  (backends raise what they like)
            raise OutletAway(
                f"the task backend {self._options.backend!r} took no task: "
                f"{without_secrets(reason(error))}; look whether its database or broker runs, and "
                "whether its migrations are applied"
            ) from None

    def lag(self) -> Mapping[int, int] | None:
        """Unknown: the framework does not say how many tasks wait."""
        return None

    def close(self, timeout: float) -> None:
        """Nothing is to be closed."""
