"""Asterisk's XML documentation (``core-en_US.xml``): the actions and events that it describes.

Rule: only facts that the documentation states are taken: names, choices, defaults, classes,
versions, required parameters. ``gaps`` says what it leaves out or has wrong. Its texts are under
another licence than django_ami and are not read at all; ``words`` says things in ours.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from django_ami.core.catalog.headers import bridge, channel
from django_ami.core.catalog.info import ActionInfo, EventInfo, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

INCLUDE = "{http://www.w3.org/2001/XInclude}include"
SNAPSHOTS = {"channel_snapshot": channel, "bridge_snapshot": bridge}


class Documentation:
    """The ``actions`` and ``events`` of one file, by name."""

    def __init__(self, path: Path) -> None:
        self._root = ET.parse(path).getroot()
        self.actions = {
            info.name: info for info in map(self._action, reversed(self._root.findall("manager")))
        }
        self.events = self._events()

    def _action(self, element: ET.Element) -> ActionInfo:
        # A module that is built in several ways (app_voicemail) is described once for each; the
        # first one has the name.
        return ActionInfo(
            element.attrib["name"],
            synopsis="",
            module=_module(element),
            parameters=tuple(self._parameters(element.find("syntax"), of_action=True)),
            since=tuple(version.text or "" for version in element.findall("since/version")),
            items=tuple(self._event_names(element.find("responses/list-elements"))),
            final_event=next(self._event_names(element.find("responses")), None),
        )

    def _events(self) -> dict[str, EventInfo]:
        """The events that stand alone, and those that the answer of an action describes."""
        events: dict[str, EventInfo] = {}
        # A module's description of an event of the core comes behind the core's own.
        for element in sorted(
            self._root.iter("managerEvent"), key=lambda one: _module(one) != "core"
        ):
            name = element.attrib["name"]
            for instance in element.findall("managerEventInstance"):
                info = self._event(name, _module(element), instance)
                known = events.setdefault(name, info)
                more = [
                    parameter for parameter in info.parameters if parameter not in known.parameters
                ]
                events[name] = replace(known, parameters=(*known.parameters, *more))
        return events

    def _event(self, name: str, module: str, instance: ET.Element) -> EventInfo:
        return EventInfo(
            name,
            synopsis="",
            module=module,
            privileges=tuple(
                flag.removeprefix("EVENT_FLAG_").lower()
                for flag in re.findall(r"\w+", instance.attrib["class"])
            ),
            parameters=tuple(self._parameters(instance.find("syntax"), of_action=False)),
        )

    def _event_names(self, element: ET.Element | None) -> Iterator[str]:
        """The events that are direct children, described there or elsewhere."""
        for child in self._children(element):
            if child.tag == "managerEvent":
                yield child.attrib["name"]

    def _parameters(self, syntax: ET.Element | None, *, of_action: bool) -> Iterator[Parameter]:
        for element in self._children(syntax):
            if snapshot := SNAPSHOTS.get(element.tag):
                yield from snapshot(element.get("prefix", ""))
            elif element.get("name") != "ActionID":
                yield Parameter(
                    element.attrib["name"],
                    required=of_action and element.get("required") == "true",
                    repeatable=element.get("multiple") == "true",
                    choices=tuple(self._choices(element)),
                    default=element.get("default") or None,
                )

    def _choices(self, element: ET.Element) -> Iterator[str]:
        for child in self._children(element):
            if child.tag == "enumlist":
                yield from (choice.attrib["name"] for choice in child)

    def _children(self, element: ET.Element | None) -> Iterator[ET.Element]:
        """The child elements, with what is included in the place of the includes."""
        for child in () if element is None else element:
            if child.tag == INCLUDE:
                yield from self._included(child)
            else:
                yield child

    def _included(self, element: ET.Element) -> Iterable[ET.Element]:
        path = re.sub(r"^xpointer\(/?docs/|(/node\(\))?\)$", "", element.attrib["xpointer"])
        path, _, part = path.partition("[contains(@name, ")
        found = self._root.findall(path)
        return [one for one in found if part.strip("')]") in one.attrib["name"]] if part else found


def _module(element: ET.Element) -> str:
    name = element.get("module", "")
    return "core" if name == "builtin" else name
