"""Words for the domain's own values, where core writes them and windows show them.

Knows the language and the domain; knows no widget.
"""

from __future__ import annotations

from core.domain.image import ImageState
from core.domain.run import RunState
from core.language import tr

PHASES = {
    "loading": tr("Loading the base model"),
    "reading photos": tr("Reading the photos"),
    "encoding photos": tr("Looking at every photo once"),
    "training": tr("Training"),
    "learning four leaves by heart": tr("Learning four leaves by heart"),
    "evaluating": tr("Trying it on held-out leaves"),
    "scoring": tr("Scoring every photo"),
    "saving": tr("Saving"),
}
STATES = {
    RunState.PREPARED: tr("Not started"),
    RunState.RUNNING: tr("Running"),
    RunState.FINISHED: tr("Finished"),
    RunState.STOPPED: tr("Stopped early"),
    RunState.FAILED: tr("Failed"),
    RunState.INTERRUPTED: tr("Interrupted"),
}


def phase_text(phase: str) -> str:
    """What a run is at, as its event ``Phase`` calls it."""
    return PHASES.get(phase, phase.capitalize())


def marked(state: ImageState) -> str:
    """What undo calls the step that brought a photo to ``state``."""
    match state:
        case ImageState.UNSEEN:
            return tr("Mark as not looked at")
        case ImageState.IN_PROGRESS:
            return tr("Mark as in progress")
        case ImageState.DONE:
            return tr("Mark as done")
        case ImageState.CHECKED:
            return tr("Mark as checked")
