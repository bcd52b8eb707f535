"""A Chromium without a window, with a profile of its own, and ears for all that goes wrong."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SILENT", "complaints", "listen", "start"]

#: It connects to nobody but the site, and does not ask what a person would have to answer.
SILENT = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: In every document, before its own scripts.
_EARS = """
window.complaints = [];
document.addEventListener("securitypolicyviolation", (event) => window.complaints.push(
  `policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
window.addEventListener("error", (event) => window.complaints.push(
  `error: ${event.message} ${event.filename}:${event.lineno}`));
window.addEventListener("unhandledrejection", (event) => window.complaints.push(
  `rejection: ${event.reason && event.reason.stack || event.reason}`));
"""


def start(
    profile: Path,
    *more: str,
    size: tuple[int, int] = (1280, 800),
    script: str = "",
    logs: tuple[str, ...] = (),
) -> webdriver.Chrome:
    """Start one; quit() ends it. The script runs in each document before its own ones.

    ``logs`` are logs of its driver to keep beside that of the console.

    Skips the test where there is no Chromium.
    """
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        pytest.skip(
            f"{' and '.join(missing)} not installed (Debian's packages chromium, chromium-driver)"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for flag in (
        *SILENT,
        f"--user-data-dir={profile}",
        f"--window-size={size[0]},{size[1]}",
        *more,
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", dict.fromkeys(("browser", *logs), "ALL"))
    driver = webdriver.Chrome(options=options, service=Service(programs["chromedriver"]))
    driver.set_page_load_timeout(30)
    listen(driver, script)
    return driver


def listen(driver: webdriver.Chrome, script: str = "") -> None:
    """Take down what goes wrong in the tab that the driver is in."""
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _EARS + script})


def complaints(driver: webdriver.Chrome) -> list[str]:
    """The faults of the documents that are open now, and the complaints of the console.

    A server that is away, and an answer that is a refusal, are none.
    """
    logged = [entry["message"] for entry in driver.get_log("browser") if _is_fault(entry)]
    here = driver.current_window_handle
    for tab in driver.window_handles:
        driver.switch_to.window(tab)
        logged += driver.execute_script("return window.complaints || []")
    driver.switch_to.window(here)
    return logged


def _is_fault(entry: dict[str, Any]) -> bool:
    return entry["level"] in {"SEVERE", "WARNING"} and entry["source"] != "network"
