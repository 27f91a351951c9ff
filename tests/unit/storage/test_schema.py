"""The typed tables and the migrated file are the same schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect

from core.domain.ids import ImageId, RunId
from core.domain.image import ImageState, Split
from core.domain.run import Verdict
from core.ports import ImageOrder, ImageQuery
from storage import create_project
from storage.database import APPLICATION_ID, connect
from storage.migrations import runner
from storage.tables import Base


def test_migrations_make_the_tables_that_the_program_queries(tmp_path: Path) -> None:
    path = tmp_path / "project.db"
    connection = connect(path, create=True)
    runner.migrate(connection)
    connection.close()
    engine = create_engine(f"sqlite:///{path}")
    made = inspect(engine)
    stock = sqlite3.connect(path)
    assert set(made.get_table_names()) == set(Base.metadata.tables)
    for name, table in Base.metadata.tables.items():
        columns = {c["name"]: c["nullable"] for c in made.get_columns(name)}
        wanted = {c.name: bool(c.nullable) for c in table.columns}
        assert list(columns) == list(wanted), name
        optional = {c for c, nullable in wanted.items() if nullable}
        assert {c for c, n in columns.items() if n} - {"id"} == optional, name
        keys = [c.name for c in table.primary_key]
        assert made.get_pk_constraint(name)["constrained_columns"] == keys
        indexes = {i["name"]: i["column_names"] for i in made.get_indexes(name)}
        assert indexes == {i.name: [c.name for c in i.columns] for i in table.indexes}
        links = {
            (row[3], row[2], row[6]) for row in stock.execute(f"PRAGMA foreign_key_list({name})")
        }
        assert links == {
            (k.parent.name, k.column.table.name, k.ondelete or "NO ACTION")
            for k in table.foreign_keys
        }
    stock.close()
    engine.dispose()


def test_every_connection_is_durable_and_distrusts_the_file(tmp_path: Path) -> None:
    store = create_project(tmp_path / "x")
    wanted = {
        "journal_mode": "delete", "synchronous": 3, "foreign_keys": 1, "trusted_schema": 0,
        "cell_size_check": 1, "mmap_size": 0, "application_id": APPLICATION_ID,
        "user_version": runner.CURRENT,
    }  # fmt: skip
    for read_only in (False, True):
        connection = connect(store.folder / "project.db", read_only=read_only)
        for pragma, value in wanted.items():
            row = connection.execute(f"PRAGMA {pragma}").fetchone()
            assert row == ((value,) if pragma != "mmap_size" else row)
            if pragma == "mmap_size":
                assert row in (None, (0,))
        connection.close()
    store.close()


def asked_of_sqlite(work: Callable[[], object]) -> list[tuple[str, Sequence[Any]]]:
    """The questions, with their values, that ``work`` makes the program ask."""
    asked: list[tuple[str, Sequence[Any]]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return asked


def test_the_review_list_and_the_gallery_read_indexes_alone(tmp_path: Path) -> None:
    store = create_project(tmp_path / "x")
    connection = sqlite3.connect(store.folder / "project.db")

    def plan(query: str, values: Sequence[Any] = ()) -> str:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {query}", values)
        return " ".join(row[3] for row in steps)

    filters = ImageQuery(
        states=frozenset({ImageState.DONE}), text="a", split=Split.VAL, group="plot 1",
        severity=(1, 5), has_notes=True, outlined=True, run=RunId("a"), dice=(0.1, 0.5),
        verdict=Verdict.LABEL_WRONG,
    )  # fmt: skip
    for order in ImageOrder:
        for query in (replace(filters, order=order), ImageQuery(order=order, run=RunId("a"))):
            asked = asked_of_sqlite(lambda query=query: store.image_ids(query))
            for question, values in asked:
                if "FROM disease" not in question:
                    steps = plan(question, values)
                    assert "COVERING INDEX" in steps, question
                    assert "TEMP B-TREE" not in steps, question
    asked = asked_of_sqlite(lambda: (store.worst(RunId("a")),
                                     store.worst(RunId("a"), after=(0.5, ImageId(3)))))  # fmt: skip
    assert len(asked) == 2
    for query, values in asked:
        page = plan(query, values)
        assert "INDEX score_worst" in page
        assert "TEMP B-TREE" not in page
    badges = plan("SELECT image_id, dice FROM score WHERE run_id = 'a' AND image_id IN (1, 2)")
    assert "image_id=?" in badges, "not a whole run to find two photos in it"
    connection.close()
    store.close()
