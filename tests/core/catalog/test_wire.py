"""The catalogue against what Asterisk writes.

The format strings of its source, and recordings of real servers.

``scripts/catalog/wire.json`` has the names that the source of 22.10.1 writes;
``scripts.catalog.wire`` reads them.
"""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from django_ami.core.catalog import EVENTS
from django_ami.core.catalog.headers import channel
from django_ami.core.protocol import Parser
from scripts.catalog.wire import TABLE, headers_by_event

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = json.loads(TABLE.read_text())

#: Read as names of events, and none: states of tests, keys of JSON, messages between Asterisk's own
#: threads.
NO_EVENTS = {
    *(
        "CallIDChange",
        "ChannelEnteredBridge",
        "ChannelLeftBridge",
        "CloseSession",
        "Duration",
        "Events",
    ),
    *("MCallerID", "MConnectedID", "Placeholder", "TalkingStatus", "Unknown", "User"),
}
#: Headers that one function writes into one of several events, here into another one than these.
OF_OTHERS = {
    "AGIExecStart": "Result ResultCode",  # AGIExecEnd
    "AgentConnect": "Count OriginalPosition Position",  # QueueCallerAbandon
    "AgentDump": "Count HoldTime OriginalPosition Position RingTime",
    "AsyncAGIEnd": "Command CommandId Env Result",  # AsyncAGIStart and AsyncAGIExec
    "AsyncAGIExec": "Command Env",
    "AsyncAGIStart": "Command CommandId Result",
    "DAHDIShowChannels": "Items",  # the event that closes the list
    "DAHDIShowStatus": "Items",
    "LocalBridge": "SourceChannel",  # LocalOptimizationBegin
    "LocalOptimizationEnd": "SourceChannel",
    "PRIShowSpans": "Items",
    "ParkedCall": "Total",
    "ParkedCallSwap": "RetrieverChannel",  # UnParkedCall
    "SendFAX": "Operation Status",  # FAXStatus
}


def test_every_event_of_the_source_is_in_the_catalogue():
    assert set(WRITTEN) - set(EVENTS) == NO_EVENTS
    assert len(WRITTEN) > 215


@pytest.mark.parametrize("name", sorted(set(WRITTEN) - NO_EVENTS))
def test_every_header_of_the_source_is_in_the_catalogue(name):
    known = {parameter.name for parameter in EVENTS[name].parameters} | {"Privilege", "ActionID"}
    written = set(WRITTEN[name]["headers"].split())
    assert written - known == set(OF_OTHERS.get(name, "").split()), WRITTEN[name]["files"]


def test_the_headers_of_what_is_known_to_differ():
    """Facts that the documentation lacks, each from the source."""
    for name, header in (
        ("AttendedTransfer", "IsExternal"),
        ("CEL", "TenantID"),
        ("HangupRequest", "TechCause"),
        ("RTCPReceived", "Report0LSR"),
    ):
        assert header in WRITTEN[name]["headers"].split()
        assert header in [parameter.name for parameter in EVENTS[name].parameters]


#: As AOCMessage and ISDN raise them: d_to_json, e_to_json and s_to_json in main/aoc.c, all their
#: branches.
NESTED = {
    "AOC-D": """
        Charge/Type Charge/BillingID Charge/TotalType Charge/Currency/Name Charge/Currency/Cost
        Charge/Currency/Multiplier Charge/Units(0)/NumberOf Charge/Units(0)/TypeOf
    """,
    "AOC-E": """
        ChargingAssociation ChargingAssociation/Number ChargingAssociation/Plan
        ChargingAssociation/ID Charge/Type Charge/BillingID Charge/TotalType Charge/Currency/Name
        Charge/Currency/Cost Charge/Currency/Multiplier Charge/Units(0)/NumberOf
        Charge/Units(0)/TypeOf
    """,
    "AOC-S": """
        (null)(0)/Chargeable (null)(0)/Duration/Currency/Name (null)(0)/Duration/Currency/Cost
        (null)(0)/Duration/Currency/Multiplier (null)(0)/Duration/ChargingType
        (null)(0)/Duration/Time/Length (null)(0)/Duration/Time/Scale (null)(0)/Duration/Granularity
        (null)(0)/Duration/Granularity/Length (null)(0)/Duration/Granularity/Scale
        (null)(0)/Flat/Currency/Name (null)(0)/Flat/Currency/Cost (null)(0)/Flat/Currency/Multiplier
        (null)(0)/Volume/Unit (null)(0)/Volume/Currency/Name (null)(0)/Volume/Currency/Cost
        (null)(0)/Volume/Currency/Multiplier (null)(0)/SpecialCode/SpecialCode
    """,
}


@pytest.mark.parametrize(("name", "headers"), NESTED.items())
def test_the_keys_of_nested_json_are_joined(name, headers):
    """Each header that such an event can have, and it can be read from one that came."""
    known = [parameter.name for parameter in EVENTS[name].parameters][len(channel()) :]
    assert known == headers.split()
    lines = "".join(f"{header}: {number}\r\n" for number, header in enumerate(known))
    [event] = Parser(banner=False).feed(f"Event: {name}\r\n{lines}\r\n".encode())
    assert [event[header] for header in known] == [str(number) for number in range(len(known))]


# --- the program that reads the source ---

SOURCE = r"""
/* "Event: NoEvent\r\n" */
static void blob(struct ast_channel *chan)
{
    manager_event(EVENT_FLAG_CALL, "Waved",
        "%sHow: %s\r\n"
        "Long" "Name: %" PRIu64 "\r\n",
        ast_manager_build_channel_state_string_prefix(snapshot, "Dest"), "ABC");
}

static struct ast_manager_event_blob *hello_to_ami(struct stasis_message *message)
{
    return wave_to_ami("Hello", message);
}

static struct ast_manager_event_blob *wave_to_ami(const char *name, struct stasis_message *message)
{
    ast_str_append(&str, 0, "Wave%dHeight: %d\r\n", i, height);
}

STASIS_MESSAGE_TYPE_DEFN_LOCAL(hello_type, .to_ami = hello_to_ami,);

static void greet(void)
{
    blob = ast_json_pack("{s: s, s: i}", "Greeting", "hi", "small", 1);
    publish(hello_type(), blob);
}

static int list(struct mansession *s)
{
    ast_log(LOG_NOTICE, "Nothing: %s\n", "Down");
    astman_append(s, "Event: Wave\r\nHeight: %d\r\n" "%s\r\n", height, id);
    astman_append(s, "Event: Calm\r\nWind: none\r\n\r\n");
    astman_send_list_complete_start(s, m, "WavesComplete", 2);
}
"""


def test_reader_finds_events_and_headers_in_a_source_file(tmp_path: Path):
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "app_wave.c").write_text(dedent(SOURCE))
    found = headers_by_event(tmp_path)
    assert {files["files"] for files in found.values()} == {"apps/app_wave.c"}
    assert {event: entry["headers"] for event, entry in found.items()} == {
        "Calm": "Wind",
        "Hello": "Greeting Wave0Height",
        "Wave": "Height",
        "Waved": "DestChannel How LongName",
        "WavesComplete": "EventList ListItems",
    }
