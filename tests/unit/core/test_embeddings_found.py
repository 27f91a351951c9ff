"""What was found on a photo once is there the next time, bit for bit, and never another photo's."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.embeddings.found import keep, kept, key_of, pack, unpack
from core.embeddings.key import EmbeddingKey, Maker, maker_of
from core.embeddings.store import EmbeddingStore, read
from core.embeddings.store import pack as file_of
from core.engines.base import Candidate, EngineSpec, PromptKind
from core.engines.leaf import LeafEngine
from core.registry import find
from core.services.segment import ENGINES, Assistant
from core.workers.mask_crop import encode_mask

LOOK = EmbeddingKey("a" * 64, Maker("leaf", "b" * 64, 2))
KEY = key_of(LOOK)


def _candidates(count: int = 12) -> list[Candidate]:
    """Holes, islands, one pixel, a full box, scores with all their digits."""
    rng = np.random.default_rng(7)
    found = [
        Candidate(np.ones((1, 1), bool), (0, 0), 1.0),
        Candidate(np.ones((5, 3), bool), (2000, 7), 0.0),
        Candidate(np.eye(9, dtype=bool), (3, 4), 1 / 3),
        Candidate(~np.eye(9, dtype=bool), (3, 4), 2 / 3),
    ]
    for n in range(count):
        found.append(Candidate(rng.random((n + 1, 40)) > 0.5, (n, 3 * n), float(rng.random())))
    return found


def _same(ours: list[Candidate], theirs: list[Candidate]) -> bool:
    return len(ours) == len(theirs) and all(
        np.array_equal(a.pixels, b.pixels) and (a.origin, a.score) == (b.origin, b.score)
        for a, b in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("candidates", [[], _candidates()], ids=["none", "some"])
def test_candidates_come_back_bit_for_bit_and_in_order(candidates, tmp_path):
    store = EmbeddingStore(tmp_path)
    assert kept(store, KEY) is None
    assert keep(store, KEY, candidates)
    assert _same(kept(store, KEY), candidates)


def test_they_are_small(tmp_path):
    """A hundred lesions of 60 pixels across take less room than one mask of the photo."""
    disc = cv2.circle(np.zeros((60, 60), np.uint8), (30, 30), 29, 1, -1).astype(bool)
    many = [Candidate(disc, (60 * n, 0), 0.5) for n in range(100)]
    assert len(file_of(KEY, pack(many))) < 60_000


def test_they_are_of_one_photo_engine_and_weights_and_are_no_embedding(tmp_path):
    store = EmbeddingStore(tmp_path)
    keep(store, KEY, _candidates())
    others = [
        LOOK,
        key_of(EmbeddingKey("c" * 64, LOOK.maker)),
        key_of(EmbeddingKey(LOOK.photo, Maker("leaf", "b" * 64, 3))),
        key_of(EmbeddingKey(LOOK.photo, Maker("leaf", "c" * 64, 2))),
    ]
    data = (tmp_path / KEY.file_name).read_bytes()
    for other in others:
        assert store.get(other) is None
        assert read(data, other) is None, "a file under another's name"
    assert EmbeddingKey.of_fields(KEY.fields()) == KEY


def test_embeddings_kept_before_there_were_candidates_are_still_found():
    """Their names are made of the fields, which must not change."""
    assert "what" not in LOOK.fields()


@pytest.mark.parametrize("hurt", ["boxes", "counts", "runs", "scores"])
@pytest.mark.parametrize(
    "change",
    [
        lambda a: a[:-1],
        lambda a: np.concatenate([a, a[-1:]]),
        lambda a: a.astype(np.float32),
        lambda a: a.reshape(-1)[None],
        lambda a: np.full_like(a, np.iinfo(a.dtype).max if a.dtype.kind in "iu" else np.nan),
    ],
)
def test_what_is_no_list_of_candidates_is_none_and_goes(hurt, change, tmp_path):
    arrays = pack(_candidates())
    arrays[hurt] = change(arrays[hurt])
    with pytest.raises(ValueError, match=r"\w"):
        unpack(arrays)
    store = EmbeddingStore(tmp_path)
    store.write(KEY, file_of(KEY, arrays))
    assert kept(store, KEY) is None
    assert kept(store, KEY) is None, "and stays none"


def test_a_file_cannot_ask_for_more_memory_than_a_photo_has():
    """Two numbers that say a mask of a terapixel."""
    arrays = pack([Candidate(np.zeros((1, 1), bool), (0, 0), 0.5)])
    arrays["boxes"][0, 2:] = 1 << 20
    arrays["runs"] = np.array([2**32 - 1], np.uint32)
    with pytest.raises(ValueError, match="no photo"):
        unpack(arrays)


def test_a_flipped_bit_is_noticed(tmp_path):
    store = EmbeddingStore(tmp_path)
    keep(store, KEY, _candidates())
    path = tmp_path / KEY.file_name
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    assert kept(store, KEY) is None


def test_they_share_the_budget_with_embeddings(tmp_path):
    """The oldest makes room, whichever kind it is; what is larger than all is not kept."""
    size = len(file_of(KEY, pack(_candidates())))
    store = EmbeddingStore(tmp_path, budget=size + 2000)
    assert store.put(LOOK, {"look": np.zeros(1500, np.float16)})
    assert keep(store, KEY, _candidates())
    assert not store.has(LOOK)
    assert store.size() <= size + 2000
    assert not keep(EmbeddingStore(tmp_path, budget=100), KEY, _candidates())
    assert not keep(EmbeddingStore(tmp_path / "none", budget=0), KEY, _candidates())
    assert not (tmp_path / "none").exists()


# -- behind the assistant


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A green photo with four brown spots."""
    bgr = np.full((600, 900, 3), (50, 130, 70), np.uint8)
    for n in range(4):
        cv2.circle(bgr, (150 + 200 * n, 300), 22, (30, 70, 130), -1)
    path = tmp_path / "leaf.png"
    assert cv2.imwrite(str(path), bgr)
    return path


def _assistant(photo: Path, folder: Path, budget: int = 10_000_000) -> Assistant:
    assistant = Assistant()
    assistant.load("leaf")
    assistant.keep_in(folder, budget)
    assistant.show(photo)
    return assistant


def _wire(found: list[Candidate]) -> list[dict]:
    return [encode_mask(one.pixels, one.origin) | {"score": one.score} for one in found]


def _never(*_args, **_more):
    raise AssertionError("the engine was asked")


def test_what_was_found_once_is_shown_again_without_asking_the_engine(photo, tmp_path, monkeypatch):
    found = _assistant(photo, tmp_path / "kept").find(PromptKind.EVERYTHING)
    assert found
    again = _assistant(photo, tmp_path / "kept")
    monkeypatch.setattr(LeafEngine, "everything", _never)
    assert _wire(again.find(PromptKind.EVERYTHING)) == _wire(found)


def test_another_photo_or_a_newer_engine_is_looked_at_anew(photo, tmp_path, monkeypatch):
    _assistant(photo, tmp_path / "kept").find(PromptKind.EVERYTHING)
    asked = []
    real = LeafEngine.everything
    monkeypatch.setattr(
        LeafEngine, "everything", lambda self, most=100: asked.append(1) or real(self, most)
    )
    changed = cv2.imread(str(photo))
    changed[0, 0] = 0
    assert cv2.imwrite(str(photo), changed)
    _assistant(photo, tmp_path / "kept").find(PromptKind.EVERYTHING)
    assert len(asked) == 1
    maker = maker_of(find(ENGINES, EngineSpec, "leaf"), None)
    newer = Maker(maker.engine, maker.weights, maker.revision + 1)
    monkeypatch.setattr("core.services.segment.maker_of", lambda *_: newer)
    _assistant(photo, tmp_path / "kept").find(PromptKind.EVERYTHING)
    assert len(asked) == 2


def test_what_is_found_in_a_part_of_the_photo_is_not_taken_for_all_of_it(tmp_path):
    bgr = np.full((3000, 4000, 3), (50, 130, 70), np.uint8)
    cv2.circle(bgr, (1600, 1500), 22, (30, 70, 130), -1)
    path = tmp_path / "large.png"
    assert cv2.imwrite(str(path), bgr)
    assistant = _assistant(path, tmp_path / "kept")
    assistant.find(PromptKind.EVERYTHING, view=(1400, 1300, 1900, 1650))
    assert not any("candidates" in text for text in _headers(tmp_path / "kept"))
    assistant.find(PromptKind.EVERYTHING)
    assert any("candidates" in text for text in _headers(tmp_path / "kept"))


def test_in_a_project_that_may_only_be_read_they_are_found_and_not_written(photo, tmp_path):
    assert _assistant(photo, tmp_path / "kept", budget=0).find(PromptKind.EVERYTHING)
    assert not (tmp_path / "kept").exists()


def _headers(folder: Path) -> list[str]:
    return [path.read_bytes()[:2000].decode("latin-1") for path in folder.glob("*.safetensors")]
