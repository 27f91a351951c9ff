"""What a model's chat template puts around a question about a photo.

A template that came with a folder is somebody's program. It is read once for each model, in a
limited process of its own (`core.workers.chat_template`); what it wrote before and after the
question is used from then on, and no template runs beside the weights. Knows the transformers
library's processors and that process; knows no weights and no prompt wording.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import ModelMissing, WorkerFailed
from core.language import tr
from core.vlms.sizes import MAX_TEMPLATE, too_long
from core.workers.client import WorkerClient

QUESTION = "leafspot asks here"
"""Stands in for a question: words that no template writes by itself, and none trims."""
START_SECONDS, WRITE_SECONDS = 60.0, 60.0
Given = tuple[tuple[str, str | tuple[str, ...]], ...]


class _Unwritten(Exception):
    """A template that wrote nothing; ``endless`` where it came to no end within its limits."""

    def __init__(self, *, endless: bool) -> None:
        super().__init__()
        self.endless = endless


def around(folder: Path, processor: Any) -> tuple[str, str]:
    """What stands before and after a question, up to where its answer begins.

    ``processor`` is the one that the library read from ``folder``. Raises ModelMissing where its
    template is larger than any, comes to no end, or leaves the question out.
    """
    template = processor.chat_template
    if isinstance(template, dict):
        template = template.get("default", "")
    if len(str(template).encode("utf-8", "replace")) > MAX_TEMPLATE:
        raise ModelMissing(too_long(folder, "chat_template"))
    try:
        text = _written(str(template), _given(processor.tokenizer))
    except _Unwritten as error:
        raise ModelMissing(endless(folder) if error.endless else unwritable(folder)) from error
    before, found, after = text.partition(QUESTION)
    if not found or QUESTION in after:
        raise ModelMissing(unwritable(folder))
    return before, after


def unwritable(folder: Path) -> str:
    """The sentence for a processor that makes no question about a photo."""
    return tr(
        "The processor in {folder} cannot put a photo and a question into words, as "
        "when its chat template is of another model; get the whole folder of the "
        "instruction-tuned model again.",
        folder=folder.name,
    )


def endless(folder: Path) -> str:
    """The sentence for a template that takes more time or memory than any chat does."""
    return tr(
        "The chat template in {folder} comes to no end, or wants more memory than any chat does; "
        "get the whole folder of the instruction-tuned model again.",
        folder=folder.name,
    )


def _given(tokenizer: Any) -> Given:
    """The tokenizer's own tokens by name, as the library gives them to a template."""
    found: dict[str, Any] = tokenizer.special_tokens_map
    return tuple(
        (name, tuple(map(str, value)) if isinstance(value, list | tuple) else str(value))
        for name, value in found.items()
    )


def _ready(worker: WorkerClient) -> None:
    try:
        worker.wait_for("ready", timeout=START_SECONDS)
    except TimeoutError as error:
        raise WorkerFailed(
            tr(
                "The process that reads a model's chat template has not started for a minute; "
                "close other programs and try again."
            )
        ) from error


@lru_cache(maxsize=16)
def _written(template: str, given: Given) -> str:
    """One question about one photo. Raises _Unwritten, WorkerFailed where no process starts."""
    content = [{"type": "image"}, {"type": "text", "text": QUESTION}]
    worker = WorkerClient("chat_template")
    with worker.started():
        _ready(worker)
        try:
            worker.send(
                "write",
                template=template,
                messages=[{"role": "user", "content": content}],
                given=dict(given),
            )
            said = worker.wait_for("written", "refused", timeout=WRITE_SECONDS)
        except (TimeoutError, WorkerFailed) as error:
            raise _Unwritten(endless=True) from error
    worker.stop()
    if said["event"] == "refused":
        raise _Unwritten(endless=bool(said.get("endless")))
    return str(said.get("text", ""))
