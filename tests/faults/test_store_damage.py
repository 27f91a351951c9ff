"""A damaged, foreign or newer project is named, crashes nothing, and is not changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from pathlib import Path
from random import Random

import numpy as np
import pytest

from core.domain.disease import Disease
from core.domain.edits import Edit, PixelsChanged
from core.domain.ids import DiseaseId, RegionId, RunId
from core.domain.mask import TILE
from core.domain.run import Run, RunState, Score, TargetScore
from core.errors import ProjectDamaged, ProjectError, ProjectTooNew
from core.ports import ImageQuery, ProjectStore
from storage import create_project, open_project, restore_backup
from tests.faults.project_model import ProjectModel


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound project of four photos, with one good backup."""
    folder = tmp_path_factory.mktemp("original")
    store = create_project(folder / "field")
    store.put_disease(Disease(DiseaseId(7), "rust", "#e69f00"))
    rng, model = Random(5), ProjectModel([DiseaseId(7)])
    for _ in range(4):
        new = model.random_photo(rng, folder)
        store.add_images([new])
        model.add(new)
    for _ in range(25):
        edit = model.random_edit(rng)
        store.commit(edit)
        model.apply(edit)
    assert store.backup() is not None
    store.close()
    return folder / "field.leafspot"


@pytest.fixture
def project(original: Path, tmp_path: Path) -> Path:
    """A copy to be damaged; the photos lie beside it."""
    shutil.copytree(original.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / original.name


def digest(folder: Path) -> dict[str, str]:
    """Every file but the lock, by content."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "project.lock"
    }


def execute(project: Path, *statements: str) -> None:
    connection = sqlite3.connect(project / "project.db", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def walk(project: Path) -> list[str]:
    """Open, read and check everything; the sentences that came of it. Any other error escapes."""
    try:
        store = open_project(project, read_only=True)
    except ProjectError as error:
        return [str(error)]
    sentences = []
    try:
        try:
            ids = store.image_ids(ImageQuery())
            store.cards(ids)
        except ProjectError as error:
            return [str(error)]
        for image in ids:
            try:
                store.regions(image)
            except ProjectError as error:
                sentences.append(str(error))
        return sentences + list(store.check().problems)
    finally:
        store.close()


def masks(project: Path) -> dict[int, np.ndarray]:
    """The masks of every region that can still be read."""
    found = {}
    store = open_project(project, read_only=True)
    for image in store.image_ids(ImageQuery()):
        try:
            found |= {r.info.id: r.mask.to_array() for r in store.regions(image)}
        except ProjectDamaged:
            continue
    store.close()
    return found


def test_a_sound_copy_has_no_problems(project: Path) -> None:
    assert walk(project) == []


def test_flipped_bits_are_found_or_harmless_and_never_crash(project: Path, original: Path) -> None:
    truth = masks(original)
    database = project / "project.db"
    good = database.read_bytes()
    rng, named = Random(3), 0
    used = [offset for offset, byte in enumerate(good) if byte]  # the rest is mostly slack
    for _ in range(120):
        bad = bytearray(good)
        bad[rng.choice(used)] ^= 1 << rng.randrange(8)
        database.write_bytes(bad)
        sentences = walk(project)
        named += bool(sentences)
        assert database.read_bytes() == bad, "reading changed a damaged file"
        if not sentences:
            read = masks(project)
            assert read.keys() == truth.keys()
            assert all(np.array_equal(read[r], truth[r]) for r in truth), "damage went unnoticed"
    assert named > 20


def test_every_flip_inside_a_mask_is_found_and_names_photo_and_region(project: Path) -> None:
    connection = sqlite3.connect(project / "project.db", isolation_level=None)
    tiles = connection.execute(
        "SELECT t.rowid, t.data, t.region_id, i.id, i.name FROM tile t "
        "JOIN region r ON r.id = t.region_id JOIN image i ON i.id = r.image_id"
    ).fetchall()
    rng = Random(4)
    for _ in range(30):
        rowid, data, region, image, name = rng.choice(tiles)
        bad = bytearray(data)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        connection.execute("UPDATE tile SET data = ? WHERE rowid = ?", (bytes(bad), rowid))
        store = open_project(project, read_only=True)
        with pytest.raises(ProjectDamaged, match=rf"region {region} on photo {name}"):
            store.regions(image)
        others = [i for i in store.image_ids(ImageQuery()) if i != image]
        assert all(store.regions(i) is not None for i in others), "the others stay usable"
        problems = store.check().problems
        assert len(problems) == 1
        assert name in problems[0]
        store.close()
        connection.execute("UPDATE tile SET data = ? WHERE rowid = ?", (data, rowid))
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM tile WHERE rowid = (SELECT max(rowid) FROM tile)",
        "UPDATE tile SET tile_row = tile_row + 9 WHERE rowid = (SELECT max(rowid) FROM tile)",
        "UPDATE region SET mask_sha256 = x'00' WHERE id = (SELECT max(region_id) FROM tile)",
    ],
)
def test_a_lost_or_misplaced_tile_is_found(project: Path, statement: str) -> None:
    execute(project, statement)
    assert any("mask of region" in sentence for sentence in walk(project))


@pytest.mark.parametrize(
    "damage",
    ["targets = '[[1'", "targets = '[],[]'", "probabilities = '[[\"rust\"]]'", "verdict = 'maybe'"],
)
def test_a_damaged_score_is_named_and_costs_no_other(project: Path, damage: str) -> None:
    store = open_project(project)
    sound, bad = store.image_ids(ImageQuery())[:2]
    run = Run(RunId("r"), "R", "starter", RunState.FINISHED, "2026-11-21T12:00:00", "runs/r")
    store.put_run(run)
    lesions = (TargetScore("lesions", 0.5, 0.4),)
    given = [
        Score(run.id, image, "val", 0.5, lesions, "rust", "rust", (("rust", 1.0),), 4.0, None, "p")
        for image in (sound, bad)
    ]
    store.put_scores(given)
    store.close()
    execute(project, f"UPDATE score SET {damage} WHERE image_id = {bad}")
    store = open_project(project, read_only=True)
    for read in (lambda: store.worst(run.id), lambda: store.scores(run.id)):
        with pytest.raises(ProjectDamaged, match=f"score, photo {bad} is damaged"):
            read()
    assert store.scores(run.id, [sound]) == given[:1]
    store.close()


def test_nothing_is_drawn_onto_a_damaged_tile(project: Path) -> None:
    connection = sqlite3.connect(project / "project.db", isolation_level=None)
    region, image = connection.execute(
        "SELECT t.region_id, r.image_id FROM tile t JOIN region r ON r.id = t.region_id "
        "WHERE t.tile_row = 0 AND t.tile_col = 0"
    ).fetchone()
    connection.execute(
        "UPDATE tile SET sha256 = zeroblob(32) WHERE region_id = ? AND tile_row = 0", (region,)
    )
    connection.close()
    stroke = np.zeros(TILE * TILE // 8, np.uint8)
    stroke[0] = 128
    store = open_project(project)
    with pytest.raises(ProjectDamaged, match=str(region)):
        store.commit(Edit(image, "Stroke", (PixelsChanged(RegionId(region), {(0, 0): stroke}),)))
    store.close()


def test_a_truncated_database_is_refused_untouched(project: Path) -> None:
    database = project / "project.db"
    good = database.read_bytes()
    rng = Random(6)
    for size in [0, 1, 99, 100, 4096, len(good) - 1] + [
        rng.randrange(len(good)) for _ in range(20)
    ]:
        database.write_bytes(good[:size])
        before = digest(project)
        with pytest.raises(ProjectDamaged, match=r"Nothing was changed.*backups/project-000001"):
            open_project(project)
        assert digest(project) == before, size


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"PK\x03\x04" + bytes(5000),
        b"SQLite format 3\0" + bytes(4080),
        b"\xff" * 9000,
    ],
    ids=["empty", "text", "zip", "header only", "noise"],
)
def test_a_file_that_is_no_database_is_refused_untouched(project: Path, content: bytes) -> None:
    (project / "project.db").write_bytes(content)
    before = digest(project)
    with pytest.raises(ProjectDamaged, match=r"Nothing was changed.*backups/project-000001"):
        open_project(project)
    assert digest(project) == before


def test_a_foreign_journal_beside_the_database_is_named(project: Path) -> None:
    """Another program may have switched the database to write-ahead logging, or left rubbish."""
    stranger = project / "project.db-wal"
    connection = sqlite3.connect(project / "project.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    stranger.mkdir()
    with pytest.raises(ProjectError, match=r"project\.db-wal, a file that Leafspot never makes"):
        open_project(project).close()
    assert stranger.is_dir()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("PRAGMA application_id = 1", "not written by Leafspot"),
        ("PRAGMA user_version = 0", "not written by Leafspot"),
        ("DROP TABLE tile", "“tile”|autoindex_tile"),
        ("ALTER TABLE region DROP COLUMN source", "“region”"),
        (
            "CREATE TRIGGER t AFTER INSERT ON region BEGIN DELETE FROM image; END",
            "“t”",
        ),
        ("CREATE VIEW v AS SELECT * FROM image", "“v”"),
    ],
)
def test_a_database_that_is_not_ours_is_refused_untouched(
    project: Path, statement: str, named: str
) -> None:
    execute(project, statement)
    before = digest(project)
    with pytest.raises(ProjectDamaged, match=named):
        open_project(project)
    assert digest(project) == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE image SET state = 'melted'",
        "UPDATE image SET areas = '[[1'",
        "UPDATE image SET extra = '3'",
        "UPDATE region SET kind = 'stem'",
        "UPDATE disease SET name = CAST(x'ff41' AS TEXT)",
        "UPDATE disease SET colour = 'red; image: url(x)'",
        "UPDATE disease SET hotkey = 77",
        "UPDATE image SET areas = '[[\"leaf\",null,1e999]]'",
        f"UPDATE image SET extra = '{'[' * 5000}'",
        "UPDATE run SET folder = '../../elsewhere'",
        "UPDATE run SET folder = '/elsewhere'",
        "UPDATE tile SET tile_col = 9223372036854775807 - tile_col",
    ],
)
def test_an_entry_that_makes_no_sense_is_named_as_damage(project: Path, change: str) -> None:
    made = open_project(project)
    made.put_run(Run(RunId("1"), "x", "starter", RunState.FINISHED, "", "runs/1"))
    made.close()
    execute(project, change)
    store = open_project(project, read_only=True)
    with pytest.raises(ProjectDamaged):
        read_everything(store)
    store.close()


def read_everything(store: ProjectStore) -> None:
    store.diseases()
    store.runs()
    for image in store.image_ids(ImageQuery()):
        store.image(image)
        store.areas(image)
        store.regions(image)


def test_figures_that_do_not_match_the_masks_are_found(project: Path) -> None:
    execute(project, "UPDATE image SET lesion = lesion + 1 WHERE added = 1")
    assert any("severity" in sentence for sentence in walk(project))


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_project_is_refused_untouched(project: Path, read_only: bool) -> None:
    execute(project, "PRAGMA user_version = 99")
    before = digest(project)
    with pytest.raises(ProjectTooNew, match=r"newer Leafspot.*99.*update Leafspot"):
        open_project(project, read_only=read_only)
    assert digest(project) == before


def test_going_back_to_a_backup_keeps_what_was_there(project: Path, original: Path) -> None:
    database = project / "project.db"
    database.write_bytes(b"ruined")
    (project / "project.db-journal").write_bytes(b"of the ruined one")
    used = restore_backup(project)
    assert used.parent == project / "backups"
    assert walk(project) == []
    assert masks(project).keys() == masks(original).keys()
    assert (project / "project.db.before-restore-1").read_bytes() == b"ruined"
    assert not (project / "project.db-journal").exists()


def test_a_backup_that_is_not_there_is_told_from_those_that_are(project: Path) -> None:
    (backup,) = (project / "backups").glob("*.db")
    before = digest(project)
    with pytest.raises(ProjectError, match=f"no backup called “may.db”; it has {backup.name}"):
        restore_backup(project, Path("may.db"))
    assert digest(project) == before


def test_a_damaged_backup_is_not_gone_back_to(project: Path) -> None:
    (backup,) = (project / "backups").glob("*.db")
    data = bytearray(backup.read_bytes())
    data[len(data) // 2] ^= 1
    backup.write_bytes(data)
    before = digest(project)
    with pytest.raises(ProjectError, match="no good backup"):
        restore_backup(project)
    with pytest.raises(ProjectDamaged, match="choose another"):
        restore_backup(project, backup)
    assert digest(project) == before


@pytest.mark.parametrize("there", ["nothing", "empty folder", "a file"])
def test_a_folder_that_is_no_project_is_named(tmp_path: Path, there: str) -> None:
    folder = tmp_path / "x.leafspot"
    if there == "empty folder":
        folder.mkdir()
    elif there == "a file":
        folder.write_text("x")
    with pytest.raises(ProjectError, match="not a Leafspot project"):
        open_project(folder)


def test_damaged_thumbnails_cost_no_work(project: Path) -> None:
    (project / "thumbs.db").write_bytes(b"\xff" * 9000)
    reader = open_project(project, read_only=True)
    ids = reader.image_ids(ImageQuery())
    assert reader.thumbnails(ids) == {}
    reader.close()
    store = open_project(project)
    assert store.thumbnails(ids) == {}
    assert len(store.regions(ids[0])) >= 0
    store.close()
    assert (project / "thumbs.db.damaged").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_photo_that_is_no_file_ends_the_check_all_the_same(project: Path, kind: str) -> None:
    """Reading a pipe or device from somebody else's project would never end."""
    place = project.parent / "place"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place = Path(os.devnull).with_name("zero")
    execute(project, f"UPDATE image SET path = '{place}'")
    store = open_project(project)
    found = [p for p in store.check().problems if "folder, pipe or device" in p]
    store.close()
    assert found
    assert all(str(place) in problem for problem in found)


@pytest.mark.parametrize(
    ("change", "why"),
    [("path = 'a' || char(0) || 'b'", "has moved away"), ("width = -5", "no photo has"),
     ("width = 2000000000, height = 2000000000", "no photo has")],
)  # fmt: skip
def test_an_entry_that_cannot_be_is_a_finding(project: Path, change: str, why: str) -> None:
    execute(project, f"UPDATE image SET {change}")
    store = open_project(project)
    problems = store.check().problems
    store.close()
    assert any(why in problem for problem in problems)
