"""The outlet: its messages, and its failures."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from django_ami.conf.forward import Forward
from django_ami.core.errors import ConfigurationError
from django_ami.core.event_id import EventId
from django_ami.forwarding.celery import CeleryOutlet
from django_ami.forwarding.envelope import decode
from django_ami.forwarding.outlet import OutletAway
from tests.core.servers import refusing_port
from tests.forwarding.celery.project import PARTITIONS, Project, batch, batches
from tests.running import DEADLINE_SECONDS
from tests.servers.rabbitmq import SECRET

APP = "tests.forwarding.celery_project.celery:app"


def forward(**options: object) -> Forward:
    return Forward("celery", options={"APP": APP, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"APPS": APP}, "unknown option of the outlet celery: 'APPS'; did you mean 'APP'"),
        ({"QUEUES": "lazy"}, "'QUEUES' must be one of classic, quorum, not 'lazy'"),
        ({"PREFIX": 7}, "'PREFIX' must be a text, not 7"),
        ({"ATTEMPTS": 0}, "'ATTEMPTS' must be a number from 1 to 1000, not 0"),
        ({"ATTEMPTS": 1.5}, "'ATTEMPTS' must be a number from 1 to 1000, not 1.5"),
        ({"CONFIRM_SECONDS": True}, "'CONFIRM_SECONDS' must be a number from 0.1 to 600, not True"),
    ],
)
def test_wrong_option_is_named(options, message):
    with pytest.raises(ConfigurationError) as raised:
        CeleryOutlet(forward(**options))
    assert message in str(raised.value)
    assert "AMI_FORWARD" in str(raised.value)


@pytest.mark.parametrize("app", ["nowhere.celery:app", "tests.running", "tests.running:ROOT"])
def test_missing_app_is_one_line_with_the_cure(app):
    with pytest.raises(ConfigurationError) as raised:
        CeleryOutlet(forward(APP=app))
    text = str(raised.value)
    assert f"no Celery app at {app!r}" in text
    assert "{'APP': 'proj.celery:app'}" in text
    assert "\n" not in text


def test_url_is_refused_since_the_app_has_its_own():
    with pytest.raises(ConfigurationError, match="remove 'URL'"):
        CeleryOutlet(Forward("celery", url="amqp://u:secret@h//", options={"APP": APP}))


def test_broker_that_refuses_connections_is_away_without_a_secret(tmp_path, monkeypatch):
    with refusing_port() as port:
        here = Project(f"amqp://ami:{SECRET}@127.0.0.1:{port}//", tmp_path, monkeypatch)
        with here.outlet() as outlet, pytest.raises(OutletAway) as raised:
            outlet.open()
        assert outlet.lag() is None
    text = str(raised.value)
    assert f"127.0.0.1:{port}" in text
    assert "look whether it runs" in text
    assert "secret" not in text.lower()


def test_published_before_it_is_open_is_away(tmp_path, monkeypatch):
    with refusing_port() as port:
        here = Project(f"amqp://ami:{SECRET}@127.0.0.1:{port}//", tmp_path, monkeypatch)
        with here.outlet() as outlet, pytest.raises(OutletAway, match="it is not connected"):
            outlet.publish([batch(0, 0, 1)])


# --- on real brokers ---


def test_redis_keeps_batches_in_order_and_says_how_many(project):
    here = project("redis")
    with here.outlet() as outlet:
        outlet.open()
        assert outlet.lag() == dict.fromkeys(range(PARTITIONS), 0)
        outlet.publish(batches(PARTITIONS, 3))
        assert outlet.lag() == dict.fromkeys(range(PARTITIONS), 3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_rabbitmq_has_confirmed_what_is_published_in_its_order(project, kind):
    here = project(kind)
    given = batches(PARTITIONS, 150)  # more than are confirmed at once
    with here.outlet() as outlet:
        outlet.open()
        outlet.publish(given)
        assert outlet.lag() == dict.fromkeys(range(PARTITIONS), 150)
        for partition in range(PARTITIONS):
            got = [decode(data) for data in taken(here, partition, 150)]
            assert got == [decode(one.data) for one in given if one.partition == partition]
        outlet.close(5)


def taken(here: Project, partition: object, count: int) -> list[bytes]:
    """The batches in a queue, without a worker."""
    return [args[0].encode("latin-1") for args, _ in messages(here, partition, count)]


def messages(here: Project, partition: object, count: int) -> list[tuple[list, dict]]:
    """The arguments and headers of the messages in a queue, in order."""
    from kombu import Connection, Queue

    found = []
    end = time.monotonic() + DEADLINE_SECONDS
    with Connection(here.broker) as connection:
        queue = Queue(here.queue(partition), no_declare=True)
        with connection.Consumer(
            queue,
            on_message=lambda message: found.append((message.decode()[0], message.headers)),
            no_ack=True,
        ):
            while len(found) < count:
                assert time.monotonic() < end, found
                with suppress(TimeoutError):
                    connection.drain_events(timeout=0.5)
    return found


@pytest.mark.slow
def test_queue_with_other_arguments_is_away_with_the_cure(project):
    with project("classic").outlet() as outlet:
        outlet.open()
    other = project("quorum")
    with other.outlet() as outlet, pytest.raises(OutletAway, match="other arguments") as raised:
        outlet.open()
    assert "choose another 'PREFIX'" in str(raised.value)


@pytest.mark.slow
def test_wrong_password_is_away_and_shows_none(project, rabbitmq, tmp_path, monkeypatch):
    wrong = rabbitmq.url.replace(SECRET, "another-secret")
    here = Project(wrong, tmp_path, monkeypatch)
    with here.outlet() as outlet, pytest.raises(OutletAway, match="ACCESS_REFUSED") as raised:
        outlet.open()
    assert "secret" not in str(raised.value).lower()


@pytest.mark.slow
def test_queue_that_somebody_deletes_is_declared_anew(project):
    here = project("classic")
    with here.outlet() as outlet:
        outlet.open()
        delete(here, 0)
        with pytest.raises(OutletAway, match="has no queue"):
            outlet.publish([batch(0, 0, 1)])
        outlet.open()
        outlet.publish([batch(0, 0, 1)])
        assert outlet.lag() == {0: 1, 1: 0}


def delete(here: Project, partition: object) -> None:
    from kombu import Connection

    with Connection(here.broker) as connection:
        connection.channel().queue_delete(here.queue(partition))


@pytest.mark.slow
def test_frozen_broker_is_away_after_the_timeout_and_gets_the_batches_later(project, rabbitmq):
    here = project("classic", CONFIRM_SECONDS=1)
    with here.outlet() as outlet:
        outlet.open()
        outlet.publish([batch(0, 0, 1)])
        with rabbitmq.frozen():
            for attempt in (lambda: outlet.publish([batch(0, 1, 2)]), outlet.open):
                begin = time.monotonic()
                with pytest.raises(OutletAway, match="no answer within 1 s"):
                    attempt()
                assert time.monotonic() - begin < 15  # an end, not a figure
            assert outlet.lag() is None
            outlet.close(1)
        outlet.open()
        outlet.publish([batch(0, 1, 2)])
        found = [decode(data)[0].id for data in taken(here, 0, 2)]
    assert found[0] == EventId("node_1", "epoch", 1)
    assert set(found) == {EventId("node_1", "epoch", 1), EventId("node_1", "epoch", 2)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_broker_without_memory_has_each_batch_once_however_often_it_was_given(
    project, rabbitmq, kind
):
    here = project(kind, CONFIRM_SECONDS=1)
    some = [batch(0, 0, number) for number in range(1, 20)]
    with here.outlet() as outlet:
        outlet.open()
        with rabbitmq.without_memory():
            for _ in range(4):
                with pytest.raises(OutletAway, match="it blocks publishers for want of memory"):
                    publish_again(outlet, some)
        publish_again(outlet, some)
        outlet.publish([batch(0, 0, 20)])
        found = [decode(data)[0].id.sequence for data in taken(here, 0, 20)]
        assert found == list(range(1, 21))
        assert outlet.lag() == {0: 0, 1: 0}


@pytest.mark.slow
def test_connection_that_stays_blocked_is_given_up(project, rabbitmq, monkeypatch):
    monkeypatch.setattr("django_ami.forwarding.celery.broker._BLOCKED_SECONDS", 0.0)
    here = project("classic", CONFIRM_SECONDS=1)
    with here.outlet() as outlet:
        outlet.open()
        with rabbitmq.without_memory(), pytest.raises(OutletAway) as away:
            publish_again(outlet, [batch(0, 0, 1)])
        assert "it blocks publishers" not in str(away.value)
        publish_again(outlet, [batch(0, 0, 1)])
        assert {decode(data)[0].id.sequence for data in taken(here, 0, 2)} == {1}


def publish_again(outlet, some):
    """As the publisher of a listener does."""
    outlet.open()
    outlet.publish(some)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_broker_that_is_restarted_has_lost_nothing(project, rabbitmq, kind):
    here = project(kind, CONFIRM_SECONDS=5)
    given = batches(PARTITIONS, 10)
    with here.outlet() as outlet:
        outlet.open()
        outlet.publish(given[:10])
        rabbitmq.stop()
        try:
            for attempt in (lambda: outlet.publish(given[10:]), outlet.open):
                with pytest.raises(OutletAway):
                    attempt()
        finally:
            rabbitmq.start()
        outlet.open()
        outlet.publish(given[10:])
        for partition in range(PARTITIONS):
            got = [decode(data) for data in taken(here, partition, 10)]
            assert got == [decode(one.data) for one in given if one.partition == partition]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_batch_that_is_too_old_is_set_apart(project, kind, monkeypatch):
    here = project(kind)
    with here.outlet() as outlet:
        outlet._max_age = 0.1
        outlet.open()
        outlet.publish([batch(0, 0, 1)])
        ((args, headers),) = messages(here, "dead", 1)
    assert args[0].encode("latin-1") == batch(0, 0, 1).data
    assert headers["x-death"][0]["reason"] == "expired"
