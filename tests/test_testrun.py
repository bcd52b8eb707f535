"""The signs that tell a test run from every other process."""

from __future__ import annotations

import pytest

from tests.running import run_python

ASK = "from django_ami.testrun import tests_run\nprint(tests_run())\n"


@pytest.mark.parametrize(
    ("program", "runs"),
    [
        ("['manage.py', 'test']", True),
        ("['/srv/project/manage.py', 'test', 'shop']", True),
        ("['django-admin', 'test']", True),
        ("['manage.py', 'runserver']", False),
        ("['manage.py', 'ami_send', 'test']", False),
        ("['manage.py', 'testserver']", False),
        ("['deploy.py', 'test']", False),
        ("['']", False),
        ("[]", False),
    ],
)
def test_the_arguments(program: str, runs: bool) -> None:
    assert run_python(f"import sys\nsys.argv = {program}\n{ASK}") == str(runs)


def test_the_environment_of_djangos_tests_from_its_beginning_to_its_end() -> None:
    source = (
        "import django\nfrom django.conf import "
        "settings\nsettings.configure(SECRET_KEY='x')\ndjango.setup()\nfrom "
        "django.core.mail.backends.locmem import "
        "EmailBackend\nEmailBackend()\n"  # a site may have that, too
        f"{ASK}"
        "from django.test.utils import setup_test_environment, teardown_test_environment\n"
        "setup_test_environment()\nprint(tests_run())\nteardown_test_environment()\nprint(tests_run())"
    )
    assert run_python(source).split() == ["False", "True", "False"]


def test_a_process_without_argv() -> None:
    assert run_python(f"import sys\ndel sys.argv\n{ASK}") == "False"
