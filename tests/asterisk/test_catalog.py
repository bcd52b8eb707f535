"""The catalogue and the generated actions against a real Asterisk.

Its own documentation, its rights, its answers.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import django_ami
from django_ami.actions import (
    Action,
    CreateConfig,
    DBDelTree,
    DBGetTree,
    DBPut,
    DialplanExtensionAdd,
    DialplanExtensionRemove,
    FAXStats,
    GetConfig,
    ListCommands,
    Ping,
    ShowDialPlan,
    UpdateConfig,
    WaitEvent,
)
from django_ami.core.actions import generated
from django_ami.core.catalog import ACTIONS, EVENTS
from django_ami.core.errors import ActionFailed
from scripts.catalog import gaps
from scripts.catalog.__main__ import FINGERPRINT, fingerprint, generate
from scripts.catalog.documentation import Documentation
from tests.asterisk.clients import ask, connected, refusal
from tests.asterisk.conftest import Asterisk
from tests.core.actions.test_generated import build, class_of, given


def documentation(version: str) -> Path:
    """The documentation that ``tests/asterisk/server`` has installed; skips if there is none."""
    folder = Path(
        os.environ.get("AMI_TEST_ASTERISK_DIR")
        or Path(tempfile.gettempdir()) / "django-ami-asterisk"
    )
    path = folder / version / "root/usr/share/asterisk/documentation/core-en_US.xml"
    if not path.exists():
        pytest.skip(f"no Asterisk {version} is installed: tests/asterisk/server up {version}")
    return path


# --- its documentation ---


def test_the_sources_are_what_the_program_writes() -> None:
    current = documentation("22")
    written = generate(current)
    for path, source in written.items():
        compile(source, path.name, "exec")
    recorded = FINGERPRINT.read_text().split()[0]
    if fingerprint(current) != recorded:
        pytest.skip(
            "this Asterisk is another one than the sources are of: python -m scripts.catalog "
            "core-en_US.xml"
        )
    assert {path.name: path.read_text() for path in written} == {
        path.name: text for path, text in written.items()
    }


def test_actions_and_events_of_an_older_asterisk_are_in_the_catalogue() -> None:
    older = Documentation(documentation("16"))
    # FilterList was never registered; NewExten is Newexten on the wire.
    assert [name for name in older.actions if name not in ACTIONS] == ["FilterList"]
    assert [name for name in older.events if name not in EVENTS] == []
    gone = {name for name, info in ACTIONS.items() if info.removed_in}
    assert gone == {
        name for name in older.actions if name not in generated.__all__ and name in gone
    }
    for name in gone:
        wanted = {
            parameter.name: parameter.required for parameter in older.actions[name].parameters
        }
        assert {
            parameter.name: parameter.required for parameter in ACTIONS[name].parameters
        } == wanted


#: More than these in the same order are no coincidence.
WORDS_IN_A_ROW = 7
TEXTS = ("synopsis", "para", "note", "warning", "example", "see-also")


def in_a_row(text: str) -> set[str]:
    """All pieces of so many words."""
    words = re.findall(r"[a-z0-9']+", text.lower())
    return {
        " ".join(words[start : start + WORDS_IN_A_ROW])
        for start in range(len(words) - WORDS_IN_A_ROW + 1)
    }


def constants(path: Path) -> set[str]:
    """All texts in a source, docstrings among them."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_facts_of_the_documentation_are_taken_and_none_of_its_texts() -> None:
    """They are under the GPL, and django_ami is under the MIT licence."""
    root = ET.parse(documentation("22")).getroot()
    theirs = {
        some
        for tag in TEXTS
        for text in root.iter(tag)
        for some in in_a_row(" ".join(text.itertext()))
    }
    assert len(theirs) > 10_000
    roots = (Path(django_ami.__file__).parent, Path(gaps.__file__).parents[1])
    ours = {text for root in roots for path in root.rglob("*.py") for text in constants(path)}
    assert len(ours) > 5_000
    assert {text for text in ours if in_a_row(text) & theirs} == set()


# --- its rights ---


def test_the_privileges_are_those_of_the_server(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        listed = ask(client, ListCommands())
        said = {}
        for name, text in listed.headers:
            if found := re.search(r"\(Priv: (.*)\)$", text):
                classes = found[1].removesuffix("<none>").removesuffix("all").strip(",")
                said[name] = tuple(filter(None, classes.split(",")))
    assert len(said) > 120
    assert {name: ACTIONS[name].privileges for name in said} == said


# --- its answers ---

#: Not sent: they end or change the connection, the log, the modules or the configuration of the
#: server, or are answered never or twice.
NOT_SENT = {
    *(
        "Challenge",
        "Login",
        "Logoff",
        "Events",
        "Filter",
        "Command",
        "Originate",
        "WaitEvent",
        "IAXnetstats",
    ),
    *(
        "JabberSend",
        "CreateConfig",
        "UpdateConfig",
        "DialplanExtensionAdd",
        "LoggerRotate",
        "ModuleLoad",
        "Reload",
    ),
}
#: Arguments that a server looks at before it looks for what is named.
SENSIBLE: dict[str, Any] = {
    "cause": "486",
    "control": "pause",
    "digit": 1,
    "direction": "both",
    "msg_type": "D",
    "paused": True,
    "penalty": 1,
    "priority": 1,
    "provider": "CustomPresence:nosuch",
    "ring_in_use": True,
    "seconds": 60,
    "session_number": 999_999,
    "state": True,
}
#: Actions that want one or another of their optional parameters.
BESIDES: dict[str, dict[str, Any]] = {
    "AOCMessage": {"channel": "nosuch", "charge_type": "FREE", "aoc_billing_id": "Normal"},
    "MessageSend": {"to": "nosuch:nobody", "from_": "nosuch", "body": "hello"},
    "PJSIPNotify": {"endpoint": "nosuch", "variables": {"Event": "check-sync"}},
}
#: A server's message about a parameter that it misses.
MISSES = re.compile(
    r"not specified|specified\.?$|requires (?!escalated)|must be|missing|Need '", re.IGNORECASE
)


def to_be_sent(known: set[str]) -> list[Action]:
    """An action of every class that the server knows, with its required parameters, about things
    that do not exist.
    """
    made = []
    for info in ACTIONS.values():
        if info.name not in NOT_SENT and info.removed_in is None and info.name in known:
            kind = class_of(info)
            required = {
                name: SENSIBLE.get(name, "nosuch") for name in given(kind, required_only=True)
            }
            made.append(build(kind, {**required, **BESIDES.get(info.name, {})}))
    return made


@pytest.mark.parametrize("role", ["caller", "listener"])
def test_the_server_understands_every_class(asterisk: Asterisk, role: str) -> None:
    """No answer complains of a parameter: the named thing is not found, or the action is done."""
    complaints = {}
    with connected(asterisk, role=role) as client:
        sent = to_be_sent({key for key, _ in ask(client, ListCommands()).headers})
        assert len(sent) > 100
        for action in sent:
            try:
                answer = ask(client, action)
            except ActionFailed as error:
                if MISSES.search(error.response.message):
                    complaints[action.name] = error.response.message
                continue
            info = ACTIONS[action.name]
            assert {event.name for event in answer.events} <= set(info.items), action
            assert answer.final_event is None or answer.final_event.name == info.final_event, action
            for event in (*answer.events, *filter(None, [answer.final_event])):
                unknown = {key for key, _ in event.headers[1:]} - known_headers(event.name)
                assert not unknown, (action, event.name)
        with contextlib.suppress(ActionFailed):  # there is nothing, or the entry of DBPut
            ask(client, DBDelTree(family="nosuch"))
    assert complaints == {}


def known_headers(name: str) -> set[str]:
    return {parameter.name for parameter in EVENTS[name].parameters} | {"ActionID", "Privilege"}


@pytest.mark.parametrize("role", ["caller", "listener"])
def test_answers_that_are_one_event(asterisk: Asterisk, role: str) -> None:
    with connected(asterisk, role=role) as client:
        figures = ask(client, FAXStats())
        assert (figures.final_event["CurrentSessions"], figures.events) == ("0", ())
        assert ask(client, WaitEvent(1)).final_event.name == "WaitEventComplete"
        assert ask(client, Ping()).ok


def test_a_configuration_file_is_changed(asterisk: Asterisk) -> None:
    file, run = "catalogue.conf", f"run-{secrets.token_hex(4)}"
    with connected(asterisk) as client:
        with contextlib.suppress(ActionFailed):  # it is there from the last time
            ask(client, CreateConfig(filename=file))
        ask(
            client,
            UpdateConfig(
                file,
                changes=[
                    {"Action": "NewCat", "Cat": run},
                    {"Action": "Append", "Cat": run, "Var": "context", "Value": "sales"},
                    {"Action": "Append", "Cat": run, "Var": "secret", "Value": "a;b, c"},
                    {"Action": "Append", "Cat": run, "Var": "gone", "Value": "x"},
                    {
                        "Action": "Update",
                        "Cat": run,
                        "Var": "context",
                        "Value": "support",
                        "Match": "sales",
                    },
                    {"Action": "Delete", "Cat": run, "Var": "gone"},
                ],
                reload=False,
            ),
        )
        lines = [
            value
            for key, value in ask(client, GetConfig(filename=file, category=run)).headers
            if key[:4] == "Line"
        ]
        assert lines == ["context=support", "secret=a;b, c"]
        ask(client, UpdateConfig(file, changes=[{"Action": "DelCat", "Cat": run}]))
        assert refusal(client, UpdateConfig(file, changes=[{"Action": "DelCat", "Cat": run}]))


def test_the_dialplan_is_changed(asterisk: Asterisk) -> None:
    place = {"context": "catalogue", "extension": 4711}
    with connected(asterisk) as client:
        ask(
            client,
            DialplanExtensionAdd(
                **place, priority=1, application="NoOp", application_data="a, b", replace=True
            ),
        )
        [item] = ask(client, ShowDialPlan(**place)).events
        assert (item["Application"], item["AppData"], item["Priority"]) == ("NoOp", "a, b", "1")
        ask(client, DialplanExtensionRemove(**place))
        assert refusal(client, ShowDialPlan(**place))


def test_a_tree_is_deleted(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        for key in ("a", "b"):
            ask(client, DBPut("catalogue", key, "1"))
        assert len(ask(client, DBGetTree(family="catalogue")).events) == 2
        ask(client, DBDelTree(family="catalogue"))
        assert ask(client, DBGetTree(family="catalogue")).events == ()
