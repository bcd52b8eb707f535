"""From the name of a server to its receivers, step by step; a failed step says what to do.

Rule: the first step that fails ends the way, since the later ones need it. A warning does not.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_ami.core.actions import Events
from django_ami.core.errors import AmiError, AuthenticationFailed
from django_ami.core.filters import select
from django_ami.core.messages import Event
from django_ami.core.options import EVENT_CLASSES
from django_ami.tools import cures
from django_ami.tools.console import caller
from django_ami.tools.examination import PINGS, Enquiry, Rights, addresses, clock
from django_ami.tools.findings import Finding, Verdict, failed, ok, warning
from django_ami.tools.lacks import lacking_actions, mute_receivers
from django_ami.tools.link import connect, greeting, look_up
from django_ami.tools.neighbours import some, too_many
from django_ami.tools.notes import listeners_of
from django_ami.tools.sampling import sample
from django_ami.tools.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from django_ami.core.addresses import Addresses
    from django_ami.core.client import Client
    from django_ami.core.config import ServerConfig
    from django_ami.core.filters import Selection
    from django_ami.tools.needs import Needs

__all__ = ["NOT_REACHED", "STEPS", "diagnose"]

#: In seconds: clocks further apart make times of events and of this site disagree; an answer that
#: takes longer is felt.
_SKEW_SECONDS: Final = 1.0
_SLOW_SECONDS: Final = 0.1

#: All later steps need each of these.
_NEEDED: Final = frozenset({"dns", "tcp", "tls", "greeting", "login"})
STEPS: Final = (
    "dns",
    "tcp",
    "tls",
    "greeting",
    "login",
    "actions",
    "events",
    "receivers",
    "listeners",
    "clock",
    "latency",
)
#: The text for the steps behind the one that ended the way.
NOT_REACHED: Final = "not reached"


def diagnose(config: ServerConfig, needs: Needs, within: float) -> Iterator[Finding]:
    """One finding for each step, each step within so many seconds."""
    reached = set()
    with closing(_Way(config, needs, within).walk()) as findings:
        for finding in findings:
            reached.add(finding.step)
            yield finding
            if finding.verdict is Verdict.FAILED and finding.step in _NEEDED:
                break
    for step in STEPS:
        if step not in reached:
            yield Finding(step, Verdict.SKIPPED, NOT_REACHED)


class _Way:
    """The steps of one server."""

    def __init__(self, config: ServerConfig, needs: Needs, within: float) -> None:
        self._config = config
        self._needs = needs
        self._within = within
        self._addresses: Addresses = ()
        self._rights = Rights()
        self._is_ami = False

    def walk(self) -> Generator[Finding]:
        """All steps in their order."""
        yield self._try("dns", self._dns, cures.DNS)
        yield self._try("tcp", self._tcp, cures.TCP)
        if self._config.tls is None:
            yield Finding("tls", Verdict.SKIPPED, "plain TCP: 'TLS' is not set")
        else:
            yield self._try("tls", self._tls, cures.TLS)
        yield self._try("greeting", self._greeting, cures.GREETING)
        options = replace(self._config.options, connect_timeout=self._within)
        with caller([replace(self._config, options=options)]) as client:
            client.set_interest(frozenset({"fullybooted"}))
            yield self._try(
                "login", lambda: self._login(client), cures.MUTE if self._is_ami else cures.GREETING
            )
            yield self._try("actions", lambda: self._actions(client), cures.MUTE)
            yield self._try("events", lambda: self._events(client), cures.MUTE)
            yield self._receivers(client)
            yield self._try("listeners", lambda: self._listeners(client), cures.MUTE)
            yield self._try("clock", lambda: self._clock(client), cures.MUTE)
            yield self._try("latency", lambda: self._latency(client), cures.MUTE)

    @staticmethod
    def _try(step: str, work: Callable[[], Finding], cure: str) -> Finding:
        try:
            return work()
        except AmiError as error:
            return failed(step, error.message, cure)

    def _enquiry(self, client: Client) -> Enquiry:
        return Enquiry(client.server(self._config.name), self._config, self._within)

    # --- outside ---

    def _dns(self) -> Finding:
        began = time.monotonic()
        self._addresses = look_up(self._config, self._within)
        found = ", ".join(dict.fromkeys(str(address[4][0]) for address in self._addresses))
        if found == self._config.host:
            return ok("dns", f"{found} is an address already")
        return ok("dns", f"{self._config.host} is {found} ({_since(began)})")

    def _tcp(self) -> Finding:
        began = time.monotonic()
        peer = connect(replace(self._config, tls=None), self._addresses, self._within)
        return ok("tcp", f"{peer} accepts ({_since(began)})")

    def _tls(self) -> Finding:
        began = time.monotonic()
        peer = connect(self._config, self._addresses, self._within)
        tls = self._config.tls
        if tls is not None and not tls.verify and not tls.fingerprint:
            return warning(
                "tls", "encrypted, but anybody in between can be the server", cures.VERIFY
            )
        how = (
            "has the pinned certificate"
            if tls is not None and tls.fingerprint
            else "has a certificate that is trusted"
        )
        return ok("tls", f"{peer} {how} ({_since(began)})")

    def _greeting(self) -> Finding:
        said = greeting(self._config, self._addresses, self._within)
        self._is_ami = "call manager" in said.lower()
        if not self._is_ami:
            return warning(
                "greeting",
                f"it says {said[:60]!r}",
                "Is this the port of AMI? A proxy may say so, too.",
            )
        return ok("greeting", said)

    def _login(self, client: Client) -> Finding:
        try:
            self._enquiry(client).connect()
        except AuthenticationFailed as error:
            return failed("login", error.message, cures.LOGIN)
        status = client.server(self._config.name).status()
        version = (
            status.asterisk_version or "of unknown version (it needs write=reporting to be told)"
        )
        return ok(
            "login", f"as {self._config.username!r}: Asterisk {version}, AMI {status.ami_version}"
        )

    # --- inside ---

    def _actions(self, client: Client) -> Finding:
        self._rights = rights = self._enquiry(client).rights()
        if rights.commands is None:
            return warning(
                "actions",
                "the server does not say what may be run",
                "Does a proxy refuse ListCommands?",
            )
        said = f"{len(rights.commands)} actions may be run, write={_names(rights.write)}"
        version = client.server(self._config.name).status().asterisk_version
        lacking = list(
            lacking_actions(
                self._needs.usage,
                rights,
                rights.commands,
                version,
                filters=self._config.options.server_filters == "auto",
            )
        )
        if lacking:
            said = (
                f"{said}; this project sends what cannot be run: "
                f"{'; '.join(why for why, _ in lacking)}"
            )
            return failed("actions", said, " ".join(dict.fromkeys(cure for _, cure in lacking)))
        return ok("actions", said)

    def _events(self, client: Client) -> Finding:
        rights, sees_system = self._rights, _booted(client)
        mask = self._config.options.events
        enquiry = self._enquiry(client)
        filtered, selection = "", self._selection(mask)
        answer = enquiry.ask(Events(mask))
        if selection is not None:
            filtered = _filters(selection)
            if selection.only or selection.without:
                filtered += f"; {sample(client, selection, self._within)}"
        enquiry.ask(Events("off"))
        turned = "" if answer is None else answer.get("Events", "")
        if rights.read is not None:
            said = f"read={_names(rights.read)}"
        elif sees_system:
            said = "read= has system; the rest only an account with write=command can see"
        else:
            said = "read= lacks system"
        said = (
            f"the option events is {mask!r}, the server turns them "
            f"{turned.lower() or 'not on'}; {said}{filtered}"
        )
        if mask != "off" and turned.lower() != "on":
            return failed(
                "events", said, "Set the option events to 'on', or to classes with commas."
            )
        if not sees_system:
            return warning(
                "events", said, "Add system to read=: FullyBooted and Shutdown are of that class."
            )
        return ok("events", said)

    def _selection(self, mask: str) -> Selection | None:
        """The events that a listener would ask the server for, if it filters any."""
        if self._config.options.server_filters == "off" or mask == "off":
            return None
        return select(self._needs.names, mask)

    def _receivers(self, client: Client) -> Finding:
        needs, rights = self._needs, self._rights
        if not needs.events and not needs.every_event:
            return ok("receivers", "none are connected: this process sends actions only")
        status = client.server(self._config.name).status()
        before_12 = status.ami_version.startswith("1.")
        mask, version = self._config.options.events, status.asterisk_version
        mute = list(mute_receivers(needs, mask, rights, version, before_12=before_12))
        count = sum(len(wanted.receivers) for wanted in needs.events)
        said = f"{counted(count, 'receiver')} of {counted(len(needs.events), 'event')}"
        said += ", and some of every event" if needs.every_event else ""
        if mute:
            sure = any(sure for _, sure in mute)
            said = (
                f"{said}; {'' if sure else 'perhaps '}never called: "
                f"{'; '.join(why for why, _ in mute)}"
            )
            return (
                failed("receivers", said, cures.RECEIVERS)
                if sure
                else warning("receivers", said, cures.UNKNOWN)
            )
        if rights.read is None:
            known = "as far as the option events goes; what read= allows cannot be seen"
            return ok("receivers", f"{said}: all can be called, {known}")
        return ok("receivers", f"{said}: all can be called")

    def _listeners(self, client: Client) -> Finding:
        here = listeners_of(self._config)
        said = (
            f"{f'{len(here)} processes' if here[1:] else '1 process' if here else 'no process'} "
            "of ami_listen"
        )
        said += f" here, of this user{f' ({some(here)})' if here else ''}"
        sessions = self._enquiry(client).sessions(self._rights)
        if sessions is not None:
            said += (
                f"; sessions of {self._config.username!r}, this one included: {addresses(sessions)}"
            )
        if too_many(here):
            return warning(
                "listeners", f"{said}: every event is delivered more than once", cures.LISTENERS
            )
        return ok("listeners", said)

    def _clock(self, client: Client) -> Finding:
        _, skew = self._enquiry(client).pings()
        if skew is None:
            return Finding("clock", Verdict.SKIPPED, "the server does not say what time it is")
        said = f"{clock(skew)} s from ours"
        if abs(skew) > _SKEW_SECONDS:
            return warning(
                "clock", said, "Run NTP on both: times of events and of this site do not agree."
            )
        return ok("clock", said)

    def _latency(self, client: Client) -> Finding:
        latency, _ = self._enquiry(client).pings()
        times = (latency.least, latency.median, latency.most)
        said = (
            f"{' / '.join(f'{one * 1000:.1f}' for one in times)} ms (least / median / most of "
            f"{PINGS} pings)"
        )
        if latency.median > _SLOW_SECONDS:
            cure = (
                "Look at the load of the server and of the network: every action takes so long "
                "at least."
            )
            return warning("latency", said, cure)
        return ok("latency", said)


def _booted(client: Client) -> bool:
    """True if FullyBooted came with the login."""
    found = False
    while items := client.inbox.take(0)[1]:
        found = found or any(isinstance(item, Event) for item in items)
    return found


def _filters(selection: Selection) -> str:
    """The filters of a listener, in words."""
    if selection.only is not None:
        return f"; ami_listen lets in {', '.join(sorted(selection.only))} alone"
    return f"; ami_listen keeps out {', '.join(sorted(selection.without)) or 'nothing'}"


def _since(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.1f} ms"


def _names(classes: tuple[str, ...] | None) -> str:
    if classes is None:
        return "unknown"
    return "all" if len(classes) == len(EVENT_CLASSES) else ",".join(classes) or "nothing"
