"""The applications of the dialplan, as a channel runs them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from django_ami.simulator.channels import UP, Channel
from django_ami.simulator.conferences import confer
from django_ami.simulator.parking import park, retrieve
from django_ami.simulator.queue_calls import QueueCall
from django_ami.simulator.spying import spy

if TYPE_CHECKING:
    from django_ami.simulator.pbx import Pbx

__all__ = ["run_application"]

Application = Callable[["Pbx", Channel, str], Awaitable[None]]


async def run_application(pbx: Pbx, channel: Channel, name: str, data: str) -> None:
    """Run an application to its end. One that is not known here plays or waits."""
    pbx.calls.new_exten(channel, name, data)
    application = _APPLICATIONS.get(name.lower())
    if application is not None:
        await application(pbx, channel, data)
    else:
        await pbx.clock.first_signal([channel], pbx.behaviour.application_seconds(name))


async def _answer(pbx: Pbx, channel: Channel, data: str) -> None:
    del data
    if channel.state != UP:
        pbx.set_state(channel, UP)


async def _dial(pbx: Pbx, channel: Channel, data: str) -> None:
    await pbx.calls.dial_and_talk(channel, data.partition(",")[0])


async def _queue(pbx: Pbx, channel: Channel, data: str) -> None:
    queue = pbx.queues.get(data.partition(",")[0])
    if queue is not None:
        await QueueCall(pbx, queue, channel).run()


async def _park(pbx: Pbx, channel: Channel, data: str) -> None:
    own_time = data.partition(",")[2]
    await park(pbx, channel, float(own_time) if own_time else pbx.times.park)


async def _parked_call(pbx: Pbx, channel: Channel, data: str) -> None:
    retrieve(pbx, channel, data.rpartition(",")[2])


async def _confbridge(pbx: Pbx, channel: Channel, data: str) -> None:
    await confer(pbx, channel, data.partition(",")[0])


async def _chan_spy(pbx: Pbx, channel: Channel, data: str) -> None:
    prefix, _, options = data.partition(",")
    await spy(pbx, channel, prefix, options)


async def _hang_up(pbx: Pbx, channel: Channel, data: str) -> None:
    """The channel ends behind it."""


async def _wait(pbx: Pbx, channel: Channel, data: str) -> None:
    is_time = re.fullmatch(r"\d+(\.\d+)?", data)
    seconds = float(data) if is_time else pbx.behaviour.application_seconds("Wait")
    await pbx.clock.first_signal([channel], seconds)


_APPLICATIONS: dict[str, Application] = {
    "answer": _answer,
    "chanspy": _chan_spy,
    "confbridge": _confbridge,
    "dial": _dial,
    "hangup": _hang_up,
    "park": _park,
    "parkedcall": _parked_call,
    "queue": _queue,
    "wait": _wait,
}
