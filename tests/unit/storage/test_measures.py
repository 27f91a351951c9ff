"""Scale cards and severity scales are kept with the project, and damage is told, not shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.calibration import Calibration, measured
from core.domain.ids import ImageId
from core.domain.scale import BRACOL, HORSFALL_BARRATT, Grade, Scale, Scales
from core.errors import ProjectDamaged, ProjectError
from core.ports import ImageQuery, ProjectStore
from storage.migrations import m0001_first, runner
from storage.projects import open_project
from tests.doubles.projects import Leaf, make_project, spotted

MINE = Scale("Mine", (Grade("low", 3.5, under=True), Grade("high", 100.0)), "my thesis")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProjectStore]:
    made = make_project(
        tmp_path,
        [
            spotted("a.png", "rust", group="plot 1"), spotted("b.png", "rust", group="plot 2"),
            spotted("c.png", "rust", group="plot 1"),
            Leaf("d.png", "rust", group="plot 1", size=(32, 48), leaf=None),
            spotted("e.png", "rust", group="plot 1"),
        ],
    )  # fmt: skip
    yield made
    made.close()


def test_the_published_scales_are_there_until_others_are_put(store: ProjectStore) -> None:
    assert store.scales() == Scales()
    assert store.scales().chosen is BRACOL


def test_scales_survive_a_restart(store: ProjectStore) -> None:
    wanted = Scales((HORSFALL_BARRATT, MINE), "Mine")
    assert store.put_scales(wanted).measures
    store.close()
    again = open_project(store.folder)
    assert again.scales() == wanted
    again.close()


def test_a_scale_that_cannot_be_is_refused(store: ProjectStore) -> None:
    with pytest.raises(ProjectError, match="up to 100"):
        store.put_scales(Scales((replace(MINE, grades=MINE.grades[:1] * 1 + (Grade("x", 9),)),)))
    assert store.scales() == Scales()


def test_a_scale_card_is_kept_replaced_and_taken_away(store: ProjectStore) -> None:
    first, second = store.image_ids(ImageQuery())[:2]
    card = measured((1.0, 2.0, 31.0, 42.0), 20.0)
    store.put_calibrations({first: card, second: card.copied()})
    assert store.calibrations([first, second]) == {first: card, second: card.copied()}
    better = measured((0.0, 0.0, 30.0, 0.0), 12.5)
    store.put_calibrations({first: better, second: None})
    assert store.calibrations([second, first]) == {first: better}
    assert store.put_calibrations({}).images == frozenset()


def test_a_scale_card_needs_its_photo(store: ProjectStore) -> None:
    with pytest.raises(ProjectError, match="not in the project"):
        store.put_calibrations({ImageId(404): Calibration(1.0, 1.0)})


def test_it_follows_to_later_photos_of_the_group_and_size_alone(store: ProjectStore) -> None:
    names = {i: store.image(i).path.rpartition("/")[2] for i in store.image_ids(ImageQuery())}
    first = next(i for i, name in names.items() if name == "a.png")
    later = store.later_in_group(first)
    assert [names[i] for i in later] == ["c.png", "e.png"]
    measured_there = measured((1.0, 2.0, 31.0, 42.0), 20.0)
    store.put_calibrations({later[0]: measured_there, later[1]: measured_there.copied()})
    assert store.later_in_group(first) == [later[1]], "a card of its own is the better one"


@pytest.mark.parametrize(
    ("statement", "ask"),
    [
        ("INSERT INTO project_setting VALUES ('severity_scales', '{\"chosen\": 1}')", "scales"),
        ("INSERT INTO project_setting VALUES ('severity_scales', "
         "'{\"chosen\": \"a\", \"scales\": [{\"title\": \"a\", \"source\": \"\", "
         "\"grades\": [[\"0\", 7, false], [\"1\", 3, false]]}]}')", "scales"),
        ("INSERT INTO calibration SELECT id, 0.0, 5.0, '[]' FROM image", "calibrations"),
        ("INSERT INTO calibration SELECT id, 1.0, 5.0, '[1]' FROM image", "calibrations"),
        ("INSERT INTO calibration SELECT id, 1.0, 5.0, 'x' FROM image", "calibrations"),
    ],
)  # fmt: skip
def test_damaged_entries_are_told(store: ProjectStore, statement: str, ask: str) -> None:
    ids = store.image_ids(ImageQuery())
    connection = sqlite3.connect(store.folder / "project.db")
    with connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(ProjectDamaged, match="backups"):
        store.scales() if ask == "scales" else store.calibrations(ids)
    assert "backups" in " ".join(store.check().problems)


def test_a_project_from_before_has_no_synonyms_and_keeps_the_rest(tmp_path: Path) -> None:
    store = make_project(tmp_path, [spotted("a.png", "rust")])
    before, images = store.diseases(), store.image_ids(ImageQuery())
    store.close()
    path = store.folder / "project.db"
    rewind(path)
    again = open_project(store.folder)
    assert again.diseases() == before
    assert again.image_ids(ImageQuery()) == images
    assert (again.scales(), again.calibrations(images)) == (Scales(), {})
    assert again.check().ok, again.check().problems
    again.close()
    backup = min((store.folder / "backups").glob("*.db"))
    old = sqlite3.connect(backup)
    assert old.execute("PRAGMA user_version").fetchone() == (1,), "the old file was kept"
    old.close()


def rewind(path: Path) -> None:
    """Make the file one of version 1, with the same photos, diseases and regions."""
    old = path.with_name("old.db")
    made = sqlite3.connect(old, isolation_level=None)
    runner.migrate(made, [m0001_first.apply])
    made.execute("ATTACH ? AS new", (str(path),))
    for (table,) in made.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'"):
        columns = ", ".join(r[1] for r in made.execute(f"PRAGMA main.table_info({table})"))
        made.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    made.close()
    old.replace(path)
