"""Permission to connect: the environment and the signs decide, and a simulated server is free."""

from __future__ import annotations

import io
import os
import unittest

import pytest

from django_ami.core import permission
from django_ami.core.errors import ConnectionFailed, ConnectionForbidden
from django_ami.testing import FakeAsterisk


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(permission.CONNECTIONS, raising=False)
    monkeypatch.delenv(permission.SIMULATORS, raising=False)
    monkeypatch.setattr(permission, "signs", set())


def test_without_tests_everybody_may() -> None:
    permission.check("pbx.example", 5038)


@pytest.mark.parametrize("said", ["forbid", "no", "ALLOW"])
def test_anything_but_allow_forbids(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv(permission.CONNECTIONS, said)
    with pytest.raises(
        ConnectionForbidden, match=r"^tests may not connect to pbx.example:5038: "
    ) as caught:
        permission.check("pbx.example", 5038)
    assert isinstance(caught.value, ConnectionFailed)
    assert not caught.value.sent


def test_a_sign_forbids_and_the_environment_has_the_last_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tests = [False]
    monkeypatch.setattr(permission, "signs", {lambda: tests[0]})
    permission.check("pbx.example", 5038)
    tests[0] = True
    with pytest.raises(ConnectionForbidden):
        permission.check("pbx.example", 5038)
    monkeypatch.setenv(permission.CONNECTIONS, permission.ALLOW)
    permission.check("pbx.example", 5038)


def test_simulated_servers_are_free_until_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(permission.CONNECTIONS, permission.FORBID)
    with FakeAsterisk() as one, FakeAsterisk() as two:
        for host in ("127.0.0.1", "localhost", "::1"):
            permission.check(host, one.port)
        one.stop()
        permission.check("127.0.0.1", one.port)
        permission.check("127.0.0.1", two.port)
        with pytest.raises(ConnectionForbidden):
            permission.check("pbx.example", two.port)
    for server in (one, two):
        with pytest.raises(ConnectionForbidden):
            permission.check("127.0.0.1", server.port)


def test_where_tests_have_run_it_stays_forbidden() -> None:
    permission.forbid_in_tests(tests_run=False)
    permission.check("pbx.example", 5038)
    permission.forbid_in_tests(tests_run=True)
    assert os.environ.pop(permission.CONNECTIONS) == permission.FORBID  # which child processes see
    with pytest.raises(ConnectionForbidden):
        permission.check("pbx.example", 5038)


def test_a_sign_that_was_seen_counts_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner may leave out Django's checks, by which tests are noticed else."""
    tests = [True]
    monkeypatch.setattr(permission, "signs", {lambda: tests[0]})
    for running in (True, False):
        tests[0] = running
        with pytest.raises(ConnectionForbidden):
            permission.check("pbx.example", 5038)
    assert os.environ[permission.CONNECTIONS] == permission.FORBID


def test_runner_of_unittest_is_a_sign_while_it_runs() -> None:
    seen = []

    class Case(unittest.TestCase):
        def runTest(self) -> None:  # noqa: N802  (its name there)
            seen.append(permission._unittest_runs())

    unittest.TextTestRunner(stream=io.StringIO()).run(Case())
    assert seen == [True]
