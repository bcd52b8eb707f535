"""Views of the live picture, which another thread may feed meanwhile."""

from __future__ import annotations

from django_ami.live.views import View


class Vanishing:
    """A live object behind which all are gone."""

    def __init__(self, name: str, live: dict[str, Vanishing]) -> None:
        self.name = name
        self._live = live

    def snapshot(self) -> str:
        self._live.clear()
        return self.name


def a_view() -> View[str]:
    live: dict[str, Vanishing] = {}
    live |= {name: Vanishing(name, live) for name in ("a", "b")}
    return View(live)


def test_view_draws_an_object_that_goes_while_somebody_looks() -> None:
    assert list(a_view().values()) == ["a", "b"]
    assert list(a_view().items()) == [("a", "a"), ("b", "b")]
    assert list(a_view()) == ["a", "b"]
