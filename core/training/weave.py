"""Weaves all questions about a photo into one row, so that what they share is computed once.

Every question about a photo begins with the same image tokens, many go on with the same words, and
the answers that compete in a diagnosis differ in the disease alone. A row here is a tree: a token
knows its parent and sees its ancestors, image tokens see their whole block as well. The state of a
token therefore is what it would be in a row of its own, at a third of the tokens in training and a
fifth in scoring; `tests/unit/core/test_training_weave.py` holds it against plain rows.

What depends on a mask (the filled-in token and all after it) is *late*: it is read in a second
turn, when the mask is there. Knows token ids; knows no model and no prompt wording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from core.vlms.base import Rendered

ROOT = -1


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and answer about photo number ``photo`` of the batch."""

    photo: int
    rendered: Rendered


class Tree:
    """The tokens of all questions about one photo. Nodes are numbered as they come up."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.parent: list[int] = []
        self.place: list[int] = []
        self.late: list[bool] = []
        self.image: list[bool] = []
        self._children: dict[tuple[int, int], int] = {}

    def add(self, rendered: Rendered) -> list[int]:
        """Adds one question; the nodes of its tokens, first to last."""
        path = []
        above, late = ROOT, False
        for place, (token, kind) in enumerate(zip(rendered.ids, rendered.types, strict=True)):
            # Nothing else of an answer is an image token, so a filled-in one shares no node with
            # anything but the same one of another answer.
            late = late or place == rendered.found
            node = self._children.setdefault((above, token), len(self.ids))
            if node == len(self.ids):
                self.ids.append(token)
                self.parent.append(above)
                self.place.append(place)
                self.late.append(late)
                self.image.append(kind == 1)
            path.append(node)
            above = node
        return path

    def sees(self) -> NDArray[np.bool_]:
        """[n, n]: which node attends to which; ancestors, and the whole of an image."""
        count = len(self.ids)
        out = np.zeros((count, count), bool)
        block = np.full(count, ROOT)
        for node, above in enumerate(self.parent):
            if above != ROOT:
                out[node] = out[above]
            out[node, node] = True
            if self.image[node]:
                joined = above != ROOT and self.image[above]
                block[node] = block[above] if joined else node
        out |= (block[:, None] == block[None]) & (block[:, None] != ROOT)
        return out


@dataclass(frozen=True, slots=True)
class Woven:
    """The questions of a batch, one row a photo: S columns, the first ``early`` of them early.

    ``photos`` [B] are the rows' photos. ``ids`` and ``places`` [B, S] are tokens and their
    positions, ``sees`` [B, S, S] says which column attends to which; padding sees itself alone.
    ``images`` [n, 2] are (photo, place among its image tokens) of the early image tokens and
    ``found`` [F, 2] (row, column of its `<SEG>`) of the filled-in ones, both row by row.
    ``answers`` [T, 4] are (question, row, column that predicts it, token) of the answers' tokens,
    ``masks`` [M, 3] (question, row, column) of the `<SEG>` of every answer that holds one.
    """

    photos: NDArray[np.int64]
    early: int
    ids: NDArray[np.int64]
    places: NDArray[np.int64]
    sees: NDArray[np.bool_]
    images: NDArray[np.int64]
    found: NDArray[np.int64]
    answers: NDArray[np.int64]
    masks: NDArray[np.int64]


def weave(asked: Sequence[Asked], *, seg: int, pad: int) -> Woven:
    """``seg`` and ``pad`` are the ids of the mask token and of padding."""
    photos = list(dict.fromkeys(one.photo for one in asked))
    row_of = {photo: row for row, photo in enumerate(photos)}
    trees = [Tree() for _ in photos]
    paths = [trees[row_of[one.photo]].add(one.rendered) for one in asked]
    columns, early, width = _columns(trees)
    ids = np.full((len(trees), width), pad)
    places = np.zeros((len(trees), width), np.int64)
    sees = np.repeat(np.eye(width, dtype=bool)[None], len(trees), 0)
    images: list[tuple[int, int]] = []
    found: list[tuple[int, int]] = []
    for row, (tree, column) in enumerate(zip(trees, columns, strict=True)):
        ids[row, column] = tree.ids
        places[row, column] = tree.place
        sees[row][np.ix_(column, column)] = tree.sees()
        images += _images(tree, photos[row])
        starts = [n for n, p in enumerate(tree.parent) if tree.late[n] and not tree.late[p]]
        found += [(row, int(column[tree.parent[n]])) for n in starts]
    answers: list[tuple[int, int, int, int]] = []
    masks: list[tuple[int, int, int]] = []
    for question, (one, path) in enumerate(zip(asked, paths, strict=True)):
        row, said = row_of[one.photo], one.rendered
        column = columns[row][path]
        for k in range(said.prompt, len(path)):
            if k != said.found:
                answers.append((question, row, int(column[k - 1]), said.ids[k]))
            if said.ids[k] == seg:
                masks.append((question, row, int(column[k])))
    return Woven(
        photos=np.array(photos),
        early=early,
        ids=ids,
        places=places,
        sees=sees,
        images=_table(images, 2),
        found=_table(found, 2),
        answers=_table(answers, 4),
        masks=_table(masks, 3),
    )


def _columns(trees: Sequence[Tree]) -> tuple[list[NDArray[np.int64]], int, int]:
    """Every node's column, how many columns are early, and how many there are."""
    late = [np.array(tree.late) for tree in trees]
    early = max(int((~x).sum()) for x in late)
    width = early + max(int(x.sum()) for x in late)
    columns = [np.where(x, early + np.cumsum(x) - 1, np.cumsum(~x) - 1) for x in late]
    return columns, early, width


def _images(tree: Tree, photo: int) -> list[tuple[int, int]]:
    """(photo, place among the image tokens above it) of every image token, in node order."""
    above = np.zeros(len(tree.ids), np.int64)
    out = []
    for node, (parent, image) in enumerate(zip(tree.parent, tree.image, strict=True)):
        before = 0 if parent == ROOT else int(above[parent])
        above[node] = before + image
        if image:
            out.append((photo, before))
    return out


def _table(rows: Sequence[tuple[int, ...]], width: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, width)
