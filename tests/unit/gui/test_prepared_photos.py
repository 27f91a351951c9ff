"""What “Prepared photos” promises: packs go out and come in, of these photos alone, and can be
stopped."""

from __future__ import annotations

import shutil
import sys
import textwrap
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import Qt
from whole_window import labelled_project, window

from core.embeddings.found import keep, key_of
from core.embeddings.key import EmbeddingKey, Maker, maker_of
from core.embeddings.store import FOLDER, EmbeddingStore
from core.engines.base import Candidate, EngineSpec
from core.ports import ImageQuery
from core.registry import find
from core.services.segment import ENGINES
from core.workers import launch
from gui.app import Leafspot
from gui.dialogs.prepared import PreparedDialog
from storage import open_project

PATIENCE = 20_000
LEAF = maker_of(find(ENGINES, EngineSpec, "leaf"), None)

# Sees nothing and keeps a number: what the window does with the answers is what counts here.
WORKER = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
import numpy as np
from core.embeddings.key import EmbeddingKey
from core.embeddings.store import EmbeddingStore
def say(**event):
    print(json.dumps(event), flush=True)
say(event="hello", protocol=1)
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "stop":
        say(event="stopped"); break
    if command["do"] == "load":
        say(event="loaded", engine=command["engine"], keeps={keeps!r})
    if command["do"] == "embed":
        time.sleep({slow!r})
        if Path(command["path"]).name == {bad!r}:
            say(event="refused", do="embed", token=None, text="leaf_01.png has been changed.")
            continue
        key = EmbeddingKey.of_fields(command["fields"])
        stored = EmbeddingStore(Path(command["folder"]), command["budget"]).put(
            key, {{"a": np.ones((2, 3), np.float16)}}
        )
        say(event="embedded", token=None, stored=stored, seconds=0.1)
"""


def photos(project: Path) -> dict[str, str]:
    """File name to SHA-256."""
    store = open_project(project, read_only=True)
    found = store.images(store.image_ids(ImageQuery()))
    store.close()
    return {Path(image.path).name: image.sha256 for image in found}


def prepared(project: Path, *names: str, maker: Maker = LEAF) -> None:
    """As if the assistant had looked at these."""
    known = photos(project)
    for name in names:
        key = EmbeddingKey(known[name], maker)
        EmbeddingStore(project / FOLDER).put(key, {"a": np.ones((4, 8, 8), np.float16)})


def others(folder: Path, *, shared: int) -> Path:
    """Another project of four photos, of which the first ``shared`` are the same."""
    folder.mkdir()
    project = labelled_project(folder, leaves=4)
    store = open_project(project)
    from dataclasses import replace

    for number, image in enumerate(store.images(store.image_ids(ImageQuery()))):
        if number >= shared:
            store.update_images([replace(image, sha256=f"{number:064x}")])
    store.close()
    return project


def opened(qtbot, program: Leafspot) -> PreparedDialog:
    """From the menu, once it has looked."""
    program.context.actions["photos.prepared"].trigger()
    dialog = program.shell.findChild(PreparedDialog)
    qtbot.waitUntil(lambda: bool(dialog._survey.photos), timeout=PATIENCE)
    return dialog


def over(qtbot, dialog: PreparedDialog) -> str:
    qtbot.waitUntil(lambda: not dialog.packs.busy and dialog.status.text() != "", timeout=PATIENCE)
    return dialog.status.text()


@pytest.fixture
def pack(qtbot, tmp_path: Path) -> Path:
    """Made through the window: three photos of four."""
    (tmp_path / "workstation").mkdir()
    project = labelled_project(tmp_path / "workstation", leaves=4)
    prepared(project, "leaf_00.png", "leaf_01.png", "leaf_02.png")
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        assert dialog.shelf.title == "Leaf"
        assert dialog.shelves.topLevelItem(0).text(1) == "3 of 4"
        assert dialog.shelves.topLevelItem(0).text(2).endswith(("kB", "bytes"))
        dialog.write(dialog.shelf, tmp_path / "photos.zip")
        assert over(qtbot, dialog) == "“photos.zip” holds 3 photos."
    assert len(zipfile.ZipFile(tmp_path / "photos.zip").namelist()) == 4
    return tmp_path / "photos.zip"


def test_a_pack_says_which_photos_match_before_it_is_taken_in(qtbot, tmp_path, pack) -> None:
    project = others(tmp_path / "laptop", shared=2)
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        assert not dialog.export.isEnabled(), "nothing is prepared here"
        dialog.look(pack)
        qtbot.waitUntil(lambda: dialog.pack is not None, timeout=PATIENCE)
        assert "2 photos of this project" in dialog.what.text()
        assert "1 is not in this project" in dialog.what.text()
        assert dialog.made_by.text() == "Looked at by Leaf."
        named = [dialog.photos.item(n).text() for n in range(dialog.photos.count())]
        assert named == [
            "leaf_02.png: not in the pack", "leaf_03.png: not in the pack",
            "leaf_00.png: in the pack", "leaf_01.png: in the pack",
        ]  # fmt: skip
        assert list((project / FOLDER).iterdir()) == [], "looking takes nothing in"
        dialog.take.click()
        assert over(qtbot, dialog) == "Took in 2 photos."
        qtbot.waitUntil(lambda: dialog.shelves.topLevelItemCount() == 1, timeout=PATIENCE)
        assert dialog.shelves.topLevelItem(0).text(1) == "2 of 4"
    key = EmbeddingKey(photos(project)["leaf_00.png"], LEAF)
    assert EmbeddingStore(project / FOLDER).get(key) is not None


def test_while_another_pack_is_looked_at_the_one_before_is_not_taken_in(
    qtbot, tmp_path, pack
) -> None:
    with window(qtbot, others(tmp_path / "field", shared=2)) as program:
        dialog = opened(qtbot, program)
        dialog.look(pack)
        qtbot.waitUntil(dialog.take.isVisible, timeout=PATIENCE)
        dialog.look(pack)
        assert not dialog.take.isVisible()
        qtbot.waitUntil(dialog.take.isVisible, timeout=PATIENCE)


def test_a_pack_of_other_photos_is_refused_with_a_sentence(qtbot, tmp_path, pack) -> None:
    with window(qtbot, others(tmp_path / "laptop", shared=0)) as program:
        dialog = opened(qtbot, program)
        dialog.look(pack)
        qtbot.waitUntil(lambda: dialog.pack is not None, timeout=PATIENCE)
        assert "This pack is of 3 other photos; none is in this project" in dialog.what.text()
        assert not dialog.take.isEnabled()
        assert not dialog.photos.isVisibleTo(dialog)


@pytest.mark.parametrize(
    ("maker", "title"),
    [
        (Maker("leaf", "f" * 64, LEAF.revision), "Leaf of another version"),
        (Maker("unheard", "", 1), "“unheard”, which is not part of this program"),
    ],
)
def test_a_pack_by_what_this_program_does_not_have_says_by_what(
    qtbot, tmp_path: Path, maker: Maker, title: str
) -> None:
    project = labelled_project(tmp_path, leaves=4)
    prepared(project, "leaf_00.png", maker=maker)
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        qtbot.waitUntil(lambda: dialog.shelf is not None, timeout=PATIENCE)
        assert dialog.shelf.title == title
        dialog.write(dialog.shelf, tmp_path / "old.zip")
        over(qtbot, dialog)
        dialog.look(tmp_path / "old.zip")
        qtbot.waitUntil(lambda: dialog.pack is not None, timeout=PATIENCE)
        assert f"looked at by {title}, which is of no use here" in dialog.what.text()
        assert not dialog.take.isEnabled()


def test_a_file_that_is_no_pack_is_told_in_a_sentence(qtbot, tmp_path: Path) -> None:
    project = labelled_project(tmp_path, leaves=4)
    (tmp_path / "photo.zip").write_bytes(b"not a zip")
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        dialog.look(tmp_path / "photo.zip")
        assert "no pack of prepared photos" in over(qtbot, dialog)
        assert not dialog.take.isEnabled()
        assert not dialog.photos.isVisibleTo(dialog)


@pytest.fixture
def slow_copies(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Set when a pack's first file is begun; and what it then waits for."""
    begun, go = threading.Event(), threading.Event()
    real = shutil.copyfileobj

    def slow(*args: object) -> None:
        begun.set()
        assert go.wait(20)
        real(*args)

    monkeypatch.setattr("core.embeddings.packs.shutil.copyfileobj", slow)
    return begun, go


def test_a_pack_that_is_stopped_while_it_is_written_leaves_no_file(
    qtbot, tmp_path: Path, slow_copies
) -> None:
    project = labelled_project(tmp_path, leaves=4)
    prepared(project, "leaf_00.png", "leaf_01.png")
    begun, go = slow_copies
    out = tmp_path / "out"
    out.mkdir()
    (out / "photos.zip").write_bytes(b"an earlier one")
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        dialog.write(dialog.shelf, out / "photos.zip")
        qtbot.waitUntil(begun.is_set, timeout=PATIENCE)
        assert dialog.stop.isVisibleTo(dialog)
        assert not dialog.export.isEnabled()
        dialog.stop.click()
        go.set()
        assert over(qtbot, dialog) == "Stopped; no pack was written."
    assert [p.name for p in out.iterdir()] == ["photos.zip"]
    assert (out / "photos.zip").read_bytes() == b"an earlier one"


@pytest.fixture
def worker(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a stand-in in the place of the worker that looks at photos."""
    real, script = launch.command, tmp_path / "embed_worker.py"

    def command(name: str, *args: str) -> list[str]:
        return [sys.executable, str(script)] if name == "embed" else real(name, *args)

    def make(*, keeps: bool = True, slow: float = 0.0, bad: str = "") -> None:
        text = WORKER.format(root=str(repo), keeps=keeps, slow=slow, bad=bad)
        script.write_text(textwrap.dedent(text), encoding="utf-8")

    monkeypatch.setattr(launch, "command", command)
    return make


def test_all_photos_are_prepared_and_what_cannot_be_is_named(qtbot, tmp_path, worker) -> None:
    project = labelled_project(tmp_path, leaves=4)
    prepared(project, "leaf_00.png")
    worker(bad="leaf_01.png")
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        dialog.prepare.click()
        said = over(qtbot, dialog)
        assert said == "2 photos prepared. 1 photo could not be: leaf_01.png has been changed."
        item = dialog.shelves.topLevelItem
        qtbot.waitUntil(lambda: item(0) is not None and item(0).text(1) == "3 of 4")
        qtbot.waitUntil(lambda: program.context.workers.running("embed") == [], timeout=PATIENCE)


def test_no_pack_can_be_made_between_the_work_and_the_new_list(qtbot, tmp_path, worker) -> None:
    worker()
    project = labelled_project(tmp_path, leaves=4)
    prepared(project, "leaf_01.png")
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        assert dialog.export.isEnabled()
        could: list[bool] = []
        dialog.packs.ended.connect(lambda *_: could.append(dialog.export.isEnabled()))
        dialog.prepare.click()
        over(qtbot, dialog)
        assert could == [False]
        qtbot.waitUntil(dialog.export.isEnabled, timeout=PATIENCE)
        assert dialog.shelf is not None
        assert len(dialog.shelf.photos) == 4


def test_preparing_can_be_stopped_and_keeps_what_it_has(qtbot, tmp_path, worker) -> None:
    project = labelled_project(tmp_path, leaves=4)
    worker(slow=0.4)
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        dialog.prepare.click()
        qtbot.waitUntil(lambda: dialog.bar.value() >= 1, timeout=PATIENCE)
        dialog.stop.click()
        assert over(qtbot, dialog).startswith("Stopped; ")
        qtbot.waitUntil(lambda: program.context.workers.running("embed") == [], timeout=PATIENCE)
    kept = len(list((project / FOLDER).glob("*.safetensors")))
    assert 1 <= kept < 4


def test_a_worker_that_is_killed_over_a_photo_says_so_and_costs_that_photo_alone(
    qtbot, tmp_path, worker
) -> None:
    project = labelled_project(tmp_path, leaves=4)
    worker(slow=0.4)
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        dialog.prepare.click()
        qtbot.waitUntil(lambda: dialog.bar.value() >= 1, timeout=PATIENCE)
        program.context.workers.running("embed")[0].kill()
        said = over(qtbot, dialog)
        assert said.startswith("The process that prepares photos was killed")
        assert "prepare the photos again" in said
        worker()
        dialog.prepare.click()
        qtbot.waitUntil(lambda: "prepared." in dialog.status.text(), timeout=PATIENCE)
        item = dialog.shelves.topLevelItem
        qtbot.waitUntil(lambda: item(0) is not None and item(0).text(1) == "4 of 4")


def test_an_assistant_that_keeps_nothing_says_so(qtbot, tmp_path, worker) -> None:
    project = labelled_project(tmp_path, leaves=4)
    worker(keeps=False)
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        dialog.prepare.click()
        assert "needs no preparation" in over(qtbot, dialog)


def test_closing_the_dialog_ends_what_is_under_way(qtbot, tmp_path, worker) -> None:
    project = labelled_project(tmp_path, leaves=4)
    worker(slow=0.4)
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        dialog.prepare.click()
        qtbot.waitUntil(lambda: bool(program.context.workers.running("embed")), timeout=PATIENCE)
        dialog.close()
        qtbot.waitUntil(lambda: program.context.workers.running("embed") == [], timeout=PATIENCE)


def test_escape_ends_what_is_under_way_as_closing_does(qtbot, tmp_path, worker) -> None:
    project = labelled_project(tmp_path, leaves=4)
    worker(slow=0.4)
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        dialog.prepare.click()
        qtbot.waitUntil(lambda: bool(program.context.workers.running("embed")), timeout=PATIENCE)
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        qtbot.waitUntil(lambda: program.context.workers.running("embed") == [], timeout=PATIENCE)


def test_a_pack_whose_dialog_is_closed_has_nobody_left_to_tell(
    qtbot, tmp_path: Path, slow_copies
) -> None:
    project = labelled_project(tmp_path, leaves=4)
    prepared(project, "leaf_00.png", "leaf_01.png")
    begun, go = slow_copies
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        dialog.write(dialog.shelf, tmp_path / "photos.zip")
        qtbot.waitUntil(begun.is_set, timeout=PATIENCE)
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        qtbot.waitUntil(lambda: not shiboken6.isValid(dialog), timeout=PATIENCE)
        go.set()  # the file under way is copied, and that is told
        qtbot.waitUntil(lambda: list(tmp_path.glob(".photos.zip*")) == [], timeout=PATIENCE)
        heard: list[bool] = []
        program.context.tasks.post(lambda: heard.append(True))
        qtbot.waitUntil(lambda: bool(heard), timeout=PATIENCE)
    assert not (tmp_path / "photos.zip").exists()


def test_a_pack_takes_along_what_was_found_on_the_photos(qtbot, tmp_path: Path) -> None:
    project = labelled_project(tmp_path, leaves=4)
    prepared(project, "leaf_00.png", "leaf_01.png")
    own = key_of(EmbeddingKey(photos(project)["leaf_01.png"], LEAF))
    spot = Candidate(np.ones((3, 4), bool), (5, 6), 0.5)
    assert keep(EmbeddingStore(project / FOLDER), own, [spot])
    with window(qtbot, project) as program:
        dialog = opened(qtbot, program)
        qtbot.waitUntil(lambda: dialog.shelf is not None, timeout=PATIENCE)
        dialog.write(dialog.shelf, tmp_path / "photos.zip")
        assert over(qtbot, dialog) == "“photos.zip” holds 2 photos."
    assert own.file_name in zipfile.ZipFile(tmp_path / "photos.zip").namelist()
