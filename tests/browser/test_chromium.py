"""The ears of the browser hear: without them every other test could pass beside a broken page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.browser import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

PAGE = """<!doctype html><html lang="en"><head>
<meta http-equiv="Content-Security-Policy" content="default-src data:{}"></head><body>{}"""
SCRIPT = '<script src="data:text/javascript,{}"></script>'


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Chrome]:
    driver = chromium.start(tmp_path)
    yield driver
    driver.quit()


def heard(driver: Chrome, body: str, sources: str = "") -> str:
    driver.get(f"data:text/html,{quote(PAGE.format(sources, body))}")
    return "\n".join(chromium.complaints(driver))


def test_page_without_a_fault_is_heard_of_with_no_word(driver: Chrome) -> None:
    assert heard(driver, SCRIPT.format(quote("document.title = 'well'"))) == ""
    assert driver.title == "well"


def test_breach_of_the_policy_is_heard(driver: Chrome) -> None:
    assert "policy: style-src-attr inline" in heard(driver, '<p style="color: red">')


def test_exception_of_a_script_is_heard(driver: Chrome) -> None:
    assert "error: Uncaught Error: oh no" in heard(
        driver, SCRIPT.format(quote("throw new Error('oh no')"))
    )


def test_rejected_promise_is_heard(driver: Chrome) -> None:
    script = "Promise.reject(new Error('too late'))"
    assert "rejection: Error: too late" in heard(driver, SCRIPT.format(quote(script)))


def test_error_on_the_console_is_heard(driver: Chrome) -> None:
    assert "oh dear" in heard(driver, SCRIPT.format(quote("console.error('oh dear')")))
