"""What a base model is to us: one Hugging Face model directory, one reserved token, one forward.

Every family answers the same few questions (encode a photo, run the language model over text with
image tokens in it, give logits for some rows), so that training, scoring and prediction never ask
which model it is. Knows tensors; knows no project and no prompt wording.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn

MODELS = Path(__file__).resolve().parents[2] / "resources" / "models"


@dataclass(frozen=True, slots=True)
class VlmSpec:
    """A base model's entry. ``factory`` is called as ``factory(spec, folder, quantise=bool)``.

    ``folder`` is where the embedded model lies, "" where the person names a directory.
    ``min_memory_gib`` is what loading it in the cheapest way needs, for the settings page.
    ``kinds`` are the values of ``model_type`` in the config.json of its folders.
    ``image_tokens`` are the numbers of tokens that a photo may take up, none where that is fixed;
    where there are some, ``factory`` takes the one that was chosen as ``image_tokens``, or 0.
    ``flips``: the tower's features of a mirrored photo are its features mirrored, near enough to
    turn cached ones; without it photos of a frozen tower are shown as they are.
    ``glance`` names a function of (folder, config.json as a dict) that raises ModelMissing for a
    folder of these kinds that the family does not take; it loads no library.
    """

    id: str
    title: str
    factory: str
    folder: str = ""
    note: str = ""
    min_memory_gib: float = 1.0
    kinds: tuple[str, ...] = ()
    image_tokens: tuple[int, ...] = ()
    flips: bool = False
    glance: str = ""

    def path(self, chosen: str = "") -> Path:
        """The model directory: the person's choice, else the embedded one."""
        return Path(chosen) if chosen else MODELS / self.folder


@dataclass(frozen=True, slots=True)
class Rendered:
    """Token ids of prompt + answer, image tokens included.

    ``ids`` is the full text, the first ``prompt`` of them the prompt; ``types`` is 1 at image
    tokens of the prompt. The prompt is a prefix by construction and checked. ``found`` is the
    place of the one token that is filled with what the mask found, -1 where there is none.
    """

    ids: tuple[int, ...]
    types: tuple[int, ...]
    prompt: int
    found: int = -1


class VisionLanguage(Protocol):
    """What training and prediction ask of a loaded base model."""

    spec: VlmSpec
    folder: Path
    model: nn.Module
    processor: object
    seg: int

    @property
    def hidden_size(self) -> int:
        """Width of the language model's states."""
        ...

    @property
    def photo_side(self) -> int:
        """Side of the square photo the tower looks at, in pixels."""
        ...

    @property
    def grid(self) -> tuple[int, int, int]:
        """(channels, rows, columns) of the vision tower's features."""
        ...

    def pixels(self, photos: list[NDArray[np.uint8]]) -> Tensor:
        """Square photos [h, w, 3] uint8 to what the tower takes: [B, 3, H, W] or patches, float."""
        ...

    def tower(self, pixels: Tensor) -> Tensor:
        """What `pixels` gave to features [B, rows * columns, channels], row by row."""
        ...

    def tokens(self, features: Tensor) -> Tensor:
        """Tower features to image tokens [B, n, hidden]."""
        ...

    def render(self, prompt: str, answer: str) -> Rendered:
        """The chat text of one question and answer.

        ``<SEG>`` in the answer is the mask token, ``<FOUND>`` the token that is filled in.
        """
        ...

    def states(
        self, ids: Tensor, places: Tensor, sees: Tensor, filled: Tensor, past: object = None
    ) -> tuple[Tensor, object]:
        """The last hidden states [B, S, hidden], after the final norm, and what to go on from.

        ``ids`` [B, S] are read after the P tokens of ``past``, which an earlier call returned.
        ``places`` [B, P + S] are the positions of all of them, ``sees`` [B, S, P + S] says which
        of them each token attends to. ``filled`` [F, hidden] takes the place of the image tokens
        among ``ids``, row by row. A sliding-window layer narrows ``sees`` by the positions.
        """
        ...

    def logits(self, states: Tensor) -> Tensor:
        """[M, hidden] to vocabulary logits [M, V] in fp32."""
        ...

    @property
    def trained_whole(self) -> tuple[str, ...]:
        """Modules that are trained in full beside LoRA (the projector)."""
        ...

    def lora_targets(self, *, tower: bool) -> str:
        """The regular expression of modules LoRA goes on."""
        ...

    @property
    def end(self) -> int:
        """The token id that ends an answer."""
        ...

    @property
    def pad(self) -> int:
        """The token id that fills up a batch."""
        ...
