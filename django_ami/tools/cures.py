"""The cures that ``ami_doctor`` advises, one for each fault that it finds."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACCOUNT",
    "DNS",
    "GONE",
    "GREETING",
    "LISTENERS",
    "LOGIN",
    "MODULE",
    "MUTE",
    "RECEIVERS",
    "TCP",
    "TLS",
    "UNKNOWN",
    "VERIFY",
]

DNS: Final = (
    "Fix HOST, or give an address; 'getent hosts NAME' shows what this machine makes of a name."
)
TCP: Final = (
    "On the server, 'manager show settings' must say enabled, and this port; bindaddr = 127.0.0.1 "
    "lets no other machine in. If it does, look at the firewalls in between."
)
TLS: Final = (
    "On the server: tlsenable = yes, tlscertfile, and the port of tlsbindaddr (5039). Here: "
    "CA_FILE, SERVER_HOSTNAME or FINGERPRINT, as the message says."
)
VERIFY: Final = "Remove VERIFY, and set CA_FILE or FINGERPRINT."
GREETING: Final = (
    "Is it the port of AMI, with or without TLS as the settings say? Asterisk lets 50 wait for "
    "their login (authlimit) and greets nobody while it stops."
)
LOGIN: Final = (
    "On the server, 'manager show user NAME' must show the user and a secret, and its ACL this "
    "machine's address; after a change: 'manager reload'. 'manage.py ami_doctor --manager-conf' "
    "prints a stanza that fits."
)
MUTE: Final = "The server stopped answering: look at its load and its log."
ACCOUNT: Final = (
    "Add the classes to write= of the account: 'manage.py ami_doctor --manager-conf' prints them."
)
GONE: Final = "Remove the actions that are no more."
MODULE: Final = "Load the module on the server, or fix the name of the action."
LISTENERS: Final = "Stop all but one; if they are meant, start them with --allow-others."
RECEIVERS: Final = (
    "Receive the event that comes instead, or read response.events of the action, where that is "
    "said. Add missing classes to read= of the account, and to the option events if that is not "
    "'on'. Remove receivers of events that are no more."
)
UNKNOWN: Final = (
    "Fix the name; a user event has the name 'UserEvent'. If a module of somebody else sends it, "
    "name it in the setting AMI_CUSTOM_EVENTS."
)
