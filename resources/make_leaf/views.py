"""Turns the pool into training questions: a view of a photo, a thing on it, clicks on that thing.

Everything happens on the device that trains. Knows arrays of the pool (``pool.py``) and how a
person clicks; knows no network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

SMALLEST = 12
"""Pixels of a lesion that is worth a question."""
LESION, LEAF, NOTHING = 0, 1, 2
DEPTH = 14
"""Steps of erosion, on every second pixel, that tell how deep a pixel lies."""


@dataclass(slots=True)
class Pool:
    """``photos`` [n, 3, h, w] uint8, ``pieces`` [n, 1, h, w] int16; ``real`` photos come first."""

    photos: Tensor
    pieces: Tensor
    real: int


@dataclass(slots=True)
class Views:
    """``photo`` [n, 3, h, w] in [0, 1] and ``pieces`` [n, h, w]."""

    photo: Tensor
    pieces: Tensor


@dataclass(slots=True)
class Questions:
    """For each of ``m`` questions: which view, its kind, and the true masks [m, 1, h, w]."""

    view: Tensor
    kind: Tensor
    lesion: Tensor
    leaf: Tensor


def look(pool: Pool, count: int, *, whole: bool, real_share: float) -> Views:
    """``count`` views: whole photos 1:2, or squares cut and enlarged from anywhere."""
    device = pool.photos.device
    real = torch.rand(count, device=device) < real_share
    pick = torch.where(
        real,
        torch.randint(pool.real, (count,), device=device),
        torch.randint(pool.real, len(pool.photos), (count,), device=device),
    )
    height, width = pool.photos.shape[2:]
    if whole:
        size, zoom = (height, width), _between(count, math.log(0.75), math.log(1.3), device).exp()
        centre = torch.tensor([width / 2, height / 2], device=device) * _between(
            (count, 2), 0.92, 1.08, device
        )
        angle = _between(count, -0.3, 0.3, device) + math.pi * torch.randint(
            2, (count,), device=device
        )
    else:
        size, zoom = (512, 512), _between(count, math.log(0.6), math.log(4.5), device).exp()
        centre = _somewhere(pool.pieces[pick, 0])
        centre = centre + _between((count, 2), -180, 180, device) / zoom[:, None]
        angle = _between(count, -math.pi, math.pi, device)
    grid = _grid(pool, size, zoom, centre, angle)
    flip = torch.rand(count, device=device) < 0.5
    grid = torch.where(flip[:, None, None, None], grid.flip(2), grid)
    photo, pieces = _cut(pool, pick, grid)
    if not whole:
        photo, pieces = _side_by_side(photo, pieces)
    return Views(_camera(photo), pieces)


def ask(views: Views, each: int) -> Questions:
    """``each`` questions about every view: mostly a lesion, at times the leaf, or nothing there."""
    count, device = len(views.photo), views.photo.device
    pieces = views.pieces.long()
    most = int(pieces.max()) + 2
    base = torch.arange(count, device=device)[:, None, None] * most
    sizes = torch.bincount((pieces + 1 + base).flatten(), minlength=count * most).view(count, most)
    lesions = (sizes[:, 2:] >= SMALLEST).float()
    view = torch.arange(count, device=device).repeat_interleave(each)
    luck = torch.rand(len(view), device=device)
    kind = torch.where(luck < 0.84, LESION, torch.where(luck < 0.96, LEAF, NOTHING))
    if lesions.shape[1] == 0:
        lesions = torch.zeros(count, 1, device=device)
    has = lesions.sum(1)[view] > 0
    kind = torch.where((kind == LESION) & ~has, LEAF, kind)
    kind = torch.where((kind == LEAF) & (sizes[view, 1] < 400), NOTHING, kind)
    chosen = torch.multinomial(lesions[view] + 1e-9, 1)[:, 0] + 1
    shown = pieces[view]
    lesion = (shown == chosen[:, None, None]) & (kind == LESION)[:, None, None]
    leaf = (shown >= 0) & (kind != NOTHING)[:, None, None]
    return Questions(view, kind, lesion[:, None], leaf[:, None])


def first_clicks(views: Views, asked: Questions, box_share: float) -> tuple[Tensor, Tensor, Tensor]:
    """(clicks [m, 1, 2], sign [m, 1], box [m, 4]) of a first try; some boxes have no click."""
    shown = views.pieces[asked.view][:, None]
    ground = torch.where(
        (asked.kind == LESION)[:, None, None, None],
        asked.lesion,
        torch.where((asked.kind == LEAF)[:, None, None, None], shown == 0, shown < 0),
    )
    inmost, anywhere = deepest(ground), _any(ground)
    lucky = (torch.rand(len(ground), device=ground.device) < 0.6)[:, None]
    click = torch.where(lucky, inmost, anywhere)
    boxed = (torch.rand(len(ground), device=ground.device) < box_share) & (asked.kind != NOTHING)
    target = torch.where((asked.kind == LEAF)[:, None, None, None], asked.leaf, asked.lesion)
    box = torch.where(boxed[:, None], _hand_box(target), -1.0)
    silent = boxed & (torch.rand(len(ground), device=ground.device) < 0.7)
    return click[:, None], torch.where(silent, 0, 1)[:, None], box


def next_clicks(target: Tensor, found: Tensor) -> tuple[Tensor, Tensor]:
    """(click [m, 2], sign [m]) in the deepest place that is wrong; sign 0 where nothing is."""
    both, corner = _every_other(torch.cat([target & ~found, found & ~target], 1))
    deep = depth(both)
    deep = deep + torch.rand_like(deep) * 0.9 * both
    height, width = deep.shape[-2:]
    best, place = deep.flatten(1).max(1)
    plus = place < height * width
    place = place % (height * width)
    click = torch.stack([place % width, place // width], 1).float() * 2 + corner + 0.5
    return click, torch.where(best > 0, torch.where(plus, 1, -1), 0)


def _every_other(mask: Tensor) -> tuple[Tensor, Tensor]:
    """(every second row and column, the (x, y) of the first): a quarter of the work."""
    x, y = (int(n) for n in torch.randint(2, (2,)))
    return mask[:, :, y::2, x::2], torch.tensor([x, y], device=mask.device)


def depth(mask: Tensor) -> Tensor:
    """How many steps of erosion each pixel of [m, 1, h, w] survives, at most ``DEPTH``."""
    left = mask.to(torch.float16 if mask.is_cuda else torch.float32)
    total = left.clone()
    for _ in range(DEPTH):
        left = -functional.max_pool2d(-left, 3, 1, 1)
        total += left
    return total


def deepest(mask: Tensor) -> Tensor:
    """(x, y) [m, 2] of a deepest pixel; anywhere where the mask is too thin to tell."""
    half, corner = _every_other(mask)
    deep = depth(half)
    found = _argmax(deep + torch.rand_like(deep) * 0.9 * half) * 2 - 0.5 + corner
    return torch.where(half.flatten(1).any(1)[:, None], found, _any(mask))


def _any(mask: Tensor) -> Tensor:
    return _argmax(torch.rand_like(mask, dtype=torch.float32) * mask)


def _argmax(values: Tensor) -> Tensor:
    width = values.shape[-1]
    place = values.flatten(1).argmax(1)
    return torch.stack([place % width, place // width], 1).float() + 0.5


def _somewhere(pieces: Tensor) -> Tensor:
    """A place (x, y) on each: on a lesion where there is one, four times in five."""
    weight = (pieces >= 0).float() * 1e-3 + 1e-6
    on_lesion = torch.rand(len(pieces), 1, 1, device=pieces.device) < 0.8
    weight = weight + (pieces > 0) * on_lesion
    return _argmax((weight * torch.rand_like(weight))[:, None])


def _hand_box(target: Tensor) -> Tensor:
    """The bounding box as a hand drags it: each side up to 14 % of the size off, mostly out."""
    rows, cols = target.any(3)[:, 0], target.any(2)[:, 0]
    height, width = target.shape[-2:]

    def ends(flags: Tensor, size: int) -> tuple[Tensor, Tensor]:
        first = flags.float().argmax(1)
        last = size - flags.flip(1).float().argmax(1)
        return first.float(), last.float()

    (y0, y1), (x0, x1) = ends(rows, height), ends(cols, width)
    box = torch.stack([x0, y0, x1, y1], 1)
    span = torch.stack([x1 - x0, y1 - y0, x1 - x0, y1 - y0], 1)
    way = torch.tensor([-1.0, -1.0, 1.0, 1.0], device=target.device)
    return box + way * _between(box.shape, -0.04, 0.14, target.device) * span


def _grid(pool: Pool, size: tuple[int, int], zoom: Tensor, centre: Tensor, angle: Tensor) -> Tensor:
    """Where each pixel of views of ``size`` (h, w) lies in the pool's pictures: [n, h, w, 2]."""
    device = zoom.device
    height, width = pool.photos.shape[2:]
    y, x = torch.meshgrid(
        torch.arange(size[0], device=device) + 0.5 - size[0] / 2,
        torch.arange(size[1], device=device) + 0.5 - size[1] / 2,
        indexing="ij",
    )
    cos, sin = (angle.cos() / zoom)[:, None, None], (angle.sin() / zoom)[:, None, None]
    at_x = cos * x - sin * y + centre[:, :1, None]
    at_y = sin * x + cos * y + centre[:, 1:, None]
    return torch.stack([at_x / width * 2 - 1, at_y / height * 2 - 1], 3)


def _cut(pool: Pool, pick: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    photo = functional.grid_sample(
        pool.photos[pick].float() / 255, grid, padding_mode="border", align_corners=False
    )
    pieces = functional.grid_sample(
        pool.pieces[pick].float() + 1, grid, mode="nearest", align_corners=False
    )
    return photo, pieces[:, 0].round().to(torch.int16) - 1


def _side_by_side(photo: Tensor, pieces: Tensor) -> tuple[Tensor, Tensor]:
    """On one view in eight the right part shows another leaf, which is not the one asked for."""
    few = max(1, len(photo) // 8)
    edge = int(torch.randint(photo.shape[3] // 3, photo.shape[3] * 2 // 3, (1,)))
    photo, pieces = photo.clone(), pieces.clone()
    photo[:few, :, :, edge:] = photo[-few:, :, :, edge:]
    pieces[:few, :, edge:] = -1
    return photo, pieces


def _camera(photo: Tensor) -> Tensor:
    """Other light, other camera: brightness, contrast, colour, gamma, blur, noise."""
    count, device = len(photo), photo.device

    def each(low: float, high: float) -> Tensor:
        return _between(count, low, high, device)[:, None, None, None]

    grey = photo.mean(1, keepdim=True)
    photo = grey + (photo - grey) * each(0.6, 1.4)
    mix = torch.eye(3, device=device) + _between((count, 3, 3), -0.08, 0.08, device)
    photo = torch.einsum("nij,njhw->nihw", mix, photo)
    photo = ((photo - 0.5) * each(0.7, 1.3) + 0.5 + each(-0.15, 0.15)).clamp(1e-3, 1)
    photo = photo ** each(-0.35, 0.35).exp()
    half = functional.interpolate(photo, scale_factor=0.5, mode="area")
    soft = functional.interpolate(half, size=photo.shape[-2:], mode="bilinear")
    photo = torch.lerp(photo, soft, (each(0, 1) < 0.25) * each(0.3, 1))
    return (photo + torch.randn_like(photo) * each(0, 0.03)).clamp(0, 1)


def _between(shape: object, low: float, high: float, device: torch.device) -> Tensor:
    size = (shape,) if isinstance(shape, int) else tuple(shape)  # type: ignore[arg-type]
    return torch.rand(size, device=device) * (high - low) + low
