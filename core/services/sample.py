"""Makes the sample project: drawn leaves, imported as anybody's photos would be.

Knows the drawing and the import; how a project is made is handed in. What is half-made is never
found: all of it is built beside its place and renamed.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from core.errors import ProjectError
from core.imaging.sample_leaves import HEALTHY, write_sample_leaves
from core.ports import ProjectStore
from core.services.import_images import ImportOptions, plan, run

NAME = "Sample leaves.leafspot"
LEAVES = 54
TRUTH = "truth"
"""The folder of masks that were put aside."""

Progress = Callable[[int, int, str], object]


def sample_project(
    home: Path,
    create: Callable[[Path], ProjectStore],
    *,
    leaves: int = LEAVES,
    withheld: int = 0,
    progress: Progress | None = None,
) -> Path:
    """The folder of the sample project in ``home``, made first where there is none.

    The masks of ``withheld`` leaves with lesions, one disease after the other, are put aside in
    ``truth`` beside the project and not imported: these leaves are there to be outlined.
    ``create`` makes an empty project in a folder and opens it. Blocks for some seconds. Raises
    ProjectError when ``home`` cannot be written.
    """
    place = home / "sample"
    if (place / NAME / "project.db").is_file():
        return place / NAME
    try:
        home.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".sample-", dir=home))
        try:
            # Small plants, so that enough of them are held out to say how sure a figure is.
            write_sample_leaves(draft, count=leaves, most=2)
            _withhold(draft, withheld)
            _fill(draft, create, progress)
            draft.chmod(0o755)
            if place.exists():  # what is left of one whose project was deleted
                shutil.rmtree(place)
            draft.rename(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ProjectError(
            f"The sample leaves cannot be written to “{home}” ({error.strerror}); "
            "free some space there, or make a project of your own photos."
        ) from error
    return place / NAME


def _withhold(draft: Path, count: int) -> None:
    """Move ``count`` masks of leaves to learn from into ``truth``."""
    with (draft / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "train"]
    seen: dict[str, list[str]] = {}
    for row in rows:
        if row["disease"] != HEALTHY:
            seen.setdefault(row["disease"], []).append(Path(row["image"]).stem)
    turns = [(turn, name, stem) for name, stems in seen.items() for turn, stem in enumerate(stems)]
    (draft / TRUTH).mkdir()
    for _, _, stem in sorted(turns)[:count]:
        (draft / "masks" / f"{stem}.png").rename(draft / TRUTH / f"{stem}.png")


def _fill(
    draft: Path,
    create: Callable[[Path], ProjectStore],
    progress: Progress | None,
) -> None:
    store = create(draft / NAME)
    try:
        options = ImportOptions(
            masks=draft / "masks",
            mask_map=draft / "map.json",
            labels=draft / "labels.csv",
            create_diseases=True,
        )
        run(store, plan([draft / "photos"]), options, progress=progress)
    finally:
        store.close()
