"""The pictures of README.md and of the docs are of the page as it is.

``AMI_TEST_SCREENSHOTS=docs/images`` keeps them there; otherwise they are made and looked at.
"""

from __future__ import annotations

import base64
import io
import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from django_ami.simulator.options import CallCentre
from django_ami.testing import FakeAsterisk
from tests.browser.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.browser.board import Board

#: Name → width and height of the window, its pixels in one of the picture, light or dark.
PICTURES = {
    "wallboard-light": (1680, 960, 1.0, "light"),
    "wallboard-dark": (1680, 960, 1.0, "dark"),
    "wallboard-phone": (390, 844, 1.5, "light"),
}
CENTRE = CallCentre(calls_per_minute=14.0, agents=12, speed=3.0)
#: Pictures that are kept show a call centre that has worked for some time.
KEPT_SECONDS = 75.0
#: As much as GitHub and a package index show at once.
MOST_BYTES = 300_000


@pytest.fixture
def asterisk() -> Iterator[FakeAsterisk]:
    with FakeAsterisk(call_centre=CENTRE) as server:
        yield server


def picture(board: Board, width: int, height: int, scale: float, scheme: str) -> bytes:
    """The page as a PNG file."""
    execute = board.driver.execute_cdp_cmd
    feature = {"name": "prefers-color-scheme", "value": scheme}
    execute("Emulation.setEmulatedMedia", {"features": [feature]})
    size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
    execute("Emulation.setDeviceMetricsOverride", size)
    board.wait_for(lambda: board.run("return innerWidth") == width, "the size")
    board.run("return new Promise((done) => setTimeout(done, 300))")
    return base64.b64decode(execute("Page.captureScreenshot", {"format": "png"})["data"])


def small(png: bytes) -> bytes:
    """The picture in 256 colours; as it is where pillow is not installed."""
    try:
        from PIL import Image
    except ImportError:
        return png
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(file, "PNG", optimize=True)
    return file.getvalue()


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_pictures_are_of_a_call_centre_at_work(
    tmp_path: Path, site: Site, browse: Callable[..., Board]
) -> None:
    board = browse(site, "supervisor", size=(1680, 960))
    for what in ("a caller in a queue", "calls", "agents who talk"):
        board.wait_for(lambda what=what: is_there(board, what), what)
    folder = Path(os.environ.get("AMI_TEST_SCREENSHOTS") or tmp_path)
    if folder != tmp_path:
        time.sleep(KEPT_SECONDS)
    for name, (width, height, scale, scheme) in PICTURES.items():
        png = picture(board, width, height, scale, scheme)
        assert size_of(png) == (width * scale, height * scale)
        assert 20_000 < len(png) < MOST_BYTES
        assert board.run("return document.documentElement.scrollWidth <= innerWidth")
        (folder / f"{name}.png").write_bytes(small(png))


def is_there(board: Board, what: str) -> bool:
    if what == "calls":
        return bool(board.rows("call-row", state="answered"))
    if what == "agents who talk":
        return len(board.rows("agent-row", state="talking")) > 2
    return any(row["waiting"] != "0" for row in board.rows("queue-tile"))
