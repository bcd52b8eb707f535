"""The grammar of event masks and permissions, and filters."""

from __future__ import annotations

import pytest

from django_ami.simulator.filters import EventFilter, FilterError, let_through
from django_ami.simulator.masks import ALL, CLASSES, class_of_event, event_mask, permissions

SYSTEM, CALL, USER = CLASSES["system"], CLASSES["call"], CLASSES["user"]


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        (None, ALL),
        ("", ALL),
        ("on", ALL),
        ("YES", ALL),
        ("all", ALL),
        ("off", 0),
        ("False", 0),
        ("none", 0),
        ("0", 0),
        ("1", SYSTEM),
        ("2", CALL),
        ("call", CALL),
        ("system,call", SYSTEM | CALL),
        ("Call", 0),
        ("bogus", 0),
        ("system, call", SYSTEM),
        ("bogus,call", CALL),
        ("use,call", USER | CALL),
        ("call,", CALL),
        (",call", ALL),
    ],
)
def test_event_mask(text: str | None, mask: int) -> None:
    assert event_mask(text) == mask


def test_a_token_that_is_not_last_matches_what_begins_with_it() -> None:
    assert event_mask("ca,user") == CALL | USER
    assert event_mask("user,ca") == USER


@pytest.mark.parametrize(
    ("text", "bits"), [("", 0), ("all", ALL), ("call,system", CALL | SYSTEM), ("no", 0)]
)
def test_permissions(text: str, bits: int) -> None:
    assert permissions(text) == bits


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("Hangup", "call"),
        ("Newexten", "dialplan"),
        ("UserEvent", "user"),
        ("FullyBooted", "system"),
        ("Cdr", "cdr"),
    ],
)
def test_class_of_event(event: str, kind: str) -> None:
    assert class_of_event(event) == kind


EVENT = "Event: UserEvent\r\nPrivilege: user,all\r\nColour: red\r\nShade: dark red\r\n\r\n"


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ([], True),
        (["Colour: red"], True),
        (["Colour: blue"], False),
        (["Colour: blue", "Shade: d.*d"], True),
        (["!Event: UserEvent"], False),
        (["!Event: Hangup"], True),
        (["Colour: red", "!Shade"], False),
        (["Event: User"], True),
        (["Privilege: user.*Shade"], True),
    ],
)
def test_plain_filters(filters: list[str], passes: bool) -> None:
    made = [EventFilter.parse(text) for text in filters]
    assert (
        let_through([one for one in made if isinstance(one, EventFilter)], "UserEvent", EVENT)
        is passes
    )
    assert not any(isinstance(one, FilterError) for one in made)


@pytest.mark.parametrize(
    ("criteria", "pattern", "passes"),
    [
        ("action(include),name(UserEvent),header(Colour),method(exact)", "red", True),
        ("action(include),name(UserEvent),header(Colour),method(exact)", "re", False),
        ("action(include),name(UserEvent),header(Shade),method(starts_with)", "dark", True),
        ("action(include),name(UserEvent),header(Shade),method(ends_with)", "dark", False),
        ("action(include),name(UserEvent),header(Shade),method(contains)", "k r", True),
        ("action(include),name(UserEvent),header(Shade),method(regex)", "d.rk", True),
        ("action(include),name(Hangup),header(Colour),method(exact)", "red", False),
        ("action(exclude),name(UserEvent),header(Colour),method(none)", "", False),
        ("action(exclude),name(UserEvent),header(Taste),method(none)", "", True),
    ],
)
def test_criteria(criteria: str, pattern: str, passes: bool) -> None:
    made = EventFilter.parse(pattern, criteria)
    assert isinstance(made, EventFilter)
    assert let_through([made], "UserEvent", EVENT) is passes


@pytest.mark.parametrize(
    ("criteria", "pattern", "error"),
    [
        ("", "Event: [", FilterError.COMPILE),
        ("name(UserEvent),header(Colour)", "blue", FilterError.FORMAT),
        ("action(include),name(X),header(Y),method(startsWith)", "blue", FilterError.FORMAT),
        ("action(include),name(X),header(Y),method(exact)", "", FilterError.FORMAT),
        ("action(include),name(X),header(Y),method(none)", "blue", FilterError.FORMAT),
        ("nonsense", "blue", FilterError.FORMAT),
        ("action(include),name(X),header(Y),method(regex)", "[", FilterError.COMPILE),
    ],
)
def test_bad_filters(criteria: str, pattern: str, error: FilterError) -> None:
    assert EventFilter.parse(pattern, criteria) is error
