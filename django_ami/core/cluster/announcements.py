"""The log of servers that come and go: one line for each change, and few of a server that flaps.

Rule: of each server the first few lines are said at once; from then on one in an interval, with the
number of those that were not. So nothing goes untold, and no server fills the log.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.errors import AuthenticationFailed
from django_ami.core.log import get_logger
from django_ami.core.session import Lost, Ready

if TYPE_CHECKING:
    from django_ami.core.reactor import Loop, Timer
    from django_ami.core.session import Notice

__all__ = ["FIRST_LINES", "FLAPPING_SECONDS", "Announcements"]

logger = get_logger(__name__)

#: This number of changes of a server have a line of their own within an interval.
FIRST_LINES: Final = 6
FLAPPING_SECONDS: Final = 60.0


class _Interval:
    """The changes of one server in an interval; most have none."""

    __slots__ = ("began", "extra", "last", "lines", "lost", "ready", "timer")

    def __init__(self, began: float, lines: int = 0) -> None:
        self.began = began
        self.lines = lines
        #: Changes without a line: how often it was lost, and ready.
        self.lost = 0
        self.ready = 0
        self.last = ""
        self.timer: Timer | None = None
        self.extra: dict[str, Any] = {}

    @property
    def untold(self) -> int:
        return self.lost + self.ready


class Announcements:
    """Logs the notices of all servers of a process."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._intervals: dict[str, _Interval] = {}

    def tell(self, notice: Notice) -> None:
        """Log a change of state, now or with others."""
        match notice:
            case Ready():
                asterisk = notice.asterisk_version or "of unknown version"
                ami = notice.ami_version or "of unknown version"
                line = f"{notice.words} (Asterisk {asterisk}, AMI {ami})."
                if self._say(notice.server, logging.INFO, line, {"state": "ready"}):
                    self._warn(notice)
            case Lost(retry_in=None) | Lost(error=AuthenticationFailed()):
                # Tried again rarely or never, and a person has to act.
                logger.error(
                    "%s",
                    notice.error,
                    extra={"server": notice.server, "state": "lost", "error": _name(notice)},
                )
            case Lost():
                what = "connection lost" if notice.was_ready else "not connected"
                line = f"{what}: {notice.error.message} Trying again in {notice.retry_in:.1f} s."
                retry_in = round(notice.retry_in or 0.0, 1)
                extra = {"state": "lost", "error": _name(notice), "retry_in": retry_in}
                self._say(notice.server, logging.WARNING, line, extra)

    def finish(self) -> None:
        """Nothing comes any more: say how many changes had no line."""
        for server, interval in list(self._intervals.items()):
            self._report(server, interval)

    def _warn(self, notice: Ready) -> None:
        if notice.warning:
            logger.warning("%s: %s", notice.server, notice.warning, extra={"server": notice.server})

    def _say(self, server: str, level: int, line: str, extra: dict[str, Any]) -> bool:
        """Say it, if this server may have another line; True if it was said."""
        now = self._loop.now
        interval = self._intervals.get(server)
        if interval is not None and now >= interval.began + FLAPPING_SECONDS:
            self._report(server, interval)
            interval = self._intervals.get(server)
        if interval is None:
            interval = self._intervals[server] = _Interval(now)
        extra = {"server": server, **extra}
        if interval.lines < FIRST_LINES:
            interval.lines += 1
            logger.log(level, "%s: %s", server, line, extra=extra)
            return True
        if extra["state"] == "ready":
            interval.ready += 1
        else:
            interval.lost += 1
        interval.last, interval.extra = line, extra
        if interval.timer is None:
            interval.timer = self._loop.call_at(
                interval.began + FLAPPING_SECONDS, lambda: self._report(server, interval)
            )
        return False

    def _report(self, server: str, interval: _Interval) -> None:
        """An interval is over: say how many lines are missing, and the last one of them."""
        if self._intervals.get(server) is not interval:
            return
        if interval.timer is not None:
            interval.timer.cancel()
        if not interval.untold:
            del self._intervals[server]
            return
        now = self._loop.now
        logger.warning(
            "%s: %d more changes in %.0f s: lost or not connected %d times, ready %d times. "
            "The last line: %s",
            server,
            interval.untold,
            now - interval.began,
            interval.lost,
            interval.ready,
            interval.last,
            extra={
                **interval.extra,
                "lost_count": interval.lost,
                "ready_count": interval.ready,
                "seconds": round(now - interval.began, 1),
            },
        )
        # It has had its first lines, until an interval goes by without a change.
        self._intervals[server] = _Interval(now, lines=FIRST_LINES)


def _name(notice: Lost) -> str:
    return type(notice.error).__name__
