"""From the greeting to ready.

Logins, masks, FullyBooted in every order, and every way to be refused.
"""

from __future__ import annotations

from hashlib import md5

import pytest

from django_ami.core.errors import AuthenticationFailed, ConnectionFailed, ConnectionLost
from django_ami.core.session import Lost, Ready, Role
from tests.core.support import Dialogue

# --- good logins ---


def test_a_plain_login():
    talk = Dialogue()
    talk.connect()
    assert talk.state == "greeting"
    talk.greet()
    request = talk.expect("Login")
    assert talk.state == "login"
    assert (request["Username"], request["Secret"], request["Events"]) == ("admin", "amp111", "on")
    assert "Key" not in request
    assert "AuthType" not in request
    talk.answer(request, "Message: Authentication accepted")
    assert talk.state == "booting"


def test_an_md5_login_does_not_show_the_secret():
    talk = Dialogue(auth_type="md5")
    talk.connect()
    talk.greet()
    challenge = talk.expect("Challenge")
    assert challenge["AuthType"] == "MD5"
    talk.answer(challenge, "Challenge: 131125642")
    request = talk.expect("Login")
    assert request["Key"] == md5(b"131125642amp111").hexdigest()
    assert request["AuthType"] == "MD5"
    assert b"amp111" not in challenge.raw + request.raw
    talk.answer(request)
    assert talk.state == "booting"


@pytest.mark.parametrize(
    ("role", "events", "at_login", "narrowed"),
    [
        (Role.LISTENER, "on", "on", None),
        (Role.LISTENER, "call,system", "call,system", None),
        (Role.LISTENER, "call,user", "call,user,system", "call,user"),
        (Role.LISTENER, "off", "system", "off"),
        (Role.CALLER, "on", "system", "off"),
        (Role.CALLER, "call", "system", "off"),
    ],
)
def test_the_mask_lets_fully_booted_by_and_is_narrowed_afterwards(role, events, at_login, narrowed):
    talk = Dialogue(role, events=events)
    talk.connect()
    talk.greet()
    request = talk.expect("Login")
    assert request["Events"] == at_login
    talk.answer(request)
    talk.boot()
    talk.answer(talk.expect("CoreSettings"))
    assert talk.session.ready
    requests = talk.requests()
    assert [(request["Action"], request["EventMask"]) for request in requests] == (
        [] if narrowed is None else [("Events", narrowed)]
    )


@pytest.mark.parametrize(
    ("banner", "version"),
    [("Asterisk Call Manager/5.0.4", "5.0.4"), ("PBX Call Manager/1.0", "1.0"), ("hello", "")],
)
def test_the_greeting_may_be_a_vendors_and_come_in_pieces(banner, version):
    talk = Dialogue()
    talk.connect()
    talk.say(banner[:4])
    assert talk.requests() == []
    talk.greet(banner[4:])
    talk.expect("Login")
    assert talk.session.known.ami_version == version


def test_a_server_that_does_not_greet_is_talked_to_when_it_speaks():
    talk = Dialogue()
    talk.connect()
    talk.say("Response: Error\nMessage: Permission denied\n\n")
    talk.expect("Login")
    assert (talk.session.known.ami_version, talk.counters.unmatched_answers) == ("", 1)


def test_answers_to_nothing_do_not_disturb_the_login():
    talk = Dialogue()
    talk.connect()
    talk.greet()
    talk.say("Response: Error\nMessage: Missing action in request\n\n")
    talk.answer(talk.expect("Login"))
    assert (talk.state, talk.counters.unmatched_answers) == ("booting", 1)


# --- booted or not ---


@pytest.mark.parametrize("booted_first", [True, False])
def test_ready_is_booted_and_identified_in_either_order(booted_first):
    talk = Dialogue()
    request = talk.log_in()
    steps = [
        talk.boot,
        lambda: talk.answer(request, "AMIversion: 11.0.1", "AsteriskVersion: 22.10.1"),
    ]
    first, second = steps if booted_first else reversed(steps)
    first()
    assert talk.state == "booting"
    second()
    assert talk.notices() == [Ready("node_1", "11.0.1", "22.10.1", again=False)]
    assert (talk.session.connections.ready, talk.session.ready_since) == (1, 0)
    assert (talk.session.known.ami_version, talk.session.known.asterisk_version) == (
        "11.0.1",
        "22.10.1",
    )


def test_an_account_that_may_not_see_fully_booted_is_ready_after_a_moment():
    talk = Dialogue(boot_grace=1)
    talk.answer(talk.log_in())
    talk.wait(0.9)
    assert talk.state == "booting"
    talk.wait(0.1)
    assert talk.state == "ready"
    talk.boot()
    assert [type(notice) for notice in talk.notices()] == [Ready]


def test_a_server_that_said_it_once_is_waited_for_while_it_boots():
    talk = Dialogue(boot_grace=1, boot_timeout=40)
    talk.become_ready()
    talk.hang_up()
    talk.answer(talk.log_in())
    talk.wait(20)
    assert talk.state == "booting"
    talk.boot()
    assert talk.state == "ready"
    assert talk.notices()[-1].again


def test_a_server_that_does_not_finish_booting_is_ready_all_the_same():
    talk = Dialogue(boot_grace=1, boot_timeout=40, heartbeat_interval=5)
    talk.become_ready()
    talk.hang_up()
    talk.answer(talk.log_in())
    for _ in range(8):
        assert talk.state == "booting"
        talk.wait(5)
        for ping in talk.requests():
            talk.answer(ping)
    assert talk.state == "ready"


@pytest.mark.parametrize("denied", [False, True])
def test_a_listener_that_may_not_see_everything_is_told_so(denied):
    talk = Dialogue()
    talk.answer(
        talk.log_in(), "Message: Permission denied", status="Error" if denied else "Success"
    )
    talk.wait(1)
    (ready,) = talk.notices()
    assert ready.warning.startswith(
        "FullyBooted did not come: read= of user 'admin' in manager.conf has no system, or "
        "Asterisk is still starting. Events of classes that are not in read= never come, and "
        "nobody is told."
    )
    assert ready.warning.endswith("in write= are refused with 'Permission denied'.") == denied


def test_listener_reports_once_that_its_account_may_no_longer_see_everything():
    talk = Dialogue(boot_grace=1, boot_timeout=20)
    talk.become_ready()
    assert talk.notices()[-1].warning == ""
    talk.hang_up()
    talk.answer(talk.log_in())
    talk.wait(20)
    warning = talk.notices()[-1].warning
    assert warning.startswith(
        "FullyBooted did not come within 20 s (option boot_timeout): Asterisk is still starting, or"
    )
    assert "has no system any more" in warning
    talk.hang_up()
    talk.answer(talk.log_in())
    talk.wait(1)
    assert talk.notices()[-1].warning.startswith("FullyBooted did not come: ")


def test_a_caller_asks_for_no_events_and_misses_none():
    talk = Dialogue(Role.CALLER)
    talk.answer(talk.log_in(), "Message: Permission denied", status="Error")
    talk.wait(1)
    assert talk.notices() == [Ready("node_1", "11.0.0", "", again=False)]


def test_account_that_may_not_ask_for_the_version():
    talk = Dialogue()
    request = talk.log_in()
    talk.boot()
    talk.answer(request, "Message: Permission denied", status="Error")
    assert talk.notices() == [Ready("node_1", "11.0.0", "", again=False)]


def test_the_versions_are_remembered_while_it_is_away():
    talk = Dialogue()
    talk.become_ready()
    talk.hang_up()
    assert (talk.session.known.ami_version, talk.session.known.asterisk_version) == (
        "11.0.0",
        "22.10.1",
    )
    talk.become_ready()
    assert talk.session.known.asterisk_version == "22.10.1"


# --- refused ---


def refuse(talk: Dialogue, name: str, *lines: str, status: str = "Error"):
    talk.connect()
    talk.greet()
    talk.answer(talk.expect(name), *lines, status=status)
    return talk.hang_up()


@pytest.mark.parametrize(
    "text", ["Authentication failed", "Authentication failed\n", "AUTHENTICATION FAILED"]
)
def test_a_login_that_is_refused_is_not_tried_again(text):
    talk = Dialogue(auth_retry_interval=0)
    queued = talk.send()
    error = refuse(talk, "Login", f"Message: {text}")
    assert isinstance(error, AuthenticationFailed)
    assert "user 'admin' at pbx:5038: check USERNAME and SECRET" in str(error)
    assert "amp111" not in str(error)
    assert talk.state == "refused"
    assert talk.notices() == [Lost("node_1", error, was_ready=False, retry_in=None)]
    assert talk.session.next_deadline() is None
    assert isinstance(queued.exception(0), AuthenticationFailed)
    assert not queued.exception(0).sent
    later = talk.send()
    assert isinstance(later.exception(0), AuthenticationFailed)
    assert str(later.exception(0)).endswith("It is not tried again. Ping was not sent.")
    talk.session.start(talk.now)
    assert talk.state == "refused"
    talk.wait(86_400)
    assert talk.state == "refused"


#: The state after a logoff: a client that logs off when idle connects for the next action.
AFTERWARDS = {
    "listener": (Role.LISTENER, {}, "waiting"),
    "caller": (Role.CALLER, {}, "idle"),
    "caller that stays": (Role.CALLER, {"idle_timeout": 0}, "waiting"),
}


@pytest.mark.parametrize(("role", "options", "state"), AFTERWARDS.values(), ids=AFTERWARDS)
def test_a_login_that_is_refused_is_tried_again_after_a_long_pause(role, options, state):
    talk = Dialogue(role, auth_retry_interval=300, **options)
    error = refuse(talk, "Login", "Message: Authentication failed")
    assert str(error).endswith(
        "manager.conf. A process that stays up tries again after 300 s (option "
        "auth_retry_interval)."
    )
    assert talk.notices() == [Lost("node_1", error, was_ready=False, retry_in=450)]
    talk.wait(449.9)
    assert isinstance(talk.send().exception(0), AuthenticationFailed)
    assert talk.state == "refused"
    talk.wait(0.2)
    assert talk.state == state
    waiting = talk.send()
    assert not waiting.done()
    assert talk.session.retry.at <= talk.now
    talk.become_ready()
    assert waiting.result(0).ok


@pytest.mark.parametrize(("role", "options", "state"), AFTERWARDS.values(), ids=AFTERWARDS)
def test_a_pardon_ends_the_pause(role, options, state):
    talk = Dialogue(role, auth_retry_interval=0, **options)
    refuse(talk, "Login", "Message: Authentication failed")
    talk.session.pardon(talk.now)
    assert (talk.state, talk.session.retry.at) == (state, talk.now)
    talk.become_ready()
    talk.session.pardon(talk.now)
    assert talk.session.ready


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["Message: Login Already In Use"], "the login was refused: Login Already In Use."),
        (
            ["Message: Asterisk is shutting down"],
            "the login was refused: Asterisk is shutting down.",
        ),
        (
            ["Message: Authentication failed, it seems."],
            "the login was refused: Authentication failed, it seems.",
        ),
        ([], "the login was refused: no reason given."),
    ],
)
def test_every_other_refusal_may_pass(lines, text):
    talk = Dialogue()
    error = refuse(talk, "Login", *lines)
    assert type(error) is ConnectionFailed
    assert str(error) == f"node_1: {text}"
    assert talk.state == "waiting"
    assert talk.notices() == [Lost("node_1", error, was_ready=False, retry_in=1)]


@pytest.mark.parametrize(
    ("lines", "status", "text"),
    [
        (
            ["Message: Must specify AuthType"],
            "Error",
            (
                "the MD5 challenge was refused: Must specify AuthType. Set the option auth_type "
                "to 'plain'."
            ),
        ),
        (
            ["Message: Asterisk is shutting down"],
            "Error",
            "the MD5 challenge was refused: Asterisk is shutting down.",
        ),
        (
            [],
            "Success",
            "the MD5 challenge failed: no usable answer. Set the option auth_type to 'plain'.",
        ),
    ],
)
def test_a_challenge_that_is_none(lines, status, text):
    error = refuse(Dialogue(auth_type="md5"), "Challenge", *lines, status=status)
    assert (type(error), error.message) == (ConnectionFailed, text)


def test_an_answer_to_the_login_that_is_too_large():
    talk = Dialogue(max_frame_size=4096)
    talk.connect()
    talk.greet()
    talk.answer(talk.expect("Login"), "Message: " + "x" * 5000)
    assert (
        "the login failed: node_1: the answer to Login is larger than 4096 bytes"
        in talk.hang_up().message
    )


@pytest.mark.parametrize("step", ["Challenge", "Login", "CoreSettings"])
def test_an_answer_that_begins_a_list_is_none_when_the_connection_ends(step):
    talk = Dialogue(auth_type="md5")
    talk.connect()
    talk.greet()
    for name in ("Challenge", "Login", "CoreSettings"):
        request = talk.expect(name)
        if name == step:
            talk.answer(request, "Challenge: 1", "EventList: start")
            break
        talk.answer(request, "Challenge: 1")
    talk.hang_up()
    assert (talk.state, len(talk.exchange.pending), bytes(talk.exchange.outgoing)) == (
        "waiting",
        0,
        b"",
    )
    talk.connect()
    talk.greet()
    talk.wait(9)
    assert talk.session.fault is None
    talk.expect("Challenge")


# --- not so far ---


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            b"HTTP/1.1 400 Bad Request\r\n",
            "no AMI greeting, but 'HTTP/1.1 400 Bad Request': is this the port of AMI?",
        ),
        (
            b"\x15\x03\x03\x00\x02\x02\x0a",
            r"no AMI greeting, but '\x15\x03\x03\x00\x02\x02': is this the port of AMI?",
        ),
        (b"x" * 600, "is this the port of AMI?"),
    ],
)
def test_login_fails_when_the_peer_does_not_speak_ami(data, text):
    talk = Dialogue()
    talk.connect()
    assert talk.say(data) == []
    error = talk.hang_up()
    assert type(error) is ConnectionFailed
    assert text in error.message
    assert talk.state == "waiting"


def take(talk, step):
    """One step of an attempt: of the session, or of the server."""
    if step in ("start", "connecting"):
        getattr(talk.session, step)(talk.now)
    elif step in ("resolving", "encrypting"):
        getattr(talk.session.obstacle, step)()
    elif step == "resolved":
        talk.session.obstacle.resolving(over=True)
    elif step == "log in":
        talk.answer(talk.expect("Login"))
    else:
        getattr(talk, step)()


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([], ""),
        (
            ["start", "connecting", "resolving"],
            "No answer about the name 'pbx' in time (option connect_timeout): does DNS work?",
        ),
        (
            ["start", "connecting", "resolving", "resolved"],
            "No connection to pbx:5038 in time (option connect_timeout): does a firewall drop it?",
        ),
        (
            ["start", "connecting", "encrypting"],
            "No TLS with pbx:5038 in time: is this the TLS port of AMI, or the plain one?",
        ),
        (
            ["connect"],
            (
                "No AMI greeting from pbx:5038 in time: is this the AMI port, or its TLS port "
                "without the setting TLS?"
            ),
        ),
        (
            ["connect", "greet"],
            (
                "No answer to the login at pbx:5038 in time (option connect_timeout); it greeted "
                "with 'Asterisk Call Manager/11.0.0': is it overloaded?"
            ),
        ),
        (
            ["connect", "greet", "log in"],
            (
                "Pbx:5038 has not booted in time (options boot_grace and boot_timeout): does it "
                "still load its modules?"
            ),
        ),
    ],
)
def test_an_action_that_was_never_sent_says_what_kept_it(steps, why):
    talk = Dialogue(connect_timeout=10, boot_grace=10)
    waiting = talk.send(timeout=5)
    for step in steps:
        take(talk, step)
    talk.wait(5)
    error = waiting.exception(0)
    text = "node_1: no answer to Ping within 5 s; it was never sent, so it is safe to repeat."
    assert str(error) == f"{text} {why}".rstrip()
    assert error.sent is False


def test_an_action_that_waits_for_the_next_attempt_says_why_the_last_one_failed():
    talk = Dialogue(reconnect_initial=60, reconnect_max=60)
    talk.connect()
    talk.hang_up()
    waiting = talk.send(timeout=5)
    talk.wait(5)
    assert str(waiting.exception(0)).endswith(
        "so it is safe to repeat. The server closed the connection before the login: is it "
        "stopping, or is its authlimit reached?"
    )


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (
            ["start", "connecting", "resolving"],
            (
                "node_1: no answer about the name 'pbx' within 10 s (option connect_timeout): "
                "does DNS work?"
            ),
        ),
        (
            ["start", "connecting"],
            "node_1: no connection to pbx:5038 within 10 s (option connect_timeout)",
        ),
        (
            ["start", "connecting", "encrypting"],
            (
                "node_1: no TLS with pbx:5038 within 10 s: is this the TLS port of AMI, or the "
                "plain one?"
            ),
        ),
        (
            ["connect"],
            (
                "node_1: no AMI greeting from pbx:5038 within 10 s: is this the AMI port, or "
                "its TLS port without the"
            ),
        ),
        (
            ["connect", "greet"],
            (
                "node_1: no answer to the login at pbx:5038 within 10 s (option "
                "connect_timeout); it greeted with 'Aste"
            ),
        ),
    ],
)
def test_an_attempt_has_an_end(steps, text):
    talk = Dialogue(connect_timeout=10)
    for step in steps:
        take(talk, step)
    talk.wait(9.9)
    assert talk.session.fault is None
    talk.wait(0.1)
    error = talk.hang_up()
    assert type(error) is ConnectionFailed
    assert str(error).startswith(text)


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([], "gone before the login: is it stopping, or is its authlimit reached?"),
        (["greet"], "gone before the login was answered: is it stopping?"),
    ],
)
def test_a_server_that_hangs_up_before_the_login(steps, text):
    talk = Dialogue()
    talk.connect()
    for step in steps:
        getattr(talk, step)()
    error = talk.hang_up(ConnectionLost("gone.", server="node_1"))
    assert (type(error), error.message, error.server) == (ConnectionFailed, text, "node_1")
    assert talk.notices() == [Lost("node_1", error, was_ready=False, retry_in=1)]


def test_a_server_that_hangs_up_between_login_and_ready():
    talk = Dialogue()
    talk.log_in()
    error = talk.hang_up()
    assert type(error) is ConnectionLost
    assert talk.notices() == [Lost("node_1", error, was_ready=False, retry_in=1)]


def test_a_server_that_says_nothing_after_the_login_is_lost():
    talk = Dialogue(read_timeout=30)
    talk.log_in()
    talk.wait(100)
    assert talk.now == 30
    assert isinstance(talk.hang_up(), ConnectionLost)


def test_server_that_never_tells_its_version_is_lost_in_spite_of_other_messages():
    talk = Dialogue(read_timeout=30)
    talk.log_in()
    for _ in range(29):
        talk.wait(1)
        talk.event("Hangup", "Privilege: call,all")
    talk.wait(1)
    assert talk.hang_up().message == "no answer after the login."
