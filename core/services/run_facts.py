"""How a run was made, as text: settings, data, versions, device. For the record and for a paper.

Knows a run's folder; knows no widget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from core.domain.run import Run
from core.language import tr
from core.services import run_titles
from core.services.runs import run_config
from core.training.config import TrainConfig
from core.training.events import Provenance, replay
from core.training.run_folder import RunFolder

UNSAID = ("base_path", "head_path", "parent", "watch", "classes", "hard", "control_of", "fold_of")
"""Paths name the user, and lists are told by their length."""


@dataclass(frozen=True, slots=True)
class Facts:
    """``provenance`` of the last process that worked on it; None for a run of an older version."""

    run: Run
    config: TrainConfig
    provenance: Provenance | None


def facts(folder: RunFolder, run: Run) -> Facts:
    """Reads the disk. Raises TrainingRefused when the settings cannot be read."""
    found = [e for e in replay(folder.events) if isinstance(e, Provenance)]
    return Facts(run, run_config(folder), found[-1] if found else None)


def text(found: Facts) -> str:
    """One fact a line, ``name: value``; no path and no photo's name."""
    config, made = found.config, found.provenance
    lines = [
        f"run: {found.run.id}",
        f"title: {run_titles.title(found.run)}",
        f"made: {found.run.created_at}",
    ]
    if found.run.parent:
        lines.append(f"continues: {found.run.parent}")
    lines.append(f"classes: {', '.join(config.classes)}")
    lines.append(f"hard leaves: {len(config.hard)}")
    lines += [f"{name}: {value}" for name, value in asdict(config).items() if name not in UNSAID]
    if made is not None:
        lines.append(f"sha256 of the data: {made.data}")
        lines.append(f"sha256 of the settings: {made.settings}")
        lines.append(f"device: {made.device}")
        lines += [f"{name}: {version}" for name, version in made.versions.items()]
    lines += [f"{name}: {value:.4f}" for name, value in found.run.summary]
    return "\n".join(lines)


def differences(several: Sequence[Facts]) -> list[tuple[str, list[str]]]:
    """What the runs do not have in common: (name, a value for each), settings before versions."""
    rows: list[tuple[str, list[str]]] = []
    settings = [asdict(f.config) for f in several]
    for name in settings[0] if settings else ():
        if name not in UNSAID:
            rows.append((name, [str(s[name]) for s in settings]))
    rows.append((tr("hard leaves"), [str(len(f.config.hard)) for f in several]))
    made = [f.provenance for f in several]
    rows.append((tr("data"), [m.data[:8] if m else "–" for m in made]))
    rows.append((tr("device"), [m.device if m else "–" for m in made]))
    for name in dict.fromkeys(n for m in made if m for n in m.versions):
        rows.append((name, [m.versions.get(name, "–") if m else "–" for m in made]))
    return [(name, values) for name, values in rows if len(set(values)) > 1]
