"""Which events of supervisor are worth an alert, and how it is told; a real supervisord is asked in
tests/deploy.
"""

from __future__ import annotations

import io
import sys

import pytest

from django_ami.contrib.supervisor import Watch, events, main, tell
from tests.running import PYTHON, Program

FACTS = {"groupname": "ami", "processname": "node_1", "from_state": "RUNNING", "expected": "0"}


@pytest.mark.parametrize(
    ("event", "facts", "part"),
    [
        ("PROCESS_STATE_FATAL", FACTS, "ami:node_1 on here is FATAL"),
        ("PROCESS_STATE_EXITED", {**FACTS, "expected": "1"}, "has ended and stays down"),
        ("PROCESS_STATE_EXITED", FACTS, None),  # it is started again
        ("PROCESS_STATE_FATAL", {**FACTS, "groupname": "web"}, None),
        ("PROCESS_STATE_RUNNING", FACTS, None),
        ("PROCESS_STATE_FATAL", {}, None),
    ],
)
def test_event_is_worth_an_alert(event: str, facts: dict[str, str], part: str | None) -> None:
    alert = Watch("ami", "here").alert(event, facts, 0.0)
    assert alert is None if part is None else part in (alert or "")


def test_restarts_are_an_alert_when_there_are_many_in_ten_minutes_and_told_once() -> None:
    watch = Watch("ami", "here")

    def told(*times: float) -> list[bool]:
        return [watch.alert("PROCESS_STATE_EXITED", FACTS, time) is not None for time in times]

    assert told(0, 200, 400, 600, 800, 1000) == [False] * 6  # now and then
    assert told(1001, 1002, 1003, 1004) == [False, True, False, False]
    assert told(1005, 1006, 1007, 1008) == [False, False, True, False]


def test_events_are_read_by_their_length_and_confirmed_one_by_one() -> None:
    def message(name: str, payload: str) -> str:
        return f"ver:3.0 server:s serial:1 pool:p eventname:{name} len:{len(payload)}\n{payload}"

    stdin = io.BytesIO((message("A", "processname:one groupname:ami") + message("B", "")).encode())
    stdout = io.BytesIO()
    read = events(stdin, stdout)
    assert next(read) == ("A", {"processname": "one", "groupname": "ami"})
    assert stdout.getvalue() == b"READY\n"
    assert next(read) == ("B", {})
    assert stdout.getvalue() == b"READY\nRESULT 2\nOKREADY\n"
    assert next(read, None) is None


def test_command_that_is_not_there_loses_no_alert(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_ami.contrib.supervisor._PAUSES_SECONDS", (0.0,))
    assert not tell("it is down", ["/nonexistent/mail"])
    assert "it is down" in caplog.text
    assert caplog.text.count("The command of DJANGO_AMI_ALERT_COMMAND has failed") == 2


def test_output_of_the_command_is_not_taken_for_an_answer_to_supervisor(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert tell("it is down", [sys.executable, "-c", "print('RESULT 4\\nFAIL')"])
    assert "RESULT" not in capfd.readouterr().out


def test_module_imports_neither_django_nor_a_project() -> None:
    source = (
        "import sys, django_ami.contrib.supervisor; "
        "sys.exit(', '.join(name for name in sys.modules if name.split('.')[0] == 'django') or 0)"
    )
    with Program([*PYTHON, "-c", source]) as program:
        assert program.wait() == 0, str(program)


def test_command_whose_quotes_are_not_closed_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DJANGO_AMI_ALERT_COMMAND", 'mail -s "alert')
    monkeypatch.setenv("SUPERVISOR_SERVER_URL", "unix:///nowhere")
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "DJANGO_AMI_ALERT_COMMAND cannot be read: No closing" in capsys.readouterr().err
