"""The streams of a command: no text steers a terminal, and a full disk is no traceback.

Rule: a style is given beside the text, never inside of it: the text itself is escaped.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from django_ami.core.escaping import printable
from django_ami.tools.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Output", "SafeCommand", "StdoutFailed", "why"]


class StdoutFailed(OSError):
    """The output cannot be written to stdout: a disk is full, or the stream is closed."""


def why(error: OSError | ValueError) -> str:
    """The system's reason, in one sentence, without the names of files."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{text.rstrip('.') or type(error).__name__}."


class Output(OutputWrapper):
    """A stream of Django's that escapes what is written.

    If it is ``needed``, StdoutFailed says that it cannot be written; else what cannot be written is
    lost. Nobody who reads any more is a BrokenPipeError of a needed stream.
    """

    def __init__(self, stream: OutputWrapper, *, needed: bool) -> None:
        super().__init__(stream._out, ending=stream.ending)  # type: ignore[arg-type]  # noqa: SLF001
        self.style_func = stream.style_func
        self._needed = needed

    def write(  # type: ignore[override]  # as Django has it
        self,
        msg: str = "",
        style_func: Callable[[str], str] | None = None,
        ending: str | None = None,
    ) -> None:
        """Write a line; with another ``ending`` a part of one."""
        text = printable(msg.removesuffix("\n"), getattr(self._out, "encoding", None))
        self._guarded(lambda: super(Output, self).write(text, style_func, ending))

    def flush(self) -> None:
        """Write what waits in a buffer."""
        self._guarded(super().flush)

    def let_go(self) -> None:
        """Write no more: Python flushes once more at its end, and that must not fail, too."""
        mine: Any = self._out
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and stream is mine:
                with suppress(OSError, ValueError):
                    nowhere = os.open(os.devnull, os.O_WRONLY)
                    os.dup2(nowhere, stream.fileno())
                    os.close(nowhere)

    def _guarded(self, write: Callable[[], Any]) -> None:
        try:
            if self._out is None:  # the process was started without it
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            write()
        except (OSError, ValueError) as error:  # ValueError: it was closed
            self.let_go()
            if self._needed:
                if isinstance(error, BrokenPipeError):
                    raise
                raise StdoutFailed(why(error)) from None


class SafeCommand(BaseCommand):
    """A command whose streams are of this kind, whoever sets them."""

    #: The work that was done before stdout failed, for the message: the user need not guess.
    done: str = ""

    @property
    def stdout(self) -> Output:
        return self._stdout

    @stdout.setter
    def stdout(self, stream: OutputWrapper) -> None:
        self._stdout = Output(stream, needed=True)

    @property
    def stderr(self) -> Output:
        return self._stderr

    @stderr.setter
    def stderr(self, stream: OutputWrapper) -> None:
        self._stderr = Output(stream, needed=False)

    @contextmanager
    def _system_may_refuse(self) -> Iterator[None]:
        """A refusal of the operating system is a CommandError.

        That nobody reads any more is a good end.
        """
        try:
            yield
            self.stdout.flush()
        except StdoutFailed as error:
            text = f"stdout cannot be written: {error} {self.done}".rstrip()
            raise CommandError(text, returncode=Exit.SYSTEM) from None
        except BrokenPipeError:
            return
        except OSError as error:
            what = (
                f"{os.fsdecode(error.filename)}: "
                if isinstance(error.filename, str | bytes)
                else ""
            )
            raise CommandError(f"{what}{why(error)}", returncode=Exit.SYSTEM) from None
        finally:
            with suppress(OSError):
                self.stdout.flush()  # its last lines, if another error ended it
