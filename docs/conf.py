"""The documentation as a site: ``.ci/docs`` builds it, without a network, and a warning is an error."""

import os
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django  # noqa: E402

django.setup()

project = "django_ami"
author = "The django_ami contributors"
project_copyright = author
(release,) = re.findall(r'^__version__ = "(.*)"$', (ROOT / "django_ami/__init__.py").read_text(), re.MULTILINE)
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc"]
templates_path: list[str] = []
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"django_ami {release}"
html_copy_source = False
html_show_sphinx = False

# Docstrings are plain text that names things in ``double backquotes``; what they lack is in the signatures.
autodoc_default_options = {"members": True, "undoc-members": True, "member-order": "bysource"}
autodoc_class_signature = "mixed"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
add_module_names = False
maximum_signature_line_length = 88

# No inventories of others are fetched, so only names of our own are looked for.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!django_ami\.).*"),
    (
        "py:.*",
        r"django_ami\.(accessor\.Receiver|core\.client\.client\.Function|core\.messages\.Default)",
    ),  # type variables
    ("py:.*", r"django_ami\.testing\.(fake\._Options|simulator\.(pbx\.Pbx|script\.Item))"),
]


def escape(_app: object, _what: str, name: str, _object: object, _options: object, lines: list[str]) -> None:
    """The descriptions of actions are Asterisk's, where an asterisk is an asterisk."""
    if name.startswith("django_ami.core.actions.generated."):
        lines[:] = [
            "".join(part if part.startswith("``") else part.replace("*", r"\*") for part in re.split("(``.*?``)", line))
            for line in lines
        ]


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", escape)
