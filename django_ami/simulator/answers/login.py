"""The session itself: login and logoff, event mask, filters, Ping, WaitEvent, ListCommands."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import TYPE_CHECKING

from django_ami.simulator.answers import registry
from django_ami.simulator.answers.registry import action
from django_ami.simulator.filters import EventFilter, FilterError
from django_ami.simulator.frames import encode, render
from django_ami.simulator.masks import CLASSES, event_mask, permissions

if TYPE_CHECKING:
    from django_ami.simulator.exchange import Exchange
    from django_ami.simulator.options import User

__all__ = [
    "add_filter",
    "challenge",
    "events",
    "list_commands",
    "login",
    "logoff",
    "ping",
    "user_event",
    "wait_event",
]


def _user(x: Exchange, name: str) -> tuple[str, User] | None:
    """Names are compared without case; a user without a secret can never log in."""
    users = x.server.users.items()
    return next(
        ((key, user) for key, user in users if key.lower() == name.lower() and user.secret), None
    )


async def _refuse(x: Exchange, message: str) -> bytes:
    await asyncio.sleep(x.server.faults.login_delay)
    x.session.closing = True
    return x.error(message)


def _in_use(x: Exchange) -> bool:
    found = _user(x, x.get("Username"))
    return found is not None and not found[1].allowmultiplelogin and x.server.is_in_use(found[0])


@action("Challenge")
async def challenge(x: Exchange) -> bytes:
    """Get a challenge for an MD5 login."""
    if _in_use(x):
        return await _refuse(x, "Login Already In Use")
    if x.get("AuthType").lower() != "md5":
        return x.error("Must specify AuthType")
    return x.answer("Success", ("Challenge", x.session.make_challenge()))


@action("Login")
async def login(x: Exchange) -> bytes:
    """Log in."""
    if x.session.logged_in:
        return x.ok("Already authenticated")
    x.server.ledger.count("login_attempts")
    if _in_use(x):
        return await _refuse(x, "Login Already In Use")
    found = _user(x, x.get("Username"))
    if found is None or found[1].acl_refused or not _proved(x, found[1]):
        return await _refuse(x, "Authentication failed")
    await asyncio.sleep(x.server.faults.login_reply_delay)
    name, user = found
    mask = event_mask(x.get("Events"))
    x.session.accept(name, user, permissions(user.read), permissions(user.write), mask)
    x.server.ledger.count("logins")
    welcome = x.ok("Authentication accepted")
    greeted = x.server.booted and x.session.mask & CLASSES["system"]
    return welcome + _fully_booted(x) if greeted else welcome


def _proved(x: Exchange, user: User) -> bool:
    if x.get("AuthType").lower() != "md5":
        return hmac.compare_digest(encode(x.get("Secret")), encode(user.secret))
    text = x.session.challenge + user.secret
    key = hashlib.md5(encode(text), usedforsecurity=False).hexdigest()
    return bool(x.session.challenge) and hmac.compare_digest(encode(x.get("Key")), key.encode())


def _fully_booted(x: Exchange) -> bytes:
    """FullyBooted right after a login: no filter holds it back, and it has no Timestamp."""
    profile, uptime = x.server.profile, str(x.server.uptime)
    up = [("Uptime", uptime), ("LastReload", uptime)] if profile.booted_has_uptime else []
    return render(
        [("Event", "FullyBooted"), ("Privilege", "system,all"), *up, ("Status", "Fully Booted")]
    )


@action("Logoff")
def logoff(x: Exchange) -> bytes:
    """Log off."""
    x.server.ledger.count("logoffs")
    x.session.closing = True
    x.session.drop_held()  # events that wait are not written any more
    return x.answer("Goodbye", ("Message", "Thanks for all the fish."))


@action("Ping")
def ping(x: Exchange) -> bytes:
    """Keep the connection alive."""
    return x.answer("Success", ("Ping", "Pong"), ("Timestamp", f"{time.time():.6f}"))


@action("Events")
def events(x: Exchange) -> bytes:
    """Choose which events this connection gets."""
    text = x.get("EventMask")
    if not text:
        return x.error("Invalid event mask")
    x.session.events_mask = event_mask(text)
    return x.answer("Success", ("Events", "On" if x.session.events_mask else "Off"))


@action("Filter", "system")
def add_filter(x: Exchange) -> bytes:
    """Add an event filter to this connection; it cannot be removed."""
    if x.get("Operation").lower() != "add":
        return x.error("Unknown operation")
    criteria = x.get("MatchCriteria") if x.server.profile.has_match_criteria else ""
    made = EventFilter.parse(x.get("Filter"), criteria)
    if isinstance(made, FilterError):
        return x.error(made.value)
    x.session.filters.append(made)
    return x.ok("Success")


@action("WaitEvent")
async def wait_event(x: Exchange) -> bytes:
    """Wait for an event."""
    text = x.get("Timeout")
    seconds = float(text) if text.isdecimal() else None
    came = await x.session.wait_event(seconds)
    end = render([("Event", "WaitEventComplete"), *x.echo])
    return x.ok("Waiting for Event completed.") + came + end


@action("ListCommands")
def list_commands(x: Exchange) -> bytes:
    """List the actions that the user may run."""
    actions = registry.available(x.server.profile, x.session.write_bits, booted=x.server.booted)
    lines = [
        (
            one.name,
            f"{one.synopsis}  (Priv: {f'{one.privileges},all' if one.privileges else '<none>'})",
        )
        for one in actions
    ]
    return x.answer("Success", *lines)


@action("UserEvent", "user")
def user_event(x: Exchange) -> bytes:
    """Send an event to everybody.

    All other lines go into it as they are, the sender's ActionID too.
    """
    own = ("action:", "actionid:", "userevent:")
    lines = [line for line in x.request.lines if not line.lower().startswith(own)]
    event = x.server.event("UserEvent", [("UserEvent", x.get("UserEvent")), *x.echo])
    event.data = event.data[:-2] + encode("".join(f"{line}\r\n" for line in lines)) + b"\r\n"
    x.server.broadcast(event)
    return x.ok("Event Sent")
