"""The entries of the action log: the facts about an action, without its secrets."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.db import connection

from django_ami import ami
from django_ami.actions import Action, Ping, QueueStatus, SetVar
from django_ami.core.actions import Originate
from django_ami.errors import Backpressure
from django_ami.operations import audit
from django_ami.operations.audit.masking import headers_of, masked
from django_ami.operations.models import ActionLog
from django_ami.testing import FakeAsterisk
from django_ami.wallboard.masking import hide_last_digits
from tests.contrib.prometheus.scraping import Scrape
from tests.operations.people import rows, user
from tests.running import wait_until

NUMBER = "+493012345678"


def test_secrets_are_never_stored_and_numbers_are_masked_if_wanted() -> None:
    action = Originate(
        channel=f"PJSIP/{NUMBER}@trunk",
        context="default",
        exten="0301234567",
        priority=1,
        caller_id="Ann <101>",
        variables={"PIN": "4711", "NUMBER": "0301234567"},
        channel_id="1700000000.123456",
    )
    told = dict(headers_of(action, hide_last_digits))
    assert told["Channel"] == "PJSIP/+49301234••••@trunk"
    assert told["Exten"] == "030123••••"
    assert (told["CallerID"], told["ChannelId"]) == ("Ann <101>", "1700000000.123456")
    everything = json.dumps(headers_of(action, hide_last_digits), ensure_ascii=False)
    assert "4711" not in everything
    assert "0301234567" not in everything
    assert dict(headers_of(action, None))["Exten"] == "0301234567"
    assert "0301234567" in json.dumps(headers_of(SetVar("NOTE", "0301234567"), None))
    assert dict(headers_of(Action("Login", Secret="x9y8"), None))["Secret"] == "***"
    assert dict(headers_of(SetVar("PASSWORD", "x9y8"), None))["Value"] == "***"


def test_mask_that_raises_hides_the_number(caplog: pytest.LogCaptureFixture) -> None:
    def mask(number: str) -> str:
        raise ValueError(number)

    assert masked("call 0301234567 now", mask) == "call hidden now"
    assert "0301234567" not in caplog.text
    wait_until(lambda: "audit_mask" in caplog.text)


@pytest.mark.parametrize("channel", ["PJSIP/101-00000012", "Local/102@x-00000001;2"])
def test_end_of_a_channel_s_name_is_no_number(channel: str) -> None:
    assert masked(channel, hide_last_digits) == channel


def test_actions_of_nobody_are_recorded_by_option(server: FakeAsterisk, settings: Any) -> None:
    ami.send(Ping()).result(5)
    settings.AMI_OPERATIONS = {"audit": "all"}
    ami.send(QueueStatus()).result(5)
    ami.server("node_1").send(QueueStatus()).result(5)
    first, second = rows(2)
    assert (first.kind, first.who, first.action) == ("program", "", "QueueStatus")
    assert first.via
    assert second.action == "QueueStatus"


def test_action_of_a_user_is_one_entry_where_all_are_recorded(
    server: FakeAsterisk, settings: Any
) -> None:
    settings.AMI_OPERATIONS = {"audit": "all"}
    ami.as_user(user("root", is_superuser=True)).send(Ping()).result(5)
    assert rows(1)[0].who == "root"


def test_database_that_is_away_stops_no_action_and_entries_wait_for_it(
    server: FakeAsterisk, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    mine = ami.as_user(user("root", is_superuser=True))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ami_operations_actionlog RENAME TO elsewhere")
    try:
        assert mine.send(Ping()).result(5).ok
        wait_until(lambda: audit.status().away)
        assert mine.send(Ping()).result(5).ok
        assert audit.status().written == 0
        assert Scrape().by("ami_rows_waiting", "table")["actions"] > 0
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO ami_operations_actionlog")
    rows(2)
    wait_until(lambda: "The action log cannot be written" in caplog.text)
    wait_until(lambda: "The action log is written again" in caplog.text)


def test_entry_that_no_table_takes_is_counted_and_is_a_line_of_the_log(
    server: FakeAsterisk, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AMI_OPERATIONS = {"audit_buffer": 1, "audit_close_seconds": 0.05}
    mine = ami.as_user(user("root", is_superuser=True), view="desk")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ami_operations_actionlog RENAME TO elsewhere")
    try:
        for _ in range(6):
            assert mine.send(Ping()).result(5).ok
        wait_until(lambda: audit.status().lost > 0)
        lost = Scrape().by("ami_rows_lost_total", "table", reason="away")["actions"]
        assert 0 < lost <= audit.status().lost
        audit.close()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO ami_operations_actionlog")

    def told_rows() -> dict[str, dict[str, Any]]:
        found = [
            json.loads(record.getMessage().partition("not stored: ")[2])
            for record in caplog.records
            if record.levelno == logging.ERROR and "not stored: " in record.getMessage()
        ]
        return {row["action_id"]: row for row in found}

    wait_until(lambda: len(told_rows()) == 6)
    told = next(iter(told_rows().values()))
    assert (told["who"], told["via"], told["action"]) == ("root", "desk", "Ping")
    assert ActionLog.objects.count() == 0


@pytest.mark.django_db
def test_entry_in_a_test_is_written_into_its_transaction(settings: Any, ami_outbox: Any) -> None:
    ami.as_user(user("root", is_superuser=True)).send(Ping()).result(5)
    assert ActionLog.objects.get().action == "Ping"
    assert audit.status().written == 0


def test_call_that_the_limits_refuse_is_an_entry_with_an_end(
    server: FakeAsterisk, settings: Any
) -> None:
    settings.AMI_OPERATIONS = {"audit": "all"}
    settings.AMI_SERVERS = {
        "node_1": {"URL": server.url, "OPTIONS": {"max_originates_per_second": 0.001}}
    }
    ami.originate(to="PJSIP/101", context="default", exten="102").wait(30)
    with pytest.raises(Backpressure):
        ami.originate(to="PJSIP/101", context="default", exten="102", over_limit="raise")
    refused = next(row for row in rows(2) if not row.sent)
    assert (refused.action, refused.outcome) == ("Originate", "not_sent")
    assert "max_originates_per_second" in refused.reason


@pytest.mark.parametrize(
    "text", ["030-1234567", "out-0301234567", "PJSIP/trunk-0301234567", "w.0301234567"]
)
def test_number_behind_a_sign_is_masked(text: str) -> None:
    assert masked(text, lambda _: "<masked>").endswith("<masked>")
