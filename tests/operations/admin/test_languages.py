"""The pages in German: every text is translated, and the translation is compiled."""

from __future__ import annotations

import ast
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import translation

import django_ami.operations
from tests.operations.admin.rows import lease, listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

APP = Path(django_ami.operations.__file__).parent
FOLDER = APP / "locale" / "de" / "LC_MESSAGES"
TRANSLATE = {"_", "ngettext"}


def texts_of(module: ast.Module) -> Iterator[str]:
    """The texts that a module has translated; of one with a plural, both."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TRANSLATE:
            for text in node.args[:2]:
                if isinstance(text, ast.Constant):
                    yield text.value


def texts_of_templates() -> Iterator[str]:
    for path in APP.rglob("*.html"):
        text = path.read_text()
        yield from re.findall(r'translate "([^"]+)"', text)
        for block in re.findall(r"{% blocktranslate[^%]*%}(.+?){% endblocktranslate %}", text):
            for part in block.split("{% plural %}"):
                yield re.sub(r"{{ (\w+) }}", r"%(\1)s", part)


def test_german_has_every_text_and_is_compiled() -> None:
    source = (FOLDER / "django.po").read_text()
    known = set(re.findall(r'^msgid(?:_plural)? "(.+)"$', source, re.MULTILINE))
    used = set(texts_of_templates())
    for path in APP.rglob("*.py"):
        used |= set(texts_of(ast.parse(path.read_text())))
    assert used == known
    assert not re.search(r'msgstr(?:\[\d\])? ""$', source.partition("\n\n")[2], re.MULTILINE)
    count = struct.unpack_from("<I", (FOLDER / "django.mo").read_bytes(), 8)[0]
    assert count == source.count("\nmsgid ")


@pytest.mark.django_db
def test_page_is_german_for_a_visitor_who_reads_german(log_in: Callable[..., Client]) -> None:
    lease()
    listener()
    visitor = log_in("view_lease")
    with translation.override("de"):
        text = visitor.get("/admin/ami_operations/lease/").content.decode()
    for words in (
        "Asterisk-Server",
        "liefert aus",
        "bereit seit",
        "12.345",
        "4,2 ms",
        "Umlaufzeit",
    ):
        assert words in text, words
