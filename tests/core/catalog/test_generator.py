"""The program that writes the catalogue, and its output for a documentation."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_ami.core.catalog.headers import channel, plain
from django_ami.core.catalog.info import ActionInfo, EventInfo, Parameter
from scripts.catalog.arguments import arguments, snake_case
from scripts.catalog.classes import classes_module
from scripts.catalog.documentation import Documentation
from scripts.catalog.source import formatted, text, texts
from scripts.catalog.tables import actions_module, events_module

DOCUMENTATION = """<?xml version="1.0"?>
<docs xmlns:xi="http://www.w3.org/2001/XInclude">
  <manager name="Login" language="en_US" module="builtin">
    <synopsis>Login   Manager.</synopsis>
    <syntax>
      <parameter name="ActionID"><para>Returned.</para></parameter>
      <parameter name="Events"><enumlist><enum name="on"><para>All.</para></enum><enum name="off"/></enumlist></parameter>
    </syntax>
  </manager>
  <manager name="Wave" language="en_US" module="app_wave">
    <since><version>20.1.0</version><version>21.0.0</version></since>
    <synopsis>Wave to a
      channel.</synopsis>
    <syntax>
      <xi:include xpointer="xpointer(/docs/manager[@name='Login']/syntax/parameter[@name='ActionID'])" />
      <parameter name="Channel" required="true">
        <para>The <replaceable>channel</replaceable>, e.g. <literal>PJSIP/1</literal>.</para>
        <note><para>It must be up.</para></note>
      </parameter>
      <parameter name="Mask" default="on"><xi:include
        xpointer="xpointer(/docs/manager[@name='Login']/syntax/parameter[@name='Events']/enumlist)" /></parameter>
      <parameter name="Variable" multiple="true" />
    </syntax>
    <description><para>First.</para><para>Second.</para></description>
    <responses>
      <list-elements><xi:include xpointer="xpointer(/docs/managerEvent[@name='Waved'])" /></list-elements>
      <managerEvent language="en_US" name="WaveComplete" module="app_wave">
        <managerEventInstance class="EVENT_FLAG_COMMAND" module="app_wave"><synopsis>Done.</synopsis>
          <syntax><parameter name="EventList" /></syntax></managerEventInstance>
      </managerEvent>
    </responses>
  </manager>
  <manager name="Wave" language="en_US" module="app_wave_odbc"><synopsis>Again.</synopsis><syntax/></manager>
  <managerEvent language="en_US" name="Waved" module="app_wave">
    <managerEventInstance class="EVENT_FLAG_CALL|EVENT_FLAG_USER" module="app_wave">
      <synopsis>Raised.</synopsis>
      <syntax>
        <channel_snapshot prefix="Dest" />
        <parameter name="ReportXLSR" />
        <parameter name="How" required="false"><enumlist><enum name="high"/><enum name="low"/></enumlist></parameter>
      </syntax>
    </managerEventInstance>
    <managerEventInstance class="EVENT_FLAG_CALL" module="app_wave">
      <synopsis>Raised, too.</synopsis><syntax><parameter name="Other" /></syntax>
    </managerEventInstance>
  </managerEvent>
  <managerEvent language="en_US" name="Copied" module="func_wave">
    <managerEventInstance class="EVENT_FLAG_CALL" module="func_wave">
      <synopsis>Copied.</synopsis>
      <syntax><xi:include xpointer="xpointer(docs/managerEvent[@name='Waved']/managerEventInstance/syntax/parameter[contains(@name, 'ReportX')])" /></syntax>
    </managerEventInstance>
  </managerEvent>
  <managerEvent language="en_US" name="Copied" module="builtin">
    <managerEventInstance class="EVENT_FLAG_CALL" module="builtin"><synopsis>The core's.</synopsis></managerEventInstance>
  </managerEvent>
</docs>
"""  # noqa: E501  (the includes are as long in Asterisk's)


@pytest.fixture
def documentation(tmp_path) -> Documentation:
    path = tmp_path / "core-en_US.xml"
    path.write_text(DOCUMENTATION)
    return Documentation(path)


def test_an_action_is_read(documentation):
    assert documentation.actions["Wave"] == ActionInfo(
        "Wave",
        "",  # nothing of its texts
        "app_wave",
        parameters=(
            Parameter("Channel", required=True),
            Parameter("Mask", choices=("on", "off"), default="on"),
            Parameter("Variable", repeatable=True),
        ),
        since=("20.1.0", "21.0.0"),
        items=("Waved",),
        final_event="WaveComplete",
    )


def test_events_are_read(documentation):
    assert documentation.events == {
        "Waved": EventInfo(
            "Waved",
            "",
            "app_wave",
            privileges=("call", "user"),
            parameters=(
                *channel("Dest"),
                *plain("ReportXLSR"),
                Parameter("How", choices=("high", "low")),
                Parameter("Other"),
            ),
        ),
        "WaveComplete": EventInfo(
            "WaveComplete", "", "app_wave", privileges=("command",), parameters=plain("EventList")
        ),
        "Copied": EventInfo(
            "Copied", "", "core", privileges=("call",), parameters=plain("ReportXLSR")
        ),
    }


# --- the output ---


def run(source: str) -> dict:
    names: dict = {}
    exec(compile(source, "generated", "exec"), names)
    return names


def test_the_tables_say_what_they_are_made_of(documentation):
    actions, events = tuple(documentation.actions.values()), tuple(documentation.events.values())
    assert run(formatted(actions_module(actions)))["TABLE"] == actions
    assert run(formatted(events_module(events)))["TABLE"] == events
    assert '*channel("Dest")' in events_module(events)


def test_a_class_is_written(documentation):
    wave, *rest = documentation.actions["Wave"].parameters
    said = replace(wave, description="whom to")
    info = replace(
        documentation.actions["Wave"],
        synopsis="Wave.",
        parameters=(said, *rest),
        description="First.\n\nSecond.",
    )
    names = run(classes_module([info, documentation.actions["Login"]], {"Login"}))
    assert names["__all__"] == ["Wave"]
    wave = names["Wave"](channel="a", mask=True, variables={"x": "1"})
    assert wave.headers == (("Channel", "a"), ("Mask", "on"), ("Variable", "x=1"))
    assert inspect.getdoc(names["Wave"]).split("\n\n") == [
        "Wave.",
        "``channel``: whom to; required.",
        "``mask``: by default ``on``.",
        (
            "Needs no class: everybody who is logged in may send it. Answered with a list of "
            "``Waved``,\nclosed by ``WaveComplete``. Since Asterisk 20.1.0, 21.0.0."
        ),
        "First.",
        "Second.",
    ]


def test_removed_action_has_no_class(documentation):
    gone = ActionInfo("Gone", "Gone.", "core", removed_in=21)
    assert run(classes_module([gone], set()))["__all__"] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Queue", "queue"),
        ("BridgeUniqueid", "bridge_uniqueid"),
        ("DAHDIChannel", "dahdi_channel"),
        ("MixMonitorID", "mix_monitor_id"),
        ("AOCBillingId", "aoc_billing_id"),
        ("Base64Body", "base64_body"),
        ("Content-Type", "content_type"),
        ("URI", "uri"),
        ("channel", "channel"),
        ("RingInUse", "ring_in_use"),
    ],
)
def test_the_name_of_an_argument(name, expected):
    assert snake_case(name) == expected


def test_required_arguments_come_first():
    info = ActionInfo(
        "PlayDTMF", "", "", parameters=(Parameter("Duration"), Parameter("Digit", required=True))
    )
    assert [(one.name, one.annotation) for one in arguments(info)] == [
        ("digit", "str | int"),
        ("duration_ms", "int"),
    ]


WORDS = st.text(alphabet="abc\"\\'`é{}", max_size=40)


@given(
    st.lists(
        st.lists(WORDS.filter(bool), min_size=1, max_size=30).map(" ".join), min_size=1, max_size=3
    )
)
def test_a_text_is_written_as_it_is(paragraphs):
    value = "\n\n".join(paragraphs)
    assert ast.literal_eval(text(value)) == value


@given(st.lists(WORDS, max_size=3).map(tuple))
def test_texts_are_written_as_they_are(values):
    assert ast.literal_eval(texts(values)) == values
