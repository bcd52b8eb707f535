"""Secrets in a message, and text that only looks like one."""

from __future__ import annotations

import time

import pytest

from django_ami.core.redaction import redacted


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
        ("Line-000001-000002", "dbpass => 5", "dbpass => ***"),
        ("Line-000001-000002", "bypass => 5", "bypass => 5"),
        ("Output", " password             : hush", " password             : ***"),
        (
            "JSON",
            '{"admin":{"secret":"hush","read":"all"}}',
            '{"admin":{"secret":"***","read":"all"}}',
        ),
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
        (
            "AppData",
            "SIPAddHeader(Authorization: Basic hush)",
            "SIPAddHeader(Authorization: Basic ***)",
        ),
        ("AppData", "DB(devices/101/secret)=hush", "DB(devices/101/secret)=***"),
        ("Authorization", "", ""),
        ("Authorization", "Bearer hush", "***"),
        ("AppData", "https://me:hu@sh@host/x", "https://me:***@host/x"),
        ("AppData", f"https://me:{'hush' * 1000}@host/x", "https://me:***@host/x"),
        (
            "ContactUri",
            "sip:101:hush@10.0.0.1:5060;transport=tls",
            "sip:101:***@10.0.0.1:5060;transport=tls",
        ),
        ("ContactUri", "<sips:101:a,hush&b@host>", "<sips:101:***@host>"),
        ("ContactUri", "sip:101@10.0.0.1:5060", "sip:101@10.0.0.1:5060"),
        ("AppData", "SIP/me:hush@host/500,30", "SIP/me:***@host/500,30"),
        ("AppData", "IAX2/me:hush@host/500", "IAX2/me:***@host/500"),
        ("AppData", "PJSIP/101/sip:101@host", "PJSIP/101/sip:101@host"),
        (
            "AppData",
            'Authorization: Digest username="1", nonce="n", response="hush"',
            "Authorization: Digest ***",
        ),
        (
            "AppData",
            '{"Authorization": "Bearer hush", "x": 1}',
            '{"Authorization": "Bearer ***", "x": 1}',
        ),
        ("AppData", "header=Bearer hush1234567", "header=Bearer ***"),
        ("AppData", "Bearer capability 3.1 kHz", "Bearer capability 3.1 kHz"),
        ("AppData", "Basic bWU6aHVzaA==", "Basic ***"),
        ("AppData", 'Digest username="1", nonce="n", response="hush"', "Digest ***"),
        ("AppData", "Digest algorithm=MD5", "Digest algorithm=MD5"),
        ("AppData", "Basic Authentication", "Basic Authentication"),
        ("AppData", "X-Api-Key: hush", "X-Api-Key: ***"),
        ("AppData", "https://host/?key=hush&x=1", "https://host/?key=***&x=1"),
        ("AppData", "a=password%3Dhush", "a=password%3D***"),
        ("AppData", "with eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hush-1", "with ***"),
        ("AppData", "with ghp_0123456789abcdefghij", "with ***"),
        ("AppData", 'password="hush and hush"', 'password="***"'),
        ("", "see https://me:hush@host", "see https://me:***@host"),
        ("see https", "//me:hush@host", "//me:***@host"),
        ("call sip", "101:hush@host", "101:***@host"),
        ("StartTime", "2026-03-01 09:30:00", "2026-03-01 09:30:00"),
        ("Channel", "PJSIP/101-00000001", "PJSIP/101-00000001"),
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
        ("InvalidPassword", {"Challenge": "x", "ReceivedChallenge": "x", "ReceivedHash": "x",
                             "Service": "AMI"}, [
            "Challenge", "ReceivedChallenge", "ReceivedHash",
        ]),
        ("OriginateResponse", {"Response": "Success"}, []),
        ("Newexten", {"Application": "VoiceMailMain", "AppData": "101@default,s"}, []),
        ("Newexten", {"Application": "Dial", "AppData": "PJSIP/101,20"}, []),
    ],
)  # fmt: skip
def test_redaction_hides_secret_headers_of_an_event(
    event: str, headers: dict[str, str], hidden: list[str]
) -> None:
    found = dict(redacted(headers.items(), event))
    assert list(found) == list(headers)
    assert {key: value for key, value in found.items() if value != headers[key]} == dict.fromkeys(
        hidden, "***"
    )


@pytest.mark.parametrize(
    ("action", "headers", "hidden"),
    [
        ("Login", {"Username": "admin", "Key": "x", "Events": "on"}, ["Key"]),
        ("LOGIN", {"key": "x"}, ["key"]),
        ("Login", {"Secret": "1"}, ["Secret"]),
        ("DBPut", {"Family": "a", "Key": "x", "Val": "y"}, []),
        ("UpdateConfig", {"SrcFilename": "a.conf", "Var-000000": "x", "Value-000000": "x",
                          "Match-000001": "y"}, [
            "Value-000000", "Match-000001",
        ]),
        ("Setvar", {"Variable": "DB_PASSWORD", "Value": "x"}, ["Value"]),
        ("DBPut", {"Family": "tokens", "Key": "x", "Val": "y"}, ["Val"]),
        ("Login", {"Key": ""}, []),
    ],
)  # fmt: skip
def test_redaction_hides_secret_headers_of_an_action(
    action: str, headers: dict[str, str], hidden: list[str]
) -> None:
    found = dict(redacted(headers.items(), action=action))
    assert {key: value for key, value in found.items() if value != headers[key]} == dict.fromkeys(
        hidden, "***"
    )


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


PIECES = [
    "secret", "a", "://", "://a:", "authorization", "authorization: ", "token=", '"', " ", "sip:a:",
    "SIP/a:", "bearer ", "basic aA", "eyJaaaaaaaa.", "?key=", 'authorization: "',
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_a_hostile_value_takes_no_time(piece: str) -> None:
    began = time.perf_counter()
    list(redacted([("Text", piece * 100_000)]))
    assert time.perf_counter() - began < 20  # quadratic, it would be hours


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("Variable", "PASSWORD=hush and hush", "PASSWORD=***"),
        ("Variable", "NAME=Ann,__DB_PASSWORD=hu;s)h&'hush", "NAME=Ann,__DB_PASSWORD=***"),
        ("Variable", r"PASSWORD=a\,hush", "PASSWORD=***"),
        ("Variable", "NAME=Ann Example,SHIPPING=1", "NAME=Ann Example,SHIPPING=1"),
        ("Command", "dialplan set global PASSWORD hush", "dialplan set global PASSWORD ***"),
        ("Command", "database put tokens 100 hush", "database put tokens ***"),
        ("Command", "SET VARIABLE db_password hush", "SET VARIABLE db_password ***"),
        ("Command", "core show channels verbose", "core show channels verbose"),
    ],
)
def test_secret_of_an_action_may_have_any_sign_in_it(key: str, value: str, told: str) -> None:
    assert list(redacted([(key, value)])) == [(key, told)]


@pytest.mark.parametrize(
    ("application", "data", "told"),
    [
        ("Set", "DB_PASSWORD=hush and hush", "DB_PASSWORD=***"),
        ("MSet", "A=1,PIN=1 2", "A=1,PIN=***"),
        ("Authenticate", "hush,a", "***,a"),
        ("DISA", "hush,default", "***,default"),
        ("Dial", "PJSIP/101,30", "PJSIP/101,30"),
    ],
)
@pytest.mark.parametrize("key", ["Data", "AppData"])
def test_secret_in_the_data_of_an_application_is_masked(
    key: str, application: str, data: str, told: str
) -> None:
    found = redacted([("Application", application), (key, data)])
    assert list(found) == [("Application", application), (key, told)]
