"""Every error Leafspot raises on purpose.

    LeafspotError
    ├── UserError                 the person can act on it; str(error) is the sentence shown
    │   ├── ProjectError          the project folder or its database
    │   │   ├── ProjectLocked         somebody else is writing to it
    │   │   ├── ProjectTooNew         made by a newer Leafspot
    │   │   ├── ProjectDamaged        the database or a mask fails its checksum
    │   │   ├── ProjectReadOnly       opened read-only, or the folder may not be written
    │   │   └── DiskFull              no space left; nothing was half-written
    │   ├── ImportRefused         one photo, mask or table row that was not taken in
    │   ├── ImageUnreadable       a photo that cannot be decoded, or is gone or changed
    │   ├── CheckpointRefused     a model file that cannot be trusted or does not fit
    │   ├── DownloadFailed        a weights file that did not come whole, or is not the one
    │   ├── PromptRefused         a click or box that an assistant cannot work with
    │   ├── EditRefused           an action that would leave nothing, or does not apply
    │   ├── AdapterRefused        an exported adapter that fails its manifest
    │   ├── ModelMissing          a base model or engine that is not on this machine
    │   ├── TrainingRefused       the data or the settings cannot be trained on
    │   ├── ExportRefused         an export that cannot be written as asked
    │   │   └── ExportInTheWay        it would write over a file that is no export of the project
    │   ├── WorkerFailed          a background process died or answered with an error
    │   └── UsageError            a command line that does not make sense
    └── Bug                       not the person's fault: report it, save the work, go on

A sentence says what is wrong *and* what to press or change. Core raises; it never shows.
"""

from __future__ import annotations

from pathlib import Path

from core.language import tr


class LeafspotError(Exception):
    """Base of everything below."""


class UserError(LeafspotError):
    """Something the person can act on; ``str(error)`` is the sentence shown."""


class ProjectError(UserError):
    """The project folder or its database cannot be used as asked."""


class ProjectLocked(ProjectError):
    """Another window or command is writing to the project; the sentence names who."""


class ProjectTooNew(ProjectError):
    """The project was written by a newer Leafspot; it is left untouched."""


class ProjectDamaged(ProjectError):
    """The database or a mask does not match its checksum."""


class ProjectReadOnly(ProjectError):
    """A change was asked of a project that is open read-only."""


class DiskFull(ProjectError):
    """The disk is full; the previous state is intact."""


class ImportRefused(UserError):
    """One file or table row that was not taken in, and why."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{Path(path).name}: {reason}")
        self.path = Path(path)
        self.reason = reason


class ImageUnreadable(UserError):
    """A photo that cannot be decoded, has moved away, or no longer has the same bytes."""


class CheckpointRefused(UserError):
    """A model file that cannot be trusted, or does not hold what its engine needs."""


class DownloadFailed(UserError):
    """A weights file that did not arrive whole, is not the published one, or may not be fetched."""


class PromptRefused(UserError):
    """A click or box that is empty, off the photo, or not understood by the engine."""


class EditRefused(UserError):
    """An action on regions that would leave nothing of them, or does not apply to them."""


class AdapterRefused(UserError):
    """An exported adapter whose manifest, tensors or base do not match."""


class ModelMissing(UserError):
    """A base model or engine that is not on this machine."""


class TrainingRefused(UserError):
    """The data or settings cannot be trained on; ``problems`` lists every reason at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class ExportRefused(UserError):
    """An export that cannot be written as asked."""


class ExportInTheWay(ExportRefused):
    """Another file is where the export should be. ``fact`` says so, without a remedy."""

    def __init__(self, fact: str) -> None:
        super().__init__(
            tr("{fact} Choose another name, or add --replace to write over it.", fact=fact)
        )
        self.fact = fact


class WorkerFailed(UserError):
    """A background process died or answered with an error."""


class UsageError(UserError):
    """A command line that does not make sense."""


class Bug(LeafspotError):
    """A broken promise of our own code; never shown without a way to report it."""
