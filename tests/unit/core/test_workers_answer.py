"""What a trained model could not do is told for what it was, with what to do about it."""

from __future__ import annotations

import os
from typing import Any

import pytest

from core.workers import answer

CARD = RuntimeError("CUDA out of memory. Tried to allocate 2.50 GiB.")


class Wire:
    """Hears what is sent."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def send(self, event: str, **fields: object) -> None:
        self.heard.append((event, str(fields["text"])))


class Failing:
    """Whatever it is asked for ends in ``error``."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def predict(self, *_: object) -> None:
        raise self._error

    def merge(self, *_: object) -> None:
        raise self._error


def told(command: dict[str, object], error: Exception) -> str:
    wire = Wire()
    model: Any = Failing(error)
    answer._answer(wire, model, command)  # type: ignore[arg-type]
    ((event, text),) = wire.heard
    assert event == "refused"
    return text


MERGE: dict[str, object] = {"do": "merge", "out": "anywhere"}
PHOTO: dict[str, object] = {"do": "predict", "path": "leaf.png", "out": "anywhere"}


def test_a_merged_model_that_is_too_large_says_what_can_be_exported_here() -> None:
    said = told(MERGE, CARD)
    assert "full width" in said
    assert "the adapter alone can be exported" in said
    assert "photo" not in said


@pytest.mark.parametrize("error", [CARD, MemoryError()])
def test_too_little_memory_for_a_photo_says_what_to_close(error: Exception) -> None:
    assert told(PHOTO, error).startswith("The model does not fit the memory now; close")


def test_anything_else_is_told_as_it_is() -> None:
    assert told(MERGE, ValueError("odd")) == "Adapter and base could not be merged (odd)."
    assert told(PHOTO, ValueError("odd")) == "This photo could not be answered (odd)."


def test_off_the_card_no_library_sees_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in answer.CARDS:
        monkeypatch.setenv(name, "0")
    answer._hide_cards()
    assert [os.environ[name] for name in answer.CARDS] == ["", ""]


@pytest.mark.parametrize(("error", "card", "full"), [
    (CARD, True, True), (CARD, False, False), (MemoryError(), False, False),
    (ValueError("odd"), True, False),
])  # fmt: skip
def test_that_a_card_is_full_is_told_apart_from_a_full_computer(
    error: Exception, card: bool, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: card)
    assert answer._card_is_full(error) is full
