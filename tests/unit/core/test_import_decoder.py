"""Unknown files are opened in a process that may be lost; the program that asks never is."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import ImportRefused, WorkerFailed
from core.imaging.decode import inspect
from core.services.import_decoder import LimitedDecoder
from core.workers import launch
from core.workers.client import WorkerClient
from tests.faults.photo_files import UPRIGHT_SIZE, write_mask, write_photo


@pytest.fixture
def decoder() -> Iterator[LimitedDecoder]:
    with LimitedDecoder() as found:
        yield found


def test_what_comes_back_is_what_the_file_holds(tmp_path: Path, decoder: LimitedDecoder) -> None:
    path = write_photo(tmp_path / "Blätter 叶.jpg", orientation=6)
    here, there = inspect(path), decoder.photo(path)
    assert there.header == here.header
    assert (there.header.width, there.header.height) == UPRIGHT_SIZE
    assert (there.sha256, there.thumbnail) == (here.sha256, here.thumbnail)
    seen = decoder.mask(write_mask(tmp_path / "m.png", np.eye(5, 9, dtype=np.uint8)))
    assert (seen.width, seen.height) == (9, 5)


def test_one_process_serves_many_files_and_survives_bad_ones(
    tmp_path: Path, decoder: LimitedDecoder
) -> None:
    good = write_photo(tmp_path / "good.jpg")
    (tmp_path / "bad.jpg").write_text("no photo")
    decoder.photo(good)
    pid = decoder.pid
    with pytest.raises(ImportRefused, match=r"bad\.jpg: This file is not a JPEG"):
        decoder.photo(tmp_path / "bad.jpg")
    decoder.photo(good)
    assert decoder.pid == pid


@pytest.mark.skipif(os.name == "nt", reason="no such signal")
def test_a_process_killed_from_outside_costs_no_photo(
    tmp_path: Path, decoder: LimitedDecoder
) -> None:
    good = write_photo(tmp_path / "good.jpg")
    decoder.photo(good)
    first = decoder.pid
    assert first
    os.kill(first, signal.SIGKILL)
    assert decoder.photo(good).header.width == UPRIGHT_SIZE[0]
    assert decoder.pid != first


def test_a_file_that_kills_the_process_each_time_is_refused_and_the_next_is_not(
    tmp_path: Path, decoder: LimitedDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil, good = write_photo(tmp_path / "evil.jpg"), write_photo(tmp_path / "good.jpg", shade=50)
    started: list[int] = []
    send = WorkerClient.send

    def fatal(client: WorkerClient, do: str, **fields: object) -> None:
        if fields.get("path") == str(evil):
            started.append(client.pid)
            client._process.kill()  # type: ignore[union-attr]
        send(client, do, **fields)

    monkeypatch.setattr(WorkerClient, "send", fatal)
    with pytest.raises(ImportRefused, match=r"ends the program that tries.*leave it out"):
        decoder.photo(evil)
    assert len(set(started)) == 2
    assert decoder.photo(good).sha256


def test_a_file_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1500, 1500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "slow.png", compress_level=1)
    with LimitedDecoder(seconds=0.005) as hasty, pytest.raises(ImportRefused, match="still not"):
        hasty.photo(tmp_path / "slow.png")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_process_is_capped_in_memory_and_time(tmp_path: Path, decoder: LimitedDecoder) -> None:
    decoder.photo(write_photo(tmp_path / "good.jpg"))
    limits = Path(f"/proc/{decoder.pid}/limits").read_text().splitlines()
    soft = {line[:26].strip(): line[26:47].strip() for line in limits[1:]}
    assert soft["Max address space"] == str(3 << 30)
    assert int(soft["Max cpu time"]) <= 60


def test_a_machine_that_cannot_start_it_says_so_instead_of_blaming_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "command", lambda *_: [sys.executable, "-c", "raise SystemExit(1)"])
    with LimitedDecoder() as broken, pytest.raises(WorkerFailed, match="leafspot doctor"):
        broken.photo(write_photo(tmp_path / "good.jpg"))
