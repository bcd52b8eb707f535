"""``python -m tests.catalog CURRENT OLDER``: write the catalogue and the typed actions.

CURRENT and OLDER are the XML documentation of Asterisk 22 and 16: ``tests/asterisk/server up 22`` installs one, with
``usr/share/asterisk/documentation/core-en_US.xml`` in its tree.
"""

from __future__ import annotations

import sys
from pathlib import Path

from django_ami.core import actions
from django_ami.core.actions import Action
from tests.catalog.classes import classes_module
from tests.catalog.contents import Contents
from tests.catalog.documentation import Documentation
from tests.catalog.source import formatted
from tests.catalog.tables import actions_module, events_module

CORE = Path(__file__).parents[2] / "django_ami" / "core"
#: How the classes that are written by hand spell the names of their actions, where it is not the class's.
SPELLED = {"GetVar": "Getvar", "SetVar": "Setvar"}


def by_hand() -> set[str]:
    """The actions that have a class written by hand."""
    values = {name: getattr(actions, name) for name in actions.__all__}
    classes = {name for name, value in values.items() if isinstance(value, type) and issubclass(value, Action)}
    return {SPELLED.get(name, name) for name in classes}


def generate(current: Path, older: Path) -> dict[Path, str]:
    """The sources, by where they belong."""
    contents = Contents(Documentation(current), Documentation(older))
    sources = {
        CORE / "catalog" / "actions.py": actions_module(contents.actions),
        CORE / "catalog" / "events.py": events_module(contents.events),
        CORE / "actions" / "generated.py": classes_module(contents.actions, by_hand()),
    }
    return {path: formatted(source) for path, source in sources.items()}


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for path, source in generate(*map(Path, sys.argv[1:])).items():
        path.write_text(source)
