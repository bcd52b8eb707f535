"""The outlet ``tasks`` with django-tasks-db: each project in processes of its own."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.conf.forward import Forward
from django_ami.core.errors import ConfigurationError
from django_ami.forwarding.tasks.options import read_options
from tests.running import PYTHON, Program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("django_tasks_db") is None, reason="django-tasks-db is not installed"
)

DATABASE_BACKEND = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

#: Publishes three events; says in one line how that failed.
PUBLISH = """
import django; django.setup()
from django_ami.conf.forward import read_forward
from django_ami.core.errors import ConfigurationError
from django_ami.forwarding.outlet import OutletAway
from tests.forwarding.celery.project import batch
try:
    forward = read_forward()
    outlet = forward.outlet_class(forward)
    outlet.open()
    outlet.publish([batch(0, 0, 1), batch(1, 0, 2, Poison=1), batch(2, 0, 3)])
    print(outlet.lag())
    outlet.close(1)
except (ConfigurationError, OutletAway) as error:
    print(type(error).__name__, error)
"""

#: Says what became of the tasks.
STATES = """
import django; django.setup()
from django_tasks_db.models import DBTaskResult
print(*sorted(DBTaskResult.objects.values_list("status", flat=True)), sep="\\n")
"""


def run(folder: Path, *command: str, tasks: Any = DATABASE_BACKEND, **forward: Any) -> Program:
    """Run a program of the project to its end."""
    with Program(
        [*PYTHON, *command],
        DJANGO_SETTINGS_MODULE="tests.forwarding.tasks_project.settings",
        PROJECT_DATABASE=folder / "database",
        PROJECT_JOURNAL=folder / "journal",
        PROJECT_TASKS=json.dumps(tasks),
        PROJECT_FORWARD=json.dumps(forward),
    ) as program:
        program.wait()
    return program


@pytest.mark.slow
def test_receivers_run_in_the_worker_and_a_task_whose_event_fails_is_failed(tmp_path):
    queues = {"default": {**DATABASE_BACKEND["default"], "QUEUES": ["ami"]}}
    options = {"QUEUE_NAME": "ami", "ATTEMPTS": 2}
    run(tmp_path, "-m", "django", "migrate", tasks=queues, OPTIONS=options)
    published = run(tmp_path, "-c", PUBLISH, tasks=queues, OPTIONS=options)
    assert published.out == ["None"], str(published)
    assert not (tmp_path / "journal").exists(), "receivers ran in the listener"
    worker = run(
        tmp_path, "-m", "django", "db_worker", "--batch", "--queue-name", "ami",
        "--no-startup-delay", tasks=queues, OPTIONS=options,
    )  # fmt: skip
    lines = [line.split()[:3] for line in (tmp_path / "journal").read_text().splitlines()]
    assert sorted(lines) == [
        ["begin", "0", "0"],
        ["begin", "1", "0"],
        ["begin", "1", "0"],
        ["begin", "2", "0"],
        ["end", "0", "0"],
        ["end", "2", "0"],
    ], str(worker)
    assert "node_1: event node_1/epoch/2 failed (attempts: 2)" in str(worker)
    states = run(tmp_path, "-c", STATES, tasks=queues, OPTIONS=options)
    assert states.out == ["FAILED", "SUCCESSFUL", "SUCCESSFUL"], str(states)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tasks", "options", "message"),
    [
        (
            {"default": {"BACKEND": "nowhere.Backend"}},
            {},
            "no backend 'default'",
        ),
        (DATABASE_BACKEND, {"BACKEND": "other"}, "no backend 'other'"),
        (DATABASE_BACKEND, {"QUEUE_NAME": "ami"}, "add it to its QUEUES"),
        (None, {}, "whose tasks run in no other process"),
    ],
)
def test_missing_backend_is_one_line_with_the_cure(tmp_path, tasks, options, message):
    published = run(tmp_path, "-c", PUBLISH, tasks=tasks, OPTIONS=options)
    (line,) = published.out
    assert line.startswith("ConfigurationError the setting TASKS: ")
    assert message in line
    assert published.err == []


@pytest.mark.slow
def test_backend_without_its_tables_is_away(tmp_path):
    published = run(tmp_path, "-c", PUBLISH)
    (line,) = published.out
    assert line.startswith("OutletAway the task backend 'default' took no task: ")
    assert "whether its migrations are applied" in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"QUEUE": "ami"}, "unknown option of the outlet tasks: 'QUEUE'"),
        ({"BACKEND": 7}, "'BACKEND' must be a text, not 7"),
        ({"ATTEMPTS": 0}, "'ATTEMPTS' must be a whole number from 1 to 1000, not 0"),
    ],
)
def test_wrong_option_is_named(options, message):
    with pytest.raises(ConfigurationError) as raised:
        read_options(Forward("tasks", options=options))
    assert message in str(raised.value)
