"""The whole job in the terminal on drawn leaves, with the embedded base model and real workers."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from core import adapter_package, files
from core.imaging.sample_leaves import write_sample_leaves

SECONDS = 540


@pytest.fixture
def leafspot(repo: Path, tmp_path: Path) -> Any:
    """Runs a command as a person would, in a process without a display; gives back its document."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment |= {"PYTHONPATH": str(repo), "HF_HUB_OFFLINE": "1"}

    def run(*words: object, status: int = 0) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "core.cli", *map(str, words), "--json"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return run


def test_from_photos_to_predictions(leafspot: Any, tmp_path: Path, small_gemma: Path) -> None:
    samples = tmp_path / "samples"
    write_sample_leaves(samples, count=12, size=(320, 240))
    photos = {p: files.sha256(p) for p in (samples / "photos").iterdir()}

    leafspot("new", "field")
    imported = leafspot(
        "import", "field", samples / "photos", "--masks", samples / "masks",
        "--mask-map", samples / "map.json", "--labels", samples / "labels.csv",
    )  # fmt: skip
    assert (imported["total"], len(imported["accepted"]), imported["refused"]) == (12, 12, [])
    assert leafspot("check", "field")["ok"]
    # The same rehearsal as of the starter, whose steps take ten times as long.
    small = f"gemma-3={small_gemma}"
    assert leafspot("preflight", "field", "--base", small, "--head", "grid")["ok"]

    trained = leafspot("train", "field", "--base", "starter", "--minutes", "0.2")
    assert trained["state"] == "finished"
    assert trained["steps"] > 0

    hard = leafspot("hard", "field", "--below", "1")
    assert hard["run"] == trained["run"]
    assert hard["samples"], "twelve seconds of training leave something to be learnt"
    dice = [s["dice"] for s in hard["samples"]]
    assert dice == sorted(dice)
    assert {s["image"] for s in hard["samples"]} <= {p.name for p in photos}
    assert max(dice) < 1

    check_coco(leafspot("export", "field", "--format", "coco", "field.json"), tmp_path)

    taken = leafspot("export-adapter", "field", "--run", trained["run"], "adapter")
    assert taken["agreement"] == 1
    assert taken["dice_change"] <= 0.02
    classes = adapter_package.verify(tmp_path / "adapter").classes

    one = next(iter(photos))
    said = leafspot("predict", "adapter", one, tmp_path / "gone.jpg", "--out", "said", status=1)
    assert [Path(r["image"]).name for r in said["refused"]] == ["gone.jpg"]
    check_prediction(tmp_path / "said", one, classes)
    assert photos == {p: files.sha256(p) for p in photos}, "photos are never changed"

    resumed = leafspot("train", "field", "--base", "starter", "--resume", status=2)
    assert "without --resume" in resumed["error"]


def check_coco(report: dict[str, Any], folder: Path) -> None:
    document = json.loads((folder / "field.json").read_text("utf-8"))
    assert report["images"] == len(document["images"]) == 12
    assert report["regions"] == len(document["annotations"]) > 12
    for annotation in document["annotations"]:
        assert coco_mask.area(annotation["segmentation"]) == annotation["area"]


def check_prediction(out: Path, photo: Path, classes: tuple[str, ...]) -> None:
    with Image.open(out / "masks" / f"{photo.stem}.png") as picture, Image.open(photo) as original:
        assert picture.mode == "P"
        assert picture.size == original.size
        values = np.asarray(picture)
    assert set(np.unique(values)) <= {0, 1, 2}
    with (out / "predictions.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    shares = {name: float(row[f"p_{name}"]) for name in classes}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    assert row["disease"] == max(shares, key=lambda name: shares[name])
    whole = max(1, int((values > 0).sum()))
    severity = 100 * int((values == 2).sum()) / whole
    assert float(row["severity_percent"]) == pytest.approx(severity, abs=1e-2)


@pytest.mark.slow  # a minute and more; the small model's rehearsal above goes the same way
def test_the_starter_is_rehearsed_without_a_red_line(leafspot: Any, tmp_path: Path) -> None:
    samples = tmp_path / "samples"
    write_sample_leaves(samples, count=12, size=(320, 240))
    leafspot("new", "field")
    leafspot(
        "import", "field", samples / "photos", "--masks", samples / "masks",
        "--mask-map", samples / "map.json", "--labels", samples / "labels.csv",
    )  # fmt: skip
    assert leafspot("preflight", "field", "--base", "starter")["ok"]


@pytest.mark.slow
def test_the_demo_does_the_whole_job(leafspot: Any, tmp_path: Path) -> None:
    told = leafspot("demo", "--headless", "--minutes", "1", "--folder", "demo")
    assert len(set(told["runs"])) == 2
    adapter_package.verify(Path(told["adapter"]))
    assert Path(told["prediction"]["mask"]).is_file()
    project = tmp_path / "demo" / "sample" / "Sample leaves.leafspot"
    assert Path(told["project"]) == project
    assert leafspot("check", project)["ok"]
    assert leafspot("hard", project)["run"] == told["runs"][1]
