"""From the name of a server to its receivers, step by step; what fails says what to do.

Rule: the first step that fails ends the way, since whatever comes behind it needs it. A warning does not.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from django_ami.checks.receivers import unheard
from django_ami.core.actions import Events
from django_ami.core.catalog import action as find_action
from django_ami.core.config import EVENT_CLASSES
from django_ami.core.errors import AmiError, AuthenticationFailed
from django_ami.core.messages import Event
from django_ami.management.console import caller
from django_ami.management.examination import PINGS, Enquiry, Rights, addresses, clock
from django_ami.management.link import connect, greeting, look_up
from django_ami.management.neighbours import listeners_of, some, too_many
from django_ami.management.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from django_ami.core.client import Client
    from django_ami.core.config import ServerConfig
    from django_ami.core.transport import Addresses
    from django_ami.management.needs import Needs

__all__ = ["NOT_REACHED", "STEPS", "Finding", "Verdict", "diagnose"]

#: In seconds: clocks further apart make times of events and of this site disagree; an answer that takes longer is felt.
_SKEW: Final = 1.0
_SLOW: Final = 0.1

#: Whatever comes behind one of these needs it.
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
#: What is said of the steps behind the one that ended the way.
NOT_REACHED: Final = "not reached"


class Verdict(StrEnum):
    """How a step went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One step: what was seen, and what to do about it."""

    step: str
    verdict: Verdict
    said: str
    cure: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def _ok(step: str, said: str) -> Finding:
    return Finding(step, Verdict.OK, said)


def _warning(step: str, said: str, cure: str) -> Finding:
    return Finding(step, Verdict.WARNING, said, cure)


def _failed(step: str, said: str, cure: str) -> Finding:
    return Finding(step, Verdict.FAILED, said, cure)


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
        yield self._try("dns", self._dns, _CURE_DNS)
        yield self._try("tcp", self._tcp, _CURE_TCP)
        if self._config.tls is None:
            yield Finding("tls", Verdict.SKIPPED, "plain TCP: 'TLS' is not set")
        else:
            yield self._try("tls", self._tls, _CURE_TLS)
        yield self._try("greeting", self._greeting, _CURE_GREETING)
        options = replace(self._config.options, connect_timeout=self._within)
        with caller([replace(self._config, options=options)]) as client:
            client.set_interest(frozenset({"fullybooted"}))
            yield self._try("login", lambda: self._login(client), _CURE_MUTE if self._is_ami else _CURE_GREETING)
            yield self._try("actions", lambda: self._actions(client), _CURE_MUTE)
            yield self._try("events", lambda: self._events(client), _CURE_MUTE)
            yield self._receivers(client)
            yield self._try("listeners", lambda: self._listeners(client), _CURE_MUTE)
            yield self._try("clock", lambda: self._clock(client), _CURE_MUTE)
            yield self._try("latency", lambda: self._latency(client), _CURE_MUTE)

    @staticmethod
    def _try(step: str, work: Callable[[], Finding], cure: str) -> Finding:
        try:
            return work()
        except AmiError as error:
            return _failed(step, error.message, cure)

    def _enquiry(self, client: Client) -> Enquiry:
        return Enquiry(client.server(self._config.name), self._config, self._within)

    # --- outside ---

    def _dns(self) -> Finding:
        began = time.monotonic()
        self._addresses = look_up(self._config, self._within)
        found = ", ".join(dict.fromkeys(str(address[4][0]) for address in self._addresses))
        if found == self._config.host:
            return _ok("dns", f"{found} is an address already")
        return _ok("dns", f"{self._config.host} is {found} ({_since(began)})")

    def _tcp(self) -> Finding:
        began = time.monotonic()
        transport = connect(replace(self._config, tls=None), self._addresses, self._within)
        transport.close()
        return _ok("tcp", f"{transport.peer} accepts ({_since(began)})")

    def _tls(self) -> Finding:
        began = time.monotonic()
        transport = connect(self._config, self._addresses, self._within)
        transport.close()
        tls = self._config.tls
        if tls is not None and not tls.verify and not tls.fingerprint:
            return _warning("tls", "encrypted, but whoever is in between can be the server", _CURE_VERIFY)
        how = (
            "has the pinned certificate" if tls is not None and tls.fingerprint else "has a certificate that is trusted"
        )
        return _ok("tls", f"{transport.peer} {how} ({_since(began)})")

    def _greeting(self) -> Finding:
        transport = connect(self._config, self._addresses, self._within)
        try:
            said = greeting(transport, self._config, self._within)
        finally:
            transport.close()
        self._is_ami = "call manager" in said.lower()
        if not self._is_ami:
            return _warning("greeting", f"it says {said[:60]!r}", "Is this the port of AMI? A proxy may say so, too.")
        return _ok("greeting", said)

    def _login(self, client: Client) -> Finding:
        try:
            self._enquiry(client).connect()
        except AuthenticationFailed as error:
            return _failed("login", error.message, _CURE_LOGIN)
        status = client.server(self._config.name).status()
        version = status.asterisk_version or "of unknown version (it needs write=reporting to be told)"
        return _ok("login", f"as {self._config.username!r}: Asterisk {version}, AMI {status.ami_version}")

    # --- inside ---

    def _actions(self, client: Client) -> Finding:
        self._rights = rights = self._enquiry(client).rights()
        if rights.commands is None:
            return _warning("actions", "the server does not say what may be run", "Does a proxy refuse ListCommands?")
        said = f"{len(rights.commands)} actions may be run, write={_names(rights.write)}"
        version = client.server(self._config.name).status().asterisk_version
        lacking = list(self._lacking(rights, rights.commands, version.partition(".")[0]))
        if lacking:
            said = f"{said}; this project sends what cannot be run: {'; '.join(why for why, _ in lacking)}"
            return _failed("actions", said, " ".join(dict.fromkeys(cure for _, cure in lacking)))
        return _ok("actions", said)

    def _lacking(self, rights: Rights, commands: tuple[str, ...], major: str) -> Iterator[tuple[str, str]]:
        """What the project sends and the account may not, or the server cannot, run; and what to do."""
        may = {name.lower() for name in commands}
        for name in sorted(self._needs.usage.places):
            info = find_action(name)
            if name.lower() in may:
                continue
            if info and info.privileges and set(rights.write or ()).isdisjoint(info.privileges):
                yield f"{name} needs write={' or '.join(info.privileges)}", _CURE_ACCOUNT
            elif info and info.removed_in and major.isdecimal() and int(major) >= info.removed_in:
                yield f"{name} is not there: Asterisk {info.removed_in} no longer has {info.module}", _CURE_GONE
            else:
                module = info.module if info else "that sends it"
                yield f"{name} is not there: is the module {module} loaded?", _CURE_MODULE
        if self._needs.usage.outcomes and "filter" not in may:
            yield "to wait for the outcome of a call needs write=system", _CURE_ACCOUNT

    def _events(self, client: Client) -> Finding:
        rights, sees_system = self._rights, _booted(client)
        mask = self._config.options.events
        enquiry = self._enquiry(client)
        answer = enquiry.ask(Events(mask))
        enquiry.ask(Events("off"))
        turned = "" if answer is None else answer.get("Events", "")
        if rights.read is not None:
            said = f"read={_names(rights.read)}"
        elif sees_system:
            said = "read= has system; the rest only an account with write=command can see"
        else:
            said = "read= lacks system"
        said = f"the option events is {mask!r}, the server turns them {turned.lower() or 'not on'}; {said}"
        if mask != "off" and turned.lower() != "on":
            return _failed("events", said, "Mend the option events: 'on', or classes with commas.")
        if not sees_system:
            return _warning("events", said, "Add system to read=: FullyBooted and Shutdown are of that class.")
        return _ok("events", said)

    def _receivers(self, client: Client) -> Finding:
        needs, rights = self._needs, self._rights
        if not needs.events and not needs.every_event:
            return _ok("receivers", "none are connected: this process sends actions only")
        status = client.server(self._config.name).status()
        mute = list(self._mute(rights, status.asterisk_version, before_12=status.ami_version.startswith("1.")))
        count = sum(len(wanted.receivers) for wanted in needs.events)
        said = f"{counted(count, 'receiver')} of {counted(len(needs.events), 'event')}"
        said += ", and some of every event" if needs.every_event else ""
        if mute:
            sure = any(sure for _, sure in mute)
            said = f"{said}; {'' if sure else 'perhaps '}never called: {'; '.join(why for why, _ in mute)}"
            return _failed("receivers", said, _CURE_RECEIVERS) if sure else _warning("receivers", said, _CURE_UNKNOWN)
        if rights.read is None:
            known = "as far as the option events goes; what read= allows cannot be seen"
            return _ok("receivers", f"{said}: all can be called, {known}")
        return _ok("receivers", f"{said}: all can be called")

    def _mute(self, rights: Rights, version: str, *, before_12: bool) -> Iterator[tuple[str, bool]]:
        """The receivers that can never be called: which, and why, and whether that is sure."""
        mask = self._config.options.events
        asked_for = set(EVENT_CLASSES if mask == "on" else () if mask == "off" else mask.split(","))
        major = version.partition(".")[0]
        for wanted in self._needs.events:
            who = f"{', '.join(wanted.receivers)} ({wanted.name})"
            classes = set(wanted.classes or ())
            found = None if wanted.custom else unheard(wanted.name, before_12=before_12)
            if found is not None:
                yield f"{who}: {found.why.removesuffix('.')}", found.sure
            elif wanted.removed_in and major.isdecimal() and int(major) >= wanted.removed_in:
                yield f"{who}: Asterisk {wanted.removed_in} no longer has it", True
            elif classes - asked_for:
                yield f"{who}: the option events lacks {','.join(sorted(classes - asked_for))}", True
            elif rights.read is not None and classes - set(rights.read):
                yield f"{who}: read= lacks {','.join(sorted(classes - set(rights.read)))}", True

    def _listeners(self, client: Client) -> Finding:
        here = listeners_of(self._config)
        said = f"{f'{len(here)} processes' if here[1:] else '1 process' if here else 'no process'} of ami_listen"
        said += f" here, of this user{f' ({some(here)})' if here else ''}"
        sessions = self._enquiry(client).sessions(self._rights)
        if sessions is not None:
            said += f"; sessions of {self._config.username!r}, this one included: {addresses(sessions)}"
        if too_many(here):
            return _warning("listeners", f"{said}: every event is delivered more than once", _CURE_LISTENERS)
        return _ok("listeners", said)

    def _clock(self, client: Client) -> Finding:
        _, skew = self._enquiry(client).pings()
        if skew is None:
            return Finding("clock", Verdict.SKIPPED, "the server does not say what time it is")
        said = f"{clock(skew)} s from ours"
        if abs(skew) > _SKEW:
            return _warning("clock", said, "Run NTP on both: times of events and of this site do not agree.")
        return _ok("clock", said)

    def _latency(self, client: Client) -> Finding:
        latency, _ = self._enquiry(client).pings()
        times = (latency.least, latency.median, latency.most)
        said = f"{' / '.join(f'{one * 1000:.1f}' for one in times)} ms (least / median / most of {PINGS} pings)"
        if latency.median > _SLOW:
            cure = "Look at the load of the server and of the network: every action takes so long at least."
            return _warning("latency", said, cure)
        return _ok("latency", said)


def _booted(client: Client) -> bool:
    """True if FullyBooted came with the login."""
    found = False
    while items := client.take(0)[1]:
        found = found or any(isinstance(item, Event) for item in items)
    return found


def _since(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.1f} ms"


def _names(classes: tuple[str, ...] | None) -> str:
    if classes is None:
        return "unknown"
    return "all" if len(classes) == len(EVENT_CLASSES) else ",".join(classes) or "nothing"


_CURE_DNS: Final = "Mend HOST, or give an address; 'getent hosts NAME' shows what this machine makes of a name."
_CURE_TCP: Final = (
    "On the server, 'manager show settings' must say enabled, and this port; bindaddr = 127.0.0.1 lets no other "
    "machine in. If it does, look at the firewalls in between."
)
_CURE_TLS: Final = (
    "On the server: tlsenable = yes, tlscertfile, and the port of tlsbindaddr (5039). Here: CA_FILE, SERVER_HOSTNAME "
    "or FINGERPRINT, as the message says."
)
_CURE_VERIFY: Final = "Remove VERIFY, and set CA_FILE or FINGERPRINT."
_CURE_GREETING: Final = (
    "Is it the port of AMI, with or without TLS as the settings say? Asterisk lets 50 wait for their login (authlimit) "
    "and greets nobody while it stops."
)
_CURE_LOGIN: Final = (
    "On the server, 'manager show user NAME' must show the user and a secret, and its ACL this machine's address; "
    "after a change: 'manager reload'. 'manage.py ami_doctor --manager-conf' prints a stanza that fits."
)
_CURE_MUTE: Final = "The server stopped answering: look at its load and its log."
_CURE_ACCOUNT: Final = "Add the classes to write= of the account: 'manage.py ami_doctor --manager-conf' prints them."
_CURE_GONE: Final = "Remove the actions that are no more."
_CURE_MODULE: Final = "Load the module on the server, or fix the name of the action."
_CURE_LISTENERS: Final = "Stop all but one; if they are meant, start them with --allow-others."
_CURE_RECEIVERS: Final = (
    "Receive the event that comes instead, or read response.events of the action, where that is said. Add missing "
    "classes to read= of the account, and to the option events if that is not 'on'. Remove receivers of events that "
    "are no more."
)
_CURE_UNKNOWN: Final = (
    "Fix the name; a user event has the name 'UserEvent'. If a module of somebody else sends it, name it in the "
    "setting AMI_CUSTOM_EVENTS."
)
