"""The documentation as a site: ``.ci/docs`` builds it, without a network.

A warning is an error.
"""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.calls.settings"  # every app

import django  # noqa: E402

django.setup()

project = "django_ami"
author = "The django_ami contributors"
project_copyright = author
(release,) = re.findall(
    r'^__version__ = "(.*)"$', (ROOT / "django_ami/__init__.py").read_text(), re.MULTILINE
)

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 3
highlight_options = {"php": {"startinline": True}}

html_theme = "furo"
html_title = f"django_ami {release}"
html_copy_source = False
html_show_sphinx = False

# Docstrings are plain text that names things in ``double backquotes``; what they lack is in the
# signatures.
autodoc_default_options = {"members": True, "undoc-members": True, "member-order": "bysource"}
autodoc_class_signature = "mixed"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
add_module_names = False
maximum_signature_line_length = 88

# No inventories of others are fetched: only our own names are looked for, without type variables
# and what is private.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!django_ami\.).*"),
    (
        "py:.*",
        r".*\.(accessor\.Receiver|live\.options\.Options|client\.Function|messages\.Default|pending\.Owner|fake\._Options|pbx\.Pbx|script\.Item|originated\.Calling|originated\.Underway|acting\.UserServer|batches\.BatchesStatus)",
    ),
]
