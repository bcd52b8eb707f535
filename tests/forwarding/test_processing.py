"""``once``: the work for an event is done once, for each key, on the model and on the cache."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, transaction
from django.dispatch import receiver
from django.utils import timezone

from django_ami import signals
from django_ami.core.errors import ConfigurationError
from django_ami.core.messages import Event
from django_ami.forwarding import once
from django_ami.forwarding.models import ProcessedEvent
from django_ami.testing import Outbox, events
from tests.receiving import fresh_registry
from tests.running import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["model", "cache"])
def store(request: pytest.FixtureRequest, settings: Any) -> Iterator[str]:
    settings.AMI_FORWARD = {"ONCE": request.param}
    cache.clear()
    yield request.param
    cache.clear()


@pytest.fixture
def hangup() -> Event:
    return events.hangup(server="node_1")


def fail() -> None:
    raise LookupError("the CRM is away")


def fail_after(function: Callable[[], None]) -> None:
    function()
    fail()


# --- the context manager ---


@pytest.mark.usefixtures("store")
def test_the_first_delivery_is_told_from_those_behind_it(hangup: Event) -> None:
    def deliver() -> bool:
        with once(hangup) as first:
            return first

    assert [deliver() for _ in range(3)] == [True, False, False]
    with once(Event(hangup.name, hangup.raw, hangup.id), f"{__name__}.{deliver.__qualname__}") as a:
        assert not a, "the key is the name of the function that calls; and the id makes the event"


@pytest.mark.usefixtures("store")
def test_each_event_and_each_key_is_one_of_its_own(hangup: Event) -> None:
    claimed = []
    for event in (hangup, events.hangup(server="node_1")):
        for key in ("billing", "Billing", "billing ", "bill\0ing", "x" * 500, "x" * 501):
            with once(event, key) as first:
                claimed.append(first)
    assert claimed == [True] * 12


@pytest.mark.usefixtures("store")
def test_two_receivers_that_name_no_key_do_not_share_one(hangup: Event) -> None:
    def bill() -> bool:
        with once(hangup) as first:
            return first

    def tell() -> bool:
        with once(hangup) as first:
            return first

    assert (bill(), tell(), bill(), tell()) == (True, True, False, False)


@pytest.mark.usefixtures("store")
def test_the_same_sequence_of_another_connection_or_server_is_another_event(hangup: Event) -> None:
    claimed = []
    for found in (hangup.id, hangup.id._replace(epoch="01KB"), hangup.id._replace(server="other")):
        with once(Event("Hangup", b"Event: Hangup", found), "billing") as first:
            claimed.append(first)
    assert claimed == [True, True, True]


@pytest.mark.usefixtures("store")
def test_a_receiver_that_raises_gives_its_claim_back(hangup: Event) -> None:
    claimed = []

    def bill() -> None:
        with once(hangup, "key") as first:
            claimed.append(first)
            fail()

    for _ in range(2):
        with pytest.raises(LookupError, match="the CRM is away"):
            bill()
    assert claimed == [True, True]
    with once(hangup, "key") as first:
        assert first


@pytest.mark.usefixtures("store")
def test_an_error_beside_an_event_that_was_processed_changes_nothing(hangup: Event) -> None:
    with once(hangup, "key"):
        pass
    with pytest.raises(LookupError), once(hangup, "key"):
        fail()
    with once(hangup, "key") as first:
        assert not first


@pytest.mark.usefixtures("store")
def test_an_event_without_an_id_is_refused(hangup: Event) -> None:
    with pytest.raises(ValueError, match="has no id"), once(Event("Hangup", hangup.raw)):
        pass


def test_argument_that_is_no_event_and_no_receiver_is_refused() -> None:
    with pytest.raises(TypeError, match="once takes an event or a receiver, not 7"):
        once(7)  # type: ignore[call-overload]


# --- the decorator ---


@pytest.mark.usefixtures("store")
def test_a_decorated_receiver_runs_once_for_each_event(ami_outbox: Outbox, hangup: Event) -> None:
    seen = []
    with fresh_registry():

        @receiver(signals.events["Hangup"], weak=False)
        @once
        def bill(event: Event, **_: object) -> None:
            seen.append(("bill", event.id.sequence))

        @receiver(signals.events["Hangup"], weak=False)
        @once(key="tell")
        def tell(event: Event, **_: object) -> None:
            seen.append(("tell", event.id.sequence))

        other = events.hangup()
        for event in (hangup, other, hangup):
            ami_outbox.emit(event, server="node_1")
    first, second = hangup.id.sequence, other.id.sequence
    assert seen == [("bill", first), ("tell", first), ("bill", second), ("tell", second)]


@pytest.mark.usefixtures("store")
def test_a_decorated_receiver_keeps_its_name_and_its_result(hangup: Event) -> None:
    @once
    def bill(sender: object, event: Event, **_: object) -> str:
        """Bill it."""
        return event["Channel"]

    assert (bill.__name__, bill.__doc__) == ("bill", "Bill it.")
    assert bill(None, hangup) == hangup["Channel"]
    assert bill(None, hangup) is None


@pytest.mark.usefixtures("store")
def test_a_receiver_that_gets_no_event_is_told_so() -> None:
    @once
    def bill(**_: object) -> None:
        raise AssertionError

    with pytest.raises(TypeError, match=r"bill was called without an event.*with once\(event\)"):
        bill(events=[])


# --- the model ---


def test_the_receivers_own_rows_and_the_claim_are_one_transaction(
    hangup: Event, transactional_db: None
) -> None:
    def write(then: Callable[[], None]) -> None:
        with once(hangup, "key", store="model"):
            ProcessedEvent.objects.create(claim="own", event="", at=timezone.now())
            assert transaction.get_connection().in_atomic_block
            then()

    with pytest.raises(LookupError):
        write(fail)
    assert not ProcessedEvent.objects.exists()
    write(lambda: None)
    assert not transaction.get_connection().in_atomic_block
    assert ProcessedEvent.objects.count() == 2


def test_the_callers_transaction_takes_the_claim_with_it(
    hangup: Event, transactional_db: None
) -> None:
    claimed = []

    @transaction.atomic
    def view() -> None:
        for _ in range(2):
            with once(hangup, "key", store="model") as first:
                claimed.append(first)
        assert ProcessedEvent.objects.exists(), "a repeated event breaks no transaction"
        fail()

    with pytest.raises(LookupError):
        view()
    assert claimed == [True, False]
    with once(hangup, "key", store="model") as first:
        assert first


def test_a_row_tells_people_what_was_processed(hangup: Event) -> None:
    with once(hangup, "billing", store="model"):
        pass
    row = ProcessedEvent.objects.get()
    assert (row.event, row.key) == (str(hangup.id), "billing")
    assert str(row) == f"{hangup.id} billing"


def test_without_the_app_the_model_is_refused_and_the_cure_is_named(
    hangup: Event, settings: Any
) -> None:
    settings.INSTALLED_APPS = [
        app for app in settings.INSTALLED_APPS if app != "django_ami.forwarding"
    ]
    with (
        pytest.raises(ConfigurationError, match=r"add 'django_ami\.forwarding' to INSTALLED_APPS"),
        once(hangup),
    ):
        pass


# --- the cache ---


def test_while_another_process_works_the_claim_is_waited_for(hangup: Event, settings: Any) -> None:
    settings.AMI_FORWARD = {"ONCE": "cache"}
    begun, end, found = threading.Event(), threading.Event(), []

    def work(*, raises: bool) -> None:
        with once(hangup, f"key {raises}"):
            begun.set()
            assert end.wait(20)
            if raises:
                fail()

    def wait(*, raises: bool) -> None:
        with once(hangup, f"key {raises}") as first:
            found.append(first)

    for raises in (False, True):
        begun.clear()
        end.clear()
        one = threading.Thread(target=_quietly, args=(work,), kwargs={"raises": raises})
        other = threading.Thread(target=wait, kwargs={"raises": raises})
        one.start()
        assert begun.wait(20)
        other.start()
        before = len(found)
        other.join(0.1)
        assert len(found) == before, "it waits"
        end.set()
        other.join(20)
        one.join(20)
    assert found == [False, True], "it was done; it was given back"


def _quietly(function: Any, **named: Any) -> None:
    with contextlib.suppress(LookupError):
        function(**named)


@pytest.mark.slow
def test_a_claim_that_nobody_ends_ends_by_itself(hangup: Event, settings: Any) -> None:
    settings.AMI_FORWARD = {"ONCE": {"STORE": "cache", "CLAIM_SECONDS": 1}}
    once(hangup, "key").__enter__()  # a process that dies here
    begun = time.monotonic()
    with once(hangup, "key") as first:
        assert first
    assert time.monotonic() - begun < 20


def test_a_claim_that_others_hold_again_and_again_is_given_up(
    hangup: Event, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AMI_FORWARD = {"ONCE": {"STORE": "cache", "CLAIM_SECONDS": 1}}
    monkeypatch.setattr("django_ami.forwarding.claims._PATIENCE_CLAIMS", 0)
    told = rf"another process has been at work for the event {hangup.id} \(key\) for 0 s"
    with once(hangup, "key"), pytest.raises(OperationalError, match=told), once(hangup, "key"):
        pass


def test_a_cache_that_goes_away_keeps_no_error_of_a_receiver_from_being_told(
    hangup: Event, settings: Any, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    folder = tmp_path / "cache"
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "files": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": folder,
        },
    }

    def spoil() -> None:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        folder.write_text("no folder")

    with once(hangup, "key", store="cache", using="files") as first:
        assert first
        spoil()
    assert f"The event {hangup.id} (key) was processed, and the cache does not keep" in caplog.text
    folder.unlink()
    with once(hangup, "other", store="cache", using="files"):
        pass
    with pytest.raises(LookupError), once(hangup, "third", store="cache", using="files"):
        fail_after(spoil)
    assert f"The claim of the event {hangup.id} (third) cannot be given back" in caplog.text


@pytest.mark.slow
def test_the_setting_says_for_how_long_the_cache_remembers(hangup: Event, settings: Any) -> None:
    settings.AMI_FORWARD = {"ONCE": {"STORE": "cache", "SECONDS": 1}}
    with once(hangup, "key") as first:
        assert first

    def again() -> bool:
        with once(hangup, "key") as first:
            return first

    assert not again()
    wait_until(again, 20, what="the cache forgets")


# --- asynchronous receivers ---


def test_an_asynchronous_receiver_runs_once_with_the_cache(hangup: Event) -> None:
    seen = []

    @once(store="cache")
    async def bill(event: Event, **_: object) -> None:
        await asyncio.sleep(0)
        seen.append(event.id)

    async def deliver() -> None:
        await asyncio.gather(*(bill(event=hangup) for _ in range(5)))
        async with once(hangup, "other", store="cache") as first:
            assert first

    asyncio.run(deliver())
    assert seen == [hangup.id]


def test_an_asynchronous_receiver_that_raises_gives_its_claim_back(hangup: Event) -> None:
    async def deliver() -> list[bool]:
        found = []
        for _ in range(2):
            try:
                async with once(hangup, "key", store="cache") as first:
                    found.append(first)
                    fail()
            except LookupError:
                pass
        return found

    assert asyncio.run(deliver()) == [True, True]


def test_an_asynchronous_receiver_is_refused_the_model(hangup: Event) -> None:
    @once(store="model")
    async def bill(event: Event, **_: object) -> None:
        raise AssertionError

    with pytest.raises(ConfigurationError, match="choose store='cache', or make the receiver sync"):
        asyncio.run(bill(event=hangup))
