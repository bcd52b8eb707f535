"""``manage.py ami_consume``: runs receivers for events that listeners have forwarded to Redis."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.base import CommandError, CommandParser

from django_ami import conf, signals
from django_ami.conf.forward import Forward, read_forward
from django_ami.core.errors import AmiError, ConfigurationError, ConnectionFailed
from django_ami.tools import metrics
from django_ami.tools.arguments import amount, numbers, seconds, workers
from django_ami.tools.console import Program, selected
from django_ami.tools.consumption import ConsumerRun
from django_ami.tools.exits import Exit, exit_code
from django_ami.tools.streams import leave

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_ami.core.config import ServerConfig

__all__ = ["Command"]


class Command(Program):
    """Parses the options and holds the parts together. Its signals are those of the run."""

    help = (
        "Run the receivers of django_ami.signals for events that listeners have forwarded to "
        "Redis (setting AMI_FORWARD). Start as many as are needed, on any host: they share the "
        "partitions, and each partition has one consumer at a time."
    )
    examples = """\

--workers=4
--server=node_1 --drain-timeout=30
--partitions=0-7 --metrics-port=9111"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.OK: "stopped",
        Exit.REFUSED: "Redis refused the user or the password",
        Exit.INCOMPLETE: "a receiver did not return within the drain timeout; with "
        "--fail-on-failed, a receiver failed; with --retry-dead, some letters are left",
        Exit.UNREACHABLE: "with --retry-dead: Redis cannot be reached",
        Exit.SYSTEM: "the system refused something, such as a thread; stderr says what",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--server",
            action="append",
            metavar="NAME",
            help="a server of AMI_SERVERS; may be repeated (default: all of them)",
        )
        parser.add_argument(
            "--partitions",
            type=numbers,
            metavar="LIST",
            help="the partitions to share, as in 0-7,12 (default: all of AMI_FORWARD)",
        )
        parser.add_argument(
            "--workers",
            type=workers,
            metavar="N",
            help="run receivers on so many threads, each partition in order (default: option "
            "'workers' of AMI_DISPATCH, which is 1)",
        )
        parser.add_argument(
            "--run-for", type=seconds, metavar="SECONDS", help="stop after so many seconds"
        )
        parser.add_argument(
            "--drain-timeout",
            type=amount,
            default=10.0,
            metavar="SECONDS",
            help="how long a stop may take to finish what is in hand (default: %(default)g)",
        )
        parser.add_argument(
            "--fail-on-failed",
            action="store_true",
            help="exit with code 4 if a receiver failed for any event",
        )
        parser.add_argument(
            "--retry-dead",
            action="store_true",
            help="deliver the dead letters that are there again, each once, and end",
        )
        metrics.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        was_heard = True
        try:
            if options["retry_dead"]:
                code = self._retry_dead(options)
            else:
                run = self._prepare(options)
                with metrics.metrics_of(options) as line:
                    if line:
                        run.say(line)
                    code = run.run()
                was_heard = run.was_heard
        except ConnectionFailed as error:  # the system refuses what it needs: supervisors try again
            raise CommandError(str(error), returncode=Exit.SYSTEM) from None
        except AmiError as error:
            raise CommandError(str(error), returncode=exit_code(error)) from None
        leave(self, code, streams_are_stuck=not was_heard)

    @staticmethod
    def _chosen(
        options: dict[str, Any],
    ) -> tuple[Forward, tuple[ServerConfig, ...], Sequence[int]]:
        """The setting, and the servers and partitions that are meant. Raises ConfigurationError."""
        forward = _forward()
        names = options["server"] or []
        servers = selected(names, everything=not names).servers
        partitions = options["partitions"] or range(forward.partitions)
        if max(partitions) >= forward.partitions:
            raise ConfigurationError(
                f"--partitions names {max(partitions)}, and the last one is "
                f"{forward.partitions - 1} ('PARTITIONS' of AMI_FORWARD is {forward.partitions})."
            )
        return forward, servers, partitions

    def _retry_dead(self, options: dict[str, Any]) -> Exit:
        forward, servers, partitions = self._chosen(options)
        import redis  # it is there

        from django_ami.forwarding.consuming import consuming
        from django_ami.forwarding.redis.keys import Stream
        from django_ami.forwarding.redis.letters import deliver_again
        from django_ami.forwarding.redis.options import RedisOptions
        from django_ami.forwarding.redis.outlet import client_of
        from django_ami.redis_client import address_of, cause

        chosen = RedisOptions.of(forward.options)
        streams = [
            Stream(chosen.prefix, server.name, partition, chosen.group)
            for server in servers
            for partition in partitions
        ]
        client = client_of(forward)
        try:
            with consuming(chosen.attempts) as receivers:
                taken, left = deliver_again(client, streams, receivers)
        except redis.RedisError as error:
            raise CommandError(
                f"the Redis at {address_of(forward.url)}: {cause(error)}.",
                returncode=Exit.UNREACHABLE,
            ) from None
        finally:
            client.close()
        self.say(f"{taken} dead letters were delivered, {left} are left.")
        return Exit.INCOMPLETE if left else Exit.OK

    def _prepare(self, options: dict[str, Any]) -> ConsumerRun:
        forward, servers, partitions = self._chosen(options)
        from django_ami.forwarding.redis.consumer import Consumer  # it needs the extra
        from django_ami.forwarding.redis.options import RedisOptions

        chosen = RedisOptions.of(forward.options)
        make = partial(
            Consumer,
            forward,
            chosen,
            servers=[server.name for server in servers],
            partitions=partitions,
            workers=options["workers"] or conf.read_parallel().workers,
        )
        signals.classes.receivers.thresholds = {
            server.name: server.options.slow_receiver_threshold for server in servers
        }
        return ConsumerRun(
            lambda receivers, refused: make(receivers, refused=refused),
            options,
            chosen.attempts,
            self.stdout,
        )


def _forward() -> Forward:
    """``AMI_FORWARD``, if it forwards to Redis. Raises ConfigurationError."""
    forward = read_forward()
    if forward is None:
        raise ConfigurationError(
            "ami_consume needs the setting AMI_FORWARD, as the listeners have it: see "
            "docs/forwarding.md."
        )
    if forward.outlet != "redis":
        raise ConfigurationError(
            f"ami_consume reads from Redis, and 'OUTLET' of AMI_FORWARD is {forward.outlet!r}: the "
            "consumers of other engines are their own workers."
        )
    try:
        import redis  # noqa: F401  (the modules that need it come later)
    except ModuleNotFoundError:
        raise ConfigurationError(
            "ami_consume needs redis-py: pip install 'django-ami[redis]'."
        ) from None
    return forward
