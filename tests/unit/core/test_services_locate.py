"""Photos that were moved are found by their bytes, all at once, and nothing else changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.ids import ImageId
from core.imaging import decode
from core.ports import ImageQuery, ProjectStore
from core.services import locate
from core.services.locate import LocateProgress, find_moved
from tests.doubles.projects import leaves, make_project


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProjectStore]:
    """Twelve photos with their sizes on record."""
    store = make_project(tmp_path, leaves())
    images = store.images(store.image_ids(ImageQuery()))
    store.update_images([replace(i, size_bytes=store.resolve(i).stat().st_size) for i in images])
    yield store
    store.close()


def everything(store: ProjectStore) -> list[ImageId]:
    return store.image_ids(ImageQuery())


def in_place(store: ProjectStore) -> list[bool]:
    return [store.resolve(i).is_file() for i in store.images(everything(store))]


def test_all_photos_of_a_folder_that_was_moved_and_renamed_are_found(
    tmp_path: Path, store: ProjectStore
) -> None:
    target = tmp_path / "archive" / "2026"
    shutil.move(tmp_path / "photos", target)
    for path in target.iterdir():
        path.rename(path.with_name(f"renamed-{path.name}"))
    before = [replace(i, path="") for i in store.images(everything(store))]
    seen: list[LocateProgress] = []
    report = find_moved(store, tmp_path / "archive", progress=seen.append)
    assert (report.missing, report.found, report.stopped) == (12, 12, False)
    assert all(in_place(store))
    assert [replace(i, path="") for i in store.images(everything(store))] == before
    assert any(s.searching and s.found for s in seen)


def test_only_files_of_a_missing_photos_size_are_read(
    tmp_path: Path, store: ProjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.images(everything(store))[0]
    target = tmp_path / "elsewhere"
    target.mkdir()
    shutil.move(store.resolve(first), target / "moved.png")
    (target / "other.png").write_bytes(b"x" * (first.size_bytes + 1))
    read: list[str] = []

    def told(path: Path) -> str:
        read.append(path.name)
        return decode.sha256_of(path)

    monkeypatch.setattr(locate, "sha256_of", told)
    assert find_moved(store, target).found == 1
    assert read == ["moved.png"]


def test_what_was_labelled_while_the_search_ran_stays(tmp_path: Path, store: ProjectStore) -> None:
    shutil.move(tmp_path / "photos", tmp_path / "archive")
    image = everything(store)[0]

    def label(seen: LocateProgress) -> None:
        if seen.searching:
            store.update_images([replace(store.image(image), notes="seen meanwhile")])

    find_moved(store, tmp_path / "archive", progress=label)
    assert store.image(image).notes == "seen meanwhile"
    assert all(in_place(store))


def test_stopping_keeps_what_was_found(tmp_path: Path, store: ProjectStore) -> None:
    shutil.move(tmp_path / "photos", tmp_path / "archive")
    seen: list[LocateProgress] = []
    report = find_moved(
        store,
        tmp_path / "archive",
        progress=seen.append,
        cancelled=lambda: any(s.found >= 3 for s in seen),
    )
    assert report.stopped
    assert 3 <= sum(in_place(store)) < 12
    assert "Stopped" in report.sentence()
