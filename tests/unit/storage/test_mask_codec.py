"""A tile comes back bit for bit or not at all."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
import zstandard

from core.domain.mask import PACKED, TILE, pack_tile
from storage.mask_codec import TileDamaged, decode, encode, fits, mask_digest

RNG = np.random.default_rng(1)
NOISE = RNG.integers(0, 256, PACKED, dtype=np.uint8)


@pytest.mark.parametrize(
    "tile", [NOISE, np.zeros(PACKED, np.uint8), np.full(PACKED, 255, np.uint8)]
)
def test_a_tile_survives(tile: np.ndarray) -> None:
    sha256, data = encode(5, (1, 2), tile)
    assert np.array_equal(decode(5, (1, 2), sha256=sha256, data=data), tile)


def test_a_typical_tile_is_small() -> None:
    tile = np.zeros((TILE, TILE), bool)
    y, x = np.ogrid[:TILE, :TILE]
    tile[(x - 100) ** 2 + (y - 120) ** 2 < 80**2] = True
    assert len(encode(1, (0, 0), pack_tile(tile))[1]) < 1500


def test_a_tile_of_another_region_or_place_is_refused() -> None:
    sha256, data = encode(5, (1, 2), NOISE)
    for region, key in ((6, (1, 2)), (5, (2, 1))):
        with pytest.raises(TileDamaged):
            decode(region, key, sha256=sha256, data=data)


def test_any_flipped_bit_is_refused() -> None:
    tile = np.zeros(PACKED, np.uint8)
    tile[100:900] = NOISE[100:900]
    sha256, data = encode(5, (1, 2), tile)
    rng = Random(1)
    for _ in range(300):
        bad = bytearray(data)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        try:
            back = decode(5, (1, 2), sha256=sha256, data=bytes(bad))
        except TileDamaged:
            continue
        assert np.array_equal(back, tile), "a flip in unused bits of the frame may be harmless"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 50,
        zstandard.compress(bytes(PACKED - 1)),
        zstandard.compress(bytes(200_000_000)),  # a bomb of 6 kB
        zstandard.compress(bytes(PACKED))[:-3],
    ],
    ids=["empty", "noise", "short", "bomb", "truncated"],
)
def test_bytes_that_are_no_tile_are_refused(data: bytes) -> None:
    with pytest.raises(TileDamaged):
        decode(1, (0, 0), sha256=encode(1, (0, 0), np.zeros(PACKED, np.uint8))[0], data=data)


def test_the_digest_of_a_mask_knows_its_tiles_in_any_order() -> None:
    tiles = [((0, 0), b"a"), ((0, 1), b"b"), ((1, 0), b"c")]
    assert mask_digest(tiles) == mask_digest(reversed(tiles))
    assert mask_digest(tiles) != mask_digest(tiles[:2])


@pytest.mark.parametrize(
    ("key", "pixel", "fine"),
    [
        ((0, 0), (255, 255), True),
        ((1, 1), (0, 0), True),
        ((1, 1), (43, 0), True),  # y = 299 of 300
        ((1, 1), (44, 0), False),
        ((1, 1), (0, 144), False),  # x = 400 of 400
        ((0, 2), (0, 0), False),
        ((-1, 0), (0, 0), False),
    ],
)
def test_tiles_hold_no_pixel_outside_the_photo(
    key: tuple[int, int], pixel: tuple[int, int], fine: bool
) -> None:
    tile = np.zeros((TILE, TILE), bool)
    tile[pixel] = True
    assert fits(key, pack_tile(tile), (400, 300)) is fine
    assert not fits((0, 0), pack_tile(tile)[:-1], (400, 300))
    assert not fits((0, 0), pack_tile(tile).astype(np.int64), (400, 300))
