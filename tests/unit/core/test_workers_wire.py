"""What arrives on the wire is either the message that was sent or named as garbage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from core.workers import wire
from core.workers.mask_crop import decode_mask, encode_mask
from core.workers.wire import Garbage, Reader

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(messages=st.lists(st.dictionaries(st.text(), JSON), max_size=5), cuts=st.data())
def test_messages_arrive_whole_however_the_bytes_are_cut(messages, cuts):
    stream = b"".join(wire.encode(m) for m in messages)
    reader, got, at = Reader(), [], 0
    while at < len(stream):
        step = cuts.draw(st.integers(1, len(stream) - at))
        got += reader.feed(stream[at : at + step])
        at += step
    assert got == messages


@given(junk=st.binary(max_size=300))
def test_no_bytes_stop_the_reader(junk):
    got = Reader().feed(junk + b"\n" + wire.encode({"do": "stop"}))
    assert got[-1] == {"do": "stop"}
    assert all(isinstance(g, dict | Garbage) for g in got)


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"\xff\xfe{}",
        b"[1, 2]",
        b'"text"',
        b'{"loss": NaN}',
        b'{"loss": -Infinity}',
        b'{"loss": 1e999}',
        b'{"a": ' * 60_000,
        b'{"n": ' + b"9" * 5_000 + b"}",
        b"[" * 100_000,
    ],
)
def test_what_is_not_a_message_is_named_as_garbage(line):
    (found,) = Reader().feed(line + b"\n")
    assert isinstance(found, Garbage)
    assert found.why
    assert len(found.text) <= 200


def test_an_endless_line_is_named_once_and_takes_no_memory():
    reader = Reader()
    got = []
    for _ in range(40):
        got += reader.feed(b"x" * 100_000)
        assert len(reader._rest) <= wire.MAX_LINE + 100_000
    got += reader.feed(b"\n" + wire.encode({"event": "alive"}))
    assert [type(g) for g in got] == [Garbage, dict]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_not_sent(value):
    with pytest.raises(ValueError, match="JSON compliant"):
        wire.encode({"loss": value})


def test_a_line_over_the_cap_is_not_sent():
    with pytest.raises(ValueError, match="does not fit"):
        wire.encode({"text": "x" * wire.MAX_LINE})


@given(pixels=arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_every_mask_survives_the_wire(pixels):
    sent = wire.decode(wire.encode(encode_mask(pixels, (7, -3))))
    back, (x, y) = decode_mask(sent)
    whole = np.zeros_like(pixels)
    if back.size:
        whole[y + 3 : y + 3 + back.shape[0], x - 7 : x - 7 + back.shape[1]] = back
    assert np.array_equal(whole, pixels)


def test_a_lesion_of_a_large_photo_takes_a_few_kib():
    yy, xx = np.mgrid[:1500, :1500]
    wobble = 60 * np.sin(np.arctan2(yy - 750, xx - 750) * 9)
    lesion = np.hypot(yy - 750, xx - 750) < 600 + wobble
    assert len(wire.encode(encode_mask(lesion, (0, 0)))) < 13 * 1024


GOOD = encode_mask(np.ones((9, 11), bool), (3, 4))


@pytest.mark.parametrize(
    "change",
    [
        {"size": [11, 8]},
        {"size": [11, 9_000_000]},
        {"size": [100_000, 100_000]},
        {"size": [-1, 9]},
        {"size": [11.5, 9]},
        {"size": None},
        {"origin": ["a", 0]},
        {"origin": [1, 2, 3]},
        {"bits": None},
        {"bits": "@@@"},
        {"bits": "AAAA"},
        {"bits": GOOD["bits"][:-8]},
    ],
)
def test_a_damaged_mask_is_refused(change):
    with pytest.raises(ValueError):
        decode_mask(GOOD | change)
