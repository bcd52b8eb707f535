"""``python -m scripts.catalog core-en_US.xml``: write the catalogue, and the actions' classes.

The file is the XML documentation of Asterisk 22, as it is installed in
``usr/share/asterisk/documentation``: ``tests/asterisk/server up 22`` installs one.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

from django_ami.core import actions
from django_ami.core.actions import Action
from scripts.catalog.classes import classes_module
from scripts.catalog.contents import Contents
from scripts.catalog.documentation import Documentation
from scripts.catalog.source import formatted
from scripts.catalog.tables import actions_module, events_module

CORE = Path(__file__).parents[2] / "django_ami" / "core"
#: Of which documentation the sources are that are in the repository; as sha256sum writes it.
FINGERPRINT = Path(__file__).with_name("documentation.sha256")
#: How the classes that are written by hand spell the names of their actions, where it is not the
#: class's.
SPELLED = {"GetVar": "Getvar", "SetVar": "Setvar"}


def by_hand() -> set[str]:
    """The actions that have a class written by hand."""
    values = {name: getattr(actions, name) for name in actions.__all__}
    classes = {
        name
        for name, value in values.items()
        if isinstance(value, type) and issubclass(value, Action)
    }
    return {SPELLED.get(name, name) for name in classes}


def generate(documentation: Path) -> dict[Path, str]:
    """The sources, by where they belong."""
    contents = Contents(Documentation(documentation))
    sources = {
        CORE / "catalog" / "actions.py": actions_module(contents.actions),
        CORE / "catalog" / "events.py": events_module(contents.events),
        CORE / "actions" / "generated.py": classes_module(contents.actions, by_hand()),
    }
    return {path: formatted(source) for path, source in sources.items()}


def fingerprint(documentation: Path) -> str:
    """The fingerprint of a documentation."""
    return sha256(documentation.read_bytes()).hexdigest()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for path, source in generate(Path(sys.argv[1])).items():
        path.write_text(source)
    FINGERPRINT.write_text(f"{fingerprint(Path(sys.argv[1]))}  core-en_US.xml\n")
