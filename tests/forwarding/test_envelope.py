"""Events as bytes, and back."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_ami.core.event_id import EventId
from django_ami.forwarding.envelope import SCHEMA, Envelope, UnreadableBatch, decode, encode

envelopes = st.builds(
    Envelope,
    st.builds(EventId, st.just("node_1"), st.just("01hf7yat00-k3"), st.integers(0, 2**62)),
    st.binary(max_size=300),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.integers(0, 2**62),
    st.booleans(),
    st.sampled_from(["event", "notice"]),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(envelopes, min_size=1, max_size=20))
def test_a_batch_arrives_as_it_was(batch: list[Envelope]) -> None:
    assert decode(encode(batch)) == batch


def test_a_batch_is_of_one_server() -> None:
    one, other = (Envelope(EventId(name, "e", 1), b"Event: X", 1.0) for name in "ab")
    with pytest.raises(ValueError, match="of one server, not of 2"):
        encode([one, other])
    with pytest.raises(ValueError, match="of one server, not of 0"):
        encode([])


def test_another_schema_is_refused_with_the_cure() -> None:
    data = encode([Envelope(EventId("a", "e", 1), b"Event: X", 1.0)])
    newer = data.replace(b'"schema":%d' % SCHEMA, b'"schema":%d' % (SCHEMA + 1))
    with pytest.raises(UnreadableBatch, match=r"schema 2.*update the consumers before"):
        decode(newer)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}\n", b"[]\n", b"7\nx", b"\xff\n", b"nothing", b'{"schema":1}\n',
     b'{"schema":1,"server":"a","events":[[1]]}\n', b'{"schema":"x"}\n'],
)  # fmt: skip
def test_other_bytes_are_no_batch(data: bytes) -> None:
    with pytest.raises(UnreadableBatch, match="batch of events"):
        decode(data)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(envelopes, min_size=1, max_size=5), st.data())
def test_a_batch_that_is_cut_is_never_taken_for_a_whole_one(
    batch: list[Envelope], data: st.DataObject
) -> None:
    whole = encode(batch)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(UnreadableBatch):
        decode(cut)
