"""A peer at work in a process of its own: a line asks, a line answers.

Knows the two ends of ``answering.py`` and how long one waits; knows no peer.
"""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.bench.peers.environments import HERE, Ready, command, surroundings

PATIENCE_S = 240.0
SCRIPTS = {
    "labelme": "labelme_window.py",
    "isat-sam": "isat_window.py",
    "x-anylabeling-cvhub": "xanylabeling_window.py",
    "digitalsreeni-image-annotator": "digitalsreeni_window.py",
    "micro-sam": "micro_sam_window.py",
}


class LeftOut(Exception):
    """It cannot be measured; says why."""


class Driven:
    """``can`` names what it does. ``work`` is a folder of its own: home, photos, projects."""

    def __init__(self, ready: Ready, job: dict[str, Any], work: Path) -> None:
        work.mkdir(parents=True)
        self._log = work / "log.txt"
        self._answers: queue.Queue[str] = queue.Queue()
        display = ready.peer.display
        try:
            run = command(ready, SCRIPTS[ready.peer.name], str(self._write(job, work)))
        except OSError as error:
            raise LeftOut(str(error)) from error
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                run, cwd=work, env=surroundings(work, display=display),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()
        hello = self._answer()
        self.version, self.can = hello["version"], set(hello["can"])

    def _write(self, job: dict[str, Any], work: Path) -> Path:
        """The photos in a folder of its own: several programs lay their files beside them."""
        photos = work / "images"
        photos.mkdir()
        said = job | {
            "photos": [shutil.copy2(p, photos) for p in job["photos"]],
            "labelled": shutil.copy2(job["labelled"], photos),
        }
        path = work / "job.json"
        path.write_text(json.dumps(said, default=str), encoding="utf-8")
        return path

    def ask(self, name: str) -> float | None:
        """Milliseconds, None where nothing is timed. Raises RuntimeError with its own words when
        it did not work, LeftOut when it is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(name + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise LeftOut(f"ended at {name}: {self._last_words()}") from error
        said = self._answer()
        if "error" in said:
            raise RuntimeError(said["error"])
        return said["ms"]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # some greet before they are told not to
                self._answers.put(line)
        self._answers.put("")

    def _answer(self) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            self._end()
            raise LeftOut(f"gave no answer in {PATIENCE_S:.0f} s") from None
        if not line:
            raise LeftOut(f"ended: {self._last_words()}")
        return json.loads(line)

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return (lines or ["no word"])[-1][:300]

    def _end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Driven:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()


def export_onnx(ready: Ready, job: dict[str, Any]) -> None:
    """The checkpoint as ONNX files, by the environment that has the format's library."""
    folder = Path(job["onnx"])
    folder.mkdir()
    if ready.python is None:
        raise LeftOut(f"no ONNX files: {ready.why}")
    size = [str(n) for n in job["size"]]
    done = subprocess.run(
        [str(ready.python), str(HERE / "sam_onnx.py"), job["checkpoint"], str(folder), *size],
        env=surroundings(folder), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise LeftOut("no ONNX files: " + (done.stderr.strip().splitlines() or ["no word"])[-1])
