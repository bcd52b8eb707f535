"""``ami_prune_calls`` deletes what is old, in chunks."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from django_ami.calls.management.commands.ami_prune_calls import Command
from django_ami.calls.models import PARTS, Call, MergedCall
from django_ami.calls.pruning import prune
from django_ami.calls.store import save_calls
from django_ami.tools.arguments import age
from tests.calls.support import START, a_queue_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def calls() -> None:
    """Twelve calls of a hundred days ago, and three of today."""
    past, now = time.time() - 100 * 86400 - START, time.time() - 3600 - START
    save_calls([a_queue_call(past + number) for number in range(12)])
    save_calls([a_queue_call(now + number) for number in range(3)])
    save_calls([a_queue_call(past + 50, merged_into="1"), a_queue_call(now + 50, merged_into="1")])


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("ami_prune_calls", *arguments, stdout=out)
    return out.getvalue().strip()


@pytest.mark.usefixtures("calls")
def test_old_calls_go_with_all_that_belongs_to_them() -> None:
    assert run("--older-than=90d", "--dry-run") == "12 calls would be deleted."
    assert Call.objects.count() == 15
    assert run("--older-than=90d") == "12 calls deleted."
    assert [model.objects.count() for model in (Call, MergedCall, *PARTS)] == [3, 1, 9, 3, 6, 3]
    assert json.loads(run("--older-than=90d", "--json")) == {"calls": 0, "deleted": True}


@pytest.mark.usefixtures("calls")
def test_one_server_alone() -> None:
    assert run("--older-than=1h", "--server=other") == "0 calls deleted."
    assert MergedCall.objects.count() == 2
    assert run("--older-than=90d", "--server=pbx", "--chunk=5") == "12 calls deleted."


@pytest.mark.usefixtures("calls")
def test_each_chunk_is_a_transaction_of_its_own() -> None:
    chunks = prune(timezone.now() - timedelta(days=90), chunk=5)
    assert next(chunks) == 5
    assert Call.objects.count() == 10
    assert list(chunks) == [5, 2]


def test_ages() -> None:
    assert [age(text) for text in ("12h", "90d", "8w")] == [
        timedelta(hours=12), timedelta(days=90), timedelta(days=56),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "d", "90", "90m", "-1d", "1.5d", "٣d", "99999d"])
def test_no_ages(text: str) -> None:
    with pytest.raises(CommandError, match="give hours, days or weeks, as in 12h, 90d or 8w"):
        run(f"--older-than={text}")


def test_the_age_is_needed() -> None:
    with pytest.raises(CommandError, match="--older-than"):
        run()


@pytest.mark.django_db(transaction=True)
def test_a_database_without_the_tables_is_one_line_and_an_exit_code() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ami_calls_call RENAME TO elsewhere")
    try:
        with pytest.raises(CommandError, match=r"run 'manage\.py migrate'") as raised:
            run("--older-than=90d")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO ami_calls_call")
    assert raised.value.returncode == 7
    assert "\n" not in str(raised.value)


def test_help_has_the_exit_codes_and_its_examples_are_understood() -> None:
    parser: Any = Command().create_parser("manage.py", "ami_prune_calls")
    text = parser.format_help()
    assert "  7   the database cannot be reached, or refused it" in text
    for line in Command.examples.splitlines():
        parser.parse_args(line.split())
