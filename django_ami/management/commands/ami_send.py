"""``manage.py ami_send``: one action to one server, and its answer."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.core.management.base import CommandError, CommandParser

from django_ami.core.actions import Action
from django_ami.core.errors import ActionFailed, ActionTimeout, AmiError, ConfigurationError
from django_ami.core.session import Role
from django_ami.management.console import ConsoleCommand, Exit, Stopped, caller, exit_code, names, seconds
from django_ami.management.hints import about_action
from django_ami.management.text import headers, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_ami.core.config import ServerConfig
    from django_ami.core.messages import Event, Response
    from django_ami.core.pending import PendingAction

#: Told elsewhere, or of no use to a reader.
_OF_RESPONSE: Final = ("Response", "ActionID", "Message", "EventList", "Output")
_OF_ITEM: Final = ("Event", "ActionID", "Privilege")
#: How long Asterisk lets a call ring if nothing is said, in seconds, and what the news of it may take to get here.
_RINGS: Final = 30.0
_ON_THE_WAY: Final = 10.0


class Command(ConsoleCommand):
    """Sends, waits, prints."""

    help = (
        "Send one AMI action and print its answer: what the server says, and the items of a list as a table. Any "
        "action with any headers; a key that is repeated is sent repeatedly. Nothing is sent twice, and nothing is "
        "sent that the server could take for something else. An Originate is asynchronous unless Async=false is given."
    )
    examples = """\
Ping
QueueStatus Queue=support --fields=Name,Status,CallsTaken
Originate Channel=PJSIP/101 Context=default Exten=500 Priority=1 Variable=a=1 Variable=b=2
Originate Channel=PJSIP/101 Application=Playback Data=beep --wait-event=OriginateResponse
Command "Command=core show uptime"
--server=node_1 --json CoreShowChannels | jq -r '.events[].Channel'"""
    exits: ClassVar[Mapping[int, str]] = {
        Exit.REFUSED: "",
        Exit.ERROR: "the server answered Error, or the call that was waited for failed",
        Exit.TIMEOUT: "no answer in time: whether the action was sent, stderr says",
        Exit.UNREACHABLE: "",
        130: "stopped by SIGINT: whether the action was sent, stderr says",
        143: "stopped by SIGTERM, likewise",
    }
    one_server = True

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        # Options may stand between the headers, as one types them.
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", metavar="ACTION", help="its name: manage.py ami_send ListCommands lists them")
        parser.add_argument("header", metavar="KEY=VALUE", nargs="*", default=[], help="its headers, in this order")
        parser.add_argument(
            "--timeout",
            type=seconds,
            metavar="SECONDS",
            help="within which the answer must have come, connecting included (default: the option action_timeout)",
        )
        parser.add_argument(
            "--wait-event",
            metavar="NAME",
            help="wait for the event of this name that carries the ActionID, too: OriginateResponse, UserEvent, …",
        )
        parser.add_argument(
            "--fields", type=names, metavar="KEY,…", help="columns of the table (default: all that are not empty)"
        )

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        (server,) = servers
        action = _action(options["action"], options["header"], options["wait_event"])
        role = Role.CALLER
        if options["wait_event"]:
            # Such an event is broadcast to those who have events on.
            server, role = replace(server, options=replace(server.options, events="on")), Role.LISTENER
        began = time.monotonic()
        with caller([server], role) as client:
            if options["wait_event"]:
                client.set_interest(frozenset({options["wait_event"].lower()}))
            pending = client.send(action, timeout=options["timeout"])
            try:
                response, error = _wait(pending)
            except Stopped:
                self.warn(f"{server.name}: {_left(pending)}")
                raise
        answer = Answer(server.name, response, error, time.monotonic() - began)
        if options["json"]:
            self.say_json(answer.as_dict())
        elif response is not None:
            self._print(answer, options["fields"])
        if error is not None:
            hint = about_action(action.name, error) if isinstance(error, ActionFailed) else ""
            raise CommandError(f"{error} {hint}".rstrip(), returncode=exit_code(error)) from None
        return Exit.OK if answer.ok else Exit.ERROR

    def _print(self, answer: Answer, fields: tuple[str, ...] | None) -> None:
        response = answer.response
        assert response is not None  # noqa: S101  (for the type checker)
        style = self.style.SUCCESS if response.ok else self.style.ERROR
        self.say(f"{answer.server}: {response.status}{': ' * bool(response.message)}{response.message}", style)
        self._print_pairs(headers(response, without=_OF_RESPONSE))
        for line in _as_list(headers(response).get("Output")):
            self.say(line)
        kinds = dict.fromkeys(event.name for event in response.events)
        for kind in kinds:
            items = [headers(event, without=_OF_ITEM) for event in response.events if event.name == kind]
            self.say()
            self.say(f"{kind} ({len(items)})", self.style.MIGRATE_HEADING)
            known = {key.lower() for item in items for key in item}
            columns = None if fields is None else [field for field in fields if field.lower() in known]
            for line in ["none of these fields"] if columns == [] else table(items, columns):
                self.say(line)
        if not response.events and _is_list(response):
            self.say("0 items")
        final = response.final_event
        if final is not None:
            rest = headers(final, without=("Event", "ActionID", "EventList", "ListItems", "Privilege"))
            if response.outcome is not None and "Reason" in rest:
                rest["Reason"] = f"{rest['Reason']} ({response.outcome.description})"
            if rest:
                self.say()
                self.say(final.name, self.style.MIGRATE_HEADING)
                self._print_pairs(rest)
        if response.outcome is not None:
            self.say()
            style = self.style.SUCCESS if answer.ok else self.style.ERROR
            self.say(f"The call: {response.outcome.result}: {response.outcome.description}", style)

    def _print_pairs(self, pairs: Mapping[str, str | list[str]]) -> None:
        width = max(map(len, pairs), default=0)
        for key, value in pairs.items():
            for one in _as_list(value):
                self.say(f"{key + ':' if key else '':<{width + 1}} {one}".rstrip())


class Answer:
    """What came back."""

    def __init__(self, server: str, response: Response | None, error: AmiError | None, took: float) -> None:
        self.server = server
        self.response = response
        self.error = error
        self.took = took

    @property
    def ok(self) -> bool:
        """True if the server says Success; of a call that was waited for: if it was answered."""
        if self.error is not None or self.response is None:
            return False
        outcome = self.response.outcome
        return self.response.ok and (outcome is None or outcome.answered)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        response, error = self.response, self.error
        final = None if response is None else response.final_event
        return {
            "server": self.server,
            "ok": self.ok,
            "seconds": round(self.took, 3),
            "response": None if response is None else headers(response, without=("ActionID",)),
            "events": [] if response is None else [_item(event) for event in response.events],
            "final_event": None if final is None else _item(final),
            "error": None
            if error is None
            else {"type": type(error).__name__, "message": error.message, "sent": error.sent},
        }


def _is_list(response: Response) -> bool:
    """True if the server said where the list begins, or where it ends."""
    final = response.final_event
    return "EventList" in response or (final is not None and "EventList" in final)


def _item(event: Event) -> dict[str, str | list[str]]:
    return headers(event, without=("ActionID",))


def _as_list(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


def _action(name: str, given: Iterable[str], wait_event: str | None) -> Action:
    """The action of the arguments. Raises ConfigurationError for one that is no KEY=VALUE."""
    collected: dict[str, list[str]] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            example = """Channel=PJSIP/101-00000001, or "Command=core show uptime" where there are blanks"""
            raise ConfigurationError(f"{text!r} is no KEY=VALUE: {name} was not sent. Write a header as in {example}.")
        collected.setdefault(key, []).append(value)
    action = Action(name, collected)
    if name.lower() == "originate":
        action = _asynchronous(action, collected)
    action.final_event = wait_event
    # What became of the call is told by its Hangup, too.
    action.final_broadcast = name.lower() == "originate" and wait_event == "OriginateResponse"
    return action


def _asynchronous(action: Action, collected: dict[str, list[str]]) -> Action:
    """An Originate leaves the connection free, as the class Originate does, and has the time that it rings."""
    keys = {key.lower(): values[0] for key, values in collected.items()}
    if "async" not in keys:
        action = Action(action.name, {**collected, "Async": "true"})
    rings = keys.get("timeout", "")
    action.timeout = (int(rings) / 1000 if rings.isdecimal() else _RINGS) + _ON_THE_WAY
    return action


def _wait(pending: PendingAction) -> tuple[Response | None, AmiError | None]:
    try:
        return pending.result(), None
    except ActionFailed as error:
        return error.response, error
    except AmiError as error:
        return (pending.response if isinstance(error, ActionTimeout) else None), error


def _left(pending: PendingAction) -> str:
    if pending.position is None:
        return f"{pending.name} was not sent."
    return f"{pending.name} was sent, so it may be carried out: look before you repeat it."
