"""The setting AMI_WALLBOARD is read as it was meant, or refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from django_ami.errors import ConfigurationError
from django_ami.wallboard.masking import hide_last_digits
from django_ami.wallboard.options import Thresholds, WallboardOptions, options, options_of


def find_phone(request: object) -> str:
    return "PJSIP/101"


async def find_phone_later(request: object) -> str:
    return "PJSIP/101"


def test_missing_setting_has_the_defaults(settings: Any) -> None:
    assert options() == WallboardOptions()
    assert options().mask is hide_last_digits
    assert options().thresholds_of("support") == Thresholds(30.0, 60.0, 0.8)


def test_options_follow_another_setting(settings: Any) -> None:
    settings.AMI_WALLBOARD = {"MAX_STREAMS": 7}
    assert options().max_streams == 7
    settings.AMI_WALLBOARD = {"MAX_STREAMS": 8}
    assert options().max_streams == 8


def test_every_key_is_read() -> None:
    read = options_of(
        {
            "ACCESS": f"{__name__}.find_phone",
            "MAX_STREAMS": 20,
            "MAX_STREAMS_PER_USER": 2,
            "STREAM_MINUTES": 5,
            "WAIT_WARNING_SECONDS": 10,
            "WAIT_CRITICAL_SECONDS": 20,
            "SERVICE_LEVEL_TARGET": 0.9,
            "QUEUES": {"sales": {"WAIT_CRITICAL_SECONDS": 15}},
            "MASK": str.upper,
            "CLICK_TO_CALL": {
                "CHANNEL": find_phone,
                "CONTEXT": "internal",
                "NUMBER": r"\d{3}",
                "TIMEOUT_SECONDS": 12,
                "SERVER": "node_1",
            },
        }
    )
    assert read.access is find_phone
    assert (read.max_streams, read.max_streams_per_user, read.stream_minutes) == (20, 2, 5.0)
    assert read.thresholds_of("support") == Thresholds(10.0, 20.0, 0.9)
    assert read.thresholds_of("sales") == Thresholds(10.0, 15.0, 0.9)
    assert read.mask("abc") == "ABC"
    click = read.click_to_call
    assert (click.channel, click.context, click.timeout_seconds) == (find_phone, "internal", 12.0)
    assert (click.server, click.number.fullmatch("1234")) == ("node_1", None)
    assert click.number.fullmatch("123")
    assert not click.number.fullmatch("\u0661\u0662\u0663")  # digits, and of no telephone


@pytest.mark.parametrize("number", ["10", "100", "123456"])
def test_an_extension_may_be_called(number: str) -> None:
    assert options_of({}).click_to_call.number.fullmatch(number)


@pytest.mark.parametrize("number", ["1", "100&200", "PJSIP/101", "100,m", "1\n2", "٣٣٣", 7 * "1"])
def test_text_that_a_dial_string_would_understand_may_not_be_called(number: str) -> None:
    assert not options_of({}).click_to_call.number.fullmatch(number)


@pytest.mark.parametrize("number", ["+49301234567", "*72", "0900123456"])
def test_a_number_that_may_cost_money_is_not_called_unless_the_settings_say_so(
    number: str,
) -> None:
    assert not options_of({}).click_to_call.number.fullmatch(number)


WRONG = [
    ({"MAX_STREAM": 1}, "unknown key 'MAX_STREAM'; did you mean 'MAX_STREAMS'?"),
    ({1: 1}, "unknown key 1; known are"),
    ({"CLICK_TO_CALL": {"CHANEL": 1}}, "in CLICK_TO_CALL: 'CHANEL'; did you mean 'CHANNEL'?"),
    ({"QUEUES": {"a": {"MASK": 1}}}, "in QUEUES['a']: 'MASK'"),
    ({"MAX_STREAMS": 0}, "MAX_STREAMS must be a whole number from 1 on, not 0."),
    ({"MAX_STREAMS": True}, "MAX_STREAMS must be a whole number from 1 on, not True."),
    ({"MAX_STREAMS_PER_USER": "3"}, "MAX_STREAMS_PER_USER must be a whole number"),
    ({"STREAM_MINUTES": 0}, "STREAM_MINUTES must be a number of minutes above 0, at most 1440"),
    ({"STREAM_MINUTES": float("inf")}, "STREAM_MINUTES must be a number of minutes"),
    ({"WAIT_WARNING_SECONDS": -1}, "WAIT_WARNING_SECONDS must be a number of seconds above 0"),
    ({"WAIT_WARNING_SECONDS": 10**400}, "WAIT_WARNING_SECONDS must be a number of seconds above 0"),
    ({"WAIT_CRITICAL_SECONDS": float("nan")}, "WAIT_CRITICAL_SECONDS must be a number of seconds"),
    ({"WAIT_WARNING_SECONDS": 90}, "WAIT_WARNING_SECONDS must be at most WAIT_CRITICAL_SECONDS"),
    ({"SERVICE_LEVEL_TARGET": 80}, "SERVICE_LEVEL_TARGET must be a share above 0, at most 1"),
    ({"QUEUES": ["sales"]}, "QUEUES must be a mapping, not ['sales']."),
    ({"QUEUES": {"": {}}}, "QUEUES must be a name, not ''."),
    ({"QUEUES": {"a": 3}}, "QUEUES['a'] must be a mapping, not 3."),
    (
        {"QUEUES": {"a": {"WAIT_CRITICAL_SECONDS": 2}}},
        "QUEUES['a'] WAIT_WARNING_SECONDS must be at most WAIT_CRITICAL_SECONDS (2), not 30.0.",
    ),
    ({"MASK": 3}, "MASK wants a function of (number), not 3."),
    ({"ACCESS": "nowhere.at.all"}, "ACCESS names 'nowhere.at.all', which cannot be imported"),
    ({"CLICK_TO_CALL": None}, "CLICK_TO_CALL must be a mapping, not None."),
    ({"CLICK_TO_CALL": {"CHANNEL": find_phone_later}}, "is asynchronous: nothing awaits it here."),
    ({"CLICK_TO_CALL": {"CONTEXT": ""}}, "CLICK_TO_CALL CONTEXT must be a name, not ''."),
    ({"CLICK_TO_CALL": {"NUMBER": "("}}, "CLICK_TO_CALL NUMBER is no regular expression: '('"),
    ({"CLICK_TO_CALL": {"NUMBER": "(?u)5"}}, "CLICK_TO_CALL NUMBER is no regular expression"),
    ({"CLICK_TO_CALL": {"NUMBER": 5}}, "CLICK_TO_CALL NUMBER must be a regular expression, not 5."),
    ({"CLICK_TO_CALL": {"SERVER": 5}}, "CLICK_TO_CALL SERVER must be a name, not 5."),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_wrong_value_is_told_in_one_line_with_its_key(given: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        options_of(given)
    assert caught.value.message.startswith("the setting AMI_WALLBOARD: ")
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_setting_that_is_no_mapping_is_refused(settings: Any) -> None:
    settings.AMI_WALLBOARD = ["MAX_STREAMS"]
    with pytest.raises(ConfigurationError, match="AMI_WALLBOARD must be a mapping, not list"):
        options()
