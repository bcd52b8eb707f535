"""``python -m scripts.catalog.wire SOURCE``: the headers that Asterisk writes into each event.

They are read in its C source. ``SOURCE`` is a folder with Asterisk's source. The result goes to
``wire.json``: by event, the files that raise it and the headers that their format strings name.
Names are facts; nothing else of the source is taken.

A function belongs to an event if it names it. Headers under names that are made at run time (the
fields of PJSIP's objects, nested JSON, security events) are not found: recordings and ``gaps`` have
those.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_ami.core.catalog import EVENTS
from django_ami.core.catalog.headers import bridge, channel

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TABLE", "headers_by_event"]

#: The result for the source of Asterisk 22.10.1.
TABLE: Final = Path(__file__).with_name("wire.json")
#: Folders of the source that raise events.
_FOLDERS: Final = (
    "addons",
    "apps",
    "bridges",
    "cdr",
    "cel",
    "channels",
    "funcs",
    "main",
    "pbx",
    "res",
)

_COMMENT: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|/\*.*?\*/|//[^\n]*', re.DOTALL)
_LITERAL: Final = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
#: Literals beside each other are one; between them may stand the macro of a format (PRIu64).
_JOINT: Final = re.compile(rf"{_LITERAL.pattern}(?:\s*(?:PRI\w+\s*)?{_LITERAL.pattern})+")
_FUNCTION: Final = re.compile(
    r"^[a-z][^;{}#]*?\b(\w+)\s*\([^;{}]*\)\s*\n\{\n(.*?)^\}", re.DOTALL | re.MULTILINE
)
_HEADER: Final = re.compile(r"(?:^|\\r\\n)(?:%s)*([A-Za-z](?:[\w/-]|%d)*):[^\\]*(?=\\r\\n)")
_JSON: Final = re.compile(r"\bast_json_pack\(\s*\"[^;]*;")
_CALL: Final = re.compile(r"\b(\w+)\s*\(")
#: A kind of message, and the function that makes an event of it.
_KIND: Final = re.compile(r"STASIS_MESSAGE_TYPE_DEFN\w*\(\s*(\w+)\s*,[^;]*?\.to_ami\s*=\s*(\w+)")
_LIST: Final = re.compile(r"astman_send_list_complete_start\([^\"]*\"(\w+)\"")
#: A call that raises or begins an event, with its name.
_RAISES: Final = re.compile(
    r"\b\w*(?:event|to_ami|blob_create)\w*\s*\([^\";]*\"([A-Z][\w-]*)\"\s*[,)]|\"Event: "
    r"(\w[\w-]*)\\r\\n"
)
#: A literal as an argument, in an assignment or in a choice: a name of an event, if there is an
#: event of that name.
_NAMES: Final = re.compile(r"[(,=?:{]\s*(?=\"([A-Z][\w-]*)\"\s*[,);:}])")

#: Calls that write the headers of a channel or a bridge, and their prefix.
_SNAPSHOTS: Final = tuple(
    (
        re.compile(
            rf"\bast_manager_build_{what}_state_string\w*\((?:[^();\"]|\([^()]*\))*(?:\"(\w*)\")?\s*\)"
        ),
        headers,
    )
    for what, headers in (("channel", channel), ("bridge", bridge))
)
#: Names that stand alone nowhere but where the event is raised; others are words of the protocol,
#: too.
_ALONE: Final = {name for name in set(EVENTS) if not name.endswith("Complete") and name != "Status"}


def headers_by_event(source: Path) -> dict[str, dict[str, str]]:
    """By event, ``files`` and ``headers``, each in one text.

    A channel's or bridge's first header stands for all.
    """
    found: dict[str, tuple[set[str], set[str]]] = {}
    for folder in _FOLDERS:
        for path in sorted((source / folder).rglob("*.c")):
            if "ari" in path.parts or "stasis" in path.parts or path.name.endswith("_tests.c"):
                continue  # their events go elsewhere
            for event, headers in _File(path.read_text(errors="replace")).events():
                files, names = found.setdefault(event, (set(), set()))
                files.add(str(path.relative_to(source)))
                names.update(headers)
    return {
        event: {"files": " ".join(sorted(files)), "headers": " ".join(sorted(names))}
        for event, (files, names) in sorted(found.items())
    }


class _File:
    """The functions of one file, and the headers that each writes."""

    def __init__(self, text: str) -> None:
        # Text within a literal stays, even if it looks like a comment.
        code = _COMMENT.sub(lambda found: found[0] if found[0][0] == '"' else " ", text)
        code = _JOINT.sub(lambda found: f'"{"".join(_LITERAL.findall(found[0]))}"', code)
        self._functions = dict(_FUNCTION.findall(code))
        self._kinds = {maker: kind for kind, maker in _KIND.findall(code)}

    def events(self) -> Iterator[tuple[str, set[str]]]:
        """Each event that is named, with its headers."""
        for name, body in self._functions.items():
            for event in _LIST.findall(body):
                yield event, {"EventList", "ListItems"}
            raised = [
                *(found for found in _RAISES.finditer(body) if _is_name(found[1] or found[2])),
                *(found for found in _NAMES.finditer(body) if found[1] in _ALONE),
            ]
            raised = sorted(
                {found.end(): found for found in raised}.values(), key=lambda found: found.start()
            )
            if not raised:
                continue
            ends = [*(found.start() for found in raised[1:]), len(body)]
            common = _headers(body[: raised[0].start()]) | self._published(name)
            for found, end in zip(raised, ends, strict=True):
                # Headers before the first event belong to all, and those of a helper to the event
                # that calls it.
                part = body[found.start() : end]
                yield (
                    next(filter(None, found.groups())),
                    common | _headers(part) | self._of_helpers(part),
                )

    def _of_helpers(self, code: str) -> set[str]:
        """The headers of functions of this file that are called here."""
        called = set(_CALL.findall(code)) & self._functions.keys()
        return {header for name in called for header in _headers(self._functions[name])}

    def _published(self, maker: str) -> set[str]:
        """The keys of the JSON that is published for this function's kind of message.

        The function makes an event of that message.
        """
        kind = self._kinds.get(maker)
        makers = {
            name: body for name, body in self._functions.items() if not name.endswith("_to_json")
        }  # ARI's
        bodies = [body for body in makers.values() if kind and f"{kind}()" in body]
        called = {name for body in bodies for name in _CALL.findall(body)} & makers.keys()
        return {key for body in [*bodies, *map(makers.__getitem__, called)] for key in _keys(body)}


def _is_name(word: str) -> bool:
    """Whether it may be the name of an event.

    Words in capitals are states of tests, of dials and of voicemail.
    """
    return word in _ALONE or not (word.isupper() or "_" in word)


def _headers(code: str) -> set[str]:
    found = (name for literal in _LITERAL.findall(code) for name in _HEADER.findall(literal))
    names = {name.replace("%d", "0") for name in found} - {"Event"}
    for call, snapshot in _SNAPSHOTS:
        for prefix in call.findall(code):
            names.add(snapshot(prefix)[0].name)
    return names | (_keys(code) if "ast_manager_publish_event" in code else set())


def _keys(code: str) -> set[str]:
    """The keys of JSON objects that begin with a capital, as headers do."""
    return {
        literal
        for packed in _JSON.findall(code)
        for literal in _LITERAL.findall(packed)
        if re.fullmatch(r"[A-Z][\w-]*", literal)
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    lines = [
        f"{json.dumps(event)}: {json.dumps(found)}"
        for event, found in headers_by_event(Path(sys.argv[1])).items()
    ]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
