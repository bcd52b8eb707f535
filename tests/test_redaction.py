"""What of a message is a secret, and what only looks like one."""

from __future__ import annotations

import time

import pytest

from django_ami.redaction import redacted


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("Password", "x", "***"),
        ("Secret", "hush", "***"),
        ("NewPassword", "1234", "***"),
        ("Md5Cred", "ab", "***"),
        ("RefreshToken", "ab", "***"),
        ("Password", "", ""),
        ("Line-000001-000002", "secret=hush", "secret=***"),
        ("Line-000001-000002", "secret = hush", "secret = ***"),
        ("Line-000001-000002", "dbpass => 5", "dbpass => 5"),
        ("Output", " password             : hush", " password             : ***"),
        ("JSON", '{"admin":{"secret":"hush","read":"all"}}', '{"admin":{"secret":"***","read":"all"}}'),
        ("Channel", "PJSIP/secretary-0001", "PJSIP/secretary-0001"),
        ("CallerIDName", "Secret Santa", "Secret Santa"),
        ("Status", "Fully Booted", "Fully Booted"),
        ("AppData", "API_KEY=hush", "API_KEY=***"),
        ("Pin", "1234", "***"),
        ("Opinion", "pinned: x", "pinned: x"),
        ("UsingPassword", "0", "0"),
        ("UsingPassword", "1", "1"),
        ("UsingPassword", "hush", "***"),
        ("HasSecret", "Yes", "Yes"),
        ("Password", "1", "***"),
        ("Secretary", "Alice", "Alice"),
        ("AppData", "SECRETARY=Alice", "SECRETARY=Alice"),
        ("AppData", "DB_PASSPHRASE=hush", "DB_PASSPHRASE=***"),
        ("AppData", "CURLOPT(userpwd)=a:hush", "CURLOPT(userpwd)=***"),
        ("Output", "            secret: <Set>", "            secret: <Set>"),
        ("Output", "            secret: hush", "            secret: ***"),
        ("AppData", "CURL(https://me:hush@host/x)", "CURL(https://me:***@host/x)"),
        ("AppData", "CURL(https://host:8080/x@y)", "CURL(https://host:8080/x@y)"),
        ("AppData", "SIPAddHeader(Authorization: Basic hush)", "SIPAddHeader(Authorization: Basic ***)"),
        ("AppData", "DB(devices/101/secret)=hush", "DB(devices/101/secret)=***"),
        ("Authorization", "", ""),
    ],
)
def test_secrets_are_masked(key: str, value: str, expected: str) -> None:
    assert list(redacted([(key, value)])) == [(key, expected)]


@pytest.mark.parametrize(
    ("event", "headers", "hidden"),
    [
        ("VarSet", {"Variable": "DB_PASSWORD", "Value": "x"}, ["Value"]),
        ("VarSet", {"Variable": "CURLOPT(userpwd)", "Value": "a:x"}, ["Value"]),
        ("", {"Variable": "USER_PIN", "Value": "x"}, ["Value"]),
        ("DBGetResponse", {"Key": "101/secret", "Val": "x"}, ["Val"]),
        ("DBGetResponse", {"Key": "101/cid", "Val": "x"}, []),
        ("VarSet", {"Variable": "SHIPPING", "Value": "x"}, []),
        ("VarSet", {"Variable": "DB_PASSWORD", "Value": ""}, []),
        ("SuccessfulAuth", {"UsingPassword": "1", "Severity": "Informational"}, []),
        ("InvalidPassword", {"Challenge": "x", "ReceivedChallenge": "x", "ReceivedHash": "x", "Service": "AMI"}, [
            "Challenge", "ReceivedChallenge", "ReceivedHash",
        ]),
        ("OriginateResponse", {"Response": "Success"}, []),
        ("Newexten", {"Application": "VoiceMailMain", "AppData": "101@default,s"}, []),
        ("Newexten", {"Application": "Dial", "AppData": "PJSIP/101,20"}, []),
    ],
)  # fmt: skip
def test_what_is_hidden(event: str, headers: dict[str, str], hidden: list[str]) -> None:
    found = dict(redacted(headers.items(), event))
    assert list(found) == list(headers)
    assert {key: value for key, value in found.items() if value != headers[key]} == dict.fromkeys(hidden, "***")


@pytest.mark.parametrize(
    ("application", "given", "shown"),
    [
        ("Authenticate", "1234,,4", "***,,4"),
        ("DISA", "1234,default", "***,default"),
        ("MeetMe", "600,i,1234", "600,i,***"),
        ("MeetMe", "600,i", "600,i"),
    ],
)
def test_an_application_that_asks_for_a_password(application: str, given: str, shown: str) -> None:
    found = dict(redacted([("Application", application), ("AppData", given)], "Newexten"))
    assert found["AppData"] == shown


@pytest.mark.parametrize(
    "piece", ["secret", "a", "://", "://a:", "authorization", "authorization: ", "token=", '"', " "]
)
def test_a_hostile_value_takes_no_time(piece: str) -> None:
    began = time.perf_counter()
    list(redacted([("Text", piece * 100_000)]))
    assert time.perf_counter() - began < 20  # quadratic, it would be hours
