"""What a run changes about itself when memory runs out: smaller bites, the same meal.

Fewer photos at a time first; when one alone is too many, layers that are computed again. Both leave
what is learnt as it is; what would not (fewer image tokens, a smaller rank) is the person's choice.
The settings of a run never change; what was done about memory is written beside them, in
``remedies.json``, and laid over them whenever the run goes on. The photos of an optimiser step,
their order and what they are asked stay the same, only how many are looked at together becomes
less. So is what a run found at its beginning, where memory had room for more at a time
(`core.training.batching`): from there on it only ever becomes less. Knows settings and one file;
knows no tensor and no process.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace

from core import files
from core.language import tr, trn
from core.training import batching
from core.training.config import TrainConfig
from core.training.run_folder import RunFolder

OUT_OF_MEMORY = "out_of_memory"
"""The code of the failure that a remedy may mend."""
DEVICE_LOST = "device_lost"
"""The code of the failure that a new process may mend."""
PARTED = "parted"
"""The code of the failure of a process whose others have gone; it does not know why."""
_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "cublas_status_alloc")
_LOST = ("cuda error: unknown error", "cuda unknown error", "device lost", "driver shutting down")


@dataclass(frozen=True, slots=True)
class Remedy:
    """``batch_size`` photos at a time, ``accumulation`` times a step, both 0 as long as nothing
    was done. ``found`` is the ``batch_size`` that was found when the run began, 0 where nothing was
    looked for. ``recompute`` is 1 where layers are computed again. ``restarts`` counts the times
    the run was started anew at ``step`` because its device was lost."""

    batch_size: int = 0
    accumulation: int = 0
    recompute: int = 0
    step: int = -1
    restarts: int = 0
    found: int = 0


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that the computer's or the graphics card's memory ran out."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in _SIGNS)


def is_device_lost(error: BaseException) -> bool:
    """Whether the graphics card went away under the process, as after a laptop's sleep."""
    text = str(error).lower()
    return any(sign in text for sign in _LOST)


def smaller(config: TrainConfig, processes: int = 1) -> TrainConfig | None:
    """The same optimiser step in less memory; None when nothing is left to be done about it.

    ``processes`` share the photos of a step, so that each may look at fewer at a time already.
    Layers computed again cost a third more time, more than smaller parts do: they come last.
    """
    whole = config.batch_size * config.accumulation
    at_once = min(config.batch_size, math.ceil(whole / processes))
    sizes = [n for n in range(1, at_once) if whole % n == 0]
    if not sizes:
        return None if config.recompute else replace(config, recompute=True)
    return replace(config, batch_size=sizes[-1], accumulation=whole // sizes[-1])


def sentence(run: RunFolder) -> str:
    """What has been done about memory, for whoever follows the run; "" when nothing has."""
    done = read(run)
    if not done.batch_size:
        return ""
    if done.recompute:
        return tr(
            "Memory ran out with one photo at a time: layers are computed again on the way back "
            "now, which takes a third more time and learns the same."
        )
    if done.batch_size == done.found:
        return batching.kept(done.found, done.batch_size * done.accumulation)
    return trn(
        "Memory ran out before: now {n} photo at a time, {whole} a step as before.",
        "Memory ran out before: now {n} photos at a time, {whole} a step as before.",
        done.batch_size,
        whole=done.batch_size * done.accumulation,
    )


def keep(run: RunFolder, config: TrainConfig, at_once: int) -> None:
    """The number of photos at a time that was found for ``config`` is the run's from now on.

    Raises DiskFull, ExportRefused.
    """
    whole = config.batch_size * config.accumulation
    write(run, replace(read(run), batch_size=at_once, accumulation=whole // at_once, found=at_once))


def read(run: RunFolder) -> Remedy:
    """What has been done so far; nothing where the file is absent or damaged."""
    try:
        raw = json.loads(run.remedies.read_text("utf-8"))
        return Remedy(**{k: int(v) for k, v in raw.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return Remedy()


def write(run: RunFolder, remedy: Remedy) -> None:
    """Raises DiskFull, ExportRefused."""
    with files.whole_file(run.remedies) as draft:
        draft.write_text(json.dumps(asdict(remedy)), "utf-8")


def applied(config: TrainConfig, run: RunFolder) -> TrainConfig:
    """``config`` with the run's remedies laid over it."""
    remedy, whole = read(run), config.batch_size * config.accumulation
    fits = remedy.batch_size > 0 and remedy.batch_size * remedy.accumulation == whole
    if not fits:
        return config
    return replace(
        config,
        batch_size=remedy.batch_size,
        accumulation=remedy.accumulation,
        recompute=config.recompute or bool(remedy.recompute),
    )
