"""A class for every action that Asterisk has.

Each covers its parameters, and is loaded when it is used.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, get_type_hints

import pytest

from django_ami import actions
from django_ami.core import actions as core
from django_ami.core.actions import Action, generated, variables
from django_ami.core.actions.base import encode
from django_ami.core.catalog import ACTIONS, ActionInfo
from tests.running import run_python

#: How the classes that are written by hand spell the names of their actions, where it is not the
#: class's.
SPELLED = {"Getvar": "GetVar", "Setvar": "SetVar"}
BY_HAND = {SPELLED.get(name, name) for name in ACTIONS} & set(core.__all__)
OF_TODAY = [info for info in ACTIONS.values() if info.removed_in is None]
EVERY = [*OF_TODAY, ACTIONS["Monitor"]]

#: Arguments that are not plain texts.
GIVEN: dict[str, Any] = {
    "changes": [
        {
            "Action": "Append",
            "Cat": "a",
            "Var": "b",
            "Value": "c",
            "Match": "d",
            "Line": 1,
            "Options": "e",
        }
    ],
    "headers": {"Header1": "a", "HeaderN": "b"},
    "seconds": 1,
    "timeout_ms": 1,
    "unit_amounts": [1],
    "unit_types": [2],
}
#: Parameters that the classes written by hand have no argument for.
LEFT_OUT = {"Park": {"Channel2": "the older name of TimeoutChannel"}}


def class_of(info: ActionInfo) -> type[Action]:
    found = getattr(actions, SPELLED.get(info.name, info.name))
    assert issubclass(found, Action)
    return found


def named(infos: list[ActionInfo]) -> Any:
    return pytest.mark.parametrize("info", infos, ids=lambda info: info.name)


def given(kind: type[Action], *, required_only: bool = False) -> dict[str, Any]:
    """An argument for each of the parameters of a class."""
    made = {}
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD or (
            required_only and parameter.default is not parameter.empty
        ):
            continue
        value = {"x": "1"} if name == "variables" else GIVEN.get(name, "x")
        made[name] = ["x"] if (kind, name) == (core.Status, "variables") else value
    return made


def build(kind: type[Action], arguments: dict[str, Any]) -> Action:
    """The action of these arguments; some of those written by hand take no names for the first."""
    bound = inspect.signature(kind).bind_partial()
    bound.arguments.update(arguments)
    return kind(*bound.args, **bound.kwargs)


def folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


# --- the classes ---


@named(OF_TODAY)
def test_every_action_has_a_class(info):
    assert build(class_of(info), given(class_of(info))).name == info.name


def test_those_that_have_one_by_hand_are_not_generated():
    assert (
        set(generated.__all__) == {SPELLED.get(info.name, info.name) for info in OF_TODAY} - BY_HAND
    )
    assert len(generated.__all__) == 117
    classes = {name for name, value in vars(generated).items() if inspect.isclass(value)} - {
        "BareAction",
        "TypedAction",
    }
    assert classes == set(generated.__all__)


@named(EVERY)
def test_a_class_covers_every_parameter(info):
    action = build(class_of(info), given(class_of(info)))
    covered = {re.sub(r"-000000$", "", key).lower() for key, _ in action.headers}
    known = {re.sub(r"-000000$", "", parameter.name).lower() for parameter in info.parameters}
    assert known - covered == {name.lower() for name in LEFT_OUT.get(info.name, {})}
    assert covered <= known


@named(OF_TODAY)
def test_the_parameters_that_are_required_are_all_that_is_required(info):
    kind = class_of(info)
    required = given(kind, required_only=True)
    encode(build(kind, required), "1")
    for name in required:
        with pytest.raises(TypeError, match=name):
            build(kind, {key: value for key, value in required.items() if key != name})
    if info.name in generated.__all__:
        wanted = [parameter.name for parameter in info.parameters if parameter.required]
        assert [key for key, _ in build(kind, required).headers] == wanted
        assert {parameter.kind for parameter in inspect.signature(kind).parameters.values()} <= {
            inspect.Parameter.KEYWORD_ONLY
        }


@named(OF_TODAY)
def test_completion_of_each_kind_of_action(info):
    action = build(class_of(info), given(class_of(info), required_only=True))
    # The end of a list is found by its EventList: no class has to name it.
    assert action.final_event == (None if info.items else info.final_event)
    assert not action.final_broadcast


@named(OF_TODAY)
def test_docstring_names_the_classes_and_the_completing_event(info):
    text = " ".join((class_of(info).__doc__ or "").split())
    if info.name not in generated.__all__:
        assert text
        return
    for name in info.privileges:
        assert f"``{name}``" in text
    for name in (*info.items, info.final_event or "Complete with its response."):
        assert name in text
    for name, parameter in zip(
        inspect.signature(class_of(info)).parameters, _in_order(info), strict=True
    ):
        assert f"``{name}``: {parameter.description}" in text
        if parameter.required:
            assert re.search(rf"``{name}``: [^`]*(``[^`]*``[^`]*)*?required\.", text)


def _in_order(info: ActionInfo) -> list[Any]:
    return sorted(info.parameters, key=lambda parameter: not parameter.required)


# --- the messages ---

#: Arguments that are not named as their headers.
RENAMED = {
    ("AbsoluteTimeout", "seconds"): "Timeout",
    ("AOCMessage", "unit_amounts"): "UnitAmount(0)",
    ("AOCMessage", "unit_types"): "UnitType(0)",
    ("MessageSend", "variables"): "Variable",
    ("PJSIPNotify", "variables"): "Variable",
    ("PlayDTMF", "duration_ms"): "Duration",
    ("PlayMF", "duration_ms"): "Duration",
}


@pytest.mark.parametrize("name", sorted(generated.__all__))
def test_every_argument_is_sent_as_its_header(name):
    kind = getattr(actions, name)
    texts = {argument: f"this is {argument}" for argument in inspect.signature(kind).parameters}
    special: dict[str, Any] = {"variables": {"x": "1"}, "unit_amounts": ["1"], "unit_types": ["2"]}
    action = kind(**{argument: special.get(argument, text) for argument, text in texts.items()})
    keys = {value: key for key, value in action.headers}
    assert len(keys) == len(texts)
    for argument, text in texts.items():
        sent = {"variables": "x=1", "unit_amounts": "1", "unit_types": "2"}.get(argument, text)
        assert folded(keys[sent]) == folded(RENAMED.get((name, argument), argument))
    lines = [
        f"Action: {name}",
        "ActionID: id-1",
        *(f"{key}: {value}" for key, value in action.headers),
        "",
        "",
    ]
    assert encode(action, "id-1").decode().split("\r\n") == lines


@pytest.mark.parametrize(
    ("action", "header"),
    [
        (actions.QueueReload(members=True), ("Members", "yes")),
        (actions.QueueReload(members=False), ("Members", "no")),
        (actions.MuteAudio(channel="a", direction="all", state=True), ("State", "on")),
        (actions.PJSIPSetMaintenance(endpoint="all", state=False), ("State", "off")),
        (actions.PlayDTMF(channel="a", digit=1, receive=True), ("Receive", "true")),
        (
            actions.SendText(channel="a", message="b", content_type="text/plain"),
            ("Content-Type", "text/plain"),
        ),
        (actions.AOCMessage(msg_type="D", unit_amounts=[5, 7]), ("UnitAmount(1)", "7")),
        (actions.MessageSend(variables={"A": "1,2"}), ("Variable", r"A=1\,2")),
        (
            actions.PJSIPNotify(variables=[("Content", "a"), ("Content", "b")]),
            ("Variable", "Content=b"),
        ),
        (actions.JabberSend(jabber="a", message="b", screen_name="c"), ("ScreenName", "c")),
    ],
)
def test_how_a_value_is_spelled(action, header):
    assert header in action.headers


def test_the_types_are_those_that_are_written():
    """Every annotation can be evaluated, and none says Any."""
    names = {"Iterable": list, "Variables": variables.Variables}
    for name in generated.__all__:
        hints = get_type_hints(getattr(generated, name).__init__, None, names)
        assert Any not in hints.values()


#: Parameters whose names look like secrets and which are none.
NO_SECRETS = {"DBDel.Key", "DBDelTree.Key", "DBGet.Key", "DBGetTree.Key", "DBPut.Key"}


def test_every_parameter_that_may_hold_a_secret_is_treated_as_one():
    suspicious = re.compile(r"secret|pass|key|pin|token|value-", re.IGNORECASE)
    places = {
        (info.name, one.name)
        for info in ACTIONS.values()
        for one in info.parameters
        if suspicious.search(one.name)
    }
    shown = {
        f"{action}.{name}"
        for action, name in places
        if "***" not in repr(Action(action, {name: "amp111"}))
    }
    assert shown == NO_SECRETS
    assert ("Login", "Key") in places


# --- when they are loaded ---

LOADED = "print([name for name in sys.modules if 'generated' in name or 'catalog' in name])"


@pytest.mark.parametrize(
    ("statement", "loaded"),
    [
        (
            (
                "import django_ami.core, django_ami.core.actions, django_ami.core.client\n"
                "import django_ami.actions"
            ),
            [],
        ),
        ("from django_ami.actions import *; Originate", []),
        ("import django_ami.actions; hasattr(django_ami.actions, '__wrapped__')", []),
        ("from django_ami.actions import QueueReset", ["django_ami.core.actions.generated"]),
        ("from django_ami.core.actions import QueueReset", ["django_ami.core.actions.generated"]),
        (
            "import django_ami.actions; dir(django_ami.actions)",
            ["django_ami.core.actions.generated"],
        ),
    ],
)
def test_classes_are_loaded_when_one_is_used(statement, loaded):
    assert run_python(f"import sys\n{statement}\n{LOADED}") == str(loaded)


@pytest.mark.parametrize("module", [actions, core])
def test_a_name_that_is_none(module):
    with pytest.raises(
        AttributeError, match=r"module 'django_ami.core.actions' has no attribute 'QueueResett'"
    ):
        module.QueueResett  # noqa: B018
    assert not hasattr(module, "inspect")
    assert {"QueueReset", "Originate"} <= set(dir(module))
