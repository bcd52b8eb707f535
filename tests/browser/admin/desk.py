"""The admin as an operator sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin

from selenium.webdriver.common.by import By

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

    from tests.browser.board import Board

__all__ = ["Desk"]

_ROOT = "/admin/ami_operations/"


class Desk:
    """One browser in the admin."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.driver = board.driver

    def open(self, address: str = "lease/") -> None:
        """Open a page of the app."""
        self.driver.get(urljoin(self.board.site.url, _ROOT + address))

    def find(self, selector: str) -> WebElement:
        """The one element of a CSS selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """The visible text of an element; empty if it is not there."""
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return str(self.board.run(script, selector))

    def wait_for_text(self, selector: str, *texts: str) -> None:
        """Return as soon as an element has these texts."""
        self.board.wait_for(
            lambda: all(text in self.text(selector) for text in texts), f"{texts} in {selector}"
        )

    def press(self, *keys: str) -> None:
        """Press keys, on whatever has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def tab_to(self, selector: str, most: int = 80) -> None:
        """Reach an element with the Tab key alone."""
        from selenium.webdriver.common.keys import Keys

        script = "return document.activeElement.matches(arguments[0])"
        for _ in range(most):
            if self.board.run(script, selector):
                return
            self.press(Keys.TAB)
        raise AssertionError(f"{selector} is not reached with {most} tabs: {self.board}")
