"""Files for other programs are the same whatever language the person reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.domain.calibration import Calibration
from core.language import VARIABLE, languages
from core.ports import ImageQuery
from core.services.export import formats
from tests.doubles.projects import leaves, make_project

ROOT = Path(__file__).resolve().parents[2]
# A process of its own: words that are said when a file is imported speak the language as well.
EXPORT_ALL = """
import sys
from pathlib import Path
from core.services.export import export_project, formats
from storage.projects import open_project

store = open_project(Path(sys.argv[1]), read_only=True)
for id_, spec in formats().items():
    export_project(store, Path(sys.argv[2]) / f"{id_}{spec.suffix}", format_id=id_)
store.close()
"""
SHEETS = "sad*.p[dn][fg]"
"""For people, in their language: the standard area diagrams."""


def _export(project: Path, out: Path, language: str) -> dict[str, bytes]:
    out.mkdir()
    subprocess.run(
        [sys.executable, "-c", EXPORT_ALL, str(project), str(out)],
        cwd=ROOT, env=os.environ | {VARIABLE: language}, check=True, timeout=120,
    )  # fmt: skip
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.match(SHEETS)
    }


def test_an_export_is_the_same_in_every_language(tmp_path: Path) -> None:
    store = make_project(tmp_path, leaves(5))
    image = store.image_ids(ImageQuery())[0]
    store.put_calibrations({image: Calibration(12.5, 1234.0)})
    project = store.folder
    store.close()
    english = _export(project, tmp_path / "en", "en")
    assert {name.partition("/")[0].partition(".")[0] for name in english} == set(formats())
    assert any(b"." in text for text in english.values())
    for code in languages():
        assert _export(project, tmp_path / f"in_{code}", code) == english
