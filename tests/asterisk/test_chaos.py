"""``ami_listen`` against a real Asterisk that goes away, stands still, changes its mind, and
refuses.

Each time the worker recovers by itself, and its counts are right: its receivers were given, to the
byte and without anything twice, the events that Asterisk sent while it was connected. A second
session with the same mask, and a relay in between, tell these.
"""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from tests.asterisk.ledger import (
    after_login,
    assert_parts_of,
    assert_settled_once,
    before_end,
    events_of,
    failures,
    in_a_row,
    names_of,
    own,
    since,
)
from tests.asterisk.load import load
from tests.asterisk.relay import relay
from tests.asterisk.wire import recording, wire
from tests.asterisk.worker import url
from tests.chaos.support import LONG
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.asterisk.conftest import Asterisk
    from tests.asterisk.worker import Worker

#: How many numbered events are a load.
ENOUGH = 300
#: How many events at a cut may come in another order to another session.
OVERTAKEN = 100
#: The first number of a second load.
AGAIN = 1_000_000
#: How long Asterisk is frozen at least, in seconds.
FROZEN_SECONDS = 20 if LONG else 0


@contextmanager
def watched(
    asterisk: Asterisk, start: Callable[[], Worker]
) -> Iterator[tuple[Worker, list[bytes]]]:
    """A worker under load.

    In the end it is stopped, and all that Asterisk has sent since before its start is known.

    It may or may not have heard events behind the mark ``End``.
    """
    sent: list[bytes] = []
    with (
        recording(asterisk) as recorded,
        wire(asterisk, "admin", Events="off") as it,
        ExitStack() as stack,
    ):
        worker = start()
        worker.wait_for_out("pbx: ready,")
        traffic = stack.enter_context(load(asterisk))
        worker.wait_for(lambda: len(worker.numbers()) >= ENOUGH, "load")
        yield worker, sent
        goal = traffic.last + ENOUGH
        worker.wait_for(lambda: worker.numbers()[-1] >= goal, "load again")
        it.ask("UserEvent", UserEvent="End")
        worker.wait_for(
            lambda: len(before_end(heard := worker.connections()[-1])) < len(heard), "the end"
        )
        assert worker.stop() == 0
        it.ask("UserEvent", UserEvent="Over")
        sent += recorded.until("Over")


def lines(worker: Worker, text: str) -> list[str]:
    """Its lines on stderr that have this text."""
    return [line for line in worker.err if text in line]


# --- Asterisk goes away ---

NAMES = ("direct", "relayed")


def restarted(asterisk: Asterisk, gone: Callable[[], object]) -> None:
    asterisk.cli("core restart now")
    gone()


def killed(asterisk: Asterisk, gone: Callable[[], object]) -> None:
    asterisk.kill()
    gone()
    asterisk.start()


@pytest.mark.parametrize("fault", [restarted, killed])
def test_asterisk_goes_away_under_load(
    asterisk: Asterisk, listen: Callable[..., Worker], fault: Callable[..., None]
) -> None:
    with relay(asterisk.host, asterisk.port) as between:
        worker = listen(
            "--all", acting=True, direct=url(asterisk), relayed=url(asterisk, between.port)
        )
        hear = partial(wait_for_all, worker)
        hear(lambda name: worker.of("ready", name), "ready")
        with recording(asterisk) as recorded, load(asterisk) as traffic:
            hear(lambda name: len(worker.numbers(name)) >= ENOUGH, "load")
            fault(
                asterisk,
                gone=lambda: hear(lambda name: lines(worker, f"{name}: connection lost"), "lost"),
            )
            sent = recorded.to_the_end()
        hear(lambda name: len(worker.of("ready", name)) >= 2, "ready again")
        with load(asterisk, AGAIN) as again:
            hear(lambda name: AGAIN + ENOUGH in worker.numbers(name), "load again")
        hear(lambda name: again.last in worker.numbers(name), "all")
        assert worker.stop() == 0
    assert (worker.summary()["reconnects"], worker.summary()["delivered"]) == (
        2,
        worker.summary()["received"],
    )
    assert len(lines(worker, "connection lost")) == 2
    assert not lines(worker, "Traceback"), str(worker)
    for name in NAMES:
        first, second = in_a_row(worker.numbers(name))
        assert (first[0], second) == (1, (AGAIN, again.last))
        assert first[1] <= traffic.last + 1
    # The one that was cut off sooner has fewer of these; those just before the cut may have come in
    # another order.
    shorter, longer = sorted((since(1, worker.connections("direct")[0]), since(1, sent)), key=len)
    assert Counter(shorter[:-OVERTAKEN]) <= Counter(longer)
    # The relay knows every byte that came.
    assert list(chain(*worker.connections("relayed"))) == events_of(between)
    assert_settled_once(worker, own(between.sent.split(b"\r\n\r\n"), "relayed"), "relayed")
    print(worker.out[-1])


def wait_for_all(worker: Worker, condition: Callable[[str], object], what: str) -> None:
    """Wait until something holds for both servers."""
    worker.wait_for(lambda: all(condition(name) for name in NAMES), what)


# --- Asterisk stands still ---


def stay_frozen(asterisk: Asterisk, begun: float) -> None:
    """It answers nobody, for a few seconds at least."""
    assert not asterisk.answers(), "it is not frozen"
    time.sleep(max(0.0, begun + FROZEN_SECONDS - time.monotonic()))


def test_frozen_for_longer_than_read_timeout(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
    options = {
        "read_timeout": 4,
        "heartbeat_interval": 1,
        "connect_timeout": 3,
        "action_timeout": 6,
    }
    start = partial(listen, pbx=url(asterisk), acting=True, options=options)
    with watched(asterisk, start) as (worker, sent):
        with asterisk.frozen():
            begun = time.monotonic()
            lost = worker.wait_for_err("pbx: connection lost")
            tried = worker.wait_for_err("pbx: not connected")
            stay_frozen(asterisk, begun)
        worker.wait_for_out("pbx: ready again,")
    assert re.match(r"pbx: connection lost: nothing received for \d+\.\d s "
                    r"\(option read_timeout\): the server or the way to it is dead\. "
                    r"Trying again in", lost)  # fmt: skip
    assert (
        f"pbx: not connected: no AMI greeting from {asterisk.host}:{asterisk.port} within 3 s"
        in tried
    )
    assert (
        len(lines(worker, "connection lost"))
        == len(worker.of("lost"))
        == worker.summary()["reconnects"]
        == 1
    )
    before, after = worker.connections()
    assert_parts_of(sent, since(1, before), before_end(after_login(after)))
    assert len(in_a_row(worker.numbers())) == 2
    # Actions written before the loss was noticed may have been done; the first of them was out of
    # time.
    assert failures(worker)["ConnectionLost", True] > 0
    assert all(
        "it may have been carried out" in one.text
        for one in worker.actions()
        if one.error and one.sent
    )
    assert_settled_once(worker, own(sent))
    print(worker.out[-1], dict(failures(worker)), "of", len(worker.actions()))


@pytest.mark.parametrize("acting", [False, True])
def test_frozen_for_less_than_read_timeout(
    asterisk: Asterisk, listen: Callable[..., Worker], acting: bool
) -> None:
    options = {"read_timeout": 60, "heartbeat_interval": 0.5}
    start = partial(listen, pbx=url(asterisk), acting=acting, options=options)
    with watched(asterisk, start) as (worker, sent), asterisk.frozen():
        stay_frozen(asterisk, time.monotonic())
    assert (worker.err, worker.summary()["reconnects"]) == ([], 0)
    (heard,) = worker.connections()
    assert_parts_of(sent, before_end(since(1, heard)))
    if acting:
        assert_settled_once(worker, own(sent))
        assert failures(worker) == {}
    print(worker.out[-1], "actions:", len(worker.actions()))


# --- its configuration changes ---

DENIED = (
    "pbx: UserEvent refused: Permission denied: write= of the AMI user lacks its class "
    "(the CLI's 'manager show command UserEvent' names it)."
)
ACCOUNT = "[fallible]\nsecret = fallible111\nread = all\nwrite = all\n"


def fallible(asterisk: Asterisk, port: int | None = None) -> str:
    return url(asterisk, port, username="fallible", secret="fallible111")


def test_a_reload_that_changes_nothing_is_not_noticed(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
    with watched(asterisk, partial(listen, pbx=url(asterisk), acting=True)) as (worker, sent):
        for command in ("manager reload", "module reload manager", "core reload"):
            asterisk.cli(command)
    assert (worker.err, worker.summary()["reconnects"]) == ([], 0)
    (heard,) = worker.connections()
    assert_parts_of(sent, before_end(since(1, heard)))
    assert b"Reload" in names_of(heard)
    assert_settled_once(worker, own(sent))
    assert failures(worker) == {}


def test_rights_that_change_hold_from_the_next_login_on(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
    with relay(asterisk.host, asterisk.port) as between:
        # An account that has had FullyBooted once waits for it, however long Asterisk takes to
        # start.
        worker = listen(
            pbx=fallible(asterisk, between.port), acting=True, options={"boot_timeout": 2}
        )
        worker.wait_for_out("pbx: ready,")
        with load(asterisk) as traffic:

            def hears(name: str | None = None) -> None:
                """It hears of what is from now on."""
                worker.wait_for_number(traffic.last + ENOUGH)
                seen = len(worker.of("event"))
                if name is not None:
                    worker.wait_for(
                        lambda: name in {line["event"] for line in worker.of("event")[seen:]}, name
                    )

            def is_told(error: str) -> None:
                """Its actions from now on end like this."""
                seen = len(worker.actions())
                worker.wait_for(
                    lambda: error in {one.error for one in worker.actions()[seen:]}, error
                )

            hears("Newchannel")
            with asterisk.configured(
                ACCOUNT, ACCOUNT.replace("read = all\nwrite = all", "read = user\nwrite = call")
            ):
                # A session keeps the rights that it came with.
                hears("Newchannel")
                is_told("")
                between.cut()
                worker.wait_for_count(2, "ready")
                hears()
                is_told("ActionFailed")
            is_told("ActionFailed")
            between.cut()
            worker.wait_for_count(3, "ready")
            hears("Newchannel")
            is_told("")
        assert worker.stop() == 0
    assert (worker.summary()["reconnects"], len(lines(worker, "connection lost"))) == (2, 2)
    with_all, with_few, with_all_again = worker.connections()
    assert names_of(with_few) == {b"UserEvent"}
    assert names_of(with_all) & names_of(with_all_again) >= {
        b"FullyBooted",
        b"Newchannel",
        b"UserEvent",
    }
    assert [*with_all, *with_few, *with_all_again] == events_of(between)
    assert {one.text for one in worker.actions() if one.error == "ActionFailed"} == {DENIED}
    assert_settled_once(worker, own(between.sent.split(b"\r\n\r\n")))
    (warning,) = lines(worker, "FullyBooted did not come within 2 s (option boot_timeout)")
    assert "or read= of user 'fallible' in manager.conf has no system any more" in warning
    assert "The version is unknown: write= has neither system nor reporting" in warning
    print(worker.out[-1], dict(failures(worker)), "of", len(worker.actions()))


def test_a_secret_that_changes_ends_it_at_the_next_login(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
    with relay(asterisk.host, asterisk.port) as between:
        worker = listen(pbx=fallible(asterisk, between.port))
        worker.wait_for_out("pbx: ready,")
        with (
            load(asterisk) as traffic,
            asterisk.configured(ACCOUNT, ACCOUNT.replace("fallible111", "another111")),
        ):
            # A session that has logged in has logged in.
            worker.wait_for_number(traffic.last + ENOUGH)
            between.cut()
            assert worker.wait() == 3
    assert between.actions().count("Login") == 2
    lost, refused = worker.err
    assert lost.startswith("pbx: connection lost: ")
    assert refused.startswith("pbx: Authentication failed for user 'fallible'")
    assert list(chain(*worker.connections())) == events_of(between)
    assert worker.summary()["delivered"] == worker.summary()["received"]


# --- it refuses ---


def test_an_account_without_rights(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    with relay(asterisk.host, asterisk.port) as between:
        account = url(asterisk, between.port, username="powerless", secret="powerless111")
        worker = listen(pbx=account, acting=True)
        worker.wait_for_out("pbx: ready,")
        with load(asterisk) as traffic:
            wait_until(lambda: traffic.last > ENOUGH)
            worker.wait_for_count(ENOUGH, "action")
        assert worker.stop() == 0
    # It is sent no event at all, and Asterisk does not say so; the worker does.
    assert events_of(between) == []
    assert set(worker.summary().values()) == {0}
    (warning,) = worker.err
    assert warning.startswith(
        "pbx: FullyBooted did not come: read= of user 'powerless' in manager.conf has no system"
    )
    assert "Events of classes that are not in read= never come, and nobody is told." in warning
    assert "in write= are refused with 'Permission denied'." in warning
    assert_settled_once(worker, own(between.sent.split(b"\r\n\r\n")))
    assert failures(worker).keys() == {("ActionFailed", True)}
    assert {one.text for one in worker.actions() if one.error == "ActionFailed"} == {DENIED}
    print(worker.out[-1], dict(failures(worker)))


@contextmanager
def crowd(asterisk: Asterisk) -> Iterator[list[socket.socket]]:
    """Connections without a login, until Asterisk takes no more."""
    with ExitStack() as stack:
        inside: list[socket.socket] = []
        while True:
            one = stack.enter_context(
                socket.create_connection((asterisk.host, asterisk.port), timeout=10)
            )
            if not one.recv(64):
                break
            inside.append(one)
        yield inside


@pytest.mark.parametrize("tls", [False, True])
def test_the_authlimit_is_reached(
    asterisk: Asterisk, listen: Callable[..., Worker], tls: bool
) -> None:
    with relay(asterisk.host, asterisk.tls_port if tls else asterisk.port) as between:
        over_tls = f"amis://admin:amp111@localhost:{between.port}?ca_file={asterisk.cert}"
        worker = listen(pbx=over_tls if tls else url(asterisk, between.port))
        worker.wait_for_out("pbx: ready,")
        with load(asterisk) as traffic:
            worker.wait_for_number(ENOUGH)
            with crowd(asterisk) as inside:
                assert len(inside) == 50, "authlimit in manager.conf"
                between.cut()
                worker.wait_for(
                    lambda: len(lines(worker, "pbx: not connected")) >= 3, "three attempts"
                )
                assert len(worker.of("ready")) == 1
                # One place is enough.
                inside[0].close()
                worker.wait_for_count(2, "ready")
                worker.wait_for_number(traffic.last + ENOUGH)
        assert worker.stop() == 0
    lost, *others = worker.err
    assert lost.startswith("pbx: connection lost: ")
    full = (
        "the server closed the connection before the login: is it stopping, or is its authlimit "
        "reached?"
    )
    assert all(
        line.startswith(f"pbx: not connected: {full} Trying again in ")
        or " more changes in " in line
        for line in others
    )
    assert worker.summary()["reconnects"] == 1
    assert len(in_a_row(worker.numbers())) == 2
    if not tls:
        assert list(chain(*worker.connections())) == events_of(between)
    print(worker.out[-1], len(others), "attempts")


# --- it throws out ---


def sessions_of(asterisk: Asterisk, username: str) -> list[str]:
    """The file descriptors that Asterisk has for the sessions of a user."""
    rows = [line.split() for line in asterisk.cli("manager show connected").splitlines()]
    return [row[4] for row in rows if row and row[0] == username]


def test_sessions_are_kicked(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    if "manager kick session" not in asterisk.cli("core show help manager"):
        pytest.skip(f"Asterisk {asterisk.version} has no 'manager kick session'")
    kicks = 2  # of more in a minute the log would tell together
    with watched(asterisk, partial(listen, pbx=fallible(asterisk), acting=True)) as (worker, sent):
        for number in range(1, kicks + 1):
            # The last one may be on its way out.
            wait_until(lambda: len(sessions_of(asterisk, "fallible")) == 1)
            asterisk.cli("manager kick session", *sessions_of(asterisk, "fallible"))
            worker.wait_for_count(number, "lost")
            worker.wait_for_count(number + 1, "ready")
    assert (
        len(lines(worker, "pbx: connection lost: "))
        == len(worker.err)
        == worker.summary()["reconnects"]
        == kicks
    )
    first, *others = worker.connections()
    assert_parts_of(sent, since(1, first), *[before_end(after_login(events)) for events in others])
    assert_settled_once(worker, own(sent))
    print(worker.out[-1], dict(failures(worker)), "of", len(worker.actions()))
