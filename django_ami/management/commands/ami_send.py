"""``manage.py ami_send``: one action to one server, and its answer."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.core.management.base import CommandError, CommandParser

from django_ami import acting
from django_ami.core.errors import ActionFailed
from django_ami.core.escaping import quoted
from django_ami.core.session import Role
from django_ami.tools.arguments import names, seconds
from django_ami.tools.console import ConsoleCommand, caller
from django_ami.tools.exits import Exit, exit_code
from django_ami.tools.hints import about_action
from django_ami.tools.sending import Answer, action_of, left, wait
from django_ami.tools.stopping import Stopped
from django_ami.tools.text import headers, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.config import ServerConfig
    from django_ami.core.messages import Response

__all__ = ["Command"]

#: Told elsewhere, or of no use to a reader.
_OF_RESPONSE: Final = ("Response", "ActionID", "Message", "EventList", "Output")
_OF_ITEM: Final = ("Event", "ActionID", "Privilege")


class Command(ConsoleCommand):
    """Sends, waits, prints."""

    help = (
        "Send one AMI action and print its answer: what the server says, and the items of a list "
        "as a table. Any action with any headers; a key that is repeated is sent repeatedly. "
        "Nothing is sent twice, and nothing is sent that the server could take for something "
        "else. An Originate is asynchronous unless Async=false is given."
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
        parser.add_argument(
            "action", metavar="ACTION", help="its name: manage.py ami_send ListCommands lists them"
        )
        parser.add_argument(
            "header", metavar="KEY=VALUE", nargs="*", default=[], help="its headers, in this order"
        )
        parser.add_argument(
            "--timeout",
            type=seconds,
            metavar="SECONDS",
            help=(
                "within which the answer must have come, connecting included (default: the "
                "option action_timeout)"
            ),
        )
        parser.add_argument(
            "--wait-event",
            metavar="NAME",
            help=(
                "wait for the event of this name that carries the ActionID, too: "
                "OriginateResponse, UserEvent, …"
            ),
        )
        parser.add_argument(
            "--fields",
            type=names,
            metavar="KEY,…",
            help="columns of the table (default: all that are not empty)",
        )

    def run(self, servers: tuple[ServerConfig, ...], options: dict[str, Any]) -> Exit:
        (server,) = servers
        action = action_of(options["action"], options["header"], options["wait_event"])
        role = Role.CALLER
        if options["wait_event"]:
            # Such an event is broadcast to those who have events on.
            server, role = (
                replace(server, options=replace(server.options, events="on")),
                Role.LISTENER,
            )
        began = time.monotonic()
        with caller([server], role) as client:
            if options["wait_event"]:
                client.set_interest(frozenset({options["wait_event"].lower()}))
            with acting.by_command("ami_send", action):
                pending = client.send(action, timeout=options["timeout"])
            try:
                response, error = wait(pending)
            except Stopped:
                self.warn(f"{server.name}: {left(pending)}")
                raise
        answer = Answer(server.name, response, error, time.monotonic() - began)
        outcome = (
            None
            if response is None
            else f"{action.name} was sent and answered: {quoted(response.status)}."
        )
        self.done = f"{server.name}: {outcome or error}"
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
        said = f": {quoted(response.message)}" if response.message else ""
        self.say(f"{answer.server}: {response.status}{said}", style)
        self._print_pairs(headers(response, without=_OF_RESPONSE))
        for line in _as_list(headers(response).get("Output")):
            self.say(line)
        kinds = dict.fromkeys(event.name for event in response.events)
        for kind in kinds:
            items = [
                headers(event, without=_OF_ITEM) for event in response.events if event.name == kind
            ]
            self.say()
            self.say(f"{kind} ({len(items)})", self.style.MIGRATE_HEADING)
            known = {key.lower() for item in items for key in item}
            columns = (
                None if fields is None else [field for field in fields if field.lower() in known]
            )
            for line in ["none of these fields"] if columns == [] else table(items, columns):
                self.say(line)
        if not response.events and _is_list(response):
            self.say("0 items")
        final = response.final_event
        if final is not None:
            rest = headers(
                final, without=("Event", "ActionID", "EventList", "ListItems", "Privilege")
            )
            if response.outcome is not None and "Reason" in rest:
                rest["Reason"] = f"{rest['Reason']} ({response.outcome.description})"
            if rest:
                self.say()
                self.say(final.name, self.style.MIGRATE_HEADING)
                self._print_pairs(rest)
        if response.outcome is not None:
            self.say()
            style = self.style.SUCCESS if answer.ok else self.style.ERROR
            # The two are written once if they are equal.
            told = dict.fromkeys((response.outcome.result, response.outcome.description))
            self.say(f"The call: {': '.join(told)}", style)

    def _print_pairs(self, pairs: Mapping[str, str | list[str]]) -> None:
        width = max(map(len, pairs), default=0)
        for key, value in pairs.items():
            for one in _as_list(value):
                self.say(f"{key + ':' if key else '':<{width + 1}} {one}".rstrip())


def _is_list(response: Response) -> bool:
    """True if the server said where the list begins, or where it ends."""
    final = response.final_event
    return "EventList" in response or (final is not None and "EventList" in final)


def _as_list(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value
