"""What is kept of looks at photos: found again, never trusted blindly, never in anybody's way."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.embeddings.key import EmbeddingKey, Maker, maker_of
from core.embeddings.memory import Recent
from core.embeddings.store import EmbeddingStore, header_of, pack
from core.engines.base import EngineSpec
from core.errors import DiskFull, ModelMissing
from tests.faults.full_disk import no_file_beyond

MAKER = Maker("leaf", "a" * 64, 1)


def _key(number: int = 0, **other) -> EmbeddingKey:
    return replace(EmbeddingKey(f"{number:064x}", MAKER), **other)


def _embedding(seed: int = 0, side: int = 16) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"a": rng.random((4, side, side), np.float32).astype(np.float16), "b": np.ones(3, "f4")}


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    return EmbeddingStore(tmp_path / "embeddings", 1 << 20)


def test_what_was_kept_comes_back_bit_for_bit(store):
    assert store.put(_key(), _embedding())
    found = EmbeddingStore(store.folder, 1 << 20).get(_key())
    assert found is not None
    for name, array in _embedding().items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


@pytest.mark.parametrize(
    "other",
    [
        {"photo": "f" * 64},
        {"maker": Maker("segment-anything", "a" * 64, 1)},
        {"maker": Maker("leaf", "b" * 64, 1)},
        {"maker": Maker("leaf", "a" * 64, 2)},
        {"window": (0, 0, 512, 512)},
    ],
)
def test_another_photo_engine_weights_or_window_is_another_look(store, other):
    store.put(_key(), _embedding())
    assert store.get(_key(**other)) is None
    # Nor when its file is put under the other's name.
    (store.folder / _key().file_name).rename(store.folder / _key(**other).file_name)
    assert store.get(_key(**other)) is None


def test_a_key_survives_a_header():
    for key in (_key(), _key(window=(1, 2, 30, 40))):
        assert EmbeddingKey.of_fields(key.fields() | {"more": "x"}) == key
        header = header_of(pack(key, _embedding()))
        assert header is not None
        assert EmbeddingKey.of_fields(header) == key


def _flip(data: bytes) -> bytes:
    return data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]


@pytest.mark.parametrize(
    "harm",
    [
        _flip,
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda _data: b"",
        lambda _data: b"\xff" * 400,
        lambda _data: (1 << 40).to_bytes(8, "little") + b"{}",
        lambda data: data[:8] + b"[" * 200 + data[208:],
    ],
    ids=["a bit", "an end", "half", "empty", "noise", "long header", "no header"],
)
def test_a_damaged_file_counts_as_absent_and_is_written_anew(store, harm):
    store.put(_key(), _embedding())
    file = store.folder / _key().file_name
    file.write_bytes(harm(file.read_bytes()))
    assert store.get(_key()) is None
    assert store.put(_key(), _embedding())
    assert store.get(_key()) is not None


def test_what_was_used_longest_ago_makes_room(tmp_path):
    one = len(pack(_key(), _embedding()))
    store = EmbeddingStore(tmp_path / "e", 3 * one + 100)
    for n in range(3):
        store.put(_key(n), _embedding())
        os.utime(store.folder / _key(n).file_name, (1000 + n, 1000 + n))
    store.get(_key(0))
    store.put(_key(3), _embedding())
    assert [store.has(_key(n)) for n in range(4)] == [True, False, True, True]
    assert store.size() <= 3 * one + 100


def test_files_that_are_not_embeddings_are_never_deleted(tmp_path):
    folder = tmp_path / "e"
    folder.mkdir()
    mine = folder / "my notes.safetensors"
    mine.write_bytes(b"x" * 5000)
    store = EmbeddingStore(folder, len(pack(_key(), _embedding())) + 10)
    for n in range(3):
        store.put(_key(n), _embedding())
    assert mine.stat().st_size == 5000


def test_nothing_is_written_where_nothing_may_be_kept(tmp_path):
    store = EmbeddingStore(tmp_path / "e", 0)
    assert not store.put(_key(), _embedding())
    assert not (tmp_path / "e").exists()


def test_a_place_that_cannot_be_written_is_no_failure(tmp_path):
    (tmp_path / "e").write_text("a file where the folder should be")
    store = EmbeddingStore(tmp_path / "e", 1 << 20)
    assert not store.put(_key(), _embedding())
    assert store.get(_key()) is None


@pytest.mark.skipif(sys.platform == "win32", reason="limits file sizes as POSIX does")
def test_a_full_disk_leaves_no_half_file_and_work_goes_on(store):
    large = _embedding(side=256)
    with no_file_beyond(4096):
        assert not store.put(_key(), large)
        with pytest.raises(DiskFull, match=r"Free some space"):
            store.write(_key(), pack(_key(), large))
    assert list(store.folder.iterdir()) == []
    assert store.put(_key(), _embedding())


def test_what_a_killed_process_left_half_written_goes_some_time(store):
    store.put(_key(), _embedding())
    old, new = (store.folder / f".{_key().file_name}.{n}.tmp" for n in ("old", "new"))
    for draft in (old, new):
        draft.write_bytes(b"half")
    os.utime(old, (0, 0))
    EmbeddingStore(store.folder, 1 << 20)
    assert not old.exists()
    assert new.exists()  # another process may be writing it this moment
    assert store.get(_key()) is not None


def test_other_weights_under_the_same_name_are_other_weights(tmp_path):
    spec = EngineSpec("x", "X", frozenset(), "x:y", needs_checkpoint=True)
    file = tmp_path / "weights.pth"
    file.write_bytes(b"one")
    before = maker_of(spec, file)
    file.write_bytes(b"other")
    assert maker_of(spec, file) != before
    file.unlink()
    with pytest.raises(ModelMissing):
        maker_of(spec, file)


def test_memory_keeps_to_its_budget_and_drops_the_longest_unused():
    kept: Recent[str, bytes] = Recent(10, len)
    for name in "abc":
        kept.put(name, b"1234" if name != "c" else b"12")
    assert kept.get("a")
    kept.put("d", b"1234")
    assert kept.keys() == ["c", "a", "d"]
    kept.put("e", b"x" * 50)
    assert kept.keys() == ["e"]
