"""The file of a recording: contents come back byte for byte, and an error names its line."""

from __future__ import annotations

import contextlib
import os
import re
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_ami.core import Event
from django_ami.core.protocol import Parser
from django_ami.testing import Moment, Recording, RecordingError, recording, scenarios
from django_ami.testing.recording import Writer
from tests.core.conftest import settings

settings.load_profile("django_ami")

CAPTURES = Path(__file__).parent.parent / "data" / "captures" / "22"


def test_a_scenario_comes_back(tmp_path: Path) -> None:
    call = scenarios.attended_transfer()
    call.save(tmp_path / "call.txt", "made up", "and so on")
    assert Recording.load(str(tmp_path / "call.txt")) == call
    lines = (tmp_path / "call.txt").read_text().splitlines()
    assert lines[:6] == [
        "django_ami recording 1",
        "# made up",
        "# and so on",
        "",
        "@0.000",
        "Event: Newchannel",
    ]


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.txt")), ids=lambda path: path.stem)
def test_bytes_of_a_real_server_come_back(path: Path, tmp_path: Path) -> None:
    events = [message for message in Parser().feed(path.read_bytes()) if isinstance(message, Event)]
    made = Recording(Moment(number / 8, event) for number, event in enumerate(events))
    made.save(tmp_path / "x.txt")
    assert Recording.load(tmp_path / "x.txt") == made


@pytest.mark.slow
@given(st.lists(st.binary(max_size=30), max_size=5))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, values: list[bytes]) -> None:
    lines = [b"Event: Odd", *(b"Key: " + value.replace(b"\r\n", b"") for value in values)]
    made = Recording([Moment(0.0, Event("Odd", b"\r\n".join(lines)))])
    path = tmp_path_factory.mktemp("recording") / "x.txt"
    made.save(path)
    assert Recording.load(path).events[0].raw == made.events[0].raw
    assert not re.search(rb"[\0-\x09\x0b-\x1f\x7f]", path.read_bytes())


def test_the_file_can_be_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(
        b"django_ami recording 1\r\n# by hand\r\n\r\n@0\r\nEvent: One\r\n"
        b"Text: a\\\\b\\nc \\xff \\u2028\r\n\r\n\r\n"
        b"# between\n@1.5\nEvent: Two\n#: no remark\n@: no time\n"
    )
    one, two = Recording.load(path)
    assert one.event.raw == b"Event: One\r\nText: a\\b\nc \xff \xe2\x80\xa8"
    assert (two.at, two.event.name) == (1.5, "Two")
    assert two.event.headers == (("Event", "Two"), ("#", "no remark"), ("@", "no time"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "x.txt is not a recording: its first line should read 'django_ami recording 1'."),
        (
            "Asterisk Call Manager/11.0.0\n",
            "is not a recording: its first line should read 'django_ami recording 1'.",
        ),
        ("{H}Event: One\n", "line 2: an event begins with '@' and its seconds, not 'Event: One'."),
        ("{H}@x\nEvent: One\n", "line 2: an event begins with '@' and its seconds, not '@x'."),
        (
            "{H}@2\nEvent: One\n\n@1\nEvent: Two\n",
            "line 5: @1 comes after @2.000: events are in their order.",
        ),
        (
            "{H}@1\nResponse: Success\n",
            "line 3: the first header of an event is 'Event', with its name.",
        ),
        ("{H}@1\n\n", "line 3: the first header of an event is 'Event', with its name."),
        ("{H}@1\nEvent: One\nText: \\q\n", "line 4: unknown escape \\q; write a backslash as two."),
        ("{H}@1\nEvent: One\nText: x\\\n", "line 4: unknown escape \\; write a backslash as two."),
        (
            "{H}@1\nEvent: One\nText: \\x1\n",
            "line 4: unknown escape \\x; write a backslash as two.",
        ),
        (
            "{H}@1\nEvent: One\nText: \\ud800\n",
            "unknown escape \\u with half a character; write a backslash as two.",
        ),
        (
            "{H}@1\nEvent: One\nText: \\U00110000\n",
            "line 4: unknown escape \\U; write a backslash as two.",
        ),
        (
            f"{{H}}@{'9' * 5000}\nEvent: One\n",
            f"line 2: @{'9' * 39} is later than any event can be.",
        ),
        ("{H}@1e9\nEvent: One\n", "line 2: an event begins with '@' and its seconds, not '@1e9'."),
        (
            "\0" * 100_000,
            "is not a recording: its first line should read 'django_ami recording 1'.",
        ),
    ],
)
def test_unreadable_input_is_reported(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "x.txt"
    path.write_text(text.replace("{H}", "django_ami recording 1\n"))
    with pytest.raises(RecordingError) as raised:
        Recording.load(path)
    assert str(raised.value).endswith(told), raised.value
    assert str(raised.value).startswith(str(path))


def test_the_documented_example_is_one(tmp_path: Path) -> None:
    text = (recording.__doc__ or "").partition("::")[2].partition("Rule:")[0]
    lines = [
        line.removeprefix("    ") for line in text.strip("\n").splitlines() if "..." not in line
    ]
    path = tmp_path / "x.txt"
    path.write_text("\n".join(lines))
    assert Recording.load(path).names == ("Newchannel", "Hangup")


def test_a_recording_that_was_cut_off_can_be_read(tmp_path: Path) -> None:
    file = StringIO()
    writer = Writer(file)
    for moment in scenarios.busy_call():
        writer.event(moment.at, moment.event)
    writer.remark("lost:\nthe server\x07 closed")
    assert writer.size == len(file.getvalue())
    assert file.getvalue().endswith("\n\n# lost:\\nthe server\\x07 closed\n\n")
    path = tmp_path / "x.txt"
    path.write_text(file.getvalue()[:-60])
    assert Recording.load(path).names == scenarios.busy_call().names


def test_a_recording_that_was_cut_off_anywhere_is_no_surprise(tmp_path: Path) -> None:
    file = StringIO()
    writer = Writer(file, "masked as ***: \u202e")
    for at, value in enumerate(("a\\b", "\u202e\U000e0041", "x\x1b")):
        writer.event(at, Event("One", f"Event: One\r\nText: {value}".encode()))
    text, path = file.getvalue(), tmp_path / "x.txt"
    assert text.isascii(), "nothing in it can steer a screen"
    for size in range(len(text)):
        path.write_text(text[:size])
        with contextlib.suppress(RecordingError):
            assert len(Recording.load(path)) <= 3
    path.write_text(text)
    assert [event["Text"] for event in Recording.load(path).events] == [
        "a\\b",
        "\u202e\U000e0041",
        "x\x1b",
    ]


def test_recording_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    for before in (None, 0o644):
        if before is not None:
            path.chmod(before)
        scenarios.busy_call().save(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert Recording.load(path) == scenarios.busy_call()


def test_a_device_is_not_shut() -> None:
    """Others need it: the mode of what is no file stays."""
    before = Path(os.devnull).stat().st_mode
    scenarios.busy_call().save(os.devnull)
    assert Path(os.devnull).stat().st_mode == before
