"""Whatever interrupts a copying import: whole copies of photos that are in, and nothing else."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import DiskFull, ProjectError, ProjectReadOnly, UserError
from core.ports import ImageQuery
from core.services import import_copies, import_images
from core.services.import_images import ImportOptions, ImportReport, plan, run
from storage import open_project
from storage.project_store import SqlProjectStore
from tests.doubles.decoders import HereDecoder
from tests.faults.full_disk import no_file_beyond

posix = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of POSIX")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five small photos, and behind them one that is larger than the project's database."""
    folder = tmp_path / "in" / "plot"
    folder.mkdir(parents=True)
    for n in range(5):
        Image.new("RGB", (30, 20), (10 * n, 99, 50)).save(folder / f"leaf {n}.png")
    noise = np.random.default_rng(1).integers(0, 255, (400, 600, 3), np.uint8)
    Image.fromarray(noise).save(folder / "leaf 9.png")
    return folder.parent


def _import(store: SqlProjectStore, photos: Path) -> ImportReport:
    return run(store, plan([photos]), ImportOptions(copy=True), decoder=HereDecoder())


def _left(store: SqlProjectStore) -> list[str]:
    """Files and folders below the project's photos; every one of them must be in the project."""
    images = [store.image(i) for i in store.image_ids(ImageQuery())]
    found = sorted(
        p.relative_to(store.folder).as_posix()
        for p in (store.folder / "photos").rglob("*")
        if not p.is_dir()
    )
    assert found == sorted(i.path for i in images)
    assert store.check().ok
    return found


def _one_sentence(error: UserError) -> None:
    assert str(error).endswith(".")
    assert ". " not in str(error)


@posix
def test_a_disk_that_fills_up_while_copying_leaves_no_photo_half_in(
    store: SqlProjectStore, photos: Path
) -> None:
    with (
        pytest.raises(DiskFull, match=r"“leaf 9\.png” was not copied") as full,
        no_file_beyond(400_000),
    ):
        _import(store, photos)
    _one_sentence(full.value)
    assert _left(store) == []
    assert not (store.folder / "photos").exists()
    assert len(_import(store, photos).accepted) == 6
    assert len(_left(store)) == 6


@posix
def test_a_disk_that_fills_up_while_the_photos_are_entered_takes_their_copies_back(
    store: SqlProjectStore, photos: Path
) -> None:
    (photos / "plot" / "leaf 9.png").unlink()
    with pytest.raises(DiskFull), no_file_beyond(2_000):
        _import(store, photos)
    assert _left(store) == []
    assert len(_import(store, photos).accepted) == 5


def test_photos_entered_before_the_disk_is_full_stay_with_their_copies(
    store: SqlProjectStore, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_images, "BATCH", 2)
    _fail_at(monkeypatch, "leaf 3.png", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(DiskFull):
        _import(store, photos)
    assert _left(store) == ["photos/plot/leaf 0.png", "photos/plot/leaf 1.png"]
    monkeypatch.undo()
    report = _import(store, photos)
    assert len(report.accepted) == 4
    assert len(report.duplicates) == 2


@pytest.mark.parametrize(
    ("code", "kind", "sentence"),
    [
        (errno.EROFS, ProjectReadOnly, "may not be written"),
        (errno.EACCES, ProjectReadOnly, "may not be written"),
        (errno.EDQUOT, DiskFull, "The disk is full"),
        (errno.EIO, ProjectError, "look at the project's drive"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_sentence(
    store: SqlProjectStore,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    kind: type[UserError],
    sentence: str,
) -> None:
    _fail_at(monkeypatch, "leaf 2.png", OSError(code, "no"))
    with pytest.raises(kind, match=sentence) as refusal:
        _import(store, photos)
    _one_sentence(refusal.value)
    assert _left(store) == []
    assert not (store.folder / "photos").exists()


def test_an_import_that_takes_nothing_in_leaves_no_empty_folder(
    store: SqlProjectStore, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_at(monkeypatch, "leaf 0.png", OSError(errno.ENOSPC, "no"))
    with pytest.raises(DiskFull):
        _import(store, photos)
    assert not (store.folder / "photos").exists()


def test_folders_of_the_person_stay_when_copies_are_taken_back(
    store: SqlProjectStore, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store.folder / "photos" / "plot").mkdir(parents=True)
    _fail_at(monkeypatch, "leaf 2.png", OSError(errno.ENOSPC, "no"))
    with pytest.raises(DiskFull):
        _import(store, photos)
    assert (store.folder / "photos" / "plot").is_dir()
    assert _left(store) == []


def test_ctrl_c_leaves_no_copies_of_what_is_not_in(
    store: SqlProjectStore, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_at(monkeypatch, "leaf 2.png", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        _import(store, photos)
    assert _left(store) == []


def test_copies_are_kept_when_the_photos_are_in_whatever_was_said(
    store: SqlProjectStore, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to a commit may get lost after the commit."""
    add = store.add_images

    def lost(new: object) -> None:
        add(new)  # type: ignore[arg-type]
        raise ProjectError("The drive did not answer.")

    monkeypatch.setattr(store, "add_images", lost)
    with pytest.raises(ProjectError, match="did not answer"):
        _import(store, photos)
    assert len(_left(store)) == 6


@posix
@pytest.mark.parametrize("when", ["copying", "entering"])
def test_after_a_kill_the_next_import_finishes_the_job_under_the_same_names(
    store: SqlProjectStore, photos: Path, repo: Path, when: str
) -> None:
    store.close()
    code = f"""
        import os, signal, sys
        from pathlib import Path
        from core.services import import_copies
        from core.services.import_images import ImportOptions, plan, run
        from storage import open_project
        from tests.doubles.decoders import HereDecoder

        def die(*_args):
            os.kill(os.getpid(), signal.SIGKILL)

        def half(photo, draft, write=import_copies._write):
            write(photo, draft)
            if photo.name == "leaf 3.png":
                os.truncate(draft, 10)
                die()

        store = open_project(Path(sys.argv[1]))
        if {when!r} == "copying":
            import_copies._write = half
        else:
            store.add_images = die
        run(store, plan([Path(sys.argv[2])]), ImportOptions(copy=True), decoder=HereDecoder())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(store.folder), str(photos)],
        cwd=repo,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    again = open_project(store.folder)
    assert again.count(ImageQuery()) == 0
    assert len(_import(again, photos).accepted) == 6
    wanted = sorted(f"photos/plot/{p.name}" for p in (photos / "plot").iterdir())
    assert _left(again) == wanted
    again.close()


def _fail_at(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    """Copying the photo ``name`` ends half-way with ``error``."""
    write = import_copies._write

    def failing(photo: Path, draft: Path) -> None:
        write(photo, draft)
        if photo.name == name:
            raise error

    monkeypatch.setattr(import_copies, "_write", failing)
