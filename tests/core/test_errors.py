"""The tree of errors: their base classes, and their messages."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle
from concurrent.futures import CancelledError, ProcessPoolExecutor

import pytest

from django_ami.core import errors
from django_ami.core.errors import (
    ActionFailed,
    AmiError,
    AuthenticationFailed,
    ConnectionFailed,
    ConnectionLost,
    InvalidAction,
)
from django_ami.core.messages import Event, Response

ALSO = [
    ("ActionCancelled", CancelledError),
    ("ConfigurationError", AmiError),
    ("InvalidAction", ValueError),
    ("Backpressure", AmiError),
    ("ConnectionFailed", ConnectionError),
    ("AuthenticationFailed", ConnectionFailed),
    ("ConnectionForbidden", ConnectionFailed),
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
    assert (error.message, error.server, error.sent) == ("it rains.", server, True)


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


# --- errors that travel ---

REFUSED = Response(
    "Error",
    "Response: Error\r\nActionID: 1\r\nMessage: No such channel\r\nMessage: Zoë".encode(),
    "node_1",
)


def make(name: str, *, sent: bool) -> AmiError:
    kind = getattr(errors, name)
    if kind is ActionFailed:
        return ActionFailed("it rains.", "node_1", sent, REFUSED)
    return kind("it rains.", server="node_1", sent=sent)


def raise_it(error: BaseException) -> None:
    """The job of a process pool."""
    raise error


def through_a_process(error: BaseException) -> BaseException:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(raise_it, error).exception(60)
    assert found is not None
    return found


TRAVELS = {
    "pickle": lambda error: pickle.loads(pickle.dumps(error)),
    "the oldest pickle": lambda error: pickle.loads(pickle.dumps(error, protocol=0)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "cls(*args)": lambda error: type(error)(*error.args),
    "cls(*args) by way of JSON": lambda error: type(error)(*json.loads(json.dumps(error.args))),
    "twice": lambda error: type(error)(*pickle.loads(pickle.dumps(error)).args),
}


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("way", TRAVELS)
@pytest.mark.parametrize("name", errors.__all__)
def test_error_keeps_its_parts_when_it_travels(name, way, sent):
    error = make(name, sent=sent)
    found = TRAVELS[way](error)
    assert type(found) is type(error)
    assert (found.message, found.server, found.sent) == ("it rains.", "node_1", sent)
    assert str(found) == str(error) == "node_1: it rains."
    assert found.args == error.args
    if isinstance(error, ActionFailed):
        assert found.response == REFUSED
        assert (found.response.status, found.response.get_all("Message")) == (
            "Error",
            ["No such channel", "Zoë"],
        )


def test_an_error_comes_back_from_a_pool_of_processes():
    for name in ("ActionFailed", "ConnectionLost"):
        found = through_a_process(make(name, sent=True))
        assert (type(found).__name__, found.server, found.sent) == (name, "node_1", True)


def test_a_pickle_and_a_copy_keep_the_items_that_had_arrived():
    error = ConnectionLost("gone", sent=True)
    error.events = (Event("Status", b"Event: Status\r\nChannel: x", "node_1"),)
    for found in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert found.events == error.events


UNSENT = {
    "ActionCancelled",
    "AuthenticationFailed",
    "ConnectionForbidden",
    "Backpressure",
    "ConfigurationError",
    "ConnectionFailed",
}


@pytest.mark.parametrize("name", errors.__all__)
def test_an_error_of_which_nothing_else_is_known_reads_as_sent_unless_nothing_can_have_been(name):
    error = getattr(errors, name)("it rains.")
    assert error.sent is (name not in UNSENT | {"InvalidAction"})
    assert InvalidAction("it rains.", sent=None).sent is False


def test_a_refusal_of_which_the_answer_is_not_known_has_an_empty_one():
    response = ActionFailed("it rains.").response
    assert (response.ok, response.message, response.events) == (False, "", ())


def test_an_error_can_be_put_down_to_a_server():
    for name in errors.__all__:
        error = make(name, sent=True).at("node_2")
        assert (str(error), error.sent) == ("node_2: it rains.", True)


@pytest.mark.parametrize("name", errors.__all__)
def test_an_error_in_other_words_is_another_error_and_keeps_the_rest(name):
    error = make(name, sent=True).at("node_1")
    said = error.saying("it snows.")
    assert type(said) is type(error)
    assert (str(said), said.message, said.sent) == ("node_1: it snows.", "it snows.", True)
    assert said.args == ("it snows.", *error.args[1:])
    assert (str(error), error.message, error.args[0]) == (
        "node_1: it rains.",
        "it rains.",
        "it rains.",
    )


def test_a_loss_with_list_items_is_another_error_and_keeps_them():
    error = ConnectionLost("it rains.", "node_1", True)
    lost = error.having([Event("Status", b"Event: Status")])
    assert [event.name for event in lost.events] == ["Status"]
    assert error.events == ()
    assert lost.at("node_2").events == lost.saying("it snows.").events == lost.events
    assert (str(lost), lost.sent) == ("node_1: it rains.", True)
