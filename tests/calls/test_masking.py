"""Numbers are masked before they are stored, wherever they stand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from django.core import serializers
from django.test import override_settings

from django_ami.calls.masking import Masker
from django_ami.calls.models import PARTS, Call, CallNumber
from django_ami.calls.store import save_calls
from django_ami.live.snapshots import Forward, Party, Transfer
from tests.calls.support import START, a_queue_call

pytestmark = pytest.mark.django_db

OUTSIDE = "+491701234567"


def mask(number: str) -> str:
    """Outside numbers lose their last digits."""
    return number if len(number) < 6 else f"{number[:5]}xxx"


def no_mask(number: str) -> str:
    raise LookupError(number)


@override_settings(AMI_CALLS={"mask": "tests.calls.test_masking.mask"})
def test_no_row_has_the_number() -> None:
    call = a_queue_call()
    caller = Party(f"PJSIP/{OUTSIDE}", OUTSIDE, OUTSIDE, "caller", (call.id,), START, START + 1)
    devices = replace(call.talks[0], a=caller.device)
    save_calls(
        [
            replace(
                call,
                parties=(caller, call.parties[1]),
                talks=(devices,),
                requested=OUTSIDE[3:],
                application_data=f"PJSIP/0{OUTSIDE[3:]}@trunk,20,b(x^{OUTSIDE}^1)",
                transfers=(
                    Transfer("blind", START, "PJSIP/bob", caller.device, OUTSIDE, "Success"),
                ),
                forwards=(Forward(START, "PJSIP/bob", f"00{OUTSIDE[1:]}"),),
                variables={"CALLER": OUTSIDE},
                hung_up_by=caller.device,
            )
        ]
    )
    rows = [row for model in (Call, *PARTS) for row in model.objects.all()]
    text = serializers.serialize("json", rows)
    assert "1701234" not in text
    row = Call.objects.get()
    assert (row.caller_number, row.caller_device) == ("+4917xxx", "PJSIP/+4917xxx")
    assert row.application_data == "PJSIP/01701xxx@trunk,20,b(x^+4917xxx^1)"
    assert json.loads(text)[0]["fields"]["episodes"]["transfers"][0]["to"] == "+4917xxx"
    numbers = set(CallNumber.objects.values_list("number", flat=True))
    assert numbers == {"+4917xxx", "17012xxx", "00491xxx", "6002"}
    assert row.call_id == call.id, "an id is no number"
    assert Call.objects.with_number("+4917").get() == row


@override_settings(AMI_CALLS={"mask": no_mask})
def test_numbers_are_hidden_if_the_function_raises(caplog: pytest.LogCaptureFixture) -> None:
    save_calls([a_queue_call()])
    row = Call.objects.get()
    assert (row.caller_number, row.requested, row.destination) == ("hidden", "hidden", "hidden")
    assert "The function 'mask' of AMI_CALLS raised LookupError" in caplog.text
    assert "6001" not in caplog.text


def test_only_whole_numbers_are_masked() -> None:
    masker = Masker(lambda number: "*" * len(number), ["600", "6001"])
    assert masker.text("600 6001 60012 PJSIP/600-0000002a x600") == (
        "*** **** 60012 PJSIP/***-0000002a x600"
    )
    assert masker.number("") == ""
