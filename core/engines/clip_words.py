"""Words as the numbers that a CLIP text encoder reads, out of the files beside its weights.

Of ``tokenizer.json``, or of ``vocab.json`` and ``merges.txt``, only the list of pieces and the list
of how they are joined are taken, as data; how a sentence is cut up is the transformers library's.
Knows files and texts; knows no model and no photo.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.errors import PromptRefused
from core.language import tr

WHOLE, VOCABULARY, MERGES = "tokenizer.json", "vocab.json", "merges.txt"
BEGIN, END = "<|startoftext|>", "<|endoftext|>"
MAX_BYTES = 16 << 20
"""Bytes of a file; the published ones have a quarter."""


class Words:
    """The vocabulary beside a weights file; it is read when the first words come."""

    def __init__(self, folder: Path, *, size: int, longest: int) -> None:
        """``size`` is how many pieces the text encoder knows, ``longest`` how many it takes."""
        self._folder, self._size, self._longest = folder, size, longest
        self._tokenizer: Any = None

    def numbers(self, text: str) -> tuple[list[int], list[int]]:
        """(numbers of the pieces, 1 for each that counts and 0 for filling), ``longest`` each.

        Raises PromptRefused where there is no vocabulary, and for too many words.
        """
        if self._tokenizer is None:
            self._tokenizer = self._read()
        found = self._tokenizer(text, padding="max_length", max_length=self._longest)
        pieces, counted = list(found["input_ids"]), list(found["attention_mask"])
        if len(pieces) > self._longest:
            raise PromptRefused(
                tr("That are too many words for this assistant; name the thing in two or three.")
            )
        return pieces, counted

    def _read(self) -> Any:
        from transformers import CLIPTokenizer

        pieces, joined = self._lists()
        numbers = set(pieces.values())
        if not {BEGIN, END} <= pieces.keys() or min(numbers) < 0 or max(numbers) >= self._size:
            raise _no_words()
        if any(not {a, b, a + b} <= pieces.keys() for a, b in joined):
            raise _no_words()
        return CLIPTokenizer(vocab=pieces, merges=joined)

    def _lists(self) -> tuple[dict[str, int], list[tuple[str, str]]]:
        """(number by piece, pairs that are joined, the first ones first)."""
        try:
            if (self._folder / WHOLE).is_file():
                model = json.loads(self._text(WHOLE))["model"]
                pieces, pairs = model["vocab"], model["merges"]
            else:
                pieces = json.loads(self._text(VOCABULARY))
                pairs = [n for n in self._text(MERGES).split("\n") if n and not n.startswith("#v")]
            joined = [pair.split(" ") if isinstance(pair, str) else pair for pair in pairs]
            found = {str(piece): int(number) for piece, number in pieces.items()}
            return found, [(str(first), str(second)) for first, second in joined]
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as why:
            raise _no_words() from why

    def _text(self, name: str) -> str:
        return (self._folder / name).read_bytes()[:MAX_BYTES].decode("utf-8")


def _no_words() -> PromptRefused:
    return PromptRefused(
        tr(
            "The weights have no vocabulary that can be read beside them, so nothing can be looked "
            "for; put the {file} of the same folder there.",
            file=WHOLE,
        )
    )
