"""The system refuses the event loop of an asynchronous receiver, or a thread for it.

The event is not lost by that.
"""

from __future__ import annotations

import pytest

from tests.running import run_python

SOURCE = """
import contextlib, logging, sys, threading, time, warnings
from dataclasses import dataclass

from django.conf import settings
settings.configure(INSTALLED_APPS=["django_ami"], AMI_SERVERS={}, DATABASES={})
import django; django.setup()
from django_ami import signals
from django_ami.core.plans import Plans
from django_ami.testing import event
from tests.refusing import no_descriptors, no_threads

# asyncio leaves the half of an event loop behind, and asgiref a coroutine
warnings.simplefilter("ignore")
sys.unraisablehook = lambda unraisable: None
told = []
class Handler(logging.Handler):
    def emit(self, record):
        told.append(record.getMessage())
logging.getLogger("django_ami").addHandler(Handler())
logging.getLogger("django_ami").propagate = False

got = []
async def one(sender, event, **kwargs): got.append("one")
async def two(sender, event, **kwargs):
    got.append("two")
    if sys.argv[2] == "raises":
        raise RuntimeError("can't start new thread")
for receiver in (one, two):
    signals.events["Hangup"].connect(receiver, weak=False)

class Handle: name = "node_1"
@dataclass
class Tally:
    delivered: int = 0
    failed: int = 0

tally = Tally()
plans = Plans(lambda name: tuple(signals.events[name].calls(Handle)))
deliver = threading.Thread(
    target=signals.classes.receivers.deliver,
    args=([event("Hangup", server="node_1")], plans, Handle, tally),
)
ready = threading.Event()
if sys.argv[1] == "nothing":
    deliver.start()
else:
    with contextlib.ExitStack() as refusal:
        if sys.argv[1] == "descriptors":
            refusal.enter_context(no_descriptors())
            deliver.start()
        else:
            # Begun before, since it is a thread itself.
            run, deliver.run = deliver.run, lambda: (ready.wait(), run())
            deliver.start()
            refusal.enter_context(no_threads())
            ready.set()
        while not told:
            time.sleep(0.002)
        print(got, tally.delivered, tally.failed)
deliver.join()
print(sorted(got), tally.delivered, tally.failed)
"""


@pytest.mark.slow
@pytest.mark.parametrize("refused", ["descriptors", "threads"])
def test_an_event_loop_that_is_refused_is_asked_for_again(refused: str) -> None:
    assert run_python(SOURCE, refused, "returns").split("\n") == ["[] 0 0", "['one', 'two'] 1 0"]


@pytest.mark.slow
def test_a_receiver_that_met_a_refusal_itself_has_failed() -> None:
    assert run_python(SOURCE, "nothing", "raises") == "['one', 'two'] 0 1"
