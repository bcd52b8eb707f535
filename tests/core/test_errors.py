"""The tree of errors: what each one also is, and what it says."""

from __future__ import annotations

import pytest

from django_ami.core import errors
from django_ami.core.errors import ActionFailed, AmiError, AuthenticationFailed, ConnectionFailed, ConnectionLost
from django_ami.core.messages import Response

ALSO = [
    ("ConfigurationError", AmiError),
    ("InvalidAction", ValueError),
    ("Backpressure", AmiError),
    ("ConnectionFailed", ConnectionError),
    ("AuthenticationFailed", ConnectionFailed),
    ("ConnectionLost", ConnectionError),
    ("ActionTimeout", TimeoutError),
    ("ActionFailed", AmiError),
    ("ProtocolError", AmiError),
    ("WouldBlock", RuntimeError),
]


@pytest.mark.parametrize(("name", "also"), ALSO)
def test_each_error_is_ours_and_what_python_calls_it(name, also):
    error = getattr(errors, name)
    assert issubclass(error, AmiError)
    assert issubclass(error, also)


def test_the_tree_is_complete_and_drawn_in_the_docstring():
    assert set(errors.__all__) == {name for name, _ in ALSO} | {"AmiError"}
    assert all(name in errors.__doc__ for name in errors.__all__)


@pytest.mark.parametrize(
    ("server", "text"),
    [("node_1", "node_1: it rains."), (None, "it rains.")],
)
def test_an_error_names_its_server_if_it_has_one(server, text):
    error = AmiError("it rains.", server=server)
    assert str(error) == text
    assert (error.message, error.server, error.sent) == ("it rains.", server, False)


def test_a_failed_action_carries_the_answer_and_was_sent():
    response = Response("Error", b"Response: Error\r\nMessage: no")
    error = ActionFailed("Ping refused: no", response=response, server="node_1")
    assert error.response is response
    assert error.sent


def test_a_lost_connection_has_no_items_until_some_are_given():
    assert ConnectionLost("gone", sent=True).events == ()


def test_a_refused_login_is_a_failed_connection_but_not_the_other_way_round():
    assert isinstance(AuthenticationFailed("no"), ConnectionFailed)
    assert not isinstance(ConnectionFailed("no"), AuthenticationFailed)
