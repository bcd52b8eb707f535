"""A connection ends for wider filters when no action is lost by that, or at last in any case."""

from __future__ import annotations

from typing import Any

from django_ami.core.config import ServerConfig
from django_ami.core.filters import select
from django_ami.core.options import Options
from django_ami.core.session.connections import Connections
from django_ami.core.session.state import GapReason
from django_ami.core.session.widening import LONGEST_SECONDS, PATIENT_SECONDS, Widening

NARROW = select(frozenset({"hangup"}))


class Exchange:
    interest: frozenset[str] | None = frozenset({"hangup", "newchannel"})
    awaited = 0


class Known:
    refuses_filters = False


class Gate:
    keeping = False


def made(mask: str = "on") -> tuple[Widening, Any, Any]:
    exchange, gate, options = Exchange(), Gate(), Options(server_filters="auto")
    config = ServerConfig.from_url("node_1", "ami://a:b@127.0.0.1", options)
    return Widening(config, exchange, gate, Known(), Connections(), mask), exchange, gate  # type: ignore[arg-type]


def test_without_actions_it_ends_at_once() -> None:
    widening, _, gate = made()
    assert widening.look(1.0) is None
    widening.compare(NARROW, 1.0)
    assert "logging in anew" in str(widening.look(1.0))
    assert (widening.reason, gate.keeping) == (GapReason.WIDENED, False)


def test_actions_are_waited_for_and_new_ones_kept_in_the_end() -> None:
    widening, exchange, gate = made()
    exchange.awaited = 1
    widening.compare(NARROW, 1.0)
    widening.compare(NARROW, 3.0)  # nothing new
    assert widening.look(1.0) is None
    assert (widening.look_at, gate.keeping) == (1.05, False)
    assert widening.look(1.0 + PATIENT_SECONDS) is None
    assert gate.keeping
    exchange.interest = frozenset({"hangup"})
    widening.compare(NARROW, 1.0)  # too late: some wait for the next connection
    assert widening.look(0.9 + LONGEST_SECONDS) is None
    assert widening.look(1.0 + LONGEST_SECONDS) is not None
    widening.forget()
    assert (widening.look_at, widening.reason) == (None, GapReason.CONNECTION_LOST)


def test_receiver_that_goes_again_takes_its_wish_with_it() -> None:
    widening, exchange, _ = made()
    widening.compare(NARROW, 1.0)
    exchange.interest = frozenset({"hangup"})
    widening.compare(NARROW, 1.0)
    assert widening.look(1.0) is None


def test_where_nothing_is_filtered_nothing_is_widened() -> None:
    widening, _, _ = made("off")
    widening.compare(NARROW, 1.0)
    widening.compare(None, 1.0)
    assert widening.look(1.0) is None
