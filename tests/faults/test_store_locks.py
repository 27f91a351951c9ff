"""One writer, whoever comes second reads, and nobody is ever asked about a stale lock."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.domain.edits import Edit, ImageLabel, ImageRelabelled
from core.domain.ids import ImageId
from core.domain.image import ImageState, LeafImage
from core.errors import ProjectError, ProjectLocked, ProjectReadOnly
from core.ports import ImageQuery, NewImage
from storage import create_project, open_project, restore_backup

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(sys.platform != "linux", reason="names and pipes as Linux has them")
PHOTO = LeafImage(ImageId(1), "../a.jpg", "0" * 64, 300, 200)
LABEL = Edit(
    PHOTO.id,
    "Done",
    (
        ImageRelabelled(
            ImageLabel(None, ImageState.UNSEEN, False), ImageLabel(None, ImageState.DONE, True)
        ),
    ),
)

HOLD = """
import sys, time
from pathlib import Path
from storage import open_project
store = open_project(Path(sys.argv[1]))
print("read-only" if store.read_only else "writing", flush=True)
time.sleep(60)
"""


@contextmanager
def another_program(project: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the project open until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(project)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "writing\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    store = create_project(tmp_path / "field")
    store.add_images([NewImage(PHOTO, thumbnail=b"jpeg")])
    store.close()
    return store.folder


def test_the_second_opener_reads_and_learns_who_writes(project: Path) -> None:
    with another_program(project) as process:
        store = open_project(project)
        assert store.read_only
        for part in (getpass.getuser(), socket.gethostname(), str(process.pid)):
            assert part in store.locked_by
        assert store.image(PHOTO.id) == PHOTO
        assert store.thumbnails([PHOTO.id]) == {PHOTO.id: b"jpeg"}
        with pytest.raises(ProjectReadOnly, match=socket.gethostname()):
            store.commit(LABEL)
        store.close()
        with pytest.raises(ProjectLocked, match=socket.gethostname()):
            restore_backup(project)


def test_after_a_kill_the_project_opens_for_writing_without_a_question(project: Path) -> None:
    for _ in range(3):
        with another_program(project):
            pass
        store = open_project(project)
        assert not store.read_only
        store.commit(LABEL)
        store.close()


def test_of_many_openers_at_once_exactly_one_writes(project: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            stores = list(pool.map(open_project, [project] * 8))
            assert sum(not store.read_only for store in stores) == 1
            for store in stores:
                store.close()


def test_the_lock_is_free_after_closing_and_after_a_refusal(project: Path) -> None:
    database = project / "project.db"
    good = database.read_bytes()
    database.write_bytes(b"ruined")
    with pytest.raises(ProjectError):
        open_project(project)
    database.write_bytes(good)
    for _ in range(2):
        store = open_project(project)
        assert not store.read_only
        store.close()


def test_whoever_reads_does_not_keep_the_writer_out(project: Path) -> None:
    reader = open_project(project, read_only=True)
    assert (reader.read_only, reader.locked_by) == (True, "")
    writer = open_project(project)
    assert not writer.read_only
    writer.add_images([NewImage(LeafImage(ImageId(2), "b.jpg", "1" * 64, 9, 9))])
    assert reader.image_ids(ImageQuery()) == [1, 2], "a reader sees what was saved meanwhile"
    with pytest.raises(ProjectReadOnly, match="opened only to be read"):
        reader.backup()
    reader.close()
    writer.close()


@contextmanager
def nobody() -> Iterator[None]:
    """Permissions bind: a root user becomes nobody for a while."""
    if sys.platform == "win32":
        pytest.skip("permission bits")
    root = os.getuid() == 0
    if root:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        if root:
            os.setresuid(0, 0, 0)


@pytest.fixture
def public_copy(project: Path) -> Iterator[Path]:
    """The project where every user of the machine gets at it."""
    place = Path(tempfile.mkdtemp(prefix="leafspot-public-"))
    place.chmod(0o755)
    yield Path(shutil.copytree(project, place / project.name))
    for path in (place, *place.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(place)


@pytest.fixture
def read_only_copy(public_copy: Path) -> Path:
    """The project on what might be a DVD: nothing in it may be written."""
    (public_copy / "project.lock").unlink()
    for path in (public_copy, *public_copy.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    public_copy.parent.chmod(0o555)
    return public_copy


def test_a_read_only_folder_opens_and_nothing_in_it_changes(read_only_copy: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in read_only_copy.rglob("*")}
    with nobody():
        store = open_project(read_only_copy)
        assert (store.read_only, store.locked_by) == (True, "")
        assert store.image(PHOTO.id) == PHOTO
        assert store.thumbnails([PHOTO.id]) == {PHOTO.id: b"jpeg"}
        assert len(store.check().problems) == 1, "only that the photo is not there"
        with pytest.raises(ProjectReadOnly, match="copy it to another place"):
            store.commit(LABEL)
        store.close()
        with pytest.raises(ProjectReadOnly):
            restore_backup(read_only_copy)
    assert {p: p.stat().st_mtime_ns for p in read_only_copy.rglob("*")} == before


def test_a_folder_that_turns_read_only_under_an_open_project_is_named(public_copy: Path) -> None:
    store = open_project(public_copy)
    store.image(PHOTO.id)
    public_copy.chmod(0o555)
    with nobody(), pytest.raises(ProjectError, match=r"read-only|may read and write there"):
        store.commit(LABEL)
    assert store.image(PHOTO.id) == PHOTO, "nothing was changed"
    public_copy.chmod(0o755)
    store.commit(LABEL)
    store.close()


@pytest.mark.parametrize("name", ["x", "x.leafspot", "deep/x"])
def test_a_new_project_is_not_made_where_it_may_not_be(read_only_copy: Path, name: str) -> None:
    with nobody(), pytest.raises(ProjectError, match="choose a folder you may write to"):
        create_project(read_only_copy.parent / name)


def test_a_new_project_does_not_replace_one_that_is_there(project: Path) -> None:
    with pytest.raises(ProjectError, match="exists already"):
        create_project(project)
    with pytest.raises(ProjectError, match="exists already"):
        create_project(project.with_suffix(""))
    store = open_project(project)
    assert store.image(PHOTO.id) == PHOTO
    store.close()


@pytest.mark.parametrize("name", ["a" * 300, pytest.param("odd\udcff", marks=linux)])
def test_a_name_that_cannot_be_is_refused_with_what_to_choose(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectError, match=r"choose (a shorter|another) name"):
        create_project(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@linux
def test_a_lock_that_cannot_be_signed_is_given_back_all_the_same(project: Path) -> None:
    lock = project / "project.lock"
    lock.unlink(missing_ok=True)
    os.mkfifo(lock)
    for _ in range(2):
        store = open_project(project)
        assert not store.read_only
        store.close()


def test_a_new_project_leaves_nothing_else_behind(tmp_path: Path) -> None:
    create_project(tmp_path / "deep" / "Feld #3 100%25 ü.v2").close()
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["Feld #3 100%25 ü.v2.leafspot"]
    for spelling in (
        "Feld #3 100%25 ü.v2",
        "Feld #3 100%25 ü.v2.leafspot",
        "Feld #3 100%25 ü.v2.leafspot/project.db",
    ):
        store = open_project(tmp_path / "deep" / spelling)
        assert (store.name, store.read_only) == ("Feld #3 100%25 ü.v2", False)
        store.close()
