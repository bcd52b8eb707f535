"""The addresses of a host, and the errors of one that has none."""

from __future__ import annotations

import pytest

from django_ami.core.addresses import is_numeric, resolve
from django_ami.core.errors import ConnectionFailed


def test_a_name_that_does_not_exist_is_one_clear_error() -> None:
    with pytest.raises(ConnectionFailed) as caught:
        resolve("no-such-host.invalid", 5038)
    assert "the name 'no-such-host.invalid' cannot be resolved" in str(caught.value)
    assert "is HOST right" in str(caught.value)


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example", "\udcff"])
def test_a_name_that_cannot_be_one_is_the_same_error(host: str) -> None:
    with pytest.raises(ConnectionFailed, match="cannot be resolved"):
        resolve(host, 5038)


@pytest.mark.parametrize(
    ("host", "numeric"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("fe80::1", True),
        ("localhost", False),
        ("pbx.example.org", False),
    ],
)
def test_an_address_is_no_name(host: str, numeric: bool) -> None:
    assert is_numeric(host) is numeric
