"""Two processes that share a run end where one would have, and none is left when one is gone.

Started by accelerate itself, on a CPU with gloo; the model is a small one of the real architecture.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.services import training_session
from core.training import adapter, checkpoints, events, remedies
from core.training.config import TrainConfig
from core.training.recipe import Recipe
from core.training.run_folder import RunFolder
from core.workers import launch
from core.workers.client import WorkerClient
from core.workers.outcome import Outcome
from tests.drawn_run import SETTINGS, drawn_run
from tests.small_vlms import save_gemma3

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc"),
    pytest.mark.usefixtures("one_core"),
]
# 8 photos to learn from, 4 a step: two for each process.
SHORT = replace(
    SETTINGS,
    base="gemma-3",
    head="grid",
    epochs=2.0,
    steps=4,
    evaluations=2,
    threads=1,
)
ENDLESS = replace(SHORT, steps=0, epochs=1e5)
Event = dict[str, object]
RunOf = Callable[..., RunFolder]


def alone(run: RunFolder, *, stop_at: int = 10**9) -> list[events.TrainEvent]:
    told: list[events.TrainEvent] = []
    recipe = Recipe(run, told.append, lambda: recipe.progress.step >= stop_at)
    recipe.setup()
    recipe.finish(stopped=recipe.fit())
    return told


def together(
    run: RunFolder, seen: Callable[[Event, WorkerClient], object] = lambda *_: None
) -> tuple[list[Event], Outcome]:
    """Two processes under accelerate; ``seen`` hears every event as it comes."""
    found: list[Event] = []
    with WorkerClient("train", str(run.root), log=run.log, processes=2) as worker:
        for event in worker.events(timeout=300):
            found.append(event)
            seen(event, worker)
        return found, worker.outcome()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_gemma3(tmp_path_factory.mktemp("base") / "gemma")


@pytest.fixture
def run_of(tmp_path: Path, base: Path) -> RunOf:
    """A run folder by its name, of 8 leaves to learn from and 2 held out."""

    def made(name: str, settings: TrainConfig = SHORT) -> RunFolder:
        settings = replace(settings, base_path=str(base))
        return drawn_run(tmp_path / name, photos=10, settings=settings)

    return made


def check_adapter(run: RunFolder) -> None:
    adapter.load_adapter(run.adapter, TrainConfig.read(run.config).base_path)


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    found = checkpoints.latest(run.checkpoints)
    assert found is not None
    return found.weights


def apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """How far from each other two sets of weights lie, by Euclid."""
    assert one.keys() == other.keys()
    return sum(float((t - other[n]).double().square().sum()) for n, t in one.items()) ** 0.5


def check_same(two: RunFolder, one: RunFolder) -> None:
    """Within a thousandth of the way that half of the run went: AdamW makes a whole step of what
    another order of summing leaves of a gradient that should be nothing."""
    half_way = checkpoints.weights_at(one.checkpoints, 2)
    assert half_way is not None
    way, between = apart(weights(one), half_way), apart(weights(two), weights(one))
    assert way > 0.01
    assert between < way / 1000


def processes_of(run: RunFolder) -> list[int]:
    """Those that train ``run``, launcher and all."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(run.root) in line and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def all_gone(run: RunFolder) -> bool:
    deadline = time.monotonic() + 60
    while processes_of(run) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not processes_of(run)


def beside(run: RunFolder) -> int:
    """The process that trains with the first one."""
    for pid in processes_of(run):
        if b"RANK=1" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return pid
    raise AssertionError("it trains alone")


def test_two_processes_end_with_the_weights_of_one_and_one_goes_on_where_two_stopped(
    run_of: RunOf,
) -> None:
    one, two = run_of("one"), run_of("two")
    alone(one)
    told, outcome = together(two)
    assert outcome.ok
    check_same(two, one)
    names = [str(e["event"]) for e in told]
    assert any("2 processes" in str(e.get("text")) for e in told)
    # One process alone speaks and writes: nothing is there twice.
    assert names.count("finished") == names.count("provenance") == names.count("scored") == 1
    looks = [e["step"] for e in told if e["event"] == "evaluated"]
    assert looks == [0, 2, 4]
    written = [json.loads(line)["event"] for line in two.events.read_text().splitlines()]
    assert [n for n in names if n != "hello"] == [n for n in written if n != "hello"]
    check_adapter(two)
    assert len(list(two.read_scores())) == 10
    assert all_gone(two)


def test_a_run_begun_by_one_is_ended_by_two(run_of: RunOf) -> None:
    whole, cut = run_of("whole"), run_of("cut")
    alone(whole)
    alone(cut, stop_at=2)
    told, outcome = together(cut)
    assert outcome.ok
    assert any("step 2" in str(e.get("text")) for e in told)
    check_same(cut, whole)


def test_a_word_stops_both_with_an_adapter(run_of: RunOf) -> None:
    run = run_of("run", ENDLESS)
    told, outcome = together(run, lambda e, w: e["event"] == "step" and w.send("stop"))
    assert outcome.ok
    assert told[-1]["event"] == "finished"
    assert told[-1]["stopped"] is True
    check_adapter(run)
    assert all_gone(run)


def test_the_death_of_one_ends_the_other_with_a_sentence_and_the_run_goes_on_alone(
    run_of: RunOf,
) -> None:
    run = run_of("run", ENDLESS)
    killed: list[int] = []

    def kill(event: Event, _worker: WorkerClient) -> None:
        if event["event"] == "step" and not killed:
            killed.append(beside(run))
            os.kill(killed[0], signal.SIGKILL)

    told, outcome = together(run, kill)
    assert killed
    assert not outcome.ok
    assert told[-1]["event"] == "failed"
    assert "One of the 2 processes" in outcome.sentence()
    assert all_gone(run)
    done = checkpoints.latest(run.checkpoints)
    steps = (done.progress.step if done else 0) + 1
    run.config.write_text(replace(TrainConfig.read(run.config), epochs=2.0, steps=steps).to_json())
    alone(run)
    assert run.adapter.is_dir()


SHORT_OF_MEMORY = """
import os
if os.environ.get("RANK") == "1":
    import torch
    from core.training.objective import Objective
    real = Objective.losses
    def hungry(self, visits, whole):
        if len(visits) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(self, visits, whole)
    Objective.losses = hungry
"""


def test_memory_that_runs_out_in_the_second_process_is_mended_as_in_one(
    run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python runs the script at the start of every process; only the second one is hungry."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SHORT_OF_MEMORY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    run = run_of("run", replace(SHORT, steps=2, epochs=1.0, evaluations=1))
    told: list[events.TrainEvent] = []
    assert training_session._run(run, told.append, processes=2) == ""
    ends = [e for e in told if isinstance(e, events.Failed | events.Finished)]
    assert [type(e) for e in ends] == [events.Failed, events.Finished]
    assert isinstance(ends[0], events.Failed)
    assert ends[0].code == remedies.OUT_OF_MEMORY
    assert any(isinstance(e, events.Notice) and "1 photo at a time, 4 a step" in e.text
               for e in told)  # fmt: skip
    check_adapter(run)
    assert all_gone(run)


def test_by_hand_ctrl_c_ends_both_with_an_adapter(run_of: RunOf) -> None:
    """With the settings for larger boxes, whose sharing out of weights is left aside and told."""
    run = run_of("run", ENDLESS)
    command = launch.shared_command(2, "train", str(run.root))
    command[command.index("--config_file") + 1] = str(launch.ACCELERATE / "fsdp.yaml")
    with run.log.open("wb") as log:
        launcher = subprocess.Popen(
            command, env=launch.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    deadline = time.monotonic() + 300
    while '"event": "step"' not in (run.events.read_text() if run.events.is_file() else ""):
        assert launcher.poll() is None, run.log.read_text()[-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.2)
    launcher.send_signal(signal.SIGINT)
    launcher.wait(60)
    told = list(events.replay(run.events))
    assert told[-1] == events.Finished("adapter", stopped=True)
    assert any(isinstance(e, events.Notice) and "has to fit each" in e.text for e in told)
    check_adapter(run)
    assert all_gone(run)


def test_what_cannot_be_trained_is_refused_once(run_of: RunOf) -> None:
    run = run_of("run")
    (run.root / "3.png").write_bytes(b"no photo any more")
    told, outcome = together(run)
    assert [e["event"] for e in told].count("failed") == 1
    assert "3.png" in outcome.sentence()
    assert all_gone(run)


SUMS = """
import torch
from core.training import together
group = together.join(together.place())
mine = float(group.rank + 1)
learnt, half, idle = (torch.nn.Parameter(torch.full((2, 3), mine)) for _ in range(3))
learnt.grad = torch.full((2, 3), mine)
half.grad = torch.ones(2, 3) if group.first else None
assert group.add([learnt, half, idle], [mine, group.first]) == [3.0, 1.0]
assert torch.equal(learnt.grad, torch.full((2, 3), 3.0))
assert torch.equal(half.grad, torch.ones(2, 3))
assert idle.grad is None
assert group.agree([mine, 0.1]) == [1.0, 0.1]
group.begin_alike([learnt])
assert torch.equal(learnt, torch.ones(2, 3))
together.WORD_EVERY = 0.0
stop = group.telling(lambda: False)
said = group.first_does(lambda: [stop() for _ in range(3)])
assert said == ([False] * 3 if group.first else None)
class Broken(Exception): pass
def work(): raise Broken
try:
    group.first_does(work)
except (Broken if group.first else together.Left):
    print("agreed")
group.leave()
assert group.size == 1
"""
HANGING = """
import time
from core.errors import WorkerFailed
from core.training import together
try:
    group = together.join(together.place(), silence=8.0)
    if group.rank:
        time.sleep(600)
    group.agree([1.0])
except WorkerFailed as error:
    print(error)
"""


@contextlib.contextmanager
def pair(script: str, repo: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes of ``script``, each told its place as a launcher does."""
    where = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env=os.environ | where | {"RANK": str(rank), "PYTHONPATH": str(repo)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        yield both
    finally:
        for process in both:
            process.kill()
            process.communicate()


def test_gradients_are_summed_and_the_first_process_decides(repo: Path) -> None:
    with pair(SUMS, repo) as both:
        assert [one.communicate(timeout=120)[0] for one in both] == ["agreed\n"] * 2
        assert [one.returncode for one in both] == [0, 0]


def test_a_process_that_hangs_is_not_waited_for_for_ever(repo: Path) -> None:
    with pair(HANGING, repo) as (first, _):
        assert "no longer answers" in first.communicate(timeout=120)[0]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
