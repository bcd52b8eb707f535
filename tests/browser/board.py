"""The wallboard as a person sees it: its rows, its words, its banner."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser import chromium
from tests.running import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from selenium.webdriver.remote.webelement import WebElement

    from tests.browser.site import Site

__all__ = ["Board"]

_LOOK_SECONDS = 0.05
_ROWS = """
return [...document.querySelectorAll(arguments[0])]
  .filter((one) => one.checkVisibility({visibilityProperty: true}))
  .map((one) => ({...one.dataset, text: one.innerText}));
"""


class Board:
    """One browser, looking at one site."""

    def __init__(self, driver: Any, site: Site) -> None:
        self.driver = driver
        self.site = site

    def log_in(self, name: str) -> None:
        """Log in with the form, which leads to the wallboard."""
        self.driver.get(self.site.url)
        self.enter(name)

    def enter(self, name: str) -> None:
        """Fill in the form of the login, which leads to the wallboard. The password is the name."""
        self.wait_for(lambda: self.driver.find_elements(By.NAME, "password"), "the form")
        for field in ("username", "password"):
            self.driver.find_element(By.NAME, field).send_keys(name)
        self.driver.find_element(By.CSS_SELECTOR, "form button").click()
        self.wait_for(lambda: self.driver.current_url == self.site.url, "the wallboard")

    def rows(self, testid: str, *texts: str, **data: str) -> list[dict[str, str]]:
        """The visible elements of this ``data-testid`` whose text has all these.

        Of each its data, and its ``text``.
        """
        rows = self.driver.execute_script(_ROWS, _selector(testid, **data))
        return [row for row in rows if all(text in row["text"] for text in texts)]

    def wait_for_row(
        self, testid: str, *texts: str, timeout: float = DEADLINE_SECONDS, **data: str
    ) -> dict[str, str]:
        """The first element with this data whose text has all these, as soon as there is one."""
        found: list[dict[str, str]] = []

        def look() -> bool:
            found[:] = self.rows(testid, *texts, **data)
            return bool(found)

        self.wait_for(look, f"{testid} {data} {texts}", timeout)
        return found[0]

    def wait_for_none(self, testid: str, *texts: str, **data: str) -> None:
        """Return as soon as there is no such element."""
        self.wait_for(lambda: not self.rows(testid, *texts, **data), f"no {testid} {data} {texts}")

    def element(self, testid: str, **data: str) -> WebElement:
        """The one element of this ``data-testid``."""
        return self.driver.find_element(By.CSS_SELECTOR, _selector(testid, **data))

    def click(self, selector: str) -> None:
        """Click the one visible element that a CSS selector finds, as soon as it can be clicked."""
        clickable = expected_conditions.element_to_be_clickable((By.CSS_SELECTOR, selector))
        WebDriverWait(self.driver, DEADLINE_SECONDS, _LOOK_SECONDS).until(clickable).click()

    def click_action(self, testid: str, action: str, **data: str) -> None:
        """Click the button of an action in a row."""
        self.click(f'{_selector(testid, **data)} [data-action="{action}"]')

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.driver.find_element(By.CSS_SELECTOR, selector).send_keys(text)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a field."""
        Select(self.driver.find_element(By.CSS_SELECTOR, selector)).select_by_value(value)

    def wait_for(
        self, condition: Callable[[], object], what: str, timeout: float = DEADLINE_SECONDS
    ) -> None:
        """Return as soon as the condition is true; TimeoutError with all that the page shows."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {timeout:g} s: {what}. The page shows:\n{self}")
            time.sleep(_LOOK_SECONDS)

    def run(self, script: str, *arguments: object) -> Any:
        """The value that a script in the page returns."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """The faults in the browser; empty if all is well."""
        return chromium.complaints(self.driver)

    def __str__(self) -> str:
        text = " | ".join(self.run("return document.body.innerText").split("\n"))
        return "\n".join([text, *self.complaints()])


def _selector(testid: str, **data: str) -> str:
    pairs = {"testid": testid, **data}
    return "".join(f'[data-{name}="{value}"]' for name, value in pairs.items())
