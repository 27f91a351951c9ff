"""How a worker ended, as a value with a sentence.

Decided by its last event *and* its exit status: a worker that said "finished" and then stumbled on
its way out has still finished; one that ended without a last word has not, whatever its status.
Knows no process library, so that the window and the terminal share it.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.language import tr

LAST_WORDS = ("finished", "stopped", "failed")
"""Events after which a worker says nothing more. ``failed`` carries ``text``, a sentence."""

ORPHANED = 3
"""Exit status of a worker whose window went away."""

TITLES = {
    "segment": tr("the outlining assistant"),
    "train": tr("the training process"),
    "answer": tr("the prediction process"),
    "embed": tr("the process that prepares photos"),
}
AGAIN = tr("start it again")


class Ending(StrEnum):
    """The ways a worker can end. ``SILENT``: status 0, but without a last word."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    CRASHED = "crashed"
    SILENT = "silent"
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``code``: exit status, the signal's number when ``crashed``, None when it never started.

    ``last`` is its last event; ``detail`` the last line of its log or the system's reason.
    """

    worker: str
    code: int | None
    crashed: bool = False
    last: Mapping[str, Any] | None = field(default=None)
    detail: str = ""

    @classmethod
    def of_returncode(
        cls,
        worker: str,
        returncode: int,
        *,
        last: Mapping[str, Any] | None = None,
        detail: str = "",
    ) -> Outcome:
        """From ``subprocess``'s return code, where a signal is a negative number."""
        return cls(worker, abs(returncode), returncode < 0, last, detail)

    @property
    def ending(self) -> Ending:
        """Last event first, exit status second."""
        if self.code is None:
            return Ending.NOT_STARTED
        word = self.last.get("event") if self.last else None
        if word in LAST_WORDS:
            return Ending(word)
        if self.last is None:
            return Ending.CRASHED if self.crashed else Ending.NOT_STARTED
        return Ending.CRASHED if self.crashed or self.code else Ending.SILENT

    @property
    def ok(self) -> bool:
        """Whether what it was asked to do is done, or it stopped because it was told to."""
        return self.ending in (Ending.FINISHED, Ending.STOPPED)

    def sentence(self, again: str = AGAIN) -> str:
        """What happened and what to do, for people; ``again`` is how a worker that died comes
        back, where somebody knows better."""
        title = TITLES.get(self.worker, tr("the background process “{worker}”", worker=self.worker))
        match self.ending:
            case Ending.FINISHED:
                text = tr("{title} has finished.", title=title)
            case Ending.STOPPED:
                text = tr("{title} was stopped.", title=title)
            case Ending.FAILED:
                said = self.last.get("text") if self.last else None
                return (
                    str(said)
                    if said
                    else tr("{capital} failed and did not say why.", capital=_capital(title))
                )
            case Ending.CRASHED:
                text = f"{title} {self._death(again)}"
            case Ending.SILENT:
                text = tr(
                    "{title} ended without finishing its work. {capital}.",
                    title=title,
                    capital=_capital(again),
                )
            case Ending.NOT_STARTED:
                text = tr(
                    "{title} could not be started{why}. Run “leafspot doctor” to see what is "
                    "missing.",
                    title=title,
                    why=self._why(),
                )
        return _capital(text)

    def _death(self, again: str) -> str:
        if not self.crashed:
            return tr(
                "ended with an error (status {code}){why}. {capital}.",
                code=self.code,
                why=self._why(),
                capital=_capital(again),
            )
        if self.code == getattr(signal, "SIGKILL", 9):
            return tr(
                "was killed, most often because the computer ran out of memory. Close "
                "other programs, then {again}.",
                again=again,
            )
        return tr(
            "crashed ({signal_name}). Your work is safe; {again}.",
            signal_name=_signal_name(self.code),
            again=again,
        )

    def _why(self) -> str:
        return f": {self.detail.strip().rstrip('.')}" if self.detail.strip() else ""


def _signal_name(code: int | None) -> str:
    try:
        return signal.Signals(code or 0).name
    except ValueError:
        return tr("code {code}", code=code)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
