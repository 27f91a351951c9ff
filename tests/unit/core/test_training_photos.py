"""The photos of a run on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.domain.ids import ImageId
from core.errors import DiskFull
from core.training.photos import PHOTOS, PhotoCache
from core.training.run_folder import Sample


def test_photos_that_do_not_fit_the_disk_are_refused_before_the_first_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / PHOTOS).write_bytes(b"of the process before")
    monkeypatch.setattr("shutil.disk_usage", lambda _place: type("", (), {"free": 1_000_000}))
    sample = Sample(ImageId(1), "a.png", "", 8, 8, "train", "rust", mask_known=False)
    with pytest.raises(DiskFull, match=r"This training needs about 1\.2 MB"):
        PhotoCache.build([sample], tmp_path, side=448, cells=112)
    assert not list(tmp_path.iterdir())
