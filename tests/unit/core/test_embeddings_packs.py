"""A pack brings what another machine saw of these photos, and nothing else."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.embeddings.found import keep, key_of
from core.embeddings.key import EmbeddingKey, Maker
from core.embeddings.packs import KIND, MANIFEST, listed, read_pack, write_pack
from core.embeddings.store import FOLDER, LARGEST, EmbeddingStore, pack
from core.errors import ImportRefused
from core.services.packs import shelves, view

MAKER, OTHER = Maker("leaf", "a" * 64, 1), Maker("leaf", "b" * 64, 1)
PHOTOS = [f"{n:064x}" for n in range(4)]


def _embedding(n: int = 0) -> dict[str, np.ndarray]:
    return {"a": np.full((2, 8, 8), n, np.float16)}


def _quiet(_done: int, _of: int) -> None:
    pass


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A pack of four photos by MAKER, and one of them by OTHER as well."""
    store = EmbeddingStore(tmp_path / "workstation")
    keys = [EmbeddingKey(photo, MAKER) for photo in PHOTOS] + [EmbeddingKey(PHOTOS[0], OTHER)]
    for n, key in enumerate(keys):
        store.put(key, _embedding(n))
    assert write_pack(store, keys, tmp_path / "photos.zip", progress=_quiet) == 5
    return tmp_path / "photos.zip"


@pytest.fixture
def laptop(tmp_path: Path) -> EmbeddingStore:
    return EmbeddingStore(tmp_path / "laptop")


def _read(path: Path, store: EmbeddingStore, photos=PHOTOS):
    return read_pack(path, store, photos=photos, accepts=lambda m: m == MAKER, progress=_quiet)


def test_what_a_workstation_saw_is_there_on_the_laptop(packed, laptop):
    report = _read(packed, laptop)
    assert (report.taken, report.other_makers, report.damaged) == (4, 1, [])
    for n, photo in enumerate(PHOTOS):
        found = laptop.get(EmbeddingKey(photo, MAKER))
        assert found is not None
        assert np.array_equal(found["a"], _embedding(n)["a"])
    again = _read(packed, laptop)
    assert (again.taken, again.there) == (0, 4)


def test_a_photo_whose_candidates_alone_are_kept_is_not_prepared(tmp_path):
    """A click on it would have to wait for the look at it all the same."""
    store = EmbeddingStore(tmp_path / FOLDER)
    looked, searched = EmbeddingKey(PHOTOS[0], MAKER), EmbeddingKey(PHOTOS[1], MAKER)
    for key in (looked, searched):
        assert keep(store, key_of(key), [])
    store.put(looked, _embedding())
    [shelf] = shelves(tmp_path, PHOTOS)
    assert shelf.photos == {PHOTOS[0]}


def test_other_photos_are_left_out_and_counted(packed, laptop):
    report = _read(packed, laptop, photos=PHOTOS[1:2])
    assert (report.taken, report.other_photos) == (1, 4)
    assert len(list(laptop.folder.iterdir())) == 1
    assert _read(packed, laptop, photos=[]).taken == 0


def test_the_same_photos_make_the_same_pack(packed, tmp_path):
    store = EmbeddingStore(tmp_path / "workstation")
    keys = [EmbeddingKey(photo, MAKER) for photo in PHOTOS] + [EmbeddingKey(PHOTOS[0], OTHER)]
    write_pack(store, keys, tmp_path / "again.zip", progress=_quiet)
    with zipfile.ZipFile(packed) as a, zipfile.ZipFile(tmp_path / "again.zip") as b:
        assert [a.read(name) for name in a.namelist()] == [b.read(name) for name in b.namelist()]


def _pack_of(path: Path, members: dict[str, bytes], entries: object, **zipped) -> Path:
    with zipfile.ZipFile(path, "w", **zipped) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        manifest = {"kind": KIND, "format": 1, "entries": entries}
        archive.writestr(MANIFEST, json.dumps(manifest), zipfile.ZIP_STORED)
    return path


KEY = EmbeddingKey(PHOTOS[0], MAKER)
DATA = pack(KEY, _embedding())
GOOD = {
    "file": KEY.file_name,
    "size": len(DATA),
    "sha256": hashlib.sha256(DATA).hexdigest(),
    "key": KEY.fields(),
}


@pytest.mark.parametrize(
    ("members", "entry", "zipped"),
    [
        ({"../evil": DATA}, GOOD | {"file": "../evil"}, {}),
        ({"/etc/evil": DATA}, GOOD | {"file": "/etc/evil"}, {}),
        ({"x.safetensors": DATA}, GOOD | {"file": "x.safetensors"}, {}),
        ({KEY.file_name: DATA}, GOOD | {"size": 1}, {}),
        ({KEY.file_name: DATA}, GOOD | {"sha256": "0" * 64}, {}),
        ({KEY.file_name: DATA[:-1] + b"x"}, GOOD, {}),
        ({}, GOOD, {}),
        ({KEY.file_name: DATA}, GOOD | {"key": {"photo": PHOTOS[0]}}, {}),
        ({KEY.file_name: DATA}, GOOD | {"key": 7}, {}),
        ({KEY.file_name: DATA}, GOOD | {"key": KEY.fields() | {"window": "a,b,c,d"}}, {}),
        ({KEY.file_name: DATA}, GOOD, {"compression": zipfile.ZIP_DEFLATED}),
        (
            {EmbeddingKey(PHOTOS[1], MAKER).file_name: DATA},  # one photo's under another's name
            GOOD
            | {
                "file": EmbeddingKey(PHOTOS[1], MAKER).file_name,
                "key": EmbeddingKey(PHOTOS[1], MAKER).fields(),
            },
            {},
        ),
    ],
)
def test_a_hostile_entry_is_left_out_and_writes_nothing(tmp_path, laptop, members, entry, zipped):
    report = _read(_pack_of(tmp_path / "evil.zip", members, [entry], **zipped), laptop)
    assert (report.taken, len(report.damaged)) == (0, 1)
    assert not laptop.folder.exists()
    assert {p.name for p in tmp_path.iterdir()} == {"evil.zip"}


def test_the_entry_that_the_hostile_ones_are_made_from_is_taken(tmp_path, laptop):
    assert _read(_pack_of(tmp_path / "good.zip", {KEY.file_name: DATA}, [GOOD]), laptop).taken == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 100],
)
def test_a_file_that_is_no_pack_is_told_in_a_sentence(tmp_path, laptop, content):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(ImportRefused, match=r"photo.jpg: This is no pack"):
        _read(path, laptop)


@pytest.mark.parametrize("manifest", [b"{}", b"[]", b"{", b'{"kind": "x", "entries": []}', b"7"])
def test_a_zip_without_our_manifest_is_no_pack(tmp_path, laptop, manifest):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(MANIFEST, manifest)
    with pytest.raises(ImportRefused, match="no pack"):
        _read(tmp_path / "x.zip", laptop)


def test_a_pack_that_is_gone_is_told_in_a_sentence(tmp_path, laptop):
    with pytest.raises(ImportRefused, match="cannot be read"):
        _read(tmp_path / "gone.zip", laptop)


def _sealed(path: Path) -> Path:
    return _pack_of(path, {KEY.file_name: DATA}, [GOOD])


def _changed(path: Path, at: int, value: int) -> None:
    """Byte ``at`` of the manifest's entry in the zip's own list."""
    data = bytearray(path.read_bytes())
    start = data.rindex(b"PK\x01\x02")
    data[start + at] = value
    path.write_bytes(bytes(data))


def _later_version(path: Path) -> None:
    _changed(path, 6, 99)


def _encrypted(path: Path) -> None:
    _changed(path, 8, 1)


def _name_that_is_no_text(path: Path) -> None:
    _changed(path, 9, 8)  # says that names are UTF-8
    path.write_bytes(path.read_bytes().replace(b"manifest.json", b"manifest.js\xff\xfe"))


def _list_elsewhere(path: Path) -> None:
    data = bytearray(path.read_bytes())
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 20] = b"\xff\xff\xff\x7f" * 2
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "spoil", [_later_version, _encrypted, _name_that_is_no_text, _list_elsewhere]
)
@pytest.mark.parametrize("use", [_read, lambda path, _store: listed(path)], ids=["take", "look"])
def test_a_zip_of_a_kind_that_cannot_be_read_is_told_in_a_sentence(tmp_path, laptop, spoil, use):
    path = _sealed(tmp_path / "odd.zip")
    spoil(path)
    with pytest.raises(ImportRefused, match=r"odd.zip: This is no pack"):
        use(path, laptop)


@pytest.mark.parametrize("field", sorted(KEY.fields()))
@pytest.mark.parametrize("odd", [["leaf"], {"leaf": 1}, 7, None, float("inf")])
def test_a_key_of_anything_but_texts_is_damage(tmp_path, laptop, field, odd):
    entry = GOOD | {"key": KEY.fields() | {field: odd}}
    path = _pack_of(tmp_path / "odd.zip", {KEY.file_name: DATA}, [entry])
    assert len(_read(path, laptop).damaged) == 1
    assert listed(path) == []
    assert view(path, PHOTOS).refusal


@pytest.mark.parametrize("size", [float("inf"), float("nan"), 10**400, -1])
def test_a_size_that_no_file_has_is_not_added_up(tmp_path, size):
    path = _pack_of(tmp_path / "odd.zip", {KEY.file_name: DATA}, [GOOD | {"size": size}])
    assert view(path, PHOTOS).size <= LARGEST


def test_of_thousands_of_makers_a_few_are_named(tmp_path):
    makers = [KEY.fields() | {"engine": f"stranger {n}"} for n in range(3000)]
    path = _pack_of(tmp_path / "odd.zip", {}, [GOOD | {"key": key} for key in makers])
    assert len(view(path, PHOTOS).refusal) < 1000
