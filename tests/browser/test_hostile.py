"""Names that callers and agents have given themselves are texts, in every cell of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.simulator.dialplan import PARK_EXTEN
from django_ami.simulator.queues import Member, Queue

if TYPE_CHECKING:
    from django_ami.testing import FakeAsterisk
    from tests.browser.board import Board
    from tests.browser.phones import Phones

#: An element that would do something, the end of an attribute, and a sign that turns texts round.
EVIL = "<img src=x onerror='window.hacked=1'>\" onclick=\"window.hacked=1\u202e%(name)s"
#: An object has a property of each of these names without anybody's doing.
PROPERTIES = ("__proto__", "constructor", "toString")
#: The elements and attributes that a name has made.
MADE = """
return [...document.querySelectorAll("img:not(h1 img), [onclick], [onerror]")]
  .map((one) => one.outerHTML);
"""


@pytest.fixture
def asterisk(asterisk: FakeAsterisk) -> FakeAsterisk:
    queues = asterisk.pbx.queues
    for name in (EVIL, *PROPERTIES):
        queues[name] = Queue(name, members=[Member("PJSIP/101", EVIL)])
    return asterisk


def test_names_off_the_wire_are_texts_in_every_cell(board: Board, phones: Phones) -> None:
    evil = EVIL.replace('"', "'")
    phones.call(f'"{evil}" <+4930911>', EVIL, "PJSIP/one")
    phones.call(f'"{evil}" <+4930912>', PARK_EXTEN, "PJSIP/two")
    phones.confer(f'"{evil}" <+4930913>', EVIL, "PJSIP/three")
    phones.call(f'"{"x" * 900}" <+4930914>', "7102", "PJSIP/four")
    board.wait_for_row("call-row", evil, "+4930911", EVIL)
    board.wait_for_row("parked-row", evil, "+4930912")
    board.wait_for_row("conference-row", EVIL)
    board.wait_for_row("agent-row", EVIL, evil, "+4930911", state="talking")
    board.wait_for_row("call-row", "xxxx", "+4930914")
    for name in (EVIL, *PROPERTIES):
        board.wait_for_row("queue-tile", name.splitlines()[0])
    row = board.wait_for_row("call-row", "+4930914", state="answered")
    for kind, action, data in (
        ("agent", "pause", {"agent": "PJSIP/101"}),
        ("call", "transfer", {"call": row["call"]}),
    ):
        board.click_action(f"{kind}-row", action, **data)
        board.click("dialog .ami-close")
    assert board.run(MADE) == []
    assert board.run("return window.hacked") is None
    assert board.run("return document.documentElement.scrollWidth <= innerWidth")
