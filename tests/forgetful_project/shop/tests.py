"""None of these tests can dial, whatever runs them, unless it says that it wants to."""

import asyncio
import os
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import LiveServerTestCase, SimpleTestCase, override_settings

from django_ami import ami
from django_ami.actions import Ping
from django_ami.core import Client, ServerConfig
from django_ami.errors import ConnectionForbidden
from django_ami.testing import AmiTestMixin, FakeAsterisk, allow_ami_connections

CURE = (
    "add AmiTestMixin or the fixture ami_outbox to the test, or allow it with allow_ami_connections"
)


def manage(*arguments):
    """A child process, as a test may start one."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "manage.py", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr


class ForgottenTest(SimpleTestCase):
    def test_a_view(self):
        for _ in range(2):  # the second time nothing is tried
            response = self.client.post("/call/")
            self.assertEqual(response.status_code, 503)
            self.assertIn(CURE, response.json()["error"])
            self.assertFalse(response.json()["sent"])

    async def test_a_coroutine(self):
        with self.assertRaisesMessage(ConnectionForbidden, CURE):
            await ami.send(Ping())

    def test_an_app_that_was_ready(self):
        self.assertIsInstance(apps.get_app_config("shop").error, ConnectionForbidden)

    def test_a_client_of_the_core(self):
        client = Client(
            [ServerConfig.from_url("pbx", settings.AMI_SERVERS["node_1"]["URL"])], role="caller"
        )
        client.start()
        try:
            with self.assertRaisesMessage(
                ConnectionForbidden, "pbx: tests may not connect to 127.0.0.1:"
            ):
                client.send(Ping()).result(timeout=5)
        finally:
            client.close()

    def test_a_name_is_not_even_looked_up(self):
        elsewhere = {"node_1": {"URL": "ami://u:s@no-such-exchange.invalid"}}
        refused = self.assertRaisesMessage(
            ConnectionForbidden, "connect to no-such-exchange.invalid:5038"
        )
        with override_settings(AMI_SERVERS=elsewhere), refused:
            ami.send(Ping()).result(timeout=5)

    def test_the_worker(self):
        with self.assertRaisesMessage(CommandError, CURE) as caught:
            call_command("ami_listen")
        self.assertEqual(caught.exception.returncode, 2)

    def test_the_tools(self):
        for tool in (
            ("ami_send", "Ping"),
            ("ami_events",),
            ("ami_doctor",),
            ("ami_top", "--json"),
            ("ami_record", "x"),
        ):
            with self.assertRaisesMessage(CommandError, CURE):
                call_command(*tool)

    def test_a_worker_in_a_child_process(self):
        code, out, err = manage("ami_listen", "--run-for=5")
        self.assertEqual((code, out), (2, ""))
        self.assertIn(CURE, err)
        self.assertEqual(
            err.count("\n"), 1 + 1, err
        )  # that of the app that sends when it is ready, and its own


class LiveTest(LiveServerTestCase):
    def test_a_server_in_a_thread(self):
        with self.assertRaises(HTTPError) as caught:
            urlopen(f"{self.live_server_url}/call/")
        with caught.exception as answer:
            self.assertIn(CURE, answer.read().decode())


class KitTest(AmiTestMixin, SimpleTestCase):
    def test_the_outbox(self):
        self.assertEqual(
            self.client.post("/call/").json(), {"message": "Originate successfully queued"}
        )
        self.assertActionSent("Originate")


class SimulatedTest(SimpleTestCase):
    def test_a_simulated_server_may_be_reached(self):
        with (
            FakeAsterisk() as server,
            override_settings(AMI_SERVERS={"node_1": {"URL": server.url}}),
        ):
            self.assertTrue(ami.send(Ping()).result(timeout=5).ok)
            self.assertEqual(server.logins, 1)

    def test_by_a_child_process_too(self):
        with FakeAsterisk() as server:
            before, os.environ["EXCHANGE"] = os.environ["EXCHANGE"], server.url
            try:
                code, out, err = manage("ami_send", "Ping")
            finally:
                os.environ["EXCHANGE"] = before
            self.assertEqual(code, 0, err)
            self.assertIn("Pong", out)


class AllowedTest(SimpleTestCase):
    """Three tests that ask for it: three logins at the exchange."""

    def test_a_part_of_a_test(self):
        with self.assertRaises(ConnectionForbidden):
            ami.send(Ping()).result(timeout=5)
        with allow_ami_connections():
            self.assertTrue(ami.send(Ping()).result(timeout=5).ok)
        with self.assertRaises(ConnectionForbidden):
            ami.send(Ping()).result(timeout=5)

    @allow_ami_connections()
    def test_a_test(self):
        self.assertTrue(ami.send(Ping()).result(timeout=5).ok)

    @allow_ami_connections()
    async def test_an_asynchronous_one(self):
        response = await asyncio.wait_for(ami.send(Ping()), 5)
        self.assertTrue(response.ok)
