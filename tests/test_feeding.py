"""A listener publishes the objects that change, and those that time takes away."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django_ami.feeding import Feeding
from django_ami.live.feed.memory import MemoryBackend
from django_ami.live.feed.mirror import Mirror
from django_ami.live.feed.remote import RemotePicture
from tests.live.callcentre import NOON, CallCentre, listed_member, listed_queue
from tests.running import wait_until
from tests.wallboard.published import Published

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR_SECONDS = 3600.0


class Site:
    """A call centre, and the objects that its listener publishes."""

    def __init__(self, **options: Any) -> None:
        self.centre, self.published = CallCentre(**options), Published()

    def seed(self, **lists: Any) -> None:
        self.centre.changes += self.centre.seed(**lists)

    def tick(self, seconds: float = 0.0) -> dict[str, Any]:
        """Time goes on: the objects that have changed since the last time, as a page has them."""
        centre = self.centre.wait(seconds)
        changes = [*centre.changes, *centre.tracker.tick(centre.now)]
        centre.changes.clear()
        return self.published.hear(centre.tracker, changes, centre.now)


def test_queue_without_a_caller_is_published_when_a_list_tells_of_it() -> None:
    site = Site()
    site.tick()
    site.seed(queues=[listed_queue("sales"), listed_member("PJSIP/101", "sales")])
    news = site.tick(1)
    assert news["queue:sales"]["waiting"] == 0
    assert news["curve:sales"]["offered"] == []
    assert "queue:sales" not in site.tick(1)


def test_queue_that_a_list_does_not_have_any_more_is_gone() -> None:
    site = Site()
    site.seed(queues=[listed_queue("sales"), listed_queue("support")])
    site.tick(1)
    site.seed(queues=[listed_queue("support")])
    news = site.tick(1)
    assert (news["queue:sales"], news["curve:sales"]) == (None, None)
    assert site.published.all.keys() & {"queue:sales", "queue:support"} == {"queue:support"}


def test_queue_that_is_no_more_is_shown_until_its_day_ends() -> None:
    site = Site()
    site.centre.join("100.1", "sales")
    site.centre.hang_up("100.1")
    site.centre.wait(1)
    site.seed(queues=[])
    assert site.tick(11 * HOUR_SECONDS)["queue:sales"]["offered"] == 0  # short
    assert "queue:sales" in site.published.all
    assert site.tick(1 * HOUR_SECONDS)["queue:sales"] is None


def test_wrap_up_ends_without_an_event() -> None:
    site = Site(wrapup_seconds=30)
    site.centre.state()
    site.centre.join("100.1")
    site.centre.wait(5).connect("100.1")
    site.centre.wait(60).complete("100.1", talk=60)
    site.centre.state()
    assert site.tick()["agent:PJSIP/101"]["state"] == "wrap_up"
    assert "agent:PJSIP/101" not in site.tick(29)
    site.tick(1)
    assert site.published.all["agent:PJSIP/101"]["state"] == "available"
    assert "agent:PJSIP/101" not in site.tick(1)


def test_figures_begin_anew_at_midnight() -> None:
    site = Site()
    site.centre.state()
    site.centre.join("100.1")
    site.centre.wait(5).connect("100.1")
    site.centre.wait(60).complete("100.1", talk=60)
    before = site.tick(HOUR_SECONDS)
    assert before["queue:support"]["answered"] == 1
    assert before["curve:support"]["answered"] == 48 * [0] + [1]
    site.tick(11 * HOUR_SECONDS - 66)
    after = site.tick(2)
    assert after["queue:support"]["answered"] == 0
    assert after["curve:support"] == {
        "begin": NOON + 12 * HOUR_SECONDS,
        "seconds": 900,
        "offered": [],
        "answered": [],
        "abandoned": [],
    }
    assert after["agent:PJSIP/101"]["occupancy_today"] == 0.0
    assert site.tick(2).keys() == {"server:"}


def test_agent_that_is_in_no_queue_is_forgotten_on_the_next_day() -> None:
    site = Site()
    site.centre.state()
    site.centre.tell("QueueMemberRemoved", Queue="support", Interface="PJSIP/101", MemberName="A")
    assert site.tick()["agent:PJSIP/101"]["state"] == "offline"
    assert site.published.news["member:support\nPJSIP/101"] is None
    assert site.tick(13 * HOUR_SECONDS)["agent:PJSIP/101"] is None


def test_curve_is_published_only_when_it_changes() -> None:
    site = Site()
    site.centre.state()
    site.centre.join("100.1")
    assert site.tick()["curve:support"]["offered"] == 48 * [0] + [1]
    site.centre.wait(5).connect("100.1")
    assert site.tick()["curve:support"]["answered"] == 48 * [0] + [1]
    site.centre.wait(60).complete("100.1", talk=60)
    news = site.tick()
    assert "queue:support" in news
    assert "curve:support" not in news


def test_heading_has_the_count_of_events_every_second() -> None:
    site = Site()
    site.published.received = 10
    assert site.tick()["server:"]["received"] == 10
    site.published.received = 25
    heading = site.tick(1)["server:"]
    assert (heading["received"], heading["since"]) == (25, NOON)


def test_callers_move_up_within_a_second_when_one_before_them_has_gone() -> None:
    site = Site()
    for number, caller in enumerate(("100.1", "100.3", "100.5"), 1):
        site.centre.join(caller, position=number)
    site.tick(1)
    site.centre.hang_up("100.1")
    site.tick()
    places = {
        key: one["position"] for key, one in site.published.all.items() if key.startswith("caller:")
    }
    assert places == {"caller:100.3": 1, "caller:100.5": 2}
    assert "caller:100.3" not in site.tick(1)


def test_caller_tells_its_call() -> None:
    site = Site()
    site.centre.tell(
        "Newchannel",
        Channel="PJSIP/trunk-1",
        ChannelState=4,
        Uniqueid="100.2",
        Linkedid="100.1",
        Context="in",
        Exten="1",
    )
    site.centre.join("100.2")
    assert site.tick()["caller:100.2"]["call"] in site.centre.tracker.calls


@contextmanager
def elsewhere() -> Iterator[tuple[Feeding, RemotePicture]]:
    """A listener's side of a feed, and a picture of it in another process."""
    backend = MemoryBackend()
    feeding, mirror = Feeding(backend, lambda server: 0, lambda: NOON), Mirror(backend)
    try:
        yield feeding, RemotePicture(mirror, "node_1", lambda: NOON)
    finally:
        feeding.close()
        mirror.close()


def test_queue_that_the_server_has_lost_goes_away_elsewhere() -> None:
    centre = CallCentre()
    with elsewhere() as (feeding, picture):
        for names in (["support", "sales"], ["support"]):
            changes = centre.seed(queues=[listed_queue(name) for name in names])
            feeding.changed("node_1", centre.tracker, changes)
            wait_until(lambda: list(picture.queues) == names)  # noqa: B023  (waited for)


def test_totals_and_curves_are_the_same_elsewhere() -> None:
    centre = CallCentre()
    for queue in ("sales", "support"):
        centre.state("PJSIP/101", queue)
        centre.join(f"100.{queue}", queue)
    centre.connect("100.sales", "PJSIP/101", "sales")
    with elsewhere() as (feeding, picture):
        feeding.changed("node_1", centre.tracker, centre.changes)
        wait_until(lambda: picture.curves)
        assert picture.totals == centre.tracker.totals(NOON)
        assert picture.totals.agents == {"talking": 1}
        assert picture.curves == centre.tracker.curves
