"""The settings: one clear line for each mistake, options merged key by key, and the secret nowhere
to be seen.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from django_ami import conf
from django_ami.core.cluster import Strategy
from django_ami.core.config import Options, TLSConfig
from django_ami.core.errors import ConfigurationError

SECRET = "hush-hush"
KEYS = {"HOST": "pbx", "USERNAME": "admin", "SECRET": SECRET}
ONE = {"node_1": KEYS}
TWO = {"node_1": KEYS, "node_2": {"URL": f"ami://admin:{SECRET}@other:5099"}}


@pytest.fixture(autouse=True)
def no_ami_settings(settings: Any) -> None:
    for name in conf.NAMES:
        if hasattr(settings, name):
            delattr(settings, name)


def load(settings: Any, **values: Any) -> conf.AmiSettings:
    for name, value in values.items():
        setattr(settings, name, value)
    return conf.load()


def server(**changes: Any) -> dict[str, Any]:
    return {"AMI_SERVERS": {"node_1": {**KEYS, **changes}}}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    # AMI_SERVERS as a whole
    ("nothing", {}, "the setting AMI_SERVERS is missing or empty: name one server at least in it."),
    (
        "none",
        {"AMI_SERVERS": None},
        "the setting AMI_SERVERS is missing or empty: name one server at least in it.",
    ),
    (
        "empty",
        {"AMI_SERVERS": {}},
        "the setting AMI_SERVERS is missing or empty: name one server at least in it.",
    ),
    ("list", {"AMI_SERVERS": [KEYS]}, "the setting AMI_SERVERS must be a mapping, not list."),
    (
        "url",
        {"AMI_SERVERS": f"ami://a:{SECRET}@pbx"},
        "the setting AMI_SERVERS must be a mapping, not str.",
    ),
    (
        "number as name",
        {"AMI_SERVERS": {1: KEYS}},
        "AMI_SERVERS: a server's name must be a text that is not empty, not 1.",
    ),
    (
        "empty name",
        {"AMI_SERVERS": {"": KEYS}},
        "AMI_SERVERS: a server's name must be a text that is not empty, not ''.",
    ),
    # one server
    (
        "entry",
        {"AMI_SERVERS": {"node_1": "pbx"}},
        "node_1: its setting must be a mapping, not str.",
    ),
    (
        "no entry",
        {"AMI_SERVERS": {"node_1": None}},
        "node_1: its setting must be a mapping, not NoneType.",
    ),
    (
        "no host",
        {"AMI_SERVERS": {"node_1": {"USERNAME": "a", "SECRET": SECRET}}},
        "node_1: 'HOST' is missing: ",
    ),
    (
        "no secret",
        {"AMI_SERVERS": {"node_1": {"USERNAME": "a", "HOST": "b"}}},
        "node_1: 'SECRET' is missing: ",
    ),
    ("unknown key", server(USERNAM="x"), "node_1: unknown key 'USERNAM': did you mean 'USERNAME'?"),
    ("small letters", server(host="x"), "node_1: unknown key 'host': did you mean 'HOST'?"),
    ("empty host", server(HOST=""), "node_1: 'HOST' must be a text that is not empty, not ''."),
    ("empty secret", server(SECRET=""), "node_1: 'SECRET' must be a text that is not empty."),
    (
        "secret with newline",
        server(SECRET=SECRET + "\n"),
        "node_1: 'SECRET' has a control character, or a blank",
    ),
    (
        "secret as number",
        server(SECRET=12345),
        "node_1: 'SECRET' must be a text that is not empty.",
    ),
    (
        "user none",
        server(USERNAME=None),
        "node_1: 'USERNAME' must be a text that is not empty, not None.",
    ),
    ("port 0", server(PORT=0), "node_1: 'PORT' must be a whole number from 1 to 65535, not 0."),
    (
        "port too big",
        server(PORT=70000),
        "node_1: 'PORT' must be a whole number from 1 to 65535, not 70000.",
    ),
    (
        "port word",
        server(PORT="ami"),
        "node_1: 'PORT' must be a whole number from 1 to 65535, not 'ami'.",
    ),
    (
        "port none",
        server(PORT=None),
        "node_1: 'PORT' must be a whole number from 1 to 65535, not None.",
    ),
    (
        "url and host",
        server(URL=f"ami://a:{SECRET}@pbx"),
        "node_1: 'URL' and 'HOST' are both given: remove one.",
    ),
    # URLs
    *(
        (f"url {number}", {"AMI_SERVERS": {"node_1": entry}}, f"node_1: {text}")
        for number, (entry, text) in enumerate(
            [
                ({"URL": ""}, "'URL' must begin with 'ami://' or 'amis://' (TLS), not ''."),
                ({"URL": None}, "'URL' must begin with 'ami://' or 'amis://' (TLS), not ''."),
                (
                    {"URL": f"tcp://a:{SECRET}@pbx"},
                    "'URL' must begin with 'ami://' or 'amis://' (TLS), not 'tcp'.",
                ),
                (
                    {"URL": f"ami://a:{SECRET}@pbx:99999"},
                    "'URL' cannot be read: is the port a number",
                ),
                ({"URL": f"ami://a:{SECRET}@pbx:x"}, "'URL' cannot be read: is the port a number"),
                ({"URL": "ami://pbx"}, "'URL' must read ami://user:secret@host:port"),
                ({"URL": "ami://a:@pbx"}, "'URL' must read ami://user:secret@host:port"),
                ({"URL": f"ami://a:{SECRET}@pbx/x"}, "'URL' must read ami://user:secret@host:port"),
                (
                    {"URL": f"ami://a:{SECRET}@pbx?verify=false"},
                    "'URL' has TLS keys, but begins with 'ami://'",
                ),
                (
                    {"URL": f"amis://a:{SECRET}@pbx?cafile=x"},
                    "unknown TLS key 'CAFILE': did you mean 'CA_FILE'?",
                ),
                (
                    {"URL": f"amis://a:{SECRET}@pbx", "TLS": False},
                    "'URL' begins with 'amis://', which is TLS, but 'TLS' is off: remove one.",
                ),
            ]
        )
    ),
    # TLS
    ("tls text", server(TLS="yes"), "node_1: 'TLS' must be True, False or a mapping, not str."),
    (
        "tls key",
        server(TLS={"CAFILE": "x"}),
        "node_1: unknown TLS key 'CAFILE': did you mean 'CA_FILE'?",
    ),
    (
        "tls verify",
        server(TLS={"VERIFY": "no"}),
        "node_1: TLS key 'VERIFY' must be True or False, not 'no'.",
    ),
    (
        "tls fingerprint",
        server(TLS={"FINGERPRINT": "12"}),
        "node_1: TLS key 'FINGERPRINT' must be a SHA-256",
    ),
    # options
    (
        "options",
        {"AMI_SERVERS": ONE, "AMI_OPTIONS": 5},
        "the setting AMI_OPTIONS must be a mapping, not int.",
    ),
    (
        "unknown option",
        {"AMI_SERVERS": ONE, "AMI_OPTIONS": {"heartbeat": 5}},
        "the setting AMI_OPTIONS: unknown option 'heartbeat': did you mean 'heartbeat_interval'?",
    ),
    (
        "option type",
        {"AMI_SERVERS": ONE, "AMI_OPTIONS": {"read_timeout": "5"}},
        "the setting AMI_OPTIONS: option 'read_timeout' must be a number of seconds, not '5'.",
    ),
    ("own options", server(OPTIONS=[1]), "node_1: 'OPTIONS' must be a mapping, not list."),
    (
        "unknown own option",
        server(OPTIONS={"events_queue_capacity": 5}),
        "node_1: unknown option 'events_queue_capacity': did you mean 'event_queue_capacity'?",
    ),
    (
        "own option",
        server(OPTIONS={"circuit_threshold": 0}),
        "node_1: option 'circuit_threshold' must be from 1",
    ),
    (
        "option as number",
        server(OPTIONS={5: 5}),
        "node_1: unknown option 5: known are 'action_timeout'",
    ),
    (
        "mask",
        server(OPTIONS={"events": "cal"}),
        "node_1: 'cal' is not a class of events: did you mean 'call'?",
    ),
    # default and routing
    (
        "unknown default",
        {"AMI_SERVERS": TWO, "AMI_DEFAULT_SERVER": "node_3"},
        "unknown server in AMI_DEFAULT_SERVER: 'node_3'; did you mean 'node_",
    ),
    (
        "default of another type",
        {"AMI_SERVERS": TWO, "AMI_DEFAULT_SERVER": ["node_1"]},
        "unknown server in AMI_DEFAULT_SERVER: ['node_1']; ",
    ),
    (
        "unknown routing",
        {"AMI_SERVERS": TWO, "AMI_ROUTING": "roundrobin"},
        "unknown strategy in AMI_ROUTING: 'roundrobin'; did you mean 'round_robin'?",
    ),
    (
        "unknown member",
        {"AMI_SERVERS": TWO, "AMI_ROUTING": ("failover", ["node_1", "nod_2"])},
        "unknown server in AMI_ROUTING: 'nod_2'; did you mean 'node_2'?",
    ),
    (
        "routing of one",
        {"AMI_SERVERS": TWO, "AMI_ROUTING": ("failover",)},
        "the setting AMI_ROUTING must be",
    ),
    (
        "routing of three",
        {"AMI_SERVERS": TWO, "AMI_ROUTING": ("failover", "a", "b")},
        "the setting AMI_ROUTING must",
    ),
    (
        "routing as number",
        {"AMI_SERVERS": TWO, "AMI_ROUTING": 5},
        "the setting AMI_ROUTING must be",
    ),
    (
        "routing as set",
        {"AMI_SERVERS": TWO, "AMI_ROUTING": {"failover": "node_1"}},
        "the setting AMI_ROUTING must be",
    ),
    (
        "routing to a text",
        {"AMI_SERVERS": TWO, "AMI_ROUTING": ("failover", "node_1")},
        "the setting AMI_ROUTING must",
    ),
    (
        "routing to none",
        {"AMI_SERVERS": TWO, "AMI_ROUTING": ("failover", None)},
        "the setting AMI_ROUTING must be",
    ),
]


@pytest.mark.parametrize(("values", "text"), [pytest.param(*row[1:], id=row[0]) for row in WRONG])
def test_a_mistake_is_told_in_one_line_without_the_secret(
    settings: Any, values: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(settings, **values)
    message = str(raised.value)
    assert message.startswith(text) or text in message
    assert "\n" not in message
    assert SECRET not in message
    assert "12345" not in message
    # Nothing of it in a traceback's chain either.
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__


def test_the_secret_is_in_no_repr(settings: Any) -> None:
    loaded = load(settings, AMI_SERVERS=TWO)
    for thing in (loaded, loaded.servers, *loaded.servers):
        assert SECRET not in repr(thing)
        assert SECRET not in str(thing)
    assert [server.secret for server in loaded.servers] == [SECRET, SECRET]


# --- right settings ---


def test_one_server_is_the_default(settings: Any) -> None:
    loaded = load(settings, AMI_SERVERS=ONE)
    (only,) = loaded.servers
    assert (only.name, only.address, only.username, only.secret, only.tls) == (
        "node_1", "pbx:5038", "admin", SECRET, None,
    )  # fmt: skip
    assert only.options == Options()
    assert loaded.default == "node_1"
    assert loaded.routing is None


def test_of_several_none_is_the_default_unless_it_is_named(settings: Any) -> None:
    assert load(settings, AMI_SERVERS=TWO).default is None
    assert load(settings, AMI_DEFAULT_SERVER="node_2").default == "node_2"


def test_own_options_are_merged_over_the_shared_ones_key_by_key(settings: Any) -> None:
    loaded = load(
        settings,
        AMI_OPTIONS={"read_timeout": 40, "heartbeat_interval": 5, "events": "call"},
        AMI_SERVERS={
            "node_1": {**KEYS, "OPTIONS": {"heartbeat_interval": 7}},
            "node_2": {**KEYS, "OPTIONS": {}},
            "node_3": {**KEYS, "OPTIONS": {"events": "call, user", "read_timeout": 30.5}},
        },
    )
    found = [
        (s.options.read_timeout, s.options.heartbeat_interval, s.options.events)
        for s in loaded.servers
    ]
    assert found == [(40, 7, "call"), (40, 5, "call"), (30.5, 5, "call,user")]
    assert {server.options.action_timeout for server in loaded.servers} == {
        Options().action_timeout
    }


@pytest.mark.parametrize(
    ("entry", "address", "user", "tls"),
    [
        ({"URL": f"ami://admin:{SECRET}@pbx"}, "pbx:5038", "admin", None),
        ({"URL": f"ami://admin:{SECRET}@pbx:5999"}, "pbx:5999", "admin", None),
        ({"URL": f"ami://a%40b:{SECRET}@[::1]:5038"}, "[::1]:5038", "a@b", None),
        ({"URL": f"amis://admin:{SECRET}@pbx"}, "pbx:5039", "admin", TLSConfig()),
        (
            {"URL": f"amis://admin:{SECRET}@pbx?verify=false"},
            "pbx:5039",
            "admin",
            TLSConfig(verify=False),
        ),
        (
            {"URL": f"amis://admin:{SECRET}@pbx?ca_file=/x"},
            "pbx:5039",
            "admin",
            TLSConfig(ca_file="/x"),
        ),
        (
            {"URL": f"ami://admin:{SECRET}@pbx", "TLS": {"VERIFY": False}},
            "pbx:5038",
            "admin",
            TLSConfig(verify=False),
        ),
        ({**KEYS, "PORT": "5040"}, "pbx:5040", "admin", None),
        ({**KEYS, "TLS": False}, "pbx:5038", "admin", None),
        ({**KEYS, "TLS": None}, "pbx:5038", "admin", None),
        ({**KEYS, "TLS": True}, "pbx:5039", "admin", TLSConfig()),
        ({**KEYS, "TLS": {}}, "pbx:5039", "admin", TLSConfig()),
        (
            {
                **KEYS,
                "PORT": 5038,
                "TLS": {"CA_FILE": "/ca", "SERVER_HOSTNAME": "a.b", "VERIFY": True},
            },
            "pbx:5038",
            "admin",
            TLSConfig(ca_file="/ca", server_hostname="a.b"),
        ),
    ],
)
def test_the_forms_of_a_server(
    settings: Any, entry: dict[str, Any], address: str, user: str, tls: TLSConfig | None
) -> None:
    (found,) = load(settings, AMI_SERVERS={"node_1": entry}).servers
    assert (found.address, found.username, found.secret, found.tls) == (address, user, SECRET, tls)


@pytest.mark.parametrize(
    ("value", "routing"),
    [
        (None, None),
        ("", None),
        ("round_robin", (Strategy.ROUND_ROBIN, ("node_1", "node_2"))),
        ("failover", (Strategy.FAILOVER, ("node_1", "node_2"))),
        (("failover", ["node_2", "node_1"]), (Strategy.FAILOVER, ("node_2", "node_1"))),
        (["round_robin", ("node_2",)], (Strategy.ROUND_ROBIN, ("node_2",))),
    ],
)
def test_routing(settings: Any, value: Any, routing: Any) -> None:
    assert load(settings, AMI_SERVERS=TWO, AMI_ROUTING=value).routing == routing


# --- parts of it ---


def test_select_keeps_the_order_that_is_asked_for_and_the_default_if_it_is_among_them(
    settings: Any,
) -> None:
    loaded = load(
        settings,
        AMI_SERVERS={**TWO, "node_3": KEYS},
        AMI_DEFAULT_SERVER="node_3",
        AMI_ROUTING="failover",
    )
    some = loaded.select(["node_3", "node_1", "node_3"])
    assert [server.name for server in some.servers] == ["node_3", "node_1"]
    assert (some.default, some.routing) == ("node_3", None)
    assert loaded.select(["node_2"]).default is None


def test_select_refuses_an_unknown_name(settings: Any) -> None:
    loaded = load(settings, AMI_SERVERS=TWO)
    with pytest.raises(
        ConfigurationError, match=r"unknown server: 'node2'; did you mean 'node_2'\?"
    ):
        loaded.select(["node_1", "node2"])
    with pytest.raises(ConfigurationError, match=r"known are 'node_1', 'node_2'\."):
        loaded.select(["elsewhere"])


def test_with_events_changes_the_mask_and_nothing_else(settings: Any) -> None:
    loaded = load(
        settings, AMI_SERVERS=TWO, AMI_OPTIONS={"read_timeout": 77}, AMI_DEFAULT_SERVER="node_2"
    )
    masked = loaded.with_events(" Call,user ")
    assert [(s.name, s.options.events, s.options.read_timeout) for s in masked.servers] == [
        ("node_1", "call,user", 77),
        ("node_2", "call,user", 77),
    ]
    assert masked.default == "node_2"
    assert loaded.servers[0].options.events == "on"
    with pytest.raises(
        ConfigurationError, match="'calls' is not a class of events: did you mean 'call'"
    ):
        loaded.with_events("calls")


def test_loaded_settings_are_frozen(settings: Any) -> None:
    loaded = load(settings, AMI_SERVERS=ONE)
    with pytest.raises(AttributeError):
        loaded.default = "other"
    assert pickle.loads(pickle.dumps(loaded)) == loaded


# --- events of others ---


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, {}),
        ([], {}),
        (["DongleNewSMS", "Other"], {"DongleNewSMS": (), "Other": ()}),
        (
            {"DongleNewSMS": "call", "Other": "call, system"},
            {"DongleNewSMS": ("call",), "Other": ("call", "system")},
        ),
        ({"Other": ""}, "the setting AMI_CUSTOM_EVENTS: '' is not a class of events"),
        (
            {"Other": "cal"},
            "the setting AMI_CUSTOM_EVENTS: 'cal' is not a class of events: did you mean 'call'?",
        ),
        (
            "Other",
            (
                "the setting AMI_CUSTOM_EVENTS must be a list of names of events, or a mapping "
                "of them to classes"
            ),
        ),
        ([1], "the setting AMI_CUSTOM_EVENTS must be a list"),
        (1, "the setting AMI_CUSTOM_EVENTS must be a list"),
    ],
)
def test_custom_events(
    settings: Any, value: object, expected: dict[str, tuple[str, ...]] | str
) -> None:
    settings.AMI_CUSTOM_EVENTS = value
    if isinstance(expected, dict):
        assert conf.custom_events() == expected
        return
    with pytest.raises(ConfigurationError) as raised:
        conf.custom_events()
    assert str(raised.value).startswith(expected)


# --- modules and functions of the project ---


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("AMI_SERVERS", "broken.servers"),
        ("AMI_SERVERS", {"node_1": {**KEYS, "BACKEND": "broken"}}),
        ("AMI_DISPATCH", {"retry_errors": ["broken.Error"]}),
    ],
)
def test_a_module_that_raises_is_told_in_one_line_without_its_secrets(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: object
) -> None:
    said = f'bad\\tpassword={SECRET} in "postgresql://shop:{SECRET}@db"\\nmore'
    (tmp_path / "broken.py").write_text(f"raise RuntimeError('{said}')\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings.AMI_SERVERS = {"node_1": KEYS}
    setattr(settings, setting, value)
    read = conf.read_retry if setting == "AMI_DISPATCH" else conf.load
    with pytest.raises(ConfigurationError) as raised:
        read()
    message = str(raised.value)
    assert "cannot be imported (bad\\tpassword=*** in " in message
    assert SECRET not in message
    assert "\n" not in message


def test_a_function_that_raises_is_told_without_its_secrets(settings: Any) -> None:
    def servers() -> dict[str, Any]:
        raise ValueError(f'bad "postgresql://shop:{SECRET}@db"')

    settings.AMI_SERVERS = servers
    with pytest.raises(
        ConfigurationError, match=r'raised ValueError: bad "postgresql://shop:\*'
    ) as (raised):
        conf.load()
    assert SECRET not in str(raised.value)
