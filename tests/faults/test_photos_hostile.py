"""Whatever lies in a folder of photos, an import ends with every file accounted for."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from core.errors import ImageUnreadable, ImportRefused
from core.imaging.decode import decode_rgb
from core.ports import ImageQuery
from core.services.import_decoder import LimitedDecoder
from core.services.import_images import ImportReport, plan, run
from storage.project_store import SqlProjectStore
from tests.faults.photo_files import ENDINGS, marked, write_bomb, write_photo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def _import(store: SqlProjectStore, photos: Path) -> ImportReport:
    report = run(store, plan([photos]))
    assert len(report.accepted) + len(report.refused) == report.total
    assert store.count(ImageQuery()) == len(report.accepted)
    assert all(reason.endswith(".") and len(reason) > 30 for _, reason in report.refused)
    assert store.check().ok
    return report


def test_every_kind_of_bad_photo_is_refused_with_what_to_do(
    store: SqlProjectStore, photos: Path
) -> None:
    good = write_photo(photos / "good.jpg")
    (photos / "text.jpg").write_text("This is a text file.\n" * 50)
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "cut.jpg").write_bytes(write_photo(photos / "x.jpg", shade=9).read_bytes()[:-200])
    (photos / "x.jpg").unlink()
    write_bomb(photos / "bomb.png")
    marked().save(photos / "animation.jpg", "GIF")
    marked().save(photos / "drawing.jpg", "BMP")
    Image.new("F", (9, 9)).save(photos / "measured.tif")
    report = _import(store, photos)
    assert report.accepted == [good]
    reasons = {path.name: reason for path, reason in report.refused}
    assert (
        "not a JPEG, PNG, TIFF, WebP or HEIC photo, whatever its name says" in reasons["text.jpg"]
    )
    assert "not a JPEG" in reasons["empty.jpg"]
    assert "damaged or incomplete. Copy it again" in reasons["cut.jpg"]
    assert "more than 200 megapixels" in reasons["bomb.png"]
    assert "not a JPEG" in reasons["animation.jpg"]
    assert "not a JPEG" in reasons["drawing.jpg"]
    assert "measured values, not a photo" in reasons["measured.tif"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_a_name_that_is_no_text_costs_its_own_photo_alone(
    store: SqlProjectStore, photos: Path
) -> None:
    good = write_photo(photos / "good.jpg")
    odd = write_photo(photos / "odd\udcff.jpg", shade=9)
    below = photos / "d\udcff"
    below.mkdir()
    inside = write_photo(below / "leaf.jpg", shade=17)
    report = _import(store, photos)
    assert report.accepted == [good]
    assert {path for path, _ in report.refused} == {odd, inside}
    assert all("bytes that are no text. Rename it." in reason for _, reason in report.refused)


@pytest.mark.parametrize("kind", list(ENDINGS))
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_a_photo_cut_short_is_never_shown_with_invented_pixels(
    tmp_path: Path, kind: str, share: float
) -> None:
    path = write_photo(tmp_path / f"leaf{ENDINGS[kind]}", kind=kind)
    whole, data = decode_rgb(path), path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    try:
        rest = decode_rgb(path)
    except ImageUnreadable as error:
        named = re.match(r"leaf\.\w+: This file is (damaged|not a JPEG)", str(error))
    else:
        named = None
        assert np.array_equal(rest, whole)  # nothing but the file's trailer was lost
    assert named or share > 0.8


def test_a_hundred_mutated_files_are_each_taken_or_refused(
    store: SqlProjectStore, photos: Path, tmp_path: Path
) -> None:
    random = Random(20260)
    seeds = [
        write_photo(tmp_path / f"seed{ending}", kind=kind, orientation=6)
        for kind, ending in ENDINGS.items()
    ]
    for n in range(100):
        seed = seeds[n % len(seeds)]
        (photos / f"{n:03d}{seed.suffix}").write_bytes(_mutated(random, seed.read_bytes()))
    report = _import(store, photos)
    assert report.total == 100
    assert report.refused
    for image in store.image_ids(ImageQuery()):
        found = store.image(image)
        rgb = decode_rgb(store.resolve(found), expected_sha256=found.sha256)
        assert rgb.shape == (found.height, found.width, 3)


def _mutated(random: Random, data: bytes) -> bytes:
    out = bytearray(data)
    match random.randrange(4):
        case 0:
            for _ in range(random.randrange(1, 12)):
                out[random.randrange(len(out))] = random.randrange(256)
        case 1:
            del out[random.randrange(len(out)) :]
        case 2:
            at = random.randrange(len(out))
            out[at:at] = random.randbytes(random.randrange(1, 64))
        case _:
            at = random.randrange(min(200, len(out) - 4))
            out[at : at + 4] = random.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"]
            )
    return bytes(out)


@pytest.mark.parametrize("side", [15_000, 30_000])
def test_a_bomb_is_turned_away_before_it_is_unpacked(tmp_path: Path, side: int) -> None:
    bomb = write_bomb(tmp_path / "bomb.png", side)
    assert bomb.stat().st_size < 2_000_000
    with LimitedDecoder() as decoder:
        decoder.photo(write_photo(tmp_path / "good.jpg"))
        pid = decoder.pid
        with pytest.raises(ImportRefused, match="more than 200 megapixels"):
            decoder.photo(bomb)
        assert decoder.pid == pid
