"""The stream, as browsers read it from Django's ASGI application."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from django_ami.live.feed import mirror as mirror_module
from django_ami.live.feed.records import Batch, Position, Whole
from django_ami.wallboard import audiences, hub, streaming
from django_ami.wallboard.access import Access
from django_ami.wallboard.sources import Source
from tests.running import DEADLINE_SECONDS, wait_until
from tests.wallboard.browsing import Browser, browsing, in_loop, parsed, picture
from tests.wallboard.publishing import AGENT, HEADING, caller, gone, mirror, publisher

if TYPE_CHECKING:
    from django.http import HttpRequest
    from pytest_django.fixtures import SettingsWrapper

    from django_ami.live.feed.publisher import Publisher


def by_header(request: HttpRequest) -> Access | None:
    """An access function that believes what a browser says."""
    sees = request.headers.get("X-Sees", "")
    if sees == "nothing":
        return None
    queues = frozenset({"sales"}) if sees == "sales" else None
    return Access(queues=queues, masks_numbers=sees == "masked")


async def until_shown(browser: Browser, *keys: str) -> None:
    """Wait until the page shows these objects."""
    await browser.wait_for(lambda: browser.objects.keys() >= set(keys))


async def until_forgotten() -> None:
    """Wait until the hub knows no audience any more."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while hub.hub_of_this_loop()._audiences:  # noqa: ASYNC110  (nothing tells it)
            await asyncio.sleep(0.01)


# --- messages ---


@in_loop
async def test_stream_begins_with_all_and_goes_on_with_changes(listener: Publisher) -> None:
    async with browsing() as browser:
        await until_shown(browser, "server:")
        listener.note("node_1", [caller("eve", 2)])
        await until_shown(browser, "caller:eve")
        listener.note("node_1", [caller("eve", 1)])
        await browser.wait_for(lambda: browser.objects["caller:eve"]["position"] == 1)
        listener.note("node_1", [gone("eve")])
        await browser.wait_for(lambda: "caller:eve" not in browser.objects)
        patches = [one.data["patches"] for one in browser.of("change") if "patches" in one.data]
        assert patches == [{"caller:eve": {"position": 1}}]
        whole = browser.of("whole")[-1].data
        assert (whole["server"], whole["fresh"]) == ("node_1", True)
        assert abs(whole["now"] - whole["heard"]) < DEADLINE_SECONDS


@in_loop
async def test_response_is_one_that_nobody_holds_back(
    site: SettingsWrapper, listener: Publisher
) -> None:
    site.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware"]
    async with browsing(accept_encoding="gzip") as browser:
        await until_shown(browser, "server:")
        assert browser.status == 200
        assert browser.text.startswith(b"retry: ")
        assert (
            browser.headers.items()
            >= {
                "content-type": "text/event-stream",
                "cache-control": "no-cache",
                "x-accel-buffering": "no",
                "content-encoding": "gzip",
                "vary": "Accept-Encoding",
            }.items()
        )


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "br, gzip; q=0.0, zstd"])
@in_loop
async def test_stream_is_text_for_a_browser_that_takes_no_gzip(
    site: SettingsWrapper, listener: Publisher, accepted: str
) -> None:
    site.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware"]
    async with browsing(accept_encoding=accepted) as browser:
        await until_shown(browser, "server:")
        assert browser.chunks[0].startswith(b"retry: ")
        assert browser.headers["content-encoding"] == "identity"


@in_loop
async def test_stream_is_a_file_of_gzip_from_its_first_byte_to_its_last(
    listener: Publisher,
) -> None:
    async with browsing(accept_encoding="gzip, deflate, br") as browser:
        await until_shown(browser, "server:")
        listener.note("node_1", [caller("eve")])
        await until_shown(browser, "caller:eve")
        hub.end_all_streams()
        await browser.wait_for(lambda: browser.ended)
        read = gzip.decompress(b"".join(browser.chunks))
        assert read == browser.text
        assert parsed(read)[-1].data["reason"] == "shutdown"


@in_loop
async def test_browsers_of_gzip_share_bytes_a_third_as_many(listener: Publisher) -> None:
    async with browsing(accept_encoding="gzip") as one, browsing(accept_encoding="gzip") as other:
        await until_shown(one, "server:")
        await until_shown(other, "server:")
        before, chunks = len(one.text), len(one.chunks)
        listener.note("node_1", [caller(f"{number:03}") for number in range(100)])
        await until_shown(one, "caller:099")
        await until_shown(other, "caller:099")
        chunk = max(one.chunks[chunks:], key=len)
        assert any(each is chunk for each in other.chunks)
        assert len(one.text) - before > 3 * len(chunk)


@pytest.mark.slow
@in_loop
async def test_stream_waits_for_the_first_look_at_the_feed(
    site: SettingsWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = asyncio.Event()
    loop = asyncio.get_running_loop()
    read = mirror_module.Mirror._read

    def slow(self: mirror_module.Mirror, page: mirror_module.Page) -> None:
        asyncio.run_coroutine_threadsafe(looking.wait(), loop).result(DEADLINE_SECONDS)
        read(self, page)

    monkeypatch.setattr(mirror_module.Mirror, "_read", slow)
    monkeypatch.setattr(hub, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(hub, "_BEAT_SECONDS", 0.0)
    async with browsing() as browser:
        await browser.wait_for(lambda: browser.of("beat"))
        assert not browser.of("whole")
        looking.set()
        await browser.wait_for(lambda: browser.of("whole"))
        assert browser.of("whole")[0].data["fresh"] is False
        assert browser.of("whole")[0].data["objects"].keys() <= {"totals:"}


@in_loop
async def test_stream_beats_while_nothing_changes(
    site: SettingsWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(hub, "_BEAT_SECONDS", 0.05)
    async with browsing() as browser:
        await browser.wait_for(lambda: len(browser.of("beat")) > 2)
        assert browser.of("beat")[0].data["now"] > 1_000_000_000


@in_loop
async def test_beat_has_the_position_that_heartbeats_have_reached(
    listener: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(hub, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr("django_ami.live.feed.publisher.HEARTBEAT_SECONDS", 0.05)
    async with browsing() as browser:
        await until_shown(browser, "server:")
        await browser.wait_for(lambda: len({one.id for one in browser.of("beat") if one.id}) > 2)


@in_loop
async def test_browser_is_told_when_the_listener_dies_and_when_it_is_back(
    listener: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_LOOK_SECONDS", 0.02)
    async with browsing() as browser:
        await until_shown(browser, "server:")
        listener.close()
        mirror().page("node_1").heard_at = -1000.0  # as if it had been silent for long
        await browser.wait_for(lambda: browser.of("fresh"))
        assert browser.of("fresh")[-1].data["fresh"] is False
        another = publisher()
        try:
            another.note("node_1", [HEADING])
            await browser.wait_for(lambda: browser.of("whole")[-1].data["fresh"])
        finally:
            another.close()


# --- a browser that comes back ---


@pytest.mark.parametrize("by", ["header", "query"])
@in_loop
async def test_browser_that_comes_back_gets_the_changes_alone(listener: Publisher, by: str) -> None:
    listener.note("node_1", [caller("eve"), caller("bob"), caller("old")])
    async with browsing() as browser:
        await until_shown(browser, "caller:eve", "caller:bob")
    listener.note("node_1", [caller("eve", 7), gone("bob")])
    async with browsing() as other:
        await other.wait_for(lambda: other.objects.get("caller:eve", {}).get("position") == 7)
        seen = {"last_event_id": browser.id} if by == "header" else {}
        query = "" if seen else f"since={quote(browser.id)}"
        async with browsing(query=query, **seen) as again:
            await again.wait_for(lambda: again.of("change"))
            assert not again.of("whole")
            changed = again.of("change")[0].data["objects"]
            assert changed.keys() - {"totals:"} == {"caller:eve", "caller:bob"}
            assert again.of("fresh")[0].data["fresh"] is True
            await again.wait_for(lambda: again.id == other.id)
            assert picture(again.messages, browser.objects) == other.objects


@pytest.mark.slow
@in_loop
async def test_masked_browser_comes_back_to_the_keys_that_it_knows(
    site: SettingsWrapper, listener: Publisher
) -> None:
    site.AMI_WALLBOARD = {"ACCESS": by_header}
    amy = replace(AGENT, interface="Local/0301234567@agents")
    key = f"agent:{amy.interface}"
    listener.note("node_1", [(key, amy)])
    async with browsing(x_sees="masked") as browser:
        await browser.wait_for(lambda: any(one.startswith("agent:") for one in browser.objects))
        (shown,) = (one for one in browser.objects if one.startswith("agent:"))
        assert "0301234567" not in shown
    listener.note("node_1", [(key, None)])
    async with browsing() as other:
        await other.wait_for(lambda: other.objects and key not in other.objects)
        async with browsing(x_sees="masked", last_event_id=browser.id) as again:
            await again.wait_for(lambda: again.of("change"))
            changed = again.of("change")[0].data["objects"]
            assert changed[shown] is None
            assert changed["totals:"]["agents"] == {}


@in_loop
async def test_browser_that_comes_back_hears_no_names_of_other_queues(
    site: SettingsWrapper, listener: Publisher
) -> None:
    site.AMI_WALLBOARD = {"ACCESS": by_header}
    listener.note("node_1", [caller("bob")])
    async with browsing() as all_queues, browsing(x_sees="sales") as browser:
        await until_shown(all_queues, "caller:bob")
        await until_shown(browser, "caller:bob")
        seen = browser.id
        listener.note("node_1", [caller("eve", queue="vip"), gone("bob"), caller("amy")])
        await until_shown(all_queues, "caller:eve")
        listener.note("node_1", [gone("eve")])
        await all_queues.wait_for(lambda: "caller:eve" not in all_queues.objects)
        async with browsing(x_sees="sales", last_event_id=seen) as again:
            await again.wait_for(lambda: again.of("change"))
            assert not again.of("whole")
            changed = again.of("change")[0].data["objects"]
            assert changed.keys() - {"totals:"} == {"caller:bob", "caller:amy"}
            assert changed["caller:bob"] is None
    await until_forgotten()
    # Nobody knows any more who could see what is gone.
    async with browsing(x_sees="sales", last_event_id=seen) as late:
        await until_shown(late, "caller:amy")
        assert late.of("whole")
        assert b"caller:eve" not in b"".join(late.chunks)


@in_loop
async def test_browser_whose_rights_are_others_gets_all(
    site: SettingsWrapper, listener: Publisher
) -> None:
    site.AMI_WALLBOARD = {"ACCESS": by_header}
    listener.note("node_1", [caller("bob"), caller("eve", queue="vip")])
    async with browsing() as browser:
        await until_shown(browser, "caller:bob", "caller:eve")
    async with browsing(x_sees="sales", last_event_id=browser.id) as fewer:
        await until_shown(fewer, "caller:bob")
        assert picture(fewer.messages, browser.objects).keys().isdisjoint({"caller:eve"})
    async with browsing(last_event_id=fewer.id) as more:
        await until_shown(more, "caller:bob", "caller:eve")


def test_browser_that_is_ahead_of_the_next_turn_gets_all() -> None:
    page = mirror_module.Page("node_1")
    page.take(Whole(Position("ab", 1), 1.0, {}))
    page.looked.set()
    source = Source(page, mirror_module.Follower(page, lambda: None))
    audience = audiences.Audience(Access(), {"node_1": source})
    page.take(Batch(Position("ab", 2), 1.0, {}))  # the hub takes it in its next turn
    for number, event in ((1, "fresh"), (2, "whole")):
        sent = parsed(audience.since({"node_1": Position("ab", number)}).text)
        assert [one.event for one in sent] == [event]


@pytest.mark.parametrize("seen", ["node_1=ab.1", "other=ab.1", "\u00fc", "x" * 5000])
@in_loop
async def test_browser_with_another_id_gets_all(listener: Publisher, seen: str) -> None:
    async with browsing(last_event_id=seen) as browser:
        await until_shown(browser, "server:")
        assert browser.of("whole")


# --- browsers that share, and one that is slow ---


@in_loop
async def test_browsers_with_equal_access_get_the_same_bytes(listener: Publisher) -> None:
    async with browsing() as one, browsing() as other:
        await until_shown(one, "server:")
        await until_shown(other, "server:")
        listener.note("node_1", [caller("eve")])
        await until_shown(one, "caller:eve")
        await until_shown(other, "caller:eve")
        (ours,) = (chunk for chunk in one.chunks if b"event: change" in chunk and b"eve" in chunk)
        assert any(chunk is ours for chunk in other.chunks)


@in_loop
async def test_browsers_with_other_access_get_what_they_may_see(
    site: SettingsWrapper, listener: Publisher
) -> None:
    site.AMI_WALLBOARD = {"ACCESS": by_header}
    async with browsing() as one, browsing(x_sees="sales") as other:
        await until_shown(one, "server:")
        listener.note("node_1", [caller("eve", queue="billing"), caller("bob")])
        await until_shown(one, "caller:eve", "caller:bob")
        await until_shown(other, "caller:bob")
        assert "caller:eve" not in other.objects


@in_loop
async def test_slow_browser_gets_all_again_and_delays_nobody(
    listener: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiences, "_KEPT_MESSAGES", 3)
    monkeypatch.setattr(hub, "_TURN_SECONDS", 0.0)
    async with browsing() as quick, browsing() as slow:
        await until_shown(quick, "server:")
        await until_shown(slow, "server:")
        slow.hold()
        read = len(slow.of("whole"))
        for number in range(10):
            listener.note("node_1", [caller("eve", number)])
            await quick.wait_for(
                lambda number=number: quick.objects.get("caller:eve", {}).get("position") == number
            )
        assert len(slow.messages) <= read + 2
        slow.go_on()
        await slow.wait_for(lambda: slow.objects.get("caller:eve", {}).get("position") == 9)
        assert len(slow.of("whole")) == read + 1
        assert len(quick.of("whole")) <= 2
        assert slow.objects == quick.objects


@in_loop
async def test_audience_keeps_few_messages_and_few_bytes(
    listener: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiences, "_KEPT_BYTES", 1000)
    monkeypatch.setattr(hub, "_TURN_SECONDS", 0.0)
    async with browsing() as browser:
        await until_shown(browser, "server:")
        for number in range(8):
            listener.note("node_1", [caller(f"{number}-{'x' * 100}")])
            await until_shown(browser, f"caller:{number}-{'x' * 100}")
        (audience,) = hub.hub_of_this_loop()._audiences.values()
        assert 0 < sum(map(len, audience._messages)) <= 1000
        assert audience.end - audience.begin == len(audience._messages)


# --- the end of a stream ---


@in_loop
async def test_old_stream_says_so_and_ends(
    site: SettingsWrapper, listener: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(hub, "_BEAT_SECONDS", 0.05)
    site.AMI_WALLBOARD = {**site.AMI_WALLBOARD, "STREAM_MINUTES": 0.001}
    async with browsing() as browser:
        await browser.wait_for(lambda: browser.ended)
        assert browser.messages[-1].event == "end"
        assert browser.messages[-1].data["reason"] == "age"


@in_loop
async def test_streams_end_when_the_process_is_told_to(listener: Publisher) -> None:
    async with browsing() as one, browsing() as other:
        await until_shown(one, "server:")
        await until_shown(other, "server:")
        hub.end_all_streams()
        for browser in (one, other):
            await browser.wait_for(lambda browser=browser: browser.ended)
            assert browser.messages[-1].data["reason"] == "shutdown"
    async with browsing() as late:
        await late.wait_for(lambda: late.ended)
        assert (late.status, late.headers["retry-after"]) == (503, "1")


@in_loop
async def test_stream_that_opens_while_the_process_is_told_to_end_ends_too(
    listener: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told_meanwhile(self: hub.Hub, servers: tuple[str, ...]) -> None:
        self.shut_down()
        await asyncio.sleep(0)

    monkeypatch.setattr(hub.Hub, "look", told_meanwhile)
    async with browsing() as browser:
        await browser.wait_for(lambda: browser.ended)
        assert browser.messages[-1].data["reason"] == "shutdown"


@in_loop
async def test_stream_ends_when_the_visitor_may_no_longer_see_it(
    site: SettingsWrapper, listener: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_ASK_SECONDS", 0.0)
    monkeypatch.setattr(hub, "_BEAT_SECONDS", 0.0)
    monkeypatch.setattr(hub, "_LOOK_SECONDS", 0.02)
    allowed: list[Access | None] = [Access()]
    site.AMI_WALLBOARD = {"ACCESS": lambda request: allowed[0]}
    async with browsing() as browser:
        await browser.wait_for(lambda: len(browser.of("beat")) > 3)
        allowed[0] = None
        await browser.wait_for(lambda: browser.ended)
        assert browser.messages[-1].data["reason"] == "access"


@in_loop
async def test_stream_goes_on_when_it_cannot_be_told_who_reads_it(
    site: SettingsWrapper,
    listener: Publisher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(streaming, "_ASK_SECONDS", 0.0)
    monkeypatch.setattr(hub, "_BEAT_SECONDS", 0.0)
    monkeypatch.setattr(hub, "_LOOK_SECONDS", 0.02)
    asked: list[HttpRequest] = []

    def function(request: HttpRequest) -> Access:
        asked.append(request)
        if len(asked) > 1:
            raise OSError("the database is away")
        return Access()

    site.AMI_WALLBOARD = {"ACCESS": function}
    async with browsing() as browser:
        await browser.wait_for(lambda: len(asked) > 3)
        assert not browser.ended
    assert "the database is away" in caplog.text


@in_loop
async def test_streams_begin_anew_when_a_message_cannot_be_made(
    listener: Publisher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with browsing() as browser:
        await until_shown(browser, "server:")
        monkeypatch.setattr(audiences, "positions_as_text", lambda *_: 1 / 0)
        listener.note("node_1", [caller("eve")])
        await browser.wait_for(lambda: browser.ended)
        assert browser.messages[-1].data["reason"] == "error"
    assert "ZeroDivisionError" in caplog.text


# --- limits ---


@in_loop
async def test_visitor_without_access_is_refused(site: SettingsWrapper) -> None:
    site.AMI_WALLBOARD = {"ACCESS": by_header}
    async with browsing(x_sees="nothing") as browser:
        await browser.wait_for(lambda: browser.ended)
        assert browser.status == 403
        assert "permission" in browser.answer["error"]


@in_loop
async def test_project_that_publishes_nothing_is_told_so(site: SettingsWrapper) -> None:
    site.AMI_FEED = None
    async with browsing() as browser:
        await browser.wait_for(lambda: browser.ended)
        assert browser.status == 503
        assert "AMI_FEED" in browser.answer["error"]


@in_loop
async def test_one_stream_too_many_is_refused_until_another_ends(
    site: SettingsWrapper, listener: Publisher
) -> None:
    site.AMI_WALLBOARD = {**site.AMI_WALLBOARD, "MAX_STREAMS": 1}
    async with browsing() as one:
        await until_shown(one, "server:")
        async with browsing() as other:
            await other.wait_for(lambda: other.ended)
            assert (other.status, other.headers["retry-after"]) == (503, "10")
            assert "MAX_STREAMS" in other.answer["error"]
    async with browsing() as late:
        await until_shown(late, "server:")


class User:
    """Somebody who is logged in."""

    def __init__(self, pk: int) -> None:
        self.pk = pk


@in_loop
async def test_user_has_a_limit_of_streams(site: SettingsWrapper, listener: Publisher) -> None:
    def as_user(request: HttpRequest) -> Access:
        request.user = User(int(request.headers["X-User"]))  # type: ignore[assignment]
        return Access()

    site.AMI_WALLBOARD = {"ACCESS": as_user, "MAX_STREAMS_PER_USER": 1}
    async with browsing(x_user="1") as one, browsing(x_user="2") as other:
        await until_shown(one, "server:")
        await until_shown(other, "server:")
        async with browsing(x_user="1") as second:
            await second.wait_for(lambda: second.ended)
            assert second.status == 503
            assert "close other windows" in second.answer["error"]


@in_loop
async def test_hub_follows_nobody_when_all_have_left(
    listener: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "_LOOK_SECONDS", 0.02)
    page = mirror().page("node_1")
    async with browsing() as browser:
        await until_shown(browser, "server:")
        assert len(page.followers) == 1
    await asyncio.to_thread(wait_until, lambda: not page.followers)
    async with browsing() as browser:
        await until_shown(browser, "server:")
