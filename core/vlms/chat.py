"""How a question about a photo and its answer are written for a Gemma: by its own chat template
(`core.vlms.templates`).

One token stands for a mask: ``<SEG>``, or a reserved one. What a folder's processor makes of a
question is tried before any weight is loaded, so that one that cannot serve is refused at once.
Knows the transformers library's processors; knows no weights and no prompt wording.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelMissing
from core.language import tr
from core.vlms import templates
from core.vlms.base import Rendered
from core.vlms.opening import UNBUILDABLE
from core.vlms.words import (
    ENDS,
    FOUND_TEXT,
    RESERVED,
    SEG_TEXT,
    no_mask_token,
    no_photo_token,
    no_token,
)


class Chat:
    """``seg``, ``end``, ``pad`` and ``image`` are the ids of the tokens for a mask, for the end of
    a turn, for padding and for a part of a photo. A photo is a square of ``photo_side`` pixels and
    becomes ``photo_tokens`` of the last.
    """

    def __init__(
        self, folder: Path, config: Any, processor: Any, *, photo_side: int, photo_tokens: int
    ) -> None:
        """``config`` and ``processor`` as the library reads them from ``folder``.

        Raises ModelMissing where they cannot write a question about a photo and its answer.
        """
        self.folder, self.processor = folder, processor
        self.photo_side, self.photo_tokens = photo_side, photo_tokens
        tokenizer = processor.tokenizer
        self._seg_text = mask_token(tokenizer)
        self.seg = single_id(tokenizer, self._seg_text)
        self._end_text = next((e for e in ENDS if e in tokenizer.get_vocab()), ENDS[-1])
        self.end = single_id(tokenizer, self._end_text)
        self.pad = single_id(tokenizer, tokenizer.pad_token or "<pad>")
        self.image: int = config.image_token_id
        known = isinstance(self.image, int) and self.image >= 0
        if not known or not tokenizer.convert_ids_to_tokens(self.image):
            raise ModelMissing(no_photo_token(folder))
        self._rendered: dict[tuple[str, str], Rendered] = {}
        self._before, self._after = templates.around(folder, processor)
        self._try()

    def _try(self) -> None:
        try:
            said = self.render("?", SEG_TEXT + FOUND_TEXT)
        except UNBUILDABLE as error:
            raise ModelMissing(templates.unwritable(self.folder)) from error
        if said.ids[said.prompt] != self.seg or said.ids[-1] != self.end:
            raise ModelMissing(no_token(self._seg_text))

    def render(self, prompt: str, answer: str) -> Rendered:
        """As `core.vlms.base.VisionLanguage.render`."""
        key = (prompt, answer)
        if key not in self._rendered:
            self._rendered[key] = self._render(prompt, answer)
        return self._rendered[key]

    def _render(self, prompt: str, answer: str) -> Rendered:
        # The same call encodes both, so that the prompt's ids are a prefix of the whole's.
        text = f"{self._before}{_plain(prompt)}{self._after}"
        # Padding stands in for what is filled in: processors stretch an image token to a photo's.
        filler = self.processor.tokenizer.pad_token
        said = answer.replace(SEG_TEXT, self._seg_text).replace(FOUND_TEXT, filler)
        ids, full = self._encode(text), self._encode(f"{text}{said}{self._end_text}")
        if full[: len(ids)] != ids:
            raise ModelMissing(
                tr(
                    "The chat template in {folder} writes a question otherwise once it is "
                    "answered, so that no answer can be told from it; get the base model again, "
                    "with its own chat template.",
                    folder=self.folder.name,
                )
            )
        found = -1
        if FOUND_TEXT in answer:
            found = full.index(self.pad, len(ids))
            full[found] = self.image
        # What is filled in is read causally, like any word of the answer.
        types = tuple(int(t == self.image and i < len(ids)) for i, t in enumerate(full))
        self._check_photo(sum(types))
        return Rendered(tuple(full), types, len(ids), found)

    def _encode(self, text: str) -> list[int]:
        blank = np.zeros((self.photo_side, self.photo_side, 3), np.uint8)
        batch = self.processor(text=text, images=[[blank]], add_special_tokens=False)
        return [int(i) for i in np.asarray(batch["input_ids"]).reshape(-1)]

    def _check_photo(self, places: int) -> None:
        if places != self.photo_tokens:
            raise ModelMissing(
                tr(
                    "The processor in {folder} gives a photo {given} places in the text and the "
                    "model fills {wanted}; get the model again with its own processor.",
                    folder=self.folder.name,
                    given=places,
                    wanted=self.photo_tokens,
                )
            )


def _plain(text: str) -> str:
    """User text with our control tokens taken out, so that a disease name cannot forge a turn."""
    return text.replace("<", "‹").replace(">", "›")


def mask_token(tokenizer: Any) -> str:
    """``<SEG>`` where the tokenizer has it, else its first reserved token. Raises ModelMissing."""
    vocabulary = tokenizer.get_vocab()
    if SEG_TEXT in vocabulary:
        return SEG_TEXT
    free = [(int(m[1]), m[0]) for m in map(RESERVED.fullmatch, vocabulary) if m]
    if not free:
        raise ModelMissing(no_mask_token())
    return min(free)[1]


def single_id(tokenizer: Any, text: str) -> int:
    """The one id that ``text`` is encoded as. Raises ModelMissing when it is not one."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
        raise ModelMissing(no_token(text))
    return int(ids[0])
