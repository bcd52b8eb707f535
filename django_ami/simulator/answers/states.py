"""States of extensions, devices and endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.simulator.answers.registry import action

if TYPE_CHECKING:
    from django_ami.simulator.exchange import Exchange
    from django_ami.simulator.pbx import Endpoint

__all__ = [
    "device_state_list",
    "extension_state",
    "extension_state_list",
    "mailbox_count",
    "mailbox_status",
    "pjsip_show_contacts",
    "pjsip_show_endpoint",
    "pjsip_show_endpoints",
    "presence_state",
    "presence_state_list",
    "voicemail_users_list",
]

_WORDS = {
    "NOT_INUSE": "Not in use",
    "INUSE": "In use",
    "UNAVAILABLE": "Unavailable",
    "RINGING": "Ringing",
}


@action("ExtensionState", "call,reporting")
def extension_state(x: Exchange) -> bytes:
    """Show the state of an extension; one without a hint is -1."""
    exten, context = x.get("Exten"), x.get("Context") or "default"
    if not exten:
        return x.error("Extension not specified")
    hint = x.pbx.hints.get(exten, "") if context == "default" else ""
    number, text = x.pbx.extension_status(hint) if hint else (-1, "Unknown")
    return x.ok(
        "Extension Status",
        ("Exten", exten),
        ("Context", context),
        ("Hint", hint),
        ("Status", str(number)),
        ("StatusText", text),
    )


@action("ExtensionStateList", "call,reporting")
def extension_state_list(x: Exchange) -> bytes:
    """List the states of all extensions with a hint. The items are named like the live events."""
    if not x.pbx.hints:
        return x.error("No dialplan hints are available")
    items = [x.item("ExtensionStatus", *x.pbx.extension_headers(exten)) for exten in x.pbx.hints]
    return x.listing("Extension Statuses will follow", items, "ExtensionStateListComplete")


@action("DeviceStateList", "call,reporting", module=True)
def device_state_list(x: Exchange) -> bytes:
    """List the states of all devices. The items are named like the live events."""
    devices = {f"PJSIP/{name}" for name in x.pbx.endpoints} | {
        one.device for one in x.pbx.channels.values()
    }
    items = [
        x.item("DeviceStateChange", ("Device", device), ("State", x.pbx.device_state(device)))
        for device in sorted(devices)
    ]
    return x.listing("Device State Changes will follow", items, "DeviceStateListComplete")


def _presence(value: str) -> list[str]:
    """State, subtype and message of a stored presence."""
    return [*value.split(","), "", "", ""][:3]


@action("PresenceState", "call,reporting")
def presence_state(x: Exchange) -> bytes:
    """Show a presence.

    ``Message`` comes twice when there is one: the answer's own, then the presence's.
    """
    if not x.get("Provider"):
        return x.error("No provider specified")
    message = x.pbx.database.get(f"/CustomPresence/{x.get('Provider').partition(':')[2]}", "")
    state, subtype, text = _presence(message)
    more = [("Subtype", subtype), ("Message", text), ("PresenceMessage", text)] if message else []
    return x.ok("Presence State", ("State", state or "not_set"), *more)


@action("PresenceStateList", "call,reporting", module=True)
def presence_state_list(x: Exchange) -> bytes:
    """List all presences."""
    family = "/CustomPresence/"
    items = []
    for key, value in x.pbx.database.items():
        if key.startswith(family):
            state, subtype, text = _presence(value)
            name = ("Presentity", f"CustomPresence:{key.removeprefix(family)}")
            rest = [("Status", state), ("Subtype", subtype), ("Message", text)]
            items.append(x.item("PresenceStateChange", name, *rest))
    return x.listing("Presence State Changes will follow", items, "PresenceStateListComplete")


def _endpoint_headers(x: Exchange, endpoint: Endpoint) -> list[tuple[str, str]]:
    device = f"PJSIP/{endpoint.name}"
    active = sum(channel.device == device for channel in x.pbx.channels.values())
    return [
        ("ObjectType", "endpoint"),
        ("ObjectName", endpoint.name),
        ("Transport", "transport-udp"),
        ("Aor", endpoint.name),
        ("Auths", endpoint.name),
        ("OutboundAuths", ""),
        ("Contacts", f"{endpoint.contact}," if endpoint.registered else ""),
        ("DeviceState", _WORDS[x.pbx.device_state(device)]),
        ("ActiveChannels", str(active)),
    ]


@action("PJSIPShowEndpoints", "system", module=True)
def pjsip_show_endpoints(x: Exchange) -> bytes:
    """List the PJSIP endpoints. The event that ends the list is not named after the action."""
    if not x.pbx.endpoints:
        return x.error("No endpoints found\n")
    items = [x.item("EndpointList", *_endpoint_headers(x, one)) for one in x.pbx.endpoints.values()]
    text = "A listing of Endpoints follows, presented as EndpointList events"
    return x.listing(text, items, "EndpointListComplete")


@action("PJSIPShowEndpoint", "system", module=True)
def pjsip_show_endpoint(x: Exchange) -> bytes:
    """Show one PJSIP endpoint with its parts. The errors end in a bare LF, as in res_pjsip."""
    name = x.get("Endpoint")
    if not name:
        return x.error("PJSIPShowEndpoint requires an endpoint name\n")
    endpoint = x.pbx.endpoints.get(name)
    if endpoint is None:
        return x.error(f"Unable to retrieve endpoint {name}\n")
    items = [
        x.item(
            "EndpointDetail",
            ("ObjectType", "endpoint"),
            ("ObjectName", name),
            ("Aors", name),
            ("Context", "default"),
            ("Transport", "transport-udp"),
            ("Auth", name),
            ("DeviceState", _WORDS[x.pbx.device_state(f"PJSIP/{name}")]),
            ("ActiveChannels", _endpoint_headers(x, endpoint)[-1][1]),
        ),
        x.item(
            "AorDetail",
            ("ObjectType", "aor"),
            ("ObjectName", name),
            ("MaxContacts", "1"),
            ("Contacts", endpoint.contact),
            ("TotalContacts", str(int(endpoint.registered))),
            ("ContactsRegistered", str(int(endpoint.registered))),
            ("EndpointName", name),
        ),
    ]
    text = "Following are Events for each object associated with the Endpoint"
    return x.listing(text, items, "EndpointDetailComplete")


@action("PJSIPShowContacts", "system", since=16, module=True)
def pjsip_show_contacts(x: Exchange) -> bytes:
    """List the PJSIP contacts; no contact at all is an error that ends in a bare LF."""
    registered = [endpoint for endpoint in x.pbx.endpoints.values() if endpoint.registered]
    if not registered:
        return x.error("No Contacts found\n")
    items = [
        x.item(
            "ContactList",
            ("ObjectType", "contact"),
            ("ObjectName", one.name),
            ("Uri", one.contact.partition("/")[2]),
            ("Status", "Reachable"),
            ("Endpoint", one.name),
        )
        for one in registered
    ]
    text = "A listing of Contacts follows, presented as ContactList events"
    return x.listing(text, items, "ContactListComplete")


@action("MailboxStatus", "call,reporting")
def mailbox_status(x: Exchange) -> bytes:
    """Are there messages in a mailbox?"""
    if not x.get("Mailbox"):
        return x.error("Mailbox not specified")
    return x.ok("Mailbox Status", ("Mailbox", x.get("Mailbox")), ("Waiting", "0"))


@action("MailboxCount", "call,reporting")
def mailbox_count(x: Exchange) -> bytes:
    """Count the messages of a mailbox."""
    if not x.get("Mailbox"):
        return x.error("Mailbox not specified")
    counts = [("UrgMessages", "0"), ("NewMessages", "0"), ("OldMessages", "0")]
    return x.ok("Mailbox Message Count", ("Mailbox", x.get("Mailbox")), *counts)


@action("VoicemailUsersList", "call,reporting", module=True)
def voicemail_users_list(x: Exchange) -> bytes:
    """List the voicemail users. There are none: a success that is no list and has no end."""
    return x.ok("There are no voicemail users currently defined.")
