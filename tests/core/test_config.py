"""Settings of a server.

Accepted values, refused ones and the messages, and that the secret never shows.
"""

from __future__ import annotations

import copy
import json
from dataclasses import FrozenInstanceError, asdict, fields, replace
from pathlib import Path

import pytest

from django_ami.core.arguments import did_you_mean
from django_ami.core.config import Options, ServerConfig, TLSConfig
from django_ami.core.errors import ConfigurationError
from django_ami.core.options import EVENT_CLASSES, event_mask

SETTING = {"HOST": "pbx", "USERNAME": "admin", "SECRET": "amp111"}
DIGITS = "0123456789abcdef" * 4
PRINTED = ":".join(DIGITS.upper()[i : i + 2] for i in range(0, 64, 2))
VERSIONS = (
    "TLS key 'MINIMUM_VERSION' must be one of 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3', not {}."
)


# --- words ---


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("hosst", "did you mean 'HOST'?"),
        ("Port", "did you mean 'PORT'?"),
        ("zzzzzz", "known are 'HOST', 'PORT'."),
    ],
)
def test_an_unknown_word_gets_a_near_one_or_all(word, text):
    assert did_you_mean(word, ["PORT", "HOST"]) == text


def test_too_many_names_are_not_listed() -> None:
    names = [f"Name{number}" for number in range(100)]
    assert did_you_mean("zzz", names) == "nor is there one with a similar name."
    assert did_you_mean("name7", names) == "did you mean 'Name7'?"


@pytest.mark.parametrize(
    ("classes", "mask"),
    [
        ("on", "on"),
        ("All", "on"),
        ("off", "off"),
        ("none", "off"),
        ([], "off"),
        ("call", "call"),
        (" call , User", "call,user"),
        ("call,call,user", "call,user"),
        (("call", "user"), "call,user"),
        (EVENT_CLASSES, ",".join(EVENT_CLASSES)),
    ],
)
def test_a_mask_is_written_as_the_server_reads_it(classes, mask):
    assert event_mask(classes) == mask


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        ("cal", "did you mean 'call'?"),
        ("call,,user", "'' is not a class of events"),
        ("", "'' is not a class of events"),
        ("on,call", "'on' is not a class of events"),
        (None, "not None"),
        (17, "not 17"),
        (["call", 5], "not ['call', 5]"),
    ],
)
def test_a_mask_that_would_silently_switch_events_off_is_refused(classes, text):
    with pytest.raises(ConfigurationError) as raised:
        event_mask(classes)
    assert text in str(raised.value)


# --- options ---


def test_options_are_checked_normalised_and_frozen():
    options = Options(events="call, user", idle_timeout=0, boot_grace=0)
    assert options.events == "call,user"
    with pytest.raises(FrozenInstanceError):
        options.events = "on"


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("read_timeout", 0, "must be from 0.01 to 86400 seconds, not 0"),
        ("read_timeout", float("nan"), "must be from 0.01 to 86400 seconds, not nan"),
        ("read_timeout", "30", "must be a number of seconds, not '30'"),
        ("read_timeout", True, "must be a number of seconds, not True"),
        ("circuit_threshold", 0, "must be from 1 to 1099511627776, not 0"),
        ("circuit_threshold", 1.5, "must be a whole number, not 1.5"),
        ("max_frame_size", 100, "must be from 4096 to 1099511627776 bytes, not 100"),
        ("auth_type", "sha", "must be 'md5' or 'plain', not 'sha'"),
        ("overload_policy", "drop", "must be 'drop_oldest' or 'drop_newest', not 'drop'"),
        ("important_events", "Hangup", "must be a list of names of events, not 'Hangup'"),
        ("important_events", 5, "must be a list of names of events, not 5"),
        ("important_events", None, "must be a list of names of events, not None"),
        (
            "important_events",
            ["Hangup", ""],
            "must be a list of names of events, not ['Hangup', '']",
        ),
        ("important_events", ["Hangup", 5], "must be a list of names of events, not ['Hangup', 5]"),
        ("events", "calls", "'calls' is not a class of events: did you mean 'call'?"),
    ],
)
def test_an_option_out_of_bounds_is_refused(option, value, text):
    with pytest.raises(ConfigurationError) as raised:
        Options(**{option: value})
    assert text in str(raised.value)
    assert option in str(raised.value) or option == "events"


def test_options_are_merged_key_by_key():
    options = Options.from_mapping({"read_timeout": 9, "events": "off"}, {"read_timeout": 7})
    assert (options.read_timeout, options.events) == (7, "off")


@pytest.mark.parametrize(
    ("given", "names"), [(["Hangup", "Cdr"], ("Hangup", "Cdr")), ([], ()), ({"Cdr"}, ("Cdr",))]
)
def test_important_events_are_names(given, names):
    assert Options(important_events=given).important_events == names


def test_an_unknown_option_is_refused():
    with pytest.raises(
        ConfigurationError, match="unknown option 'heartbeat': did you mean 'heartbeat_interval'"
    ):
        Options.from_mapping({"heartbeat": 3})


def test_every_option_is_explained():
    assert all(f"``{name}``" in Options.__doc__ for name in Options.names())


# --- TLS ---


@pytest.mark.parametrize(
    ("setting", "tls"),
    [
        (None, None),
        (False, None),
        (True, TLSConfig()),
        ({}, TLSConfig()),
        ({"VERIFY": False}, TLSConfig(verify=False)),
        ({"CA_FILE": Path("ca.pem")}, TLSConfig(ca_file="ca.pem")),
        ({"CERT_FILE": "c", "KEY_FILE": "k"}, TLSConfig(cert_file="c", key_file="k")),
        ({"FINGERPRINT": DIGITS.upper()}, TLSConfig(fingerprint=DIGITS)),
        ({"MINIMUM_VERSION": "TLSv1"}, TLSConfig(minimum_version="TLSv1")),
        ({"MINIMUM_VERSION": None}, TLSConfig()),
        ({"FINGERPRINT": f"sha256 Fingerprint={PRINTED}"}, TLSConfig(fingerprint=DIGITS)),
        ({"FINGERPRINT": f"SHA256 Fingerprint={PRINTED}\n"}, TLSConfig(fingerprint=DIGITS)),
        (
            {"FINGERPRINT": f"  SHA256 FINGERPRINT = {PRINTED.lower()} "},
            TLSConfig(fingerprint=DIGITS),
        ),
        ({"FINGERPRINT": f" {PRINTED.replace(':', ' ')}"}, TLSConfig(fingerprint=DIGITS)),
        ({"FINGERPRINT": PRINTED}, TLSConfig(fingerprint=DIGITS)),
        ({"FINGERPRINT": PRINTED.lower()}, TLSConfig(fingerprint=DIGITS)),
    ],
)
def test_tls_settings(setting, tls):
    assert TLSConfig.from_setting(setting) == tls


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("yes", "'TLS' must be True, False or a mapping, not str."),
        ({"CAFILE": "x"}, "unknown TLS key 'CAFILE': did you mean 'CA_FILE'?"),
        ({"VERIFY": "no"}, "TLS key 'VERIFY' must be True or False, not 'no'."),
        ({"CA_FILE": ""}, "TLS key 'CA_FILE' must be a text that is not empty, not ''."),
        (
            {"SERVER_HOSTNAME": 5},
            "TLS key 'SERVER_HOSTNAME' must be a text that is not empty, not 5.",
        ),
        ({"MINIMUM_VERSION": "TLSv1.0"}, VERSIONS.format("'TLSv1.0'")),
        ({"MINIMUM_VERSION": 1.2}, VERSIONS.format("1.2")),
        ({"MINIMUM_VERSION": ["TLSv1"]}, VERSIONS.format("['TLSv1']")),
        ({"MINIMUM_VERSION": ""}, VERSIONS.format("''")),
        (
            {"FINGERPRINT": f"SHA1 Fingerprint={PRINTED[:59]}"},
            "TLS key 'FINGERPRINT' must be a SHA-256 in hexadecimal",
        ),
        ({"KEY_FILE": "k"}, "TLS key 'KEY_FILE' needs 'CERT_FILE' beside it."),
        ({"FINGERPRINT": "abc"}, "must be a SHA-256 in hexadecimal"),
        ({"FINGERPRINT": "g" * 64}, "must be a SHA-256 in hexadecimal"),
    ],
)
def test_tls_settings_that_are_refused(setting, text):
    with pytest.raises(ConfigurationError) as raised:
        TLSConfig.from_setting(setting)
    assert text in str(raised.value)


# --- servers ---


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ("pbx", 5038, "pbx:5038", False)),
        ({"PORT": 5999}, ("pbx", 5999, "pbx:5999", False)),
        ({"PORT": "5999"}, ("pbx", 5999, "pbx:5999", False)),
        ({"TLS": True}, ("pbx", 5039, "pbx:5039", True)),
        ({"TLS": {"VERIFY": False}, "PORT": 1}, ("pbx", 1, "pbx:1", True)),
        ({"HOST": "::1"}, ("::1", 5038, "[::1]:5038", False)),
        ({"OPTIONS": {"events": "off"}}, ("pbx", 5038, "pbx:5038", False)),
    ],
)
def test_a_server_from_keys(more, expected):
    config = ServerConfig.from_setting("node_1", {**SETTING, **more})
    assert (config.host, config.port, config.address, config.tls is not None) == expected
    assert (config.name, config.username, config.secret, config.options) == (
        "node_1",
        "admin",
        "amp111",
        Options(),
    )


URLS = [
    ("ami://admin:amp111@pbx", ("pbx", 5038, "admin", "amp111", None)),
    ("ami://admin:amp111@pbx:5999/", ("pbx", 5999, "admin", "amp111", None)),
    ("ami://a%40b:s%2Fe%3Ac%23@[::1]:5038", ("::1", 5038, "a@b", "s/e:c#", None)),
    ("amis://admin:amp111@pbx", ("pbx", 5039, "admin", "amp111", TLSConfig())),
    (
        "amis://admin:amp111@pbx?minimum_version=TLSv1",
        ("pbx", 5039, "admin", "amp111", TLSConfig(minimum_version="TLSv1")),
    ),
    (
        "amis://admin:amp111@pbx?verify=false",
        ("pbx", 5039, "admin", "amp111", TLSConfig(verify=False)),
    ),
    ("amis://admin:amp111@pbx?verify=true", ("pbx", 5039, "admin", "amp111", TLSConfig())),
    (
        "amis://admin:amp111@pbx:1?ca_file=/ca.pem&server_hostname=a.b",
        ("pbx", 1, "admin", "amp111", TLSConfig(ca_file="/ca.pem", server_hostname="a.b")),
    ),
]


@pytest.mark.parametrize(("url", "expected"), URLS)
def test_a_server_from_a_url(url, expected):
    config = ServerConfig.from_url("node_1", url, Options(events="off"))
    assert (config.host, config.port, config.username, config.secret, config.tls) == expected
    assert config.options.events == "off"


def test_a_url_may_have_its_tls_keys_beside_it():
    config = ServerConfig.from_setting(
        "node_1", {"URL": "amis://a:b@pbx", "TLS": {"CA_FILE": "ca.pem"}}
    )
    assert config.tls == TLSConfig(ca_file="ca.pem")


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (["HOST"], "its setting must be a mapping, not list."),
        ({**SETTING, "PASSWORD": "x"}, "unknown key 'PASSWORD'"),
        (
            {"HOST": "pbx", "USERNAME": "admin"},
            "'SECRET' is missing: a server needs HOST, USERNAME and SECRET",
        ),
        ({**SETTING, "HOST": ""}, "'HOST' must be a text that is not empty, not ''."),
        ({**SETTING, "USERNAME": None}, "'USERNAME' must be a text that is not empty, not None."),
        ({**SETTING, "SECRET": 12345}, "'SECRET' must be a text that is not empty."),
        (
            {**SETTING, "SECRET": "amp111 "},
            "'SECRET' has a control character, or a blank at an end",
        ),
        (
            {**SETTING, "SECRET": "é" * 501},
            "'SECRET' is longer than 1000 bytes: the server would cut it",
        ),
        ({**SETTING, "USERNAME": "x" * 1001}, "'USERNAME' is longer than 1000 bytes"),
        (
            {**SETTING, "USERNAME": "adm\r\nin"},
            "'USERNAME' has a control character, or a blank at an end",
        ),
        ({**SETTING, "PORT": 0}, "'PORT' must be a whole number from 1 to 65535, not 0."),
        ({**SETTING, "PORT": 65536}, "'PORT' must be a whole number from 1 to 65535, not 65536."),
        ({**SETTING, "PORT": True}, "'PORT' must be a whole number from 1 to 65535, not True."),
        ({**SETTING, "PORT": "ami"}, "'PORT' must be a whole number from 1 to 65535, not 'ami'."),
        ({**SETTING, "TLS": 5}, "'TLS' must be True, False or a mapping, not int."),
        ({"URL": "ami://a:b@pbx", "HOST": "pbx"}, "'URL' and 'HOST' are both given"),
        ({"URL": "ami://a:b@pbx:port"}, "'URL' cannot be read: is the port a number"),
        ({"URL": "ami://a:b@pbx:99999"}, "'URL' cannot be read: is the port a number"),
        ({"URL": "ami://a:b@pbx:0"}, "'PORT' must be a whole number from 1 to 65535, not 0."),
        (
            {"URL": "http://a:b@pbx"},
            "'URL' must begin with 'ami://' or 'amis://' (TLS), not 'http'.",
        ),
        ({"URL": "ami://pbx"}, "'URL' must read ami://user:secret@host:port"),
        ({"URL": "ami://a:b@"}, "'URL' must read ami://user:secret@host:port"),
        ({"URL": "ami://a:b@pbx/path"}, "'URL' must read ami://user:secret@host:port"),
        ({"URL": "ami://a:b@pbx#part"}, "'URL' must read ami://user:secret@host:port"),
        (
            {"URL": "ami://a:b@pbx?verify=false"},
            "'URL' has TLS keys, but begins with 'ami://': write 'amis://'.",
        ),
        (
            {"URL": "amis://a:b@pbx", "TLS": False},
            "'URL' begins with 'amis://', which is TLS, but 'TLS' is off",
        ),
        (
            {"URL": "amis://a:b@pbx?verify=maybe"},
            "TLS key 'VERIFY' must be True or False, not 'maybe'.",
        ),
    ],
)
def test_settings_that_are_refused_name_the_server_and_the_key(setting, text):
    with pytest.raises(ConfigurationError) as raised:
        ServerConfig.from_setting("node_1", setting)
    assert text in str(raised.value)
    assert str(raised.value).startswith("node_1: ")


@pytest.mark.parametrize("name", ["", None])
def test_a_server_needs_a_name(name):
    with pytest.raises(ConfigurationError, match="'NAME' must be a text that is not empty"):
        ServerConfig(name=name, host="pbx", username="admin", secret="amp111")


def test_a_copy_for_others_has_no_secret_and_a_copy_for_us_has():
    config = ServerConfig.from_setting("node_1", {**SETTING, "SECRET": "hush hush"})
    assert json.dumps(asdict(config)).count("hush") == 0
    assert asdict(config)["secret"] == "***"
    for copied in (
        copy.copy(config),
        copy.deepcopy(config),
        replace(config),
        ServerConfig(**vars_of(config)),
    ):
        assert (copied, copied.secret) == (config, "hush hush")
    assert "hush" not in f"{config} {config.secret!r} {[config.secret]}"


def vars_of(config):
    return {item.name: getattr(config, item.name) for item in fields(config)}


def locals_of(error):
    """The reprs of all that the frames below the test's own hold."""
    frames, found = error.__traceback__.tb_next, []
    while frames is not None:
        found += map(repr, frames.tb_frame.f_locals.values())
        frames = frames.tb_next
    return " ".join(found)


def test_a_traceback_with_its_locals_has_no_secret():
    with pytest.raises(ConfigurationError) as raised:
        ServerConfig.from_url("node_1", "ami://a:hush@pbx:x")
    assert "hush" not in locals_of(raised.value)
    assert raised.value.__context__ is raised.value.__cause__ is None


def test_the_secret_is_in_no_repr_and_in_no_error():
    secret = "hush hush"
    assert secret not in repr(ServerConfig.from_setting("node_1", {**SETTING, "SECRET": secret}))
    for setting in (
        {**SETTING, "SECRET": secret + "\n"},
        {**SETTING, "SECRET": [secret]},
        {"URL": f"ami://a:{secret}@pbx:99999"},
        {"URL": f"amy://a:{secret}@pbx"},
        {"URL": f"ami://a:{secret}@pbx/path"},
        {"URL": f"ami://a:{secret}\u0007@pbx"},
    ):
        with pytest.raises(ConfigurationError) as raised:
            ServerConfig.from_setting("node_1", setting)
        assert "hush" not in str(raised.value)
